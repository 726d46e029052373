//! Words in messages: the nearest known one, and lists of them.

/// The known word that is most like this one, if any is much like it.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distances = known.map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    let allowed = (word.chars().count().max(known.chars().count()) + 1) / 3;
    (distance <= allowed.max(1)).then_some(known)
}

/// The question that a hint asks.
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// The words in backticks, with commas, and the last joined by `and` or `or`.
pub(super) fn quoted<'k>(words: impl IntoIterator<Item = &'k str>, join: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match (words.pop(), words.is_empty()) {
        (Some(last), false) => format!("{} {join} {last}", words.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_much_like_the_one_that_was_written() {
        let known = || ["min_healthy", "max_healthy", "bake", "on"].into_iter();
        for (word, near) in
            [("min_heathy", "min_healthy"), ("Bake", "bake"), ("in", "on"), ("maxhealthy", "max_healthy")]
        {
            assert_eq!(nearest(word, known()), Some(near), "{word}");
        }
        for word in ["", "window", "schedule"] {
            assert_eq!(nearest(word, known()), None, "{word}");
        }
        assert_eq!(nearest("a", std::iter::empty()), None);
    }

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(quoted([], "or"), "");
        assert_eq!(quoted(["a"], "or"), "`a`");
        assert_eq!(quoted(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}

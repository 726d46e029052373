//! Globs over names: `*` and `?`, nothing else.

/// Whether the text matches a glob in which `*` stands for any run of characters and `?` for one.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    // Classic two-pointer matching: on a mismatch, let the last star swallow one more character.
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, swallowed)) => {
                    star = Some((at, swallowed + 1));
                    g = at + 1;
                    t = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (glob, text) in [
            ("*", ""),
            ("dept-base-*", "dept-base-1"),
            ("*-batch-*", "pay-batch-qa"),
            ("a?c", "abc"),
            ("a*b*c", "axxbyybzzc"),
        ] {
            assert!(glob_matches(glob, text), "{glob} {text}");
        }
        for (glob, text) in [
            ("", "a"),
            ("dept-base-*", "xdept-base-1"),
            ("*-batch-*", "batch"),
            ("a?c", "ac"),
            ("a*b", "abc"),
        ] {
            assert!(!glob_matches(glob, text), "{glob} {text}");
        }
    }
}

//! What is wrong, in words that say what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::GroupName;

/// How many groups are named in a line; the rest is a number.
const NAMED: usize = 4;

/// Something that is wrong: with what, what, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, with the name of the thing it is wrong with.
    pub what: String,
    /// Why that is a problem, or the words of who said so; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do about it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next: String,
    /// The group that it is about, if it is about one: its texts name it.
    #[serde(skip)]
    pub group: Option<GroupName>,
}

impl Problem {
    /// A problem of three parts; `why` and `next` may be empty.
    pub fn new(what: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), next: next.into(), group: None }
    }

    /// The same, about a group that its texts name, or may name.
    #[must_use]
    pub fn about(mut self, group: &GroupName) -> Self {
        self.group = Some(group.clone());
        self
    }

    /// Its texts without the name of the group that it is about: of problems with one cause they
    /// are the same.
    fn cause(&self) -> [String; 3] {
        let without = |text: &String| match &self.group {
            Some(group) => without_name(text, group.as_str()),
            None => text.clone(),
        };
        [&self.what, &self.why, &self.next].map(without)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.why.is_empty() {
            write!(f, "\n  why:  {}", self.why)?;
        }
        if !self.next.is_empty() {
            write!(f, "\n  next: {}", self.next)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// The text with a mark in place of the name, where that is not a part of another word.
fn without_name(text: &str, name: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || "-_".contains(c);
    let mut cut = String::new();
    let mut from = 0;
    for (at, found) in text.match_indices(name) {
        let (before, after) = (&text[from..at], &text[at + found.len()..]);
        let part_of_word = text[..at].ends_with(in_word) || after.starts_with(in_word);
        cut += before;
        cut += if part_of_word { found } else { "\0" };
        from = at + found.len();
    }
    cut + &text[from..]
}

/// The problems, with a cause that several groups have told once: the first says it in full, and
/// names the others.
pub fn once(problems: &[Problem]) -> Vec<Problem> {
    let mut causes: Vec<([String; 3], &Problem, Vec<&GroupName>)> = Vec::new();
    for problem in problems {
        let cause = problem.cause();
        match (&problem.group, causes.iter_mut().find(|(known, ..)| *known == cause)) {
            (Some(group), Some((_, first, others))) if first.group.is_some() => others.push(group),
            (_, _) => causes.push((cause, problem, Vec::new())),
        }
    }
    let told = |(_, first, others): ([String; 3], &Problem, Vec<&GroupName>)| {
        if others.is_empty() {
            return first.clone();
        }
        let names = listed(&others);
        Problem { what: format!("{}; the same is true of {names}", first.what), ..first.clone() }
    };
    causes.into_iter().map(told).collect()
}

/// The groups' names, of many the first and how many more there are: `a, b and c`, `a, b and 7 more`.
pub fn listed(groups: &[&GroupName]) -> String {
    let mut names: Vec<String> = groups.iter().take(NAMED).map(ToString::to_string).collect();
    if groups.len() > NAMED {
        names.push(format!("{} more", groups.len() - NAMED));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(group: &str, image: &str) -> Problem {
        Problem::new(
            format!("group {group} runs {image}, which is gone"),
            "there would be no way back",
            format!("roll {group} by hand once"),
        )
        .about(&group.into())
    }

    fn whats(problems: &[Problem]) -> Vec<String> {
        once(problems).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn a_cause_that_several_groups_have_is_told_once_with_their_names() {
        let two = [gone("a", "ami-1"), gone("b", "ami-1")];
        assert_eq!(whats(&two), ["group a runs ami-1, which is gone; the same is true of b"]);
        assert_eq!(once(&two)[0].next, "roll a by hand once");
        let many: Vec<Problem> = (0..10).map(|at| gone(&format!("g{at}"), "ami-1")).collect();
        assert_eq!(
            whats(&many),
            ["group g0 runs ami-1, which is gone; the same is true of g1, g2, g3, g4 and 5 more"]
        );
    }

    #[test]
    fn other_causes_and_what_is_about_no_group_stay_apart() {
        let plain = Problem::new("nothing is there", "", "");
        let all = [gone("a", "ami-1"), plain.clone(), gone("b", "ami-2"), plain.clone()];
        assert_eq!(once(&all), all);
        assert_eq!(once(&[]), []);
    }
}

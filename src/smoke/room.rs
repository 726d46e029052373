//! How much is held of what the subjects of a check answered, until its result is made.
//!
//! [`Room`] holds no more than the result can show: all subjects share one room for long answers,
//! an answer that several gave takes it once, and of what has none the beginning is held. What is
//! captured is taken out of answers before, and what is secret is masked and redacted after.

use std::sync::Arc;

use super::answer::{Answer, EVIDENCE, MARGIN, OUTPUT, OUTPUTS};
use crate::event::Status;

/// How many bytes of an answer without room are held: what stands beside its message, in the
/// longest characters, and what has to be seen of secrets behind it.
pub(super) const BRIEF: usize = 4 * EVIDENCE + MARGIN;
/// How many bytes of one with room are.
const LONG: usize = OUTPUT + MARGIN;
/// How many bytes all with room have together.
pub(super) const ALL: usize = OUTPUTS + OUTPUTS / OUTPUT * MARGIN;

/// The room that the subjects of a check share.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The long ones; such as nobody else holds any more take no room.
    long: Vec<Arc<str>>,
}

impl Room {
    /// The answer with as much of it as is held. What was kept before stays as it is.
    pub(super) fn keep(&mut self, mut answer: Answer) -> Answer {
        answer.taken = Vec::new();
        if answer.evidence.len() <= BRIEF {
            return answer;
        }
        let longest = if answer.status == Status::Passed { BRIEF } else { LONG };
        let text = beginning(&answer.evidence, longest);
        if answer.status != Status::Passed
            && let Some(held) = self.hold(&answer.evidence, text)
        {
            answer.left_out += answer.evidence.len() - held.len();
            answer.evidence = held;
            return answer;
        }
        let text = beginning(&answer.evidence, BRIEF);
        answer.left_out += answer.evidence.len() - text.len();
        answer.evidence = text.into();
        answer.is_brief = true;
        answer
    }

    /// Holds the text, which is the beginning of `whole`, when there is room.
    fn hold(&mut self, whole: &Arc<str>, text: &str) -> Option<Arc<str>> {
        self.long.retain(|held| Arc::strong_count(held) > 1);
        if let Some(held) = self.long.iter().find(|held| held.as_ref() == text) {
            return Some(Arc::clone(held));
        }
        let taken: usize = self.long.iter().map(|held| held.len()).sum();
        if taken + text.len() > ALL {
            return None;
        }
        let held = if whole.len() == text.len() { Arc::clone(whole) } else { text.into() };
        self.long.push(Arc::clone(&held));
        Some(held)
    }
}

fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(text: String) -> Answer {
        Answer::failed("500").with_evidence(text)
    }

    /// How many bytes are held of all, what is shared counted once.
    fn size(answers: &[Answer]) -> usize {
        let mut texts: Vec<&Arc<str>> = answers.iter().map(|answer| &answer.evidence).collect();
        texts.sort_by_key(|text| text.as_ptr());
        texts.dedup_by_key(|text| text.as_ptr());
        texts.iter().map(|text| text.len()).sum()
    }

    #[test]
    fn of_hundreds_of_long_answers_no_more_is_held_than_can_be_told() {
        const MIB: usize = 1024 * 1024;
        let mut room = Room::default();
        let one = |n: usize| failed(format!("{n:04}{}", "é".repeat(MIB / 2)));
        let all: Vec<Answer> = (0..400).map(|n| room.keep(one(n))).collect();
        let held = size(&all);
        assert!(held > OUTPUTS / 2 && held <= ALL + 400 * BRIEF, "{held}");
        // What is left out is known, whatever was held.
        for answer in &all {
            assert_eq!(answer.left_out + answer.evidence.len(), 4 + 2 * (MIB / 2));
            assert_eq!(answer.is_brief, answer.evidence.len() <= BRIEF);
        }
        let long = all.iter().filter(|answer| !answer.is_brief).count();
        assert_eq!(long, OUTPUTS / OUTPUT);
        // The first again: nothing is cut a second time.
        assert_eq!(room.keep(all[0].clone()), all[0]);
        assert_eq!(room.keep(all[399].clone()), all[399]);
    }

    #[test]
    fn what_several_answered_is_held_once_and_what_is_forgotten_makes_room() {
        let mut room = Room::default();
        let same: Vec<Answer> = (0..400).map(|_| room.keep(failed("x".repeat(100_000)))).collect();
        assert_eq!((size(&same), same.iter().any(|answer| answer.is_brief)), (LONG, false));
        drop(same);
        // Askings again and again: only the last answers are held.
        let mut last = Vec::new();
        for round in 0..50 {
            last.clear();
            last.extend((0..8).map(|n| room.keep(failed(format!("{round} {n}{}", "y".repeat(100_000))))));
            assert!(last.iter().all(|answer| !answer.is_brief), "{round}");
        }
        assert_eq!(room.long.len(), 8);
    }

    #[test]
    fn of_what_passed_the_beginning_is_held_and_what_is_short_stays_whole() {
        let mut room = Room::default();
        let kept = room.keep(Answer::passed("200 OK").with_evidence("z".repeat(50_000)));
        assert_eq!((kept.evidence.len(), kept.left_out, room.long.len()), (BRIEF, 50_000 - BRIEF, 0));
        let short = failed("z".repeat(BRIEF));
        assert_eq!(room.keep(short.clone()), short);
    }
}

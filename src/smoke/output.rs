//! What a program says, bounded: how it begins and how it ends.
//!
//! [`Kept`] takes whatever comes and never holds more than its limit.

use std::collections::VecDeque;

/// The beginning and the end of a stream.
#[derive(Debug)]
pub(super) struct Kept {
    /// How many bytes each part holds at most.
    part: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// How many bytes came in all.
    total: u64,
}

impl Kept {
    /// Keeps so many bytes at most.
    pub(super) fn of(limit: usize) -> Self {
        Self { part: limit.div_ceil(2), head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// Takes what came.
    pub(super) fn push(&mut self, data: &[u8]) {
        self.total += data.len() as u64;
        let (first, rest) = data.split_at(data.len().min(self.part - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.part)..];
        let room = self.part - rest.len();
        self.tail.drain(..self.tail.len().saturating_sub(room));
        self.tail.extend(rest);
    }

    /// How many bytes were not kept.
    pub(super) fn left_out(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    /// The text, with a line about what is not in it. What is not UTF-8 is replaced.
    pub(super) fn text(&self) -> String {
        let (mut head, tail) = (self.head.clone(), self.tail.iter().copied().collect::<Vec<u8>>());
        let left_out = self.left_out();
        if left_out == 0 {
            head.extend(tail);
            return String::from_utf8_lossy(&head).into_owned();
        }
        // The cuts may be in the middle of a character, which is nobody's mistake.
        let head = &head[..head.len() - unfinished(&head)];
        let tail = &tail[tail.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count()..];
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        format!("{head}\n… {left_out} bytes left out …\n{tail}")
    }
}

/// How many bytes at the end begin a character that does not end.
fn unfinished(bytes: &[u8]) -> usize {
    let Some(back) = bytes.iter().rev().take(3).position(|byte| byte & 0xc0 != 0x80) else { return 0 };
    let length = match bytes[bytes.len() - 1 - back] {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    if back + 1 < length { back + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_kept_that_fits() {
        let mut kept = Kept::of(10);
        for part in ["ab", "", "cdefg", "hij"] {
            kept.push(part.as_bytes());
        }
        assert_eq!((kept.text().as_str(), kept.left_out()), ("abcdefghij", 0));
    }

    #[test]
    fn the_beginning_and_the_end_are_kept_of_more() {
        let mut kept = Kept::of(8);
        for _ in 0..1000 {
            kept.push(b"0123456789abcdef");
        }
        assert_eq!(kept.text(), "0123\n… 15992 bytes left out …\ncdef");
        kept.push(b"X");
        assert_eq!(kept.text(), "0123\n… 15993 bytes left out …\ndefX");
        assert!(kept.tail.capacity() < 64 && kept.head.capacity() < 64);
    }

    #[test]
    fn what_is_no_text_is_replaced_and_a_character_is_not_cut() {
        let mut kept = Kept::of(100);
        kept.push(b"a\xff\xfeb");
        assert_eq!(kept.text(), "a\u{fffd}\u{fffd}b");
        let mut kept = Kept::of(8);
        kept.push("€€€€€€€€".as_bytes());
        assert_eq!(kept.text(), "€\n… 16 bytes left out …\n€");
    }
}

//! What is asked of an answer's headers.

use http::{HeaderMap, HeaderName};

use crate::config::HeaderTest;
use crate::smoke::answer::quoted;

/// What is wrong with the headers of that name, if anything is.
pub(super) fn wrong(headers: &HeaderMap, name: &HeaderName, test: &HeaderTest) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let some = |fits: &dyn Fn(&str) -> bool| values.iter().any(|value| fits(value));
    let (good, expected) = match test {
        HeaderTest::Equals(wanted) => (some(&|value| value == wanted), quoted(wanted)),
        HeaderTest::Not(unwanted) => (
            !values.is_empty() && !some(&|value| value == unwanted),
            format!("anything but {}", quoted(unwanted)),
        ),
        HeaderTest::Contains(part) => {
            (some(&|value| value.contains(part.as_str())), format!("{} in it", quoted(part)))
        }
        HeaderTest::Matches(regex) => {
            (some(&|value| regex.is_match(value)), format!("a match of {}", quoted(regex.as_str())))
        }
        HeaderTest::Exists(wanted) => {
            let words = if *wanted { "any value" } else { "no such header" };
            (values.is_empty() != *wanted, words.to_owned())
        }
    };
    if good {
        return None;
    }
    Some(match values.first() {
        Some(value) => format!("header {name} was {}, expected {expected}", quoted(value)),
        None => format!("header {name} is absent, expected {expected}"),
    })
}

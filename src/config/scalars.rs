//! The small values of a configuration: durations, names, accounts, regions, roles.
//!
//! Each reader takes a [`Node`], and says what is wrong with it when it gives `None`.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::reader::Node;
use super::tree::Value;
use super::words::{did_you_mean, nearest};
use crate::model::{Days, time_of_day};

/// The most that AWS takes for a bake time and for a checkpoint delay: two days.
pub(super) const TWO_DAYS: Duration = Duration::from_secs(172_800);
/// How long AWS lets a refresh be active: two weeks.
pub(super) const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

/// The least that an image may be old before it is flagged.
pub(super) const A_DAY: Duration = Duration::from_secs(86_400);
/// The longest window.
pub(super) const ONE_WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Far beyond the age of any image.
pub(super) const TEN_YEARS: Duration = Duration::from_secs(3_650 * 86_400);

const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// A duration such as `90s`, `10m`, `2h` or `1d`, within limits, both included.
pub(super) fn duration(node: Node<'_>, least: Duration, most: Duration) -> Option<Duration> {
    let value = match node.value() {
        Value::Text(text) => parse_duration(text),
        Value::Whole(number) => {
            let message =
                format!("`{}` needs a unit: is it `{number}s`, `{number}m` or `{number}h`?", node.name());
            node.wrong(message, Some("seconds, minutes or hours".to_owned()));
            return None;
        }
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let Some(value) = value else {
        node.expected("a duration such as `90s`, `10m`, `2h` or `1d`");
        return None;
    };
    if value < least || value > most {
        let (least, most) = (show(least), show(most));
        node.wrong(format!("`{}` must be from {least} to {most}", node.name()), None);
        return None;
    }
    Some(value)
}

/// A number of bytes such as `64KiB`, `1MiB` or `4096`, within limits, both included.
pub(super) fn size(node: Node<'_>, least: usize, most: usize) -> Option<usize> {
    let value = match node.value() {
        Value::Whole(number) => usize::try_from(*number).ok(),
        Value::Text(text) => parse_size(text),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let value = value.filter(|value| (least..=most).contains(value));
    if value.is_none() {
        node.expected(format_args!(
            "a size such as `64KiB`, from {}KiB to {}KiB",
            least.div_ceil(1024),
            most / 1024
        ));
    }
    value
}

fn parse_size(text: &str) -> Option<usize> {
    let (digits, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(digits), _) => (digits, 1024),
        (None, Some(digits)) => (digits, 1024 * 1024),
        (None, None) => (text, 1),
    };
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// A zone of the time zone database.
pub(super) fn timezone(node: Node<'_>) -> Option<TimeZone> {
    let name = node.text()?;
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let hint = near.map_or_else(|| "as in `Europe/London`".to_owned(), did_you_mean);
        node.wrong(format!("there is no time zone `{name}`"), Some(hint));
    }
    zone
}

/// Days of the week, such as `mon`, `mon, wed` or `mon-fri`.
pub(super) fn day_names(node: Node<'_>) -> Option<Days> {
    let days = Days::parse(node.text()?);
    days.map_err(|wrong| node.wrong(format!("{}: {wrong}", node.called()), None)).ok()
}

/// A time of the day, `HH:MM`. Some readers of YAML take a bare `15:00` for a number of
/// base 60, and people write `1500`.
pub(super) fn time(node: Node<'_>) -> Option<Time> {
    if let Value::Whole(_) | Value::Float(_) = node.value() {
        let message = format!("{} must be text, and YAML reads this as {}", node.called(), node.value());
        node.wrong(message, Some("put it in quotes, as in \"15:00\"".to_owned()));
        return None;
    }
    let time = time_of_day(node.text()?);
    time.map_err(|wrong| node.wrong(format!("{}: {wrong}", node.called()), None)).ok()
}

/// Reads a duration such as `90s`, `10m`, `2h` or `1d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(*seconds).map(Duration::from_secs)
}

/// A duration as the configuration writes it, in the largest unit that leaves no rest.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let whole = UNITS.iter().rev().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", seconds / unit))
}

/// Whether a name has lower case letters, digits and dashes only, and starts and ends with
/// a letter or a digit; at most 40 characters, for it becomes a part of tags and file names.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| inner(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What to say of a name that is none.
pub(super) fn name_mistake(text: &str) -> (String, Option<String>) {
    let message = format!("`{text}` is not a name: lower case letters, digits and dashes, at most 40");
    let cleaned: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let cleaned = cleaned.trim_matches('-');
    (message, is_name(cleaned).then(|| format!("`{cleaned}` would do")))
}

/// An account number: text of twelve digits.
pub(super) fn account(node: Node<'_>) -> Option<&str> {
    match node.value() {
        Value::Text(text) if is_account(text) => Some(text),
        Value::Whole(number) => {
            let message = format!("{} must be text: YAML reads it as the number {number}", node.called());
            let zeros = if *number < 100_000_000_000 { ", with its leading zeros" } else { "" };
            let hint = format!("put it in quotes{zeros}: \"{number:012}\"");
            node.wrong(message, Some(hint));
            None
        }
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            node.expected("an account number: twelve digits in quotes");
            None
        }
    }
}

/// Whether the text is an account number.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text has the shape of a region: words and a number, joined by dashes.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let word = |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    words.len() >= 2 && words.iter().all(word) && matches!(number.as_bytes(), [b'1'..=b'9'])
}

/// The account of a role's ARN, `arn:aws:iam::ACCOUNT:role/NAME`; `None` when it is none.
pub(super) fn role_account(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return None };
    let name = resource.strip_prefix("role/")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "/+=,.@_-".contains(c);
    let named = !name.is_empty() && !name.ends_with('/') && name.chars().all(fits);
    (partition.starts_with("aws") && is_account(account) && named).then_some(account)
}

/// Whether STS takes the text as an external id.
pub(super) fn is_external_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    (2..=1_224).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_digits_and_one_unit() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h", 7_200), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "10", "1.5h", "-1s", "+1s", "1h30m", "10 m", "10ms", "99999999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_in_the_largest_unit_that_leaves_no_rest() {
        for (seconds, text) in [(0, "0s"), (90, "90s"), (600, "10m"), (172_800, "2d"), (5_400, "90m")] {
            assert_eq!(show(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn names_regions_and_roles_have_a_shape() {
        assert!(["qa", "qa2", "pre-prod", "1"].into_iter().all(is_name));
        assert!(!["", "QA", "-qa", "qa-", "qa_2", "q a", "é"].into_iter().any(is_name));
        assert!(["eu-west-2", "us-gov-east-1", "ap-southeast-4"].into_iter().all(is_region));
        assert!(!["", "eu-west", "eu-west-2a", "EU-west-2", "west-2", "eu--2"].into_iter().any(is_region));
        assert_eq!(role_account("arn:aws:iam::111111111111:role/ci/ami-refresh"), Some("111111111111"));
        for arn in [
            "",
            "arn:aws:iam::111111111111:user/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::111111111111:role/",
            "arn:aws:sts::111111111111:role/x",
        ] {
            assert_eq!(role_account(arn), None, "{arn}");
        }
    }
}

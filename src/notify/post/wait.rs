//! How long is waited before a request is sent again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest that a server is waited for on its word.
const LONGEST: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// The wait after the try of that number, from 1: 1, 2, 4, 8 s, and up to a quarter more, so
/// that many who were refused together don't come again together.
pub(super) fn backoff(tries: u32) -> Duration {
    let base = SECOND * 2_u32.saturating_pow(tries.saturating_sub(1).min(3));
    base.mul_f64(1.0 + fastrand::f64() / 4.0)
}

/// What `Retry-After` asks for: seconds or a date, at least a second, at most [`LONGEST`];
/// `None` when it is neither.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let asked = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too long for any type is a long time.
        value.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        let date = DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(asked.clamp(SECOND, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_say_when_in_seconds_or_by_date() {
        let now: Timestamp = "2026-11-22T19:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("0", Some(1)),
            ("3600", Some(60)),
            ("99999999999999999999999999", Some(60)),
            ("Sun, 22 Nov 2026 19:00:12 GMT", Some(12)),
            ("Sun, 22 Nov 2026 18:00:00 GMT", Some(1)),
            ("Mon, 22 Nov 2027 19:00:00 GMT", Some(60)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn the_wait_doubles_and_is_never_quite_the_same() {
        for (tries, least) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (9, 8.0)] {
            for _ in 0..50 {
                let wait = backoff(tries).as_secs_f64();
                assert!(wait >= least && wait <= least * 1.25, "{tries}: {wait}");
            }
        }
    }
}

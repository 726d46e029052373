//! The names of the days of the week, and the time of a day, as people write them.

use std::fmt;

use jiff::civil::{Time, Weekday};

/// Days of the week, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

/// The days from Monday; the first name of each is the one that is shown.
const NAMES: [&[&str]; 7] = [
    &["mon", "monday"],
    &["tue", "tues", "tuesday"],
    &["wed", "weds", "wednesday"],
    &["thu", "thur", "thurs", "thursday"],
    &["fri", "friday"],
    &["sat", "saturday"],
    &["sun", "sunday"],
];

impl Days {
    /// Reads `mon`, `tues`, `Thursday`, `mon, wed`, `mon-fri`, `fri-mon`: the usual names
    /// in any case, in lists and ranges.
    ///
    /// # Errors
    /// What is wrong with the text, in words that begin with it in backticks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut days = 0;
        for part in text.split(',') {
            days |= part_days(part.trim()).map_err(|wrong| explain(text, part.trim(), &wrong))?;
        }
        Ok(Self(days))
    }

    /// Whether the day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.has(index(day))
    }

    fn has(self, index: usize) -> bool {
        self.0 & bit(index) != 0
    }

    /// The days that follow one another from this one, over the week's end, when the one
    /// before it is not among them.
    fn run_from(self, first: usize) -> Option<usize> {
        let starts = self.has(first) && !self.has((first + 6) % 7);
        starts.then(|| (first..first + 7).take_while(|day| self.has(day % 7)).count())
    }
}

impl From<Weekday> for Days {
    fn from(day: Weekday) -> Self {
        Self(bit(index(day)))
    }
}

impl fmt::Display for Days {
    /// From Monday on, three or more in a row as a range: `mon, wed`, `mon-fri`, `fri-mon`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0b111_1111 {
            return f.write_str("mon-sun");
        }
        let ranges: Vec<(usize, usize)> =
            (0..7).filter_map(|first| Some((first, self.run_from(first)?))).filter(|run| run.1 > 2).collect();
        let in_range = |day: usize| ranges.iter().any(|(first, count)| (day + 7 - first) % 7 < *count);
        let part = |day: usize| {
            if let Some((_, count)) = ranges.iter().find(|(first, _)| *first == day) {
                return Some(format!("{}-{}", name(day), name(day + count - 1)));
            }
            (self.has(day) && !in_range(day)).then(|| name(day).to_owned())
        };
        let parts: Vec<String> = (0..7).filter_map(part).collect();
        f.write_str(&parts.join(", "))
    }
}

/// Reads `HH:MM`, 24 hours.
///
/// # Errors
/// What is wrong with the text, in words that begin with it in backticks.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        if hour.len() != 2 || minute.len() != 2 || !digits(hour) || !digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    read().ok_or_else(|| {
        format!("`{text}` is not a time of day: it is written `HH:MM`, from `00:00` to `23:59`")
    })
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}

fn bit(index: usize) -> u8 {
    1 << (index % 7)
}

fn name(index: usize) -> &'static str {
    NAMES[index % 7][0]
}

/// The days of a part between commas; what can't be read of it otherwise.
fn part_days(part: &str) -> Result<u8, String> {
    let Some((first, last)) = part.split_once('-') else { return day(part).map(bit) };
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    let count = (last + 7 - first) % 7;
    Ok((first..=first + count).fold(0, |days, day| days | bit(day)))
}

fn day(word: &str) -> Result<usize, String> {
    let lower = word.to_lowercase();
    NAMES.iter().position(|names| names.contains(&lower.as_str())).ok_or_else(|| word.to_owned())
}

fn explain(text: &str, part: &str, word: &str) -> String {
    if word.is_empty() {
        let where_it_is = if part.is_empty() { "" } else { " in a range" };
        return format!("`{text}` lacks a day{where_it_is}: as in `mon`, `mon, wed` or `mon-fri`");
    }
    let hint = nearest(word).map_or_else(
        || "as in `mon`, `mon, wed` or `mon-fri`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    if word == text {
        return format!("`{text}` is not a day of the week: {hint}");
    }
    format!("`{text}` names `{word}`, which is not a day of the week: {hint}")
}

/// The name of a day that is much like the word, if one is.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let names = NAMES.iter().flat_map(|names| names.iter().copied());
    let (distance, name) =
        names.map(|name| (strsim::damerau_levenshtein(&word, name), name)).min_by_key(|near| near.0)?;
    (distance <= (name.len() / 3).max(1)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEEK: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn shown(text: &str) -> String {
        Days::parse(text).unwrap_or_else(|wrong| panic!("{wrong}")).to_string()
    }

    #[test]
    fn every_usual_name_is_read_in_any_case() {
        let names = [
            ("mon Mon MONDAY monday", "mon"),
            ("tue tues Tuesday TUES", "tue"),
            ("wed weds Wednesday", "wed"),
            ("thu thur Thurs THURSDAY", "thu"),
            ("fri Friday", "fri"),
            ("sat saturday", "sat"),
            ("sun Sunday", "sun"),
        ];
        for (words, day) in names {
            for word in words.split(' ') {
                assert_eq!(shown(word), day, "{word}");
                assert_eq!(shown(&format!("  {word}\t")), day, "{word}");
            }
        }
    }

    #[test]
    fn lists_and_ranges_are_read_over_the_weeks_end_too() {
        for (text, days) in [
            ("mon,wed", "mon, wed"),
            ("wed , Monday", "mon, wed"),
            ("mon-fri", "mon-fri"),
            ("Mon - Fri", "mon-fri"),
            ("fri-mon", "fri-mon"),
            ("sat,sun", "sat, sun"),
            ("sun,mon", "mon, sun"),
            ("mon,tue,wed", "mon-wed"),
            ("mon-mon", "mon"),
            ("tues,sat-mon", "sat-tue"),
            ("wed,sat-mon", "wed, sat-mon"),
            ("tue-mon", "mon-sun"),
            ("mon,mon", "mon"),
        ] {
            assert_eq!(shown(text), days, "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_named_with_the_nearest() {
        for (text, wrong) in [
            ("tuseday", "`tuseday` is not a day of the week: did you mean `tuesday`?"),
            ("Mittwoch", "`Mittwoch` is not a day of the week: as in `mon`, `mon, wed` or `mon-fri`"),
            ("mon, wedn", "`mon, wedn` names `wedn`, which is not a day of the week: did you mean `wed`?"),
            (
                "mon-firday",
                "`mon-firday` names `firday`, which is not a day of the week: did you mean `friday`?",
            ),
            ("", "`` lacks a day: as in `mon`, `mon, wed` or `mon-fri`"),
            ("mon,,tue", "`mon,,tue` lacks a day: as in `mon`, `mon, wed` or `mon-fri`"),
            ("mon,", "`mon,` lacks a day: as in `mon`, `mon, wed` or `mon-fri`"),
            ("mon-", "`mon-` lacks a day in a range: as in `mon`, `mon, wed` or `mon-fri`"),
            (
                "mon-wed-fri",
                "`mon-wed-fri` names `wed-fri`, which is not a day of the week: as in `mon`, `mon, wed` or `mon-fri`",
            ),
        ] {
            assert_eq!(Days::parse(text), Err(wrong.to_owned()));
        }
        for text in ["mon wed", "mon;wed", "daily", "1", "m", "-", "mon tue-wed"] {
            assert!(Days::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_two_digits_a_colon_and_two_digits() {
        assert_eq!(time_of_day("00:00").unwrap(), Time::midnight());
        assert_eq!(time_of_day("23:59").unwrap(), jiff::civil::time(23, 59, 0, 0));
        for text in [
            "", "7:00", "15", "15:0", "15:000", "24:00", "12:60", " 15:00", "15:00 ", "1500", "+1:00",
            "３:00", "15:00:00",
        ] {
            let wrong = time_of_day(text).unwrap_err();
            assert!(wrong.starts_with(&format!("`{text}` is not a time of day")), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same_days(days in 1..128_u8) {
            prop_assert_eq!(Days::parse(&Days(days).to_string()), Ok(Days(days)));
        }

        #[test]
        fn a_list_is_the_days_that_it_names(days in proptest::sample::subsequence(WEEK.to_vec(), 1..=7)) {
            let text: Vec<String> = days.iter().map(|day| format!("{day:?}")).collect();
            let read = Days::parse(&text.join(",")).unwrap();
            for day in WEEK {
                prop_assert_eq!(read.contains(day), days.contains(&day));
            }
        }

        #[test]
        fn any_text_reads_or_is_quoted(text in ".{0,12}") {
            if let Err(wrong) = Days::parse(&text) {
                let quoted = format!("`{text}` ");
                prop_assert!(wrong.starts_with(&quoted));
            }
        }
    }
}

//! Reads a group's tags: which of them say something of its window, and which one wins.

use std::collections::BTreeMap;

use super::{Found, Reading, Source};
use crate::config::{Environment, Fleet};
use crate::model::{Days, Problem, Window, time_of_day};

/// What every problem with a tag ends with.
const MEANWHILE: &str = "until then the group is not refreshed by schedule";

/// Reads the window of a group of the environment from its tags.
pub fn found(
    fleet: &Fleet,
    environment: &Environment,
    group: &str,
    tags: &BTreeMap<String, String>,
) -> Found {
    let keys = &fleet.window_tags;
    let reader = Reader { group, tags };
    let schedule = &environment.schedule;
    let enabled = reader.agreed("whether it is refreshed", &keys.enabled, switch);
    let day = reader.winner(Asked {
        what: "the day",
        team: &keys.team_day,
        platform: &keys.platform_day,
        default: schedule.days,
        read: Days::parse,
    });
    let time = reader.winner(Asked {
        what: "the time",
        team: &keys.team_time,
        platform: &keys.platform_time,
        default: schedule.time,
        read: time_of_day,
    });
    let (day_from, time_from) = (day.source.clone(), time.source.clone());
    let problems = [enabled.as_ref().err(), day.value.as_ref().err(), time.value.as_ref().err()];
    let problems: Vec<Problem> = problems.into_iter().flatten().flatten().cloned().collect();
    let reading = match (enabled, day.value, time.value) {
        // Who opted out need not say when.
        (Ok(Some((key, false))), _, _) => Reading::OptedOut(key),
        (Ok(_), Ok(Some(days)), Ok(Some(time))) => {
            let (length, zone) = (schedule.window, schedule.zone.clone());
            Reading::Window(Window { days, time, length, zone })
        }
        (Ok(_), Ok(_), Ok(_)) => Reading::None,
        _ => Reading::Unreadable(problems),
    };
    let every = [&keys.team_day, &keys.team_time, &keys.platform_day, &keys.platform_time, &keys.enabled];
    let tags = every.into_iter().flatten().flat_map(|key| reader.of(key));
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Found { tags, day: day_from, time: time_from, reading }
}

/// `false`, `no`, `off` and `0` opt out, in any case.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

/// A group's tags, and its name for problems.
struct Reader<'a> {
    group: &'a str,
    tags: &'a BTreeMap<String, String>,
}

/// What is asked of the tags: by which keys, and what holds when none is there.
struct Asked<'a, T> {
    what: &'a str,
    team: &'a [String],
    platform: &'a [String],
    default: Option<T>,
    read: fn(&str) -> Result<T, String>,
}

/// What the winning tag says, and which it is; the source is known of a bad value too.
struct Won<T> {
    source: Option<Source>,
    value: Result<Option<T>, Vec<Problem>>,
}

impl<'a> Reader<'a> {
    /// The tags of that key, as they were found: blanks around a key do not count.
    fn of(&self, wanted: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.tags
            .iter()
            .filter(move |(key, _)| key.trim() == wanted.trim())
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The team's value, else the platform's, else the environment's. A value that loses is
    /// not even read.
    fn winner<T: PartialEq>(&self, asked: Asked<'_, T>) -> Won<T> {
        if let Some(key) = asked.team.iter().find(|key| self.of(key).next().is_some()) {
            let agreed = self.agreed(asked.what, asked.team, asked.read);
            let value = agreed.map(|value| value.map(|(_, value)| value));
            return Won { source: Some(Source::Team(key.clone())), value };
        }
        let platform = asked.platform.iter().find_map(|key| Some((key, self.of(key).next()?)));
        if let Some((key, (tag, text))) = platform {
            let value = self.read(tag, text, asked.read).map(Some).map_err(|problem| vec![problem]);
            return Won { source: Some(Source::Platform(key.clone())), value };
        }
        Won { source: asked.default.as_ref().map(|_| Source::Environment), value: Ok(asked.default) }
    }

    /// What all of the tags of these keys say, with the key of the first; everything that is
    /// wrong when one can't be read or two say different things.
    fn agreed<T: PartialEq>(
        &self,
        what: &str,
        keys: &[String],
        read: fn(&str) -> Result<T, String>,
    ) -> Result<Option<(String, T)>, Vec<Problem>> {
        let mut first: Option<(&str, &str, T)> = None;
        let mut problems = Vec::new();
        for (key, text) in keys.iter().flat_map(|key| self.of(key)) {
            match (self.read(key, text, read), &first) {
                (Err(problem), _) => problems.push(problem),
                (Ok(value), None) => first = Some((key, text, value)),
                (Ok(value), Some((other, said, one))) if value != *one => {
                    problems.push(Problem::new(
                        format!("two tags of `{}` disagree on {what}", self.group),
                        format!("`{other}` is `{said}`, and `{key}` is `{text}`"),
                        format!("remove one of the two, or give both the same value; {MEANWHILE}"),
                    ));
                }
                (Ok(_), Some(_)) => {}
            }
        }
        if problems.is_empty() {
            Ok(first.map(|(key, _, value)| (key.trim().to_owned(), value)))
        } else {
            Err(problems)
        }
    }

    fn read<T>(&self, key: &str, text: &str, read: fn(&str) -> Result<T, String>) -> Result<T, Problem> {
        read(text.trim()).map_err(|wrong| {
            let next = format!("correct the tag's value, or remove the tag; {MEANWHILE}");
            Problem::new(format!("the tag `{}` of `{}` can't be read", key.trim(), self.group), wrong, next)
        })
    }
}

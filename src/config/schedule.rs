//! Reads when groups may be refreshed: schedules, windows, business hours, freezes, tag keys.
//!
//! The same keys serve the defaults and an environment; [`Settings`] holds those that were
//! written, to be laid over one another.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use super::fleet::Environment;
use super::reader::{Map, Node};
use super::scalars::{A_DAY, ONE_WEEK, TEN_YEARS, day_names, duration, show, time};
use super::tree::Value;
use super::windows::{Missed, SchedulePolicy, WindowTags};
use crate::model::{BusinessHours, Days, EnvironmentName, Freeze, Moment, Span, Window, time_of_day};

/// The settings of the defaults or of an environment; `None` for what they do not say.
#[derive(Debug, Default)]
pub(super) struct Settings {
    days: Option<Days>,
    time: Option<Time>,
    window: Option<Duration>,
    missed: Option<Missed>,
    hours: Option<Hours>,
    max_age: Option<Duration>,
    quarantine_on_failure: Option<bool>,
}

/// Business hours, in whatever zone.
#[derive(Debug, Clone, Copy)]
struct Hours {
    days: Days,
    from: Time,
    to: Time,
}

/// What is said of an environment's times and images, the defaults laid under it.
pub(super) struct Said {
    pub(super) schedule: SchedulePolicy,
    pub(super) max_age: Option<Duration>,
    pub(super) quarantine_on_failure: bool,
}

impl Settings {
    /// Asks for every key that the defaults and an environment have in common.
    pub(super) fn read(map: &mut Map<'_>) -> Self {
        let (days, time) = map.optional("schedule").map(schedule).unwrap_or_default();
        let lasting = |node, least, most| duration(node, Duration::from_secs(least), most);
        Self {
            days,
            time,
            window: map.optional("window").and_then(|node| lasting(node, 60, ONE_WEEK)),
            missed: map
                .optional("missed")
                .and_then(|node| node.choice(&[("wait", Missed::Wait), ("catch_up", Missed::CatchUp)])),
            hours: map.optional("out_of_hours").and_then(out_of_hours),
            max_age: map.optional("max_age").and_then(|node| duration(node, A_DAY, TEN_YEARS)),
            quarantine_on_failure: map.optional("quarantine_on_failure").and_then(|node| node.boolean()),
        }
    }

    /// These settings over others, in a zone.
    pub(super) fn over(&self, under: &Self, zone: TimeZone) -> Said {
        let hours = self.hours.or(under.hours).map(|hours| {
            let Hours { days, from, to } = hours;
            BusinessHours { days, from, to, zone: zone.clone() }
        });
        Said {
            schedule: SchedulePolicy {
                zone,
                days: self.days.or(under.days),
                time: self.time.or(under.time),
                window: self.window.or(under.window).unwrap_or(Duration::from_secs(2 * 3_600)),
                missed: self.missed.or(under.missed).unwrap_or(Missed::Wait),
                business_hours: hours,
            },
            max_age: self.max_age.or(under.max_age),
            quarantine_on_failure: self
                .quarantine_on_failure
                .or(under.quarantine_on_failure)
                .unwrap_or_default(),
        }
    }
}

fn schedule(node: Node<'_>) -> (Option<Days>, Option<Time>) {
    let Some(mut map) = node.map() else { return (None, None) };
    let days = map.optional("day").and_then(day_names);
    let time = map.optional("time").and_then(time);
    map.finish();
    if node.is_empty() {
        node.wrong_key("`schedule` needs a `day`, a `time`, or both", None);
    }
    (days, time)
}

fn out_of_hours(node: Node<'_>) -> Option<Hours> {
    let mut map = node.map()?;
    let hours = map.required("business_hours");
    map.finish();
    let node = hours?;
    let mut map = node.map()?;
    let days = map.required("days").and_then(day_names);
    let from = map.required("from").and_then(time);
    let end = map.required("to");
    let to = end.and_then(time);
    map.finish();
    let hours = Hours { days: days?, from: from?, to: to? };
    if hours.to <= hours.from {
        let shown = |time: Time| time.strftime("%H:%M").to_string();
        let (from, to) = (shown(hours.from), shown(hours.to));
        let hint = "`to` is a later time of the same day".to_owned();
        end?.wrong(format!("business hours from {from} to {to} end before they begin"), Some(hint));
        return None;
    }
    Some(hours)
}

/// The keys of the tags, each over its default.
pub(super) fn window_tags(node: Node<'_>) -> WindowTags {
    let mut keys = WindowTags::default();
    let Some(mut map) = node.map() else { return keys };
    let mut written = Vec::new();
    let set = |place: &mut Vec<String>, node: Option<Node<'_>>| {
        if let Some(node) = node {
            *place = node.text_or_texts();
        }
    };
    for (name, day, time) in [
        ("platform", &mut keys.platform_day, &mut keys.platform_time),
        ("team", &mut keys.team_day, &mut keys.team_time),
    ] {
        let Some(mut map) = map.optional(name).and_then(|node| node.map()) else { continue };
        let (days, times) = (map.optional("day"), map.optional("time"));
        set(day, days);
        set(time, times);
        written.extend([days, times].into_iter().flatten());
        map.finish();
    }
    let enabled = map.optional("enabled");
    set(&mut keys.enabled, enabled);
    written.extend(enabled);
    map.finish();
    let all = [&keys.platform_day, &keys.platform_time, &keys.team_day, &keys.team_time, &keys.enabled];
    let all: Vec<&String> = all.into_iter().flatten().collect();
    let items = written
        .iter()
        .flat_map(|node| if let Value::List(_) = node.value() { node.list() } else { vec![*node] });
    for item in items {
        let Value::Text(key) = item.value() else { continue };
        if all.iter().filter(|other| *other == &key).count() > 1 {
            let hint = "here or in the defaults of `window_tags`".to_owned();
            item.wrong(format!("the tag `{key}` is named more than once"), Some(hint));
        }
    }
    keys
}

/// The freezes, in the zone of the whole configuration.
pub(super) fn freezes(node: Node<'_>, zone: &TimeZone) -> Vec<Freeze> {
    node.list().into_iter().filter_map(|item| freeze(item, zone)).collect()
}

/// How the ends of a freeze are written.
#[derive(Debug, Clone, Copy)]
enum Every {
    Once,
    Week,
    Month,
    Year,
}

fn freeze(node: Node<'_>, zone: &TimeZone) -> Option<Freeze> {
    let mut map = node.map()?;
    let written = map.optional("every");
    let every = written
        .map(|node| node.choice(&[("week", Every::Week), ("month", Every::Month), ("year", Every::Year)]));
    let (start, end) = (map.required("from"), map.required("to"));
    let reason = map.required("reason").and_then(|node| node.text());
    let environments = map.optional("environments").map(|node| {
        if node.is_empty() {
            node.wrong_key(
                "`environments` names none",
                Some("leave it out: a freeze holds for all".to_owned()),
            );
        }
        node.texts().into_iter().map(EnvironmentName::new).collect()
    });
    map.finish();
    let every = every.unwrap_or(Some(Every::Once))?;
    let from = start.and_then(|node| moment(node, every));
    let to = end.and_then(|node| moment(node, every));
    let (from, to, end) = (from?, to?, end?);
    let mistake = match (from, to) {
        (Moment::Once(from), Moment::Once(to)) if to < from => Some("ends before it begins"),
        _ if from == to => Some("ends when it begins"),
        _ => None,
    };
    if let Some(mistake) = mistake {
        end.wrong(format!("the freeze {mistake}"), Some("`to` comes after `from`".to_owned()));
        return None;
    }
    Some(Freeze { from, to, zone: zone.clone(), environments, reason: reason?.to_owned() })
}

/// One end of a freeze.
fn moment(node: Node<'_>, every: Every) -> Option<Moment> {
    let text = node.text()?;
    let (shape, separators): (&str, &[char]) = match every {
        Every::Once => ("`2026-12-18T17:00`", &['T', ' ']),
        Every::Week => ("`fri 17:00`, as `every: week` asks", &[' ']),
        Every::Month => ("`28 17:00` or `last 17:00`, as `every: month` asks", &[' ']),
        Every::Year => ("`12-18 17:00`, as `every: year` asks", &[' ']),
    };
    let read = || {
        let (day, time) = text.split_once(separators)?;
        let time = time_of_day(time.trim()).ok()?;
        match every {
            Every::Once => Some(Moment::Once(written_date(day)?.to_datetime(time))),
            Every::Week => Some(Moment::Weekly(one_day(day)?, time)),
            Every::Month if day == "last" => Some(Moment::Monthly(31, time)),
            Every::Month => Some(Moment::Monthly(number(day, 31)?, time)),
            Every::Year => {
                let (month, day) = day.split_once('-')?;
                let (month, day) = (number(month, 12)?, number(day, 31)?);
                // A leap year has every day there is.
                Date::new(2028, month, day).ok()?;
                Some(Moment::Yearly(month, day, time))
            }
        }
    };
    let moment = read();
    if moment.is_none() {
        node.wrong(
            format!("{} must be written as {shape}", node.called()),
            Some(format!("this is {}", node.value())),
        );
    }
    moment
}

/// `2026-12-18`, and none of the other forms that dates have.
fn written_date(text: &str) -> Option<Date> {
    let shape = text
        .bytes()
        .enumerate()
        .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if text.len() != 10 || !shape {
        return None;
    }
    text.parse::<Date>().ok()
}

fn one_day(text: &str) -> Option<Weekday> {
    let days = Days::parse(text).ok()?;
    let mut named = Weekday::Monday.cycle_forward().take(7).filter(|day| days.contains(*day));
    named.next().filter(|_| named.next().is_none())
}

fn number(text: &str, most: i8) -> Option<i8> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (1..=most).contains(number))
}

/// Reports an environment whose own schedule lies in its business hours.
pub(super) fn check(environment: &Environment, node: Node<'_>, root: Node<'_>) {
    let schedule = &environment.schedule;
    let (Some(days), Some(time), Some(hours)) = (schedule.days, schedule.time, &schedule.business_hours)
    else {
        return;
    };
    let window = Window { days, time, length: schedule.window, zone: schedule.zone.clone() };
    if window.first_within(hours, &some_years()).is_none() {
        return;
    }
    let defaults = root.get("defaults");
    let places = [Some(node), defaults].into_iter().flatten();
    let written = places.flat_map(|place| ["schedule", "out_of_hours", "window"].map(|key| place.get(key)));
    let message = format!(
        "the window of `{}`, {days} {} for {}, overlaps its business hours {hours}",
        environment.name,
        time.strftime("%H:%M"),
        show(schedule.window)
    );
    let hint = "move `schedule`, shorten `window`, or correct `out_of_hours`".to_owned();
    if let Some(place) = written.flatten().next() {
        place.wrong_key(message, Some(hint));
    }
}

/// A time with every kind of change of the clocks in it. Weeks are alike but for those, so
/// that it does not matter which years these are.
fn some_years() -> Span {
    let start =
        |year| DateTime::constant(year, 1, 1, 0, 0, 0, 0).to_zoned(TimeZone::UTC).map(|at| at.timestamp());
    Span { from: start(2026).unwrap_or_default(), to: start(2040).unwrap_or_default() }
}

//! What is said over sequences of runs, and that memory holds it in few characters.

mod fleet;
mod sequences;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::decide::{Facts, Step, decide};
use super::memory::{Entry, LIMIT, Mark, Memory, Minute};
use super::{Notice, Place, Planned};
use crate::model::{Architecture, Image, ImageState};

/// An image with that many tags of others'.
pub(super) fn image(id: &str, tags: usize) -> Image {
    Image {
        id: id.into(),
        name: "dept-base-1".into(),
        region: "eu-west-2".into(),
        state: ImageState::Available,
        architecture: Architecture::X86_64,
        owner: "100000000000".into(),
        created: None,
        deprecated_from: None,
        description: String::new(),
        volumes: 1,
        tags: (0..tags).map(|tag| (format!("tag{tag:02}"), String::new())).collect(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn places(names: &[&str]) -> BTreeSet<Place> {
    names.iter().map(|name| Place { region: "eu-west-2".into(), group: (*name).into() }).collect()
}

fn planned(opens: &str, groups: &[&str]) -> Planned {
    Planned { opens: at(opens), closes: None, groups: places(groups) }
}

fn entry(sink: &str, minute: i64, groups: &[&str]) -> Entry {
    let opens = Minute::of(at("2026-11-22T12:00:00Z") + jiff::SignedDuration::from_mins(minute));
    Entry { opens, who: Mark::of_channel(sink, "qa"), groups: Mark::of_groups(&places(groups)) }
}

/// As it comes back from the tags.
fn through_tags(memory: &Memory) -> Memory {
    let values = memory.write();
    for value in &values {
        assert!(value.chars().count() <= LIMIT, "{} characters", value.chars().count());
        let safe = |c: char| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c);
        assert!(value.chars().all(safe), "{value}");
    }
    Memory::read(values.iter().map(String::as_str))
}

#[test]
fn what_two_hundred_teams_were_told_survives_its_tags() {
    let names: Vec<String> = (0..200).map(|team| format!("slack #team-{team}")).collect();
    let entries: BTreeSet<Entry> = names.iter().map(|name| entry(name, 60, &["a", name])).collect();
    assert_eq!(entries.len(), 200, "no two look alike");
    let memory = Memory { stamp: 36, entries };
    assert_eq!(through_tags(&memory), memory);
    assert!(memory.write().len() <= 8, "{} tags", memory.write().len());
}

#[test]
fn nothing_told_is_remembered_too() {
    let memory = Memory { stamp: 3, entries: BTreeSet::new() };
    assert_eq!(memory.write(), ["v1.3"]);
    assert_eq!(through_tags(&memory), memory);
}

#[test]
fn the_newest_of_what_images_carry_counts() {
    let old = Memory { stamp: 9, entries: (0..60).map(|minute| entry("a", minute, &["a"])).collect() };
    let new = Memory { stamp: 10, entries: BTreeSet::from([entry("a", 1, &["b"])]) };
    let (old, newer) = (old.write(), new.write());
    assert!(old.len() > newer.len(), "parts of the old one are left over");
    let all = newer.iter().chain(&old).map(String::as_str).chain([
        "",
        "what is this",
        "v1.zz kq:AAA",
        "v1. x",
        "zzzz",
    ]);
    assert_eq!(Memory::read(all), new);
}

#[test]
fn groups_are_told_apart_by_region_and_by_where_one_name_ends() {
    let there = BTreeSet::from([Place { region: "eu-west-1".into(), group: "a".into() }]);
    assert_ne!(Mark::of_groups(&there), Mark::of_groups(&places(&["a"])));
    assert_ne!(Mark::of_groups(&places(&["ab", "c"])), Mark::of_groups(&places(&["a", "bc"])));
    assert_ne!(Mark::of_channel("slack #a", "qa"), Mark::of_channel("slack #a", "qa2"));
}

proptest! {
    #[test]
    fn any_memory_survives_its_tags(
        // Short and long ones: sections end in other places.
        stamp in prop_oneof![0_u64..2_000, any::<u64>()],
        told in proptest::collection::btree_set((0_i64..60 * 24 * 400, 0_u8..40, 0_u8..9), 0..300),
    ) {
        let told = told.into_iter().map(|(minute, sink, groups)| entry(&format!("s{sink}"), minute, &[&format!("g{groups}")]));
        let memory = Memory { stamp, entries: told.collect() };
        prop_assert_eq!(through_tags(&memory), memory);
    }

    #[test]
    fn whatever_a_tag_holds_is_no_crash(values in proptest::collection::vec("\\PC{0,40}|v1[.][a-z0-9]{1,3} [a-z0-9]{1,6}:[A-Za-z0-9_-]{0,30}", 0..4)) {
        let memory = Memory::read(values.iter().map(String::as_str));
        prop_assert_eq!(through_tags(&memory), memory);
    }
}

/// One channel's messages of one run, in words, with everything delivered.
fn said(memory: &mut Memory, now: &str, windows: &[Planned]) -> Vec<String> {
    let upcoming = BTreeMap::from([("slack #a".to_owned(), windows.to_vec())]);
    let qa = "qa".into();
    let now = at(now);
    let horizon = now + jiff::SignedDuration::from_hours(72);
    let steps = decide(&Facts { environment: &qa, upcoming: &upcoming, now, horizon }, memory);
    for step in &steps {
        step.delivered(memory);
    }
    let short = |at: Timestamp| at.strftime("%a %H:%M").to_string();
    steps
        .iter()
        .map(|step| match &step.notice {
            Notice::Announced(window) => format!("announced {} {}", short(window.opens), window.groups.len()),
            Notice::Changed(window) => format!("changed {} {}", short(window.opens), window.groups.len()),
            Notice::Moved { moved_from, to } => {
                format!("moved {} -> {}", short(*moved_from), short(to.opens))
            }
            Notice::Cancelled { opens } => format!("cancelled {}", short(*opens)),
        })
        .collect()
}

const SUNDAY: &str = "2026-11-22T12:00:00Z";
const MON: &str = "2026-11-23T15:00:00Z";
const TUE: &str = "2026-11-24T10:00:00Z";
const NEXT_MON: &str = "2026-11-30T15:00:00Z";

#[test]
fn a_window_is_announced_once_until_it_is_over_and_then_the_next() {
    let mut memory = Memory::default();
    let windows = [planned(MON, &["a", "b"]), planned(NEXT_MON, &["a", "b"])];
    assert_eq!(said(&mut memory, SUNDAY, &windows), ["announced Mon 15:00 2"]);
    assert_eq!(said(&mut memory, SUNDAY, &windows), [""; 0]);
    assert_eq!(said(&mut memory, "2026-11-23T14:59:59Z", &windows), [""; 0]);
    assert_eq!(said(&mut memory, "2026-11-23T15:30:00Z", &windows[1..]), [""; 0], "it is open");
    assert_eq!(said(&mut memory, "2026-11-28T12:00:00Z", &windows[1..]), ["announced Mon 15:00 2"]);
}

#[test]
fn a_window_that_moves_is_corrected_once() {
    let mut memory = Memory::default();
    said(&mut memory, SUNDAY, &[planned(MON, &["a"]), planned(NEXT_MON, &["a"])]);
    let tuesday = [planned(TUE, &["a"]), planned("2026-12-01T10:00:00Z", &["a"])];
    assert_eq!(said(&mut memory, SUNDAY, &tuesday), ["moved Mon 15:00 -> Tue 10:00"]);
    assert_eq!(said(&mut memory, SUNDAY, &tuesday), [""; 0]);
    // A freeze leaves only the week after, far behind the horizon.
    assert_eq!(said(&mut memory, SUNDAY, &tuesday[1..]), ["moved Tue 10:00 -> Tue 10:00"]);
    assert_eq!(said(&mut memory, SUNDAY, &tuesday[1..]), [""; 0]);
    assert_eq!(said(&mut memory, "2026-11-30T12:00:00Z", &tuesday[1..]), [""; 0], "it was told of that");
}

#[test]
fn a_window_that_goes_away_is_cancelled_once() {
    let mut memory = Memory::default();
    said(&mut memory, SUNDAY, &[planned(MON, &["a"])]);
    assert_eq!(said(&mut memory, SUNDAY, &[]), ["cancelled Mon 15:00"]);
    assert_eq!(said(&mut memory, SUNDAY, &[]), [""; 0]);
    assert_eq!(said(&mut memory, SUNDAY, &[planned(MON, &["a"])]), ["announced Mon 15:00 1"], "it is back");
}

#[test]
fn one_of_several_windows_that_goes_away_did_not_move() {
    let mut memory = Memory::default();
    let daily = [planned(MON, &["a"]), planned(TUE, &["a"]), planned(NEXT_MON, &["a"])];
    said(&mut memory, SUNDAY, &daily);
    assert_eq!(said(&mut memory, SUNDAY, &daily[1..]), ["cancelled Mon 15:00"]);
}

#[test]
fn groups_that_join_or_leave_are_one_correction() {
    let mut memory = Memory::default();
    said(&mut memory, SUNDAY, &[planned(MON, &["a", "b"])]);
    assert_eq!(said(&mut memory, SUNDAY, &[planned(MON, &["a", "b", "c"])]), ["changed Mon 15:00 3"]);
    assert_eq!(said(&mut memory, SUNDAY, &[planned(MON, &["a", "b", "c"])]), [""; 0]);
    let split = [planned(MON, &["a", "c"]), planned(TUE, &["b"])];
    assert_eq!(said(&mut memory, SUNDAY, &split), ["changed Mon 15:00 2", "announced Tue 10:00 1"]);
    assert_eq!(said(&mut memory, SUNDAY, &split), [""; 0]);
}

#[test]
fn nobody_is_told_of_a_channel_that_is_gone() {
    let mut memory = Memory::default();
    said(&mut memory, SUNDAY, &[planned(MON, &["a"])]);
    let (qa, now) = ("qa".into(), at(SUNDAY));
    let upcoming = BTreeMap::from([("slack #b".to_owned(), vec![planned(MON, &["a"])])]);
    let steps = decide(&Facts { environment: &qa, upcoming: &upcoming, now, horizon: at(TUE) }, &memory);
    let told: Vec<&str> = steps.iter().map(|step: &Step| step.to.as_str()).collect();
    assert_eq!(told, ["slack #b"]);
}

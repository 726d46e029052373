//! Records of more environments than an image has tags for.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::gate::{State, is_record};

fn names(count: usize) -> Vec<EnvironmentName> {
    (0..count).map(|at| EnvironmentName::from(format!("environment-{at}").as_str())).collect()
}

fn record(state: State, at: i64, detail: &str) -> Record {
    Record { state, at: Timestamp::from_second(at).unwrap(), detail: detail.to_owned() }
}

fn others(count: usize) -> BTreeMap<String, String> {
    (0..count).map(|at| (format!("tag-{at}"), String::new())).collect()
}

/// Records all of them in turn; those for which there was no room.
fn record_all(tags: &mut BTreeMap<String, String>, names: &[EnvironmentName], record: &Record) -> usize {
    let mut without = 0;
    for name in names {
        match tag_over(tags, name, record, names) {
            Some((key, value)) => {
                assert!(value.chars().count() <= LIMIT, "{value}");
                assert!(is_record(&key), "{key}");
                tags.insert(key, value);
                assert!(tags.len() <= TAGS);
            }
            None => without += 1,
        }
    }
    without
}

#[test]
fn as_long_as_there_is_room_for_all_each_has_a_tag_of_its_own() {
    // One is kept for quarantine.
    let (names, mut tags) = (names(42), others(7));
    assert_eq!(record_all(&mut tags, &names, &record(State::Passed, 1, "14/14 build 812")), 0);
    assert!(!tags.keys().any(|key| is_shared(key)));
    assert_eq!(tags["ami-refresh:gate/environment-41"], "passed 1970-01-01T00:00:01Z 14/14 build 812");
}

#[test]
fn many_environments_share_tags_and_all_are_read_again_with_their_details() {
    for count in [43, 45, 60, 100, 140] {
        let (names, mut tags) = (names(count), others(7));
        let passed = record(State::Passed, 1, "14/14 build 812");
        assert_eq!(record_all(&mut tags, &names, &passed), 0, "{count}");
        assert!(tags.len() < TAGS, "room for quarantine: {count}");
        let read = records(&tags);
        assert!(names.iter().all(|name| read[name] == passed), "{count}: {tags:?}");
        let revoked =
            record(State::Revoked, 2, "by hand, jane: search is slow on it, see INC0815 and INC0816");
        assert_eq!(record_all(&mut tags, &names, &revoked), 0, "{count}");
        let read = records(&tags);
        assert!(names.iter().all(|name| read[name].is_same_as(&revoked)), "{count}: {tags:?}");
    }
}

#[test]
fn what_is_recorded_in_a_tag_of_its_own_stays_there_however_many_come() {
    let mut tags = others(7);
    tags.insert("ami-refresh:gate/environment-3".into(), "passed 1970-01-01T00:00:01Z 3/3".into());
    let names = names(60);
    let failed = record(State::Failed, 5, "payments");
    let (key, value) = tag_over(&tags, &names[3], &failed, &names).unwrap();
    assert_eq!(
        (key.as_str(), value.as_str()),
        ("ami-refresh:gate/environment-3", "failed 1970-01-01T00:00:05Z payments")
    );
    assert_eq!(records(&tags)[&names[3]].state, State::Passed);
}

#[test]
fn of_two_records_the_newer_counts_wherever_it_is() {
    let of = |own: &str, shared: &str| {
        let tags = [("ami-refresh:gate/qa", own), ("ami-refresh:gates/2", shared)];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        records(&tags.into())[&"qa".into()].state
    };
    let (old, new) = ("passed 2026-11-23T15:41:07Z 3/3", "revoked 2026-11-23T15:42:07Z by hand");
    assert_eq!(of(old, &format!("dev {old} + qa {new}")), State::Revoked);
    assert_eq!(of(new, &format!("qa {old} + dev {old}")), State::Revoked);
}

#[test]
fn a_full_image_has_no_room_and_what_was_recorded_on_it_still_has() {
    let (names, mut tags) = (names(9), others(TAGS - 1));
    let passed = record(State::Passed, 1, "by hand, jane: it was tried by hand, and works as well as before");
    let without = record_all(&mut tags, &names, &passed);
    assert_eq!(tags.len(), TAGS);
    assert!((2..7).contains(&without), "{without} of {tags:?}");
    let known = records(&tags);
    assert_eq!(known.len(), names.len() - without);
    let revoked = record(State::Revoked, 2, "a longer reason than there was before, of many words");
    for name in known.keys() {
        let (key, value) = tag_over(&tags, name, &revoked, &names).expect("it was there");
        tags.insert(key, value);
    }
    assert!(records(&tags).values().all(|record| record.is_same_as(&revoked)), "{tags:?}");
}

proptest! {
    #[test]
    fn whatever_details_say_no_record_is_taken_for_anothers(
        details in prop::collection::vec("[a-z+ ]{0,120}", 12),
        again in prop::collection::vec("[a-z+ ]{0,300}", 12),
    ) {
        let (names, mut tags) = (names(12), others(TAGS - 6));
        for (state, at, details) in [(State::Passed, 1, details), (State::Partial, 2, again)] {
            let mut kept = Vec::new();
            for (name, detail) in names.iter().zip(&details) {
                let record = record(state, at, detail);
                if let Some((key, value)) = tag_over(&tags, name, &record, &names) {
                    prop_assert!(value.chars().count() <= LIMIT);
                    tags.insert(key, value);
                    kept.push((name, record));
                }
            }
            let read = records(&tags);
            prop_assert_eq!(read.len(), kept.len());
            for (name, record) in kept {
                prop_assert!(read[name].is_same_as(&record), "{} in {:?}", name, tags);
                let words = |text: &str| {
                    text.split_whitespace().filter(|word| *word != "+").collect::<Vec<_>>().join(" ")
                };
                let whole = words(&record.detail);
                prop_assert!(whole.starts_with(&words(&read[name].detail)), "{:?} of {whole:?}", read[name]);
            }
        }
    }
}

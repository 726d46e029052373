//! What an environment runs, and what became of it there.

use std::collections::{BTreeMap, BTreeSet};

use super::{NOW, agenda, at, fleet, group};
use crate::config::Environment;
use crate::gate::{Quarantine, Record, State as GateState};
use crate::model::{Architecture, Build, Candidate, CandidateImage, Image, ImageId, ImageState};
use crate::overview::*;
use crate::rollout::{Running, Sight};

fn image(id: &str, name: &str, days: i64, tags: &[(&str, &str)]) -> Image {
    Image {
        id: id.into(),
        name: name.to_owned(),
        region: "eu-west-2".into(),
        state: ImageState::Available,
        architecture: Architecture::X86_64,
        owner: "100000000000".into(),
        created: Some(at(NOW) - jiff::SignedDuration::from_hours(days * 24)),
        deprecated_from: None,
        description: String::new(),
        volumes: 1,
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

/// A group on these images, of which the first is the one that it names.
fn on(name: &str, images: &[&str]) -> Running {
    Running {
        group: group(name, ""),
        named: images.first().map(|id| (*id).into()),
        images: images.iter().map(|id| (*id).into()).collect(),
        unknown: 0,
    }
}

fn sight(groups: Vec<Running>) -> Sight {
    let others = [image("ami-9", "other-1", 1, &[]), image("ami-7", "dept-base-7", 30, &[])];
    Sight { groups, images: others.into_iter().map(|image| (image.id.clone(), image)).collect() }
}

fn family() -> Family {
    let gate = |value| ("ami-refresh:gate/qa", value);
    Family::new(
        "dept-base-*",
        vec![
            image(
                "ami-3",
                "dept-base-3",
                1,
                &[("ami-refresh:build", "3"), gate("failed 2026-11-22T11:00:00Z web")],
            ),
            image(
                "ami-2",
                "dept-base-2",
                8,
                &[("ami-refresh:build", "2"), gate("passed 2026-11-16T16:00:00Z 2/2")],
            ),
            image(
                "ami-2a",
                "dept-base-2-arm",
                8,
                &[("ami-refresh:build", "2"), gate("passed 2026-11-16T16:01:00Z 2/2")],
            ),
            image("ami-1", "dept-base-1", 15, &[]),
        ],
    )
}

fn status(groups: Vec<Running>) -> EnvironmentStatus {
    let fleet = fleet();
    let environment: &Environment = fleet.environment("qa").unwrap();
    let sight = sight(groups);
    let all: Vec<_> = sight.groups.iter().map(|one| (&one.group, Need::Unknown)).collect();
    let windows = windows(&agenda(&fleet, "qa", at(NOW)), &all);
    standing(environment, &family(), &sight, windows, at(NOW))
}

fn ids(ids: &[&str]) -> BTreeSet<ImageId> {
    ids.iter().map(|id| (*id).into()).collect()
}

#[test]
fn an_environment_runs_what_most_of_its_groups_are_on() {
    let status =
        status(vec![on("a", &["ami-2"]), on("b", &["ami-2a"]), on("c", &["ami-1"]), on("d", &["ami-9"])]);
    let image = status.image.as_ref().unwrap();
    assert_eq!((image.name.as_str(), &image.ids), ("dept-base-2", &ids(&["ami-2", "ami-2a"])));
    assert_eq!((image.age_days, image.too_old), (Some(8), false));
    assert_eq!(image.gate.as_ref().map(|gate| gate.at), Some(at("2026-11-16T16:01:00Z")));
    assert_eq!((status.on_it, status.groups, status.other_families), (2, 3, 1));
    let others: Vec<&str> = status.others.iter().map(|other| other.group.as_str()).collect();
    assert_eq!(others, ["c"]);
    let last = status.last_rollout.as_ref().unwrap();
    assert_eq!((last.record.state, last.id.as_str()), (GateState::Failed, "ami-3"));
    assert_eq!((status.opens, status.is_open), (Some(at("2026-11-23T15:00:00Z")), false));
}

#[test]
fn a_group_in_part_on_it_is_not_on_it() {
    let mut torn = on("b", &["ami-2", "ami-3"]);
    torn.group
        .tags
        .insert("ami-refresh:rollout".to_owned(), "to=ami-3 from=ami-2 version=6 tracking=latest".to_owned());
    let mut unknown = on("c", &["ami-2"]);
    unknown.unknown = 1;
    let status = status(vec![on("a", &["ami-2"]), torn, unknown]);
    assert_eq!((status.on_it, status.others.len()), (1, 2));
    assert_eq!(status.others[0].images.len(), 2);
    let to: Vec<_> = status.under_way.iter().map(|one| (one.group.as_str(), one.to.clone())).collect();
    assert_eq!(to, [("b", Some("ami-3".into()))]);
}

#[test]
fn an_image_is_too_old_from_its_max_age_on() {
    assert!(status(vec![on("a", &["ami-1"])]).is_too_old());
    let stray = status(vec![on("a", &["ami-7"])]);
    assert!(stray.is_too_old(), "also one that the home account does not see");
    assert_eq!(stray.image.unwrap().name, "dept-base-7");
    let gone = status(vec![on("a", &["ami-gone"])]).image.unwrap();
    assert_eq!((gone.name.as_str(), gone.age_days, gone.too_old), ("", None, false));
}

#[test]
fn without_groups_the_last_rollout_is_still_known() {
    let status = status(Vec::new());
    assert_eq!((status.image.is_none(), status.groups), (true, 0));
    assert!(status.last_rollout.is_some());
}

#[test]
fn an_empty_group_is_on_what_it_names_and_a_quarantine_is_shown() {
    let mut empty = on("a", &["ami-4"]);
    empty.images.clear();
    let quarantine = Quarantine { holds: true, at: Some(at(NOW)), detail: "jane: it panics".into() };
    let tags = [("ami-refresh:quarantine", quarantine.to_tag())];
    let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let family = Family::new("dept-base-*", vec![image("ami-4", "dept-base-4", 0, &tags)]);
    let fleet = fleet();
    let sight = sight(vec![empty]);
    let windows = windows(&agenda(&fleet, "qa", at(NOW)), &[]);
    let status = standing(fleet.environment("qa").unwrap(), &family, &sight, windows, at(NOW));
    assert_eq!(status.image.unwrap().quarantine, Some(quarantine));
}

#[test]
fn a_group_needs_the_candidate_until_all_of_it_is_on_it() {
    let image = CandidateImage {
        region: "eu-west-2".into(),
        id: "ami-3".into(),
        architecture: Architecture::X86_64,
        name: "dept-base-3".into(),
        owner: "100000000000".into(),
    };
    let candidate = Candidate::new("base".into(), vec![image], Build::default(), "test".into());
    let sight = sight(Vec::new());
    let of = |running: &Running| need(running, &candidate, "dept-base-*", &sight);
    assert_eq!(of(&on("a", &["ami-3"])), Need::Done);
    assert_eq!(of(&on("a", &["ami-3", "ami-2"])), Need::Needs, "instances of the old one still run");
    assert_eq!(of(&on("a", &["ami-2"])), Need::Needs);
    assert_eq!(of(&on("a", &["ami-9"])), Need::OtherFamily);
    assert_eq!(of(&on("a", &[])), Need::Needs, "what nobody knows is not done");
    let mut marked = on("a", &["ami-3"]);
    marked.group.tags.insert("ami-refresh:rollout".to_owned(), String::new());
    assert_eq!(of(&marked), Need::Needs, "a rollout is still under way");
    let mut old = on("a", &["ami-3"]);
    old.unknown = 1;
    assert_eq!(of(&old), Need::Needs);
}

/// Nine environments of a status board that has something of everything.
pub(crate) fn nine() -> Vec<EnvironmentStatus> {
    let names = ["sandbox", "dev", "qa", "test", "training", "build", "qa2", "stage", "prod"];
    let record = |state, when| Record { state, at: at(when), detail: "5/5".to_owned() };
    let run = |days: i64| RunImage {
        name: "dept-base-20261121194500".to_owned(),
        ids: ids(&["ami-0f1e2d3c4b5a69788"]),
        created: None,
        age_days: Some(days),
        too_old: days > 14,
        gate: Some(record(GateState::Passed, "2026-11-22T19:41:00Z")),
        quarantine: None,
    };
    let mut all: Vec<EnvironmentStatus> = names
        .into_iter()
        .map(|name| EnvironmentStatus {
            environment: name.into(),
            image: Some(run(1)),
            groups: 5,
            on_it: 5,
            others: Vec::new(),
            other_families: 0,
            last_rollout: Some(LastRollout {
                record: record(GateState::Passed, "2026-11-22T19:41:00Z"),
                image: "dept-base-20261121194500".to_owned(),
                id: "ami-0f1e2d3c4b5a69788".into(),
            }),
            under_way: Vec::new(),
            opens: Some(at("2026-11-30T15:00:00Z")),
            closes: Some(at("2026-11-30T17:00:00Z")),
            is_open: false,
            freezes: Vec::new(),
            problems: Vec::new(),
        })
        .collect();
    let old = RunImage {
        name: "dept-base-with-a-very-long-name-20261031194500".to_owned(),
        ids: ids(&["ami-0a0000000a1b2c3d4"]),
        gate: Some(record(GateState::Revoked, "2026-11-20T10:00:00Z")),
        ..run(22)
    };
    let freeze = FreezeAhead {
        span: crate::model::Span { from: at("2026-11-27T17:00:00Z"), to: at("2026-11-30T06:00:00Z") },
        reason: "weekend".to_owned(),
        holds: false,
    };
    all[2].is_open = true;
    all[2].on_it = 3;
    all[2].under_way = ["payments", "orders"]
        .map(|group| UnderWay {
            group: group.into(),
            region: "eu-west-2".into(),
            to: Some("ami-0f1e2d3c4b5a69788".into()),
        })
        .into();
    all[2].others = (0..7)
        .map(|number| Other {
            group: format!("group-{number}").as_str().into(),
            region: "eu-west-2".into(),
            images: BTreeMap::from([("ami-0a0000000a1b2c3d4".into(), "dept-base-20261031194500".to_owned())]),
        })
        .collect();
    all[5].problems =
        vec![crate::model::Problem::new("AWS could not be asked", "no answer", "run this again")];
    all[7].freezes = vec![freeze.clone()];
    all[8].freezes = vec![freeze];
    all[8].image = Some(RunImage {
        quarantine: Some(Quarantine { holds: true, at: None, detail: "jane: it panics".into() }),
        ..old
    });
    all[6].image = None;
    all[6].last_rollout = None;
    all[6].opens = None;
    all[6].groups = 0;
    all[6].on_it = 0;
    all[6].other_families = 2;
    all
}

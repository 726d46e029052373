//! The tables as they are read, and that whatever a tag holds does no harm.

use std::collections::BTreeMap;

use super::*;
use crate::model::{Architecture, Build, CandidateImage, ImageState};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn candidate() -> Candidate {
    let image = CandidateImage {
        region: "eu-west-2".into(),
        id: "ami-0abc1234".into(),
        architecture: Architecture::X86_64,
        name: "dept-base-1".into(),
        owner: "100000000000".into(),
    };
    Candidate::new("base".into(), vec![image], Build::default(), "test".into())
}

/// The lines, their columns by one blank, where `standings` are sandbox's, dev's and prod's.
fn told(records: &Records, standings: [Standing; 3]) -> Vec<String> {
    let names: [EnvironmentName; 3] = ["sandbox".into(), "dev".into(), "prod".into()];
    let zone = TimeZone::get("Europe/London").unwrap();
    let rows = names.iter().zip(standings).enumerate().map(|(place, (environment, standing))| GateRow {
        environment,
        requires: &names[place.saturating_sub(1)..place],
        standing,
    });
    let rows = rows.collect();
    let now = at("2027-07-05T15:11:00Z");
    let text = gates(&GatesText { candidate: &candidate(), records, rows, zone: &zone, now }, false);
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn records(of: &[(&str, State, &str, &str)]) -> Records {
    let record = |&(name, state, when, detail): &(&str, State, &str, &str)| {
        (name.into(), Record { state, at: at(when), detail: detail.to_owned() })
    };
    Records { gates: of.iter().map(record).collect(), ..Records::default() }
}

#[test]
fn each_environment_says_what_became_of_the_image_and_what_holds_it_up() {
    let records = records(&[
        ("sandbox", State::Passed, "2027-07-05T14:41:00Z", "5/5 build 812"),
        ("dev", State::Failed, "2027-07-03T12:11:00Z", "payments"),
    ]);
    let soaks = Standing { soaks_until: Some(at("2027-07-06T14:41:00Z")), ..Standing::default() };
    let needs = Standing { missing: vec!["dev".into()], ..Standing::default() };
    assert_eq!(
        told(&records, [Standing::default(), soaks, needs]),
        [
            "image ami-0abc1234 dept-base-1 eu-west-2 x86_64",
            "",
            "environment gate when (Europe/London) age requires now detail",
            "sandbox passed Mon 05 Jul 15:41 30m 00s 5/5 build 812",
            "dev failed Sat 03 Jul 13:11 2d 03h sandbox soaks until Tue 06 Jul 15:41 payments",
            "prod - dev needs dev",
        ]
    );
}

#[test]
fn quarantine_is_said_first_and_holds_up_everything() {
    let mut records = records(&[]);
    let quarantine = Quarantine::new(true, at("2027-07-05T14:41:00Z"), "jane", "it panics");
    records.quarantined.insert("ami-0abc1234".into(), quarantine);
    let held = Standing { quarantined: true, missing: vec!["dev".into()], ..Standing::default() };
    let lines = told(&records, [held.clone(), held.clone(), held]);
    assert_eq!(lines[1], "in quarantine since Mon 05 Jul 15:41 by jane (it panics): ami-0abc1234");
    assert!(lines[4..].iter().all(|line| line.ends_with("in quarantine")), "{lines:#?}");
}

#[test]
fn a_list_says_since_when_by_whom_and_why_as_far_as_that_is_known() {
    let image = Image {
        id: "ami-0abc1234".into(),
        name: "dept-base-1".into(),
        region: "eu-west-2".into(),
        state: ImageState::Available,
        architecture: Architecture::X86_64,
        owner: "100000000000".into(),
        created: None,
        deprecated_from: None,
        description: String::new(),
        volumes: 1,
        tags: BTreeMap::new(),
    };
    let lifted = Quarantine::new(false, at("2027-07-05T14:41:00Z"), "jane", "mended");
    let other = Quarantine { holds: true, at: None, detail: "do not\u{1b}[31m use\n".into() };
    let held = [lifted, other].map(|quarantine| Held { image: image.clone(), quarantine });
    let zone = TimeZone::get("Europe/London").unwrap();
    let lines = |states| -> Vec<String> {
        let text = quarantine(&held, states, &zone, false);
        text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(
        lines(true),
        [
            "ami-0abc1234 dept-base-1 eu-west-2 lifted Mon 05 Jul 15:41 jane mended",
            "ami-0abc1234 dept-base-1 eu-west-2 in quarantine - - do not use",
        ]
    );
    assert_eq!(lines(false)[0], "ami-0abc1234 dept-base-1 eu-west-2 Mon 05 Jul 15:41 jane mended");
}

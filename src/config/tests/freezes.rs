//! Freezes: how they are written, and what is refused.

use jiff::civil::{Weekday, date, time};

use super::schedule::{right, said, top};
use super::*;
use crate::model::Moment;

#[test]
fn freezes_are_read_in_each_form() {
    let text = top(
        &SMALL.replace("version: 1\n", "version: 1\ntimezone: Europe/London\n"),
        "freezes:
  - { from: 2026-12-18T17:00, to: \"2027-01-04 08:00\", environments: [dev, prod], reason: year-end }
  - { every: week, from: Friday 17:00, to: mon 08:00, reason: weekend }
  - { every: month, from: 28 17:00, to: last 23:59, reason: books }
  - { every: year, from: 12-18 17:00, to: 02-29 08:00, reason: winter }",
    );
    let fleet = right(&text);
    let (morning, evening) = (time(8, 0, 0, 0), time(17, 0, 0, 0));
    let moments: Vec<(Moment, Moment)> =
        fleet.freezes.iter().map(|freeze| (freeze.from, freeze.to)).collect();
    assert_eq!(
        moments,
        [
            (
                Moment::Once(date(2026, 12, 18).to_datetime(evening)),
                Moment::Once(date(2027, 1, 4).to_datetime(morning))
            ),
            (Moment::Weekly(Weekday::Friday, evening), Moment::Weekly(Weekday::Monday, morning)),
            (Moment::Monthly(28, evening), Moment::Monthly(31, time(23, 59, 0, 0))),
            (Moment::Yearly(12, 18, evening), Moment::Yearly(2, 29, morning)),
        ]
    );
    let first = &fleet.freezes[0];
    assert_eq!((first.reason.as_str(), first.zone.iana_name()), ("year-end", Some("Europe/London")));
    assert_eq!(first.environments, Some(vec!["dev".into(), "prod".into()]));
    assert_eq!(fleet.freezes[1].environments, None);
}

#[test]
fn a_freeze_that_makes_no_sense_is_named_with_its_place() {
    let freeze = |freeze: &str| mistakes(&top(SMALL, &format!("freezes:\n  - {{ {freeze} }}")));
    for (written, expected) in [
        (
            "from: 2027-01-04T08:00, to: 2026-12-18T17:00, reason: x",
            "19:35 the freeze ends before it begins (`to` comes after `from`)",
        ),
        (
            "from: 2027-01-04T08:00, to: 2027-01-04T08:00, reason: x",
            "19:35 the freeze ends when it begins (`to` comes after `from`)",
        ),
        (
            "every: week, from: fri 17:00, to: Friday 17:00, reason: x",
            "19:41 the freeze ends when it begins (`to` comes after `from`)",
        ),
        ("from: 2026-12-18T17:00, to: 2027-01-04T08:00", "19:5 `reason` is missing (add `reason: …` here)"),
        ("from: 2026-12-18T17:00, reason: x", "19:5 `to` is missing (add `to: …` here)"),
        (
            "from: 2026-12-18T17:00, to: 2027-01-04T08:00, reason: x, environments: [prd]",
            "19:79 there is no environment `prd` (did you mean `prod`?)",
        ),
        (
            "from: 2026-12-18T17:00, to: 2027-01-04T08:00, reason: x, environments: []",
            "19:64 `environments` names none (leave it out: a freeze holds for all)",
        ),
        (
            "every: day, from: 10:00, to: 11:00, reason: x",
            "19:14 `every` is `day`, but may be `week`, `month` or `year`",
        ),
    ] {
        assert_eq!(freeze(written), [expected], "{written}");
    }
}

#[test]
fn the_ends_of_a_freeze_have_the_form_of_their_kind() {
    let from = |every: &str, from: &str, to: &str| {
        said(&top(SMALL, &format!("freezes:\n  - {{ {every}from: \"{from}\", to: {to}, reason: x }}")))
    };
    for (every, to, shape, wrong) in [
        (
            "",
            "2099-01-01T00:00",
            "`2026-12-18T17:00`",
            &[
                "2026-12-18",
                "fri 17:00",
                "2026-02-30T17:00",
                "20261218T17:00",
                "2026-12-18T24:00",
                "26-12-18 17:00",
            ][..],
        ),
        (
            "every: week, ",
            "mon 08:00",
            "`fri 17:00`, as `every: week` asks",
            &["fri", "17:00", "fri-sat 17:00", "fri 5pm", "2026-12-18T17:00", "fri, sat 17:00"],
        ),
        (
            "every: month, ",
            "last 08:00",
            "`28 17:00` or `last 17:00`, as `every: month` asks",
            &["0 17:00", "32 17:00", "+1 17:00", "001 17:00", "fri 17:00", "28"],
        ),
        (
            "every: year, ",
            "12-31 08:00",
            "`12-18 17:00`, as `every: year` asks",
            &["02-30 17:00", "13-01 17:00", "12-00 17:00", "12 17:00", "2026-12-18 17:00"],
        ),
    ] {
        for text in wrong {
            let expected = format!("`from` must be written as {shape} (this is the text `{text}`)");
            assert_eq!(from(every, text, to), [expected]);
        }
    }
}

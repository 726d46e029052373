//! The board of environments as it is read.

use super::*;
use crate::overview::tests::{NOW, at, nine};

fn told(environments: &[EnvironmentStatus], color: bool) -> String {
    let zone = TimeZone::get("Europe/London").unwrap();
    status(&StatusText { at: at(NOW), zone: &zone, family: "base", environments }, color)
}

#[test]
fn the_board_of_nine_environments_fits_a_hundred_columns() {
    let text = told(&nine(), false);
    let table: Vec<&str> = text.lines().skip(2).take(10).collect();
    assert!(table[9].starts_with("prod"), "{text}");
    let widest = table.iter().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest} columns\n{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_too_old_is_marked_by_a_sign_and_a_colour() {
    let line =
        |color: bool| told(&nine(), color).lines().find(|line| line.starts_with("prod")).unwrap().to_owned();
    assert!(line(false).contains("22d !"), "{}", line(false));
    assert!(line(true).contains("\u{1b}[31m22d !\u{1b}[0m"), "{:?}", line(true));
}

#[test]
fn names_from_outside_do_no_harm() {
    let mut all = nine();
    all[0].image.as_mut().unwrap().name = "dept\u{1b}[2J-base\n".to_owned();
    all[2].others[0].group = "g\u{1b}]0;x\u{7}".into();
    let text = told(&all, false);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

//! The page's form: well-formed, within its bounds, without what Jenkins forbids, readable.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::*;
use crate::event::{Event, PlannedAction, RollbackRoute, Status};
use crate::model::{Exit, Outcome, Verdict};
use crate::report::hostile::{any_text, hostile};
use crate::report::samples::{self, NEW, OLD, Stream, check, group, planned, probe};

/// Elements that HTML does not close.
const VOID: [&str; 4] = ["meta", "link", "br", "hr"];

/// The elements and attributes of a page, in order. Panics where tags do not nest, names of
/// attributes repeat or are odd, or an id is used twice.
fn elements(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = false;
    let (mut open, mut all, mut ids) = (Vec::<String>::new(), Vec::new(), Vec::<String>::new());
    loop {
        match reader.read_event().unwrap() {
            Xml::Eof => break,
            Xml::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                let mut attributes = BTreeMap::new();
                for attribute in tag.html_attributes() {
                    let attribute = attribute.unwrap();
                    let key = attribute.key.as_ref().to_owned();
                    assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{key:?}");
                    let value = attribute.value.into_owned();
                    if key == "id" {
                        ids.push(value.clone());
                    }
                    assert!(attributes.insert(key, value).is_none(), "an attribute twice in {name}");
                }
                if !VOID.contains(&name.as_str()) {
                    open.push(name.clone());
                }
                all.push((name, attributes));
            }
            Xml::End(tag) => {
                let name = tag.name().as_ref().to_owned();
                assert_eq!(open.pop(), Some(name));
            }
            Xml::Text(_) | Xml::GeneralRef(_) | Xml::DocType(_) => {}
            other => panic!("not expected in the page: {other:?}"),
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let distinct = ids.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(distinct, ids.len(), "an id is used twice: {ids:?}");
    all
}

/// Holds a page to everything that holds of every page.
fn sound(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let all = elements(page);
    let ids: Vec<&str> = all.iter().filter_map(|(_, at)| at.get("id")).map(String::as_str).collect();
    for (name, attributes) in &all {
        assert!(
            !["script", "style", "iframe", "object", "embed", "base", "form"].contains(&name.as_str()),
            "{name}"
        );
        for (key, value) in attributes {
            assert!(key != "style" && !key.starts_with("on"), "{name} has {key}");
            if key == "href" {
                let inside = value.strip_prefix('#').is_none_or(|id| ids.contains(&id));
                assert!(inside, "{name} goes to {value}, which is not there");
                assert!(!value.trim_start().to_lowercase().starts_with("javascript:"), "{value}");
            }
            if key == "aria-labelledby" {
                assert!(ids.contains(&value.as_str()), "{name} is labelled by {value}, which is not there");
            }
        }
        if name == "svg" {
            let named = attributes.contains_key("aria-label") || attributes.contains_key("aria-labelledby");
            let picture = attributes.get("role").is_some_and(|role| role == "img") && named;
            let hidden = attributes.contains_key("aria-hidden");
            // The axis is hidden as a whole.
            assert!(
                picture || hidden || attributes.get("class").is_some_and(|class| class == "bars"),
                "{attributes:?}"
            );
        }
        if name == "th" {
            assert!(attributes.contains_key("scope"), "a heading of a table without its scope");
        }
    }
    let levels: Vec<u32> = all
        .iter()
        .filter(|(name, _)| name.len() == 2 && name.starts_with('h') && name != "hr")
        .map(|(name, _)| u32::from(name.as_bytes()[1] - b'0'))
        .collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "one heading of the page");
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level is left out: {levels:?}");
    for landmark in ["header", "nav", "main", "footer"] {
        assert_eq!(all.iter().filter(|(name, _)| name == landmark).count(), 1, "{landmark}");
    }
    assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "control characters");
    assert_eq!(all[0].1.get("lang").map(String::as_str), Some("en"));
    all
}

#[test]
fn pages_of_every_kind_of_run_are_sound() {
    for events in [
        samples::clean(None),
        samples::failed_check(),
        samples::refused(),
        samples::aborted(),
        samples::all(),
    ] {
        sound(&page_of(&events));
    }
    sound(&page_of(&[]));
    let runs = [run_of(&samples::failed_check()), run_of(&samples::clean(None)), run_of(&samples::all())];
    sound(&text(&write("report.html", &runs.iter().collect::<Vec<_>>(), &look())));
}

#[test]
fn a_text_that_is_markup_is_shown_as_text() {
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' onclick='x";
    let page = page_of(&hostile(evil));
    sound(&page);
    assert!(page.contains("&lt;script&gt;alert(1)"), "the text is there, and harmless");
}

#[test]
fn a_page_address_of_the_build_is_a_link_only_if_it_is_one() {
    for (url, linked) in
        [("https://jenkins.example/1", true), ("javascript:alert(1)", false), ("data:text/html,x", false)]
    {
        let mut events = samples::clean(None);
        if let Event::RunStarted { build, .. } = &mut events[0].event {
            build.url = Some(url.into());
        }
        assert_eq!(page_of(&events).contains(&format!("href=\"{url}\"")), linked, "{url}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn no_text_gets_out_of_its_place(text in any_text()) {
        sound(&page_of(&hostile(&text)));
    }
}

/// A run of that many groups, every seventh of which fails, all with all there is to tell.
fn many(groups: usize, answer: &str) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    let names: Vec<String> = (0..groups).map(|at| format!("team-{}-service-{at}-qa", at % 40)).collect();
    stream.start("qa", names.iter().map(|name| planned("qa", name, PlannedAction::Refresh)).collect());
    for (at, name) in names.iter().enumerate() {
        let (group, answer) = (group("qa", name), format!("{answer} by {at}"));
        for step in 0..30u32 {
            let images = BTreeMap::from([(NEW.into(), step), (OLD.into(), 30 - step)]);
            let seen =
                Event::CapacitySeen { group: group.clone(), desired: 30, in_service: 29 + step % 3, images };
            stream.push(seen).wait(20);
        }
        if at % 7 > 0 {
            stream.good(&group);
            continue;
        }
        let probes =
            (0..20).map(|n| probe(&format!("i-0{at}{n}"), Status::Failed, &answer, &answer)).collect();
        stream.refresh(&group).checks(&group, vec![check("app-health", Status::Failed, &answer, probes)]);
        stream.push(Event::RollbackStarted {
            group: group.clone(),
            route: RollbackRoute::Native,
            why: answer.clone(),
        });
        stream.end(&group, Outcome::RolledBack { why: answer }, Some(OLD));
    }
    stream.environment_ended("qa", Verdict::RolledBack, "some failed", &["ami-refresh rollout --env qa"]);
    stream.run_ended(Exit::RolledBack, "failed, and rolled back")
}

#[test]
fn five_hundred_groups_stay_small_and_are_all_there() {
    let run = run_of(&many(500, "503 Service Unavailable, wanted 200"));
    let files = write("report.html", &[&run], &look());
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let page = text(&files);
    assert!(bytes < 2_000_000, "{bytes} bytes");
    let all = sound(&page);
    for at in 0..500 {
        let name = format!("team-{}-service-{at}-qa", at % 40);
        assert!(page.contains(&format!("<th scope=\"row\">{name}")), "{name} has its row");
    }
    assert_eq!(all.iter().filter(|(name, _)| name == "article").count(), 20, "the cards are bounded");
    let failures = page.find("id=\"failures\"").unwrap();
    assert!(failures < 20_000, "failures are at the top, not at {failures}");
    assert_eq!(page.matches("left out here, for size").count(), 0, "all of it has room");
}

#[test]
fn a_flood_of_text_is_bounded_and_says_what_it_leaves_out() {
    let run = run_of(&many(700, &"x".repeat(100_000)));
    let page = text(&write("report.html", &[&run], &look()));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    sound(&page);
    assert!(page.contains("[cut here: ") && page.contains("left out here, for size"));
}

// --- The stylesheet ----------------------------------------------------------------------------

/// The colours that a block of the stylesheet names.
fn colours(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let mut colours = BTreeMap::new();
    for line in block.lines() {
        let Some((name, value)) = line.trim().strip_prefix("--").and_then(|line| line.split_once(": #"))
        else {
            continue;
        };
        let part = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
        colours.insert(name, [part(0), part(2), part(4)]);
    }
    colours
}

/// The schemes: light, and dark.
fn schemes() -> [BTreeMap<&'static str, [f64; 3]>; 2] {
    let (light, rest) = STYLES.split_once("@media screen and (prefers-color-scheme: dark)").unwrap();
    let dark = rest.split_once("/* The page */").unwrap().0;
    [colours(light), colours(dark)]
}

/// As WCAG 2 defines it: 1 to 21.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (a, b) = (light(one), light(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn texts_have_contrast_in_both_schemes() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.01, "black on white is 21");
    for scheme in schemes() {
        let grounds = ["paper", "card", "dim-ground"];
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for ground in grounds {
            pairs.extend(["ink", "soft", "link"].map(|text| (text, ground)));
        }
        pairs.extend([("ink", "code-ground"), ("soft", "code-ground"), ("odd", "odd-ground")]);
        pairs.extend([("good", "good-ground"), ("bad", "bad-ground"), ("dim", "dim-ground")]);
        for (text, ground) in pairs {
            let contrast = contrast(scheme[text], scheme[ground]);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
        }
    }
}

#[test]
fn bars_and_lines_stand_out_in_both_schemes() {
    for scheme in schemes() {
        let on_paper = [
            "wait",
            "template",
            "refresh",
            "bake",
            "checks",
            "rollback",
            "new-image",
            "in-service",
            "desired",
        ];
        for (one, other) in on_paper.map(|bar| (bar, "paper")).into_iter().chain([("checks", "bake")]) {
            let contrast = contrast(scheme[one], scheme[other]);
            assert!(contrast >= 3.0, "{one} on {other}: {contrast:.2}");
        }
    }
}

#[test]
fn every_colour_has_its_dark_one_and_the_rules_name_no_other() {
    let [light, dark] = schemes();
    assert_eq!(light.keys().collect::<Vec<_>>(), dark.keys().collect::<Vec<_>>());
    assert!(light.len() > 20);
    let rules = STYLES.split_once("/* The page */").unwrap().1.split_once("/* On paper").unwrap().0;
    assert!(!rules.contains(": #"), "a colour that has no dark one");
    for used in rules.split("var(--").skip(1) {
        let name = used.split(')').next().unwrap();
        assert!(light.contains_key(name), "{name} is not named");
    }
    assert!(!STYLES.contains("url(h") && !STYLES.contains("@import"), "nothing from elsewhere");
}

#[test]
fn every_class_of_a_page_is_known_to_the_stylesheet() {
    let known = |class: &str| STYLES.contains(&format!(".{class}"));
    for (name, attributes) in elements(&page_of(&samples::all())) {
        for class in attributes.get("class").into_iter().flat_map(|classes| classes.split(' ')) {
            // The page's own tone is for whoever adds rules of theirs.
            assert!(known(class) || name == "html", "{name} has class {class}");
        }
    }
}

//! What the page says of a run, and where.

use std::collections::BTreeMap;

use super::*;
use crate::event::{Event, GroupRef, PlannedAction, Simulation};
use crate::model::{Exit, ImageFacts, Outcome, Verdict};
use crate::report::samples::{self, NEW, OLD, Stream, group, planned};

/// The page's text without tags, in one line.
pub(super) fn words(page: &str) -> String {
    let mut words = String::new();
    let mut rest = page;
    while let Some((text, after)) = rest.split_once('<') {
        words.push_str(text);
        words.push(' ');
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    let words = words.replace("&quot;", "\"").replace("&gt;", ">").replace("&amp;", "&");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words from one heading on, up to the next section.
pub(super) fn section(page: &str, id: &str) -> String {
    let from = page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no section {id}"));
    words(&page[from..from + page[from..].find("</section>").unwrap()])
}

fn seen(group: &GroupRef, in_service: u32, new: u32, old: u32) -> Event {
    let images = BTreeMap::from([(NEW.into(), new), (OLD.into(), old)]);
    Event::CapacitySeen { group: group.clone(), desired: 4, in_service, images }
}

fn facts(id: &str, name: &str, created: &str, tags: &[(&str, &str)]) -> Event {
    Event::ImageDescribed {
        image: ImageFacts {
            id: id.into(),
            region: "eu-west-2".into(),
            name: name.into(),
            description: format!("{name}, patched"),
            created: Some(created.parse().unwrap()),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        },
    }
}

/// A clean group with its capacity, and both images described.
fn richly_told() -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    let web = group("qa", "payments-qa");
    stream.start("qa", vec![planned("qa", "payments-qa", PlannedAction::Refresh)]);
    stream.push(facts(
        OLD,
        "dept-base-20261107190212",
        "2026-11-07T19:02:12Z",
        &[("kernel", "6.1.115"), ("openssl", "3.0.15"), ("os", "bookworm")],
    ));
    stream.push(facts(
        NEW,
        "dept-base-20261121194500",
        "2026-11-21T19:45:00Z",
        &[("kernel", "6.1.119"), ("os", "bookworm"), ("agent", "7.59"), ("ami-refresh:gate/dev", "passed")],
    ));
    for (in_service, new, old) in [(4, 0, 4), (3, 1, 3), (4, 2, 2), (4, 3, 1), (4, 4, 0)] {
        stream.push(seen(&web, in_service, new, old)).wait(120);
    }
    stream.good(&web);
    stream.environment_ended("qa", Verdict::Passed, "1 group on the new image", &[]);
    stream.run_ended(Exit::Done, "done")
}

#[test]
fn the_verdict_says_what_happened_and_what_to_do() {
    let page = page_of(&samples::failed_check());
    let verdict = section(&page, "verdict");
    assert!(
        verdict.starts_with("qa failed and was rolled back: payments-qa failed check app-health."),
        "{verdict}"
    );
    assert!(verdict.contains("Production prod is as it was: this run changed nothing there."), "{verdict}");
    assert!(verdict.contains("Do I have to act now? Not tonight"), "{verdict}");
    assert!(verdict.contains("Next ami-refresh rollout --environment qa"), "{verdict}");
}

#[test]
fn every_verdict_has_its_sentence() {
    for (verdict, exit, sentence, act) in [
        (Verdict::Passed, Exit::Done, "prod passed.", "No."),
        (Verdict::Partial, Exit::Done, "prod: 'rollout' is done", "No."),
        (Verdict::Unproved, Exit::Refused, "prod did not pass", "Not at once"),
        (Verdict::NotDue, Exit::Refused, "prod has nothing that is due", "Not at once"),
        (Verdict::Refused, Exit::Refused, "prod was refused", "Not at once"),
        (Verdict::SetUp, Exit::Usage, "prod could not be begun", "Not at once"),
        (Verdict::Unreachable, Exit::Unexpected, "prod could not be begun: AWS", "Not at once"),
        (Verdict::RolledBack, Exit::RolledBack, "prod failed and was rolled back", "Not tonight"),
        (Verdict::NeedsPerson, Exit::NeedsPerson, "prod needs a person", "Yes"),
    ] {
        let mut stream = Stream::new(&["prod"], None);
        stream.start("prod", vec![]).environment_ended("prod", verdict, "so it ended", &[]);
        let page = page_of(&stream.run_ended(exit, "ended"));
        let told = section(&page, "verdict");
        assert!(told.starts_with(sentence), "{verdict}: {told}");
        assert!(told.contains(&format!("Do I have to act now? {act}")), "{verdict}: {told}");
        let safe = matches!(verdict, Verdict::Passed | Verdict::RolledBack);
        assert_eq!(told.contains("prod is safe"), safe, "{verdict}: {told}");
    }
}

#[test]
fn a_run_that_was_killed_says_that_it_has_not_ended() {
    let mut events = samples::failed_check();
    events.truncate(20);
    let verdict = section(&page_of(&events), "verdict");
    assert!(verdict.starts_with("Not finished: qa is still under way."), "{verdict}");
    assert!(verdict.contains("it finds its own work"), "{verdict}");
}

#[test]
fn an_abort_says_what_goes_on_in_aws() {
    let verdict = section(&page_of(&samples::aborted()), "verdict");
    assert!(verdict.starts_with("Aborted by SIGTERM in qa."), "{verdict}");
    assert!(verdict.contains("Soon: 1 refresh goes on in AWS"), "{verdict}");
}

#[test]
fn a_failure_shows_the_answers_and_the_words_of_aws_once() {
    let page = page_of(&samples::failed_check());
    let failures = section(&page, "failures");
    assert_eq!(failures.matches("sufficient m5.large capacity").count(), 2, "told, and in the story");
    assert!(failures.contains("{\"status\":\"DOWN\", \"db\":\"]] > refused\"}"), "{failures}");
    assert!(failures.contains("i-02 and i-04, asked 3 times"), "{failures}");
    assert!(failures.contains(&format!("Runs now 4 instances on {OLD} (old)")), "{failures}");
    assert!(page.find("id=\"failures\"") < page.find("id=\"timeline\""), "failures come first");
}

#[test]
fn a_refusal_shows_each_problem_with_its_next_step() {
    let failures = section(&page_of(&samples::refused()), "failures");
    assert!(failures.contains("Why publishing a version would put the new image into stage"), "{failures}");
    assert!(failures.contains("Next pin payments-stage to version 6"), "{failures}");
    assert!(failures.contains("group search-prod suspends Launch Next resume the process"), "{failures}");
}

#[test]
fn groups_that_failed_in_one_way_are_told_once_and_named() {
    let mut stream = Stream::new(&["qa"], None);
    let names = ["a-qa", "b-qa", "c-qa"];
    let capacity =
        "launches fail: 4 failed, the last with: We currently do not have sufficient m5.large capacity.";
    stream.start("qa", names.map(|name| planned("qa", name, PlannedAction::Refresh)).to_vec());
    for (name, why) in names.into_iter().zip([capacity, capacity, "no disk"]) {
        stream.end(&group("qa", name), Outcome::RolledBack { why: why.into() }, Some(OLD));
    }
    stream.environment_ended("qa", Verdict::RolledBack, "3 failed", &[]);
    let page = page_of(&stream.run_ended(Exit::RolledBack, "failed"));
    assert_eq!(page.matches("<article").count(), 2);
    let failures = section(&page, "failures");
    assert!(failures.contains("1 more group like these b-qa ✗ rolled back launches fail: 4"), "{failures}");
    assert!(section(&page, "verdict").contains("a-qa: launches fail, and 2 more groups."));
}

#[test]
fn a_clean_run_has_no_failures() {
    assert!(!page_of(&samples::clean(None)).contains("id=\"failures\""));
}

#[test]
fn a_rehearsal_is_marked_at_the_top_and_in_the_title() {
    let simulation = Some(Simulation { scenario: "app-down".into(), seed: 7 });
    let page = page_of(&samples::clean(simulation));
    assert!(page.contains("<title>Rehearsal: "), "the title");
    assert!(
        words(&page).contains(
            "Rehearsal on the simulator, scenario app-down , seed 7. Nothing here happened on AWS."
        )
    );
    assert!(!page_of(&samples::clean(None)).contains("ehearsal"), "on AWS nothing says so");
    let run = run_of(&samples::clean(None));
    let simulated = Look { simulated: true, ..look() };
    assert!(text(&write("report.html", &[&run], &simulated)).contains("Nothing here happened on AWS"));
}

#[test]
fn the_timeline_tells_its_bars_in_words() {
    let page = page_of(&samples::failed_check());
    let from = page.find("id=\"timeline\"").unwrap();
    assert!(
        page[from..].contains("role=\"img\" aria-label=\"template 1m 02s from Sun 22 Nov 1"),
        "{}",
        &page[from..from + 6000]
    );
    for class in ["refresh", "bake", "checks", "rollback"] {
        assert!(page[from..].contains(&format!("<rect class=\"{class}\"")), "{class}");
    }
}

#[test]
fn capacity_is_drawn_told_and_listed() {
    let groups = section(&page_of(&richly_told()), "groups");
    assert!(
        groups.contains("desired 4, in service 3 to 4, at worst 1 too few; only the new image from 19:08"),
        "{groups}"
    );
    assert!(groups.contains("19:02:08 4 3 1 3"), "{groups}");
    assert!(page_of(&richly_told()).contains("<path class=\"new-image\" d=\"M0 100V100H"));
}

#[test]
fn images_are_compared_by_their_tags() {
    let images = section(&page_of(&richly_told()), "images");
    assert!(images.contains("kernel changed 6.1.115 6.1.119"), "{images}");
    assert!(images.contains("agent added 7.59"), "{images}");
    assert!(images.contains("openssl gone 3.0.15"), "{images}");
    assert!(images.contains("14d 00h newer"), "{images}");
    let (differ, folded) = images.split_once("2 other tags").unwrap();
    assert!(!differ.contains("bookworm") && folded.contains("os bookworm"), "{images}");
    assert!(folded.contains("ami-refresh:gate/dev passed"), "{images}");
}

#[test]
fn an_image_of_which_nothing_was_told_says_so() {
    let images = section(&page_of(&samples::clean(None)), "images");
    assert!(images.contains("EC2 has told no more of either"), "{images}");
}

#[test]
fn several_runs_are_one_page_with_the_last_word_first() {
    let (failed, clean) = (run_of(&samples::failed_check()), run_of(&samples::clean(None)));
    let page = text(&write("report.html", &[&failed, &clean], &look()));
    assert!(
        section(&page, "verdict").starts_with("1 of 2 environments passed."),
        "{}",
        section(&page, "verdict")
    );
    assert!(!page.contains("id=\"failures\""), "what failed has passed since");
    let groups = section(&page, "groups");
    assert!(groups.contains("qa · rollout Sun 22 Nov 19:00, run 1 ✗ rolled back"), "{groups}");
}

#[test]
fn a_rollback_that_was_asked_for_is_no_failure() {
    let mut stream = Stream::new(&["prod"], None);
    let web = group("prod", "payments-prod");
    stream.start("prod", vec![planned("prod", "payments-prod", PlannedAction::Refresh)]);
    stream.end(&web, Outcome::RolledBack { why: "asked for".into() }, Some(OLD));
    stream.environment_ended("prod", Verdict::Partial, "1 taken back", &[]);
    let mut events = stream.run_ended(Exit::Done, "done");
    if let Event::RunStarted { command, .. } = &mut events[0].event {
        *command = "rollback".into();
    }
    let page = page_of(&events);
    assert!(section(&page, "verdict").starts_with("prod was taken back, as asked."));
    assert!(!page.contains("id=\"failures\"") && page.contains("taken back</span>"), "no failure");
    assert_eq!(file_name("rollback"), "report.rollback.html");
    assert_eq!(file_name("rollout"), "report.html");
}

//! What people read, as snapshots, and that nothing from outside gets through.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use super::play::{Mode, many, of_team, play, shown, team};
use crate::event::{ByHand, Event, PlannedAction, PlannedGroup, Simulation};
use crate::model::{Exit, Verdict};
use crate::notify::slack::message::{Color, Line, Message};
use crate::notify::story::Audience;
use crate::report::hostile::{any_text, hostile};
use crate::report::samples;
use crate::report::stream::{NEW, Stream, env, group, planned};

const ALL: Audience = Audience::Everybody;

#[test]
fn a_clean_environment_is_told_by_its_start_and_its_end() {
    assert_snapshot!(shown(&play(&samples::clean(None), &ALL, Mode::Webhook)));
}

#[test]
fn a_clean_environment_is_one_message_with_a_thread_for_a_bot() {
    assert_snapshot!(shown(&play(&samples::clean(None), &ALL, Mode::Bot)));
}

#[test]
fn a_failure_is_told_at_once_and_the_end_says_how_to_go_on() {
    assert_snapshot!(shown(&play(&samples::failed_check(), &ALL, Mode::Webhook)));
}

#[test]
fn a_failure_is_shown_in_the_channel_too_by_a_bot() {
    assert_snapshot!(shown(&play(&samples::failed_check(), &ALL, Mode::Bot)));
}

#[test]
fn what_slack_gets() {
    let says = play(&samples::failed_check(), &ALL, Mode::Webhook);
    let payloads: Vec<Value> = says.iter().map(|say| say.message.payload()).collect();
    assert_snapshot!(serde_json::to_string_pretty(&payloads).unwrap());
}

#[test]
fn two_hundred_groups_are_told_in_three_short_messages() {
    let says = play(&many(200, |n| n % 50 == 7), &ALL, Mode::Webhook);
    assert_snapshot!(shown(&says));
}

#[test]
fn a_rehearsal_says_so_first() {
    let simulation = Some(Simulation { scenario: "clean".into(), seed: 7 });
    for mode in [Mode::Webhook, Mode::Bot] {
        let says = play(&samples::clean(simulation.clone()), &ALL, mode);
        assert!(says.len() > 1);
        for say in says {
            assert!(say.message.reading().starts_with("SIMULATION: "), "{}", say.message.reading());
            let text = say.message.payload()["text"].as_str().unwrap().to_owned();
            assert!(text.starts_with("SIMULATION: this is a rehearsal"), "{text}");
        }
    }
}

#[test]
fn a_refusal_is_told_once_in_the_channel_of_everything() {
    let says = play(&samples::refused(), &ALL, Mode::Webhook);
    assert_snapshot!(shown(&says));
    assert_eq!(play(&samples::refused(), &ALL, Mode::Bot).len(), 1);
    assert_eq!(play(&samples::refused(), &team("payments"), Mode::Webhook), []);
}

#[test]
fn waiting_and_an_overridden_freeze_belong_to_the_start() {
    let mut stream = Stream::new(&["qa"], None);
    let opens = "2026-11-23T15:00:00Z".parse().unwrap();
    let later = |name| PlannedGroup { opens: Some(opens), ..planned("qa", name, PlannedAction::Defer) };
    stream.push(Event::EnvironmentStarted { environment: env("qa") });
    stream.push(Event::FreezeOverridden {
        environment: env("qa"),
        freeze: "year-end freeze".into(),
        until: "2027-01-04T08:00:00Z".parse().unwrap(),
        by: ByHand { who: "alice".into(), reason: "CVE-2026-1 is exploited".into() },
    });
    stream
        .push(Event::Planned { environment: env("qa"), groups: vec![later("payments-qa"), later("web-qa")] });
    stream.push(Event::EnvironmentWaits {
        environment: env("qa"),
        until: opens,
        message: "2 groups open then".into(),
    });
    stream.wait(60_000);
    let due = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![due("payments-qa"), due("web-qa")]);
    stream.good(&group("qa", "payments-qa")).good(&group("qa", "web-qa"));
    stream.environment_ended("qa", Verdict::Passed, "2 groups on the new image", &[]);
    let events = stream.run_ended(Exit::Done, "done");
    assert_snapshot!("waits_webhook", shown(&play(&events, &ALL, Mode::Webhook)));
    assert_snapshot!("waits_bot", shown(&play(&events, &ALL, Mode::Bot)));
}

#[test]
fn a_team_hears_of_its_own_groups_only() {
    let mut stream = Stream::new(&["qa"], None);
    stream.start("qa", vec![of_team("qa", "payments-qa", "payments"), of_team("qa", "search-qa", "search")]);
    let failed = samples::failed_check();
    stream.events.extend(failed.into_iter().skip(4));
    let events = std::mem::take(&mut stream.events);
    assert_snapshot!("team_failed", shown(&play(&events, &team("payments"), Mode::Webhook)));
    assert_snapshot!("team_stopped", shown(&play(&events, &team("search"), Mode::Webhook)));
    assert_eq!(play(&events, &team("books"), Mode::Webhook), []);
    assert_eq!(play(&events, &team("books"), Mode::Bot), []);
}

#[test]
fn quarantine_is_told_with_the_end() {
    let mut events = samples::failed_check();
    let at = events.len() - 3;
    let mut more = Stream { at: 0, events: Vec::new() };
    more.push(Event::Quarantined {
        environment: env("qa"),
        images: vec![NEW.into()],
        reason: "app-health failed on payments-qa".into(),
    });
    events.insert(at, more.events.remove(0));
    let says = play(&events, &ALL, Mode::Webhook);
    let end = says.last().unwrap();
    assert_eq!(end.message.color, Color::Danger);
    let text = end.message.reading();
    assert!(text.contains(&format!("quarantined: {NEW} goes nowhere any more: app-health failed")), "{text}");
}

#[test]
fn other_steps_and_what_needs_nothing_are_silent() {
    for command in ["smoke", "gate pass", "update-templates", "rollout"] {
        let mut stream = Stream::new(&["qa", "prod"], None);
        if let Event::RunStarted { command: told, .. } = &mut stream.events[0].event {
            command.clone_into(told);
        }
        let action = if command == "rollout" { PlannedAction::Defer } else { PlannedAction::Refresh };
        stream.start("qa", vec![planned("qa", "payments-qa", action)]);
        stream.environment_ended("qa", Verdict::NotDue, "nothing is due", &[]);
        stream.environment_ended("prod", Verdict::NotReached, "qa did not pass", &[]);
        let events = stream.run_ended(Exit::Done, "done");
        for mode in [Mode::Webhook, Mode::Bot] {
            assert_eq!(play(&events, &ALL, mode), [], "{command}");
        }
    }
}

#[test]
fn an_abort_is_told() {
    let says = play(&samples::aborted(), &ALL, Mode::Webhook);
    assert_eq!(says.len(), 2);
    assert_eq!(says[1].message.color, Color::Warning);
    let text = says[1].message.reading();
    assert!(text.contains("SIGTERM came") && text.contains("Next: ami-refresh refresh"), "{text}");
}

/// Every text that Slack formats in a payload.
fn texts(payload: &Value) -> Vec<String> {
    let attachment = &payload["attachments"][0];
    let blocks = attachment["blocks"].as_array().cloned().unwrap_or_default();
    let mut texts: Vec<String> =
        blocks.iter().map(|block| block["text"]["text"].as_str().unwrap().into()).collect();
    texts.push(payload["text"].as_str().unwrap().into());
    texts.extend(attachment["fallback"].as_str().map(ToOwned::to_owned));
    texts
}

/// What Slack would take for a sign of its own: only the links that this program made.
fn foreign_signs(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        let sign = &rest[at..end];
        if !sign.starts_with("<https://jenkins.example/job/base/812/|") || sign.matches('<').count() > 1 {
            found.push(sign.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

fn holds_no_trap(says: &[crate::notify::slack::said::Say]) {
    assert!(!says.is_empty());
    for say in says {
        let payload = say.message.payload();
        let mut length = 0;
        for text in texts(&payload) {
            assert_eq!(foreign_signs(&text), Vec::<String>::new(), "{text}");
            for call in ["@channel", "@here", "@everyone"] {
                assert!(!text.to_lowercase().contains(call), "{text}");
            }
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
            assert!(text.encode_utf16().count() <= 3000, "{}", text.len());
            length += text.encode_utf16().count();
        }
        assert!(length < 40_000);
        let blocks = payload["attachments"][0]["blocks"].as_array().map_or(0, Vec::len);
        assert!(blocks <= 50);
        assert!(!say.message.reading().contains('\u{1b}'));
    }
}

#[test]
fn no_name_calls_anybody() {
    let hook = "<!channel> @channel @Here <@U123> <#C1|x> &lt;!everyone&gt; `*_~ :bomb: \u{1b}[31mred\u{202e}\n<https://evil|x>";
    for mode in [Mode::Webhook, Mode::Bot] {
        let says = play(&hostile(hook), &ALL, mode);
        holds_no_trap(&says);
    }
    let first = play(&hostile(hook), &ALL, Mode::Webhook)[0].message.payload();
    assert_snapshot!(serde_json::to_string_pretty(&first).unwrap());
}

#[test]
fn the_longest_names_fit() {
    for name in ["&".repeat(255), "😀".repeat(255), "@channel ".repeat(30)] {
        let mut stream = Stream::new(&["qa"], None);
        let names: Vec<String> = (0..22).map(|n| format!("{n}{name}")).collect();
        stream.start("qa", names.iter().map(|name| planned("qa", name, PlannedAction::Refresh)).collect());
        for name in &names {
            let at = group("qa", name);
            stream.refresh(&at);
            let outcome = crate::model::Outcome::NeedsPerson { why: name.repeat(9), next: name.clone() };
            stream.end(&at, outcome, None);
        }
        stream.environment_ended("qa", Verdict::NeedsPerson, &name, &[&name]);
        let events = stream.run_ended(Exit::NeedsPerson, &name);
        for mode in [Mode::Webhook, Mode::Bot] {
            holds_no_trap(&play(&events, &ALL, mode));
        }
    }
}

#[test]
fn a_message_that_is_too_long_says_how_much_is_missing() {
    let line = |n: usize| Line::default().text(&format!("{n} {}", "&".repeat(300)));
    let lines: Vec<Line> = (0..100).map(line).collect();
    let message = Message { above: None, title: Line::say("t"), color: Color::Good, lines };
    let payload = message.payload();
    let blocks = payload["attachments"][0]["blocks"].as_array().unwrap();
    let last = blocks.last().unwrap()["text"]["text"].as_str().unwrap();
    assert_eq!(last, "… and 81 more lines");
}

#[test]
fn a_link_can_t_be_left_early() {
    let line = Line::default().link("https://ci.example/a|b>c<d?x=1&y=2", "build <1>|");
    let message = Message { above: None, title: line, color: Color::Good, lines: vec![] };
    assert_eq!(message.payload()["text"], "<https://ci.example/a%7Cb%3Ec%3Cd?x=1&amp;y=2|build &lt;1&gt;|>");
    let odd = Line::default().link("javascript:alert(1)", "build 1");
    let message = Message { above: None, title: odd, color: Color::Good, lines: vec![] };
    assert_eq!(message.payload()["text"], "build 1 (javascript:alert(1))");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_told_nothing_gets_through(text in any_text(), call in "(?i)<?[!@](channel|here|everyone)>?") {
        let text = format!("{text}{call}{text}");
        for mode in [Mode::Webhook, Mode::Bot] {
            holds_no_trap(&play(&hostile(&text), &ALL, mode));
        }
    }
}

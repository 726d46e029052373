//! What answers add up to, how much of them is shown, and that no secret is.

use super::*;

fn instance(id: &str, answer: Answer) -> Asked {
    Asked { subject: Subject::Instance(id.into()), answer, attempts: 1 }
}

fn whole(answer: Answer) -> Asked {
    Asked { subject: Subject::Whole("web".into()), answer, attempts: 1 }
}

fn judged(answers: Vec<Answer>) -> CheckResult {
    let number = |(at, answer): (usize, Answer)| instance(&format!("i-{at}"), answer);
    let mut told = Told::of(0);
    for one in answers.into_iter().enumerate().map(number) {
        told.add(one);
    }
    told.result("app", Duration::ZERO)
}

#[test]
fn no_secret_goes_further_than_the_result_in_message_evidence_or_output() {
    let secret = "Zq9fT2kLw8XvB3nM";
    let body = format!("{{\"password\":\"{secret}\",\"text\":\"{}\"}}", "x".repeat(9000));
    let message = format!("header x-api-key was \"{secret}\", expected \"b\"");
    let result = judged(vec![
        Answer::failed(message.clone()).with_evidence(body.clone()),
        Answer::errored(message).with_evidence(format!("{}{body}", " ".repeat(1990))),
        Answer::passed("ok").with_evidence(body),
    ]);
    let json = serde_json::to_string(&result).unwrap();
    assert!(!json.contains(secret), "{json}");
    assert!(json.contains("[redacted, 16 characters]") && result.message.contains("[redacted, 16"));
    assert!(result.probes[0].output.len() > 9000 && result.probes[2].output.is_empty());
}

#[test]
fn long_answers_of_what_failed_are_kept_whole_within_bounds_and_the_same_one_once() {
    let long = |c: char, length: usize| Answer::failed("500").with_evidence(c.to_string().repeat(length));
    let result = judged(vec![long('a', 5000), long('a', 5000), long('é', 5_000_000), long('b', 2000)]);
    let sizes: Vec<usize> = result.probes.iter().map(|probe| probe.output.len()).collect();
    assert_eq!((sizes[0], sizes[1], sizes[3]), (5000, 0, 0));
    assert!(sizes[2] > OUTPUT - 2 && sizes[2] < OUTPUT + 60, "{sizes:?}");
    assert!(result.probes[2].output.ends_with("[cut here: 9934464 more bytes are left out]"));
    assert!(result.probes.iter().all(|probe| probe.evidence.chars().count() <= EVIDENCE + 1));
    let many = (0..40).map(|n| Answer::failed("500").with_evidence(format!("{n}{}", "x".repeat(100_000))));
    let result = judged(many.collect());
    let bytes: usize = result.probes.iter().map(|probe| probe.output.len()).sum();
    assert!(bytes > OUTPUTS / 2 && bytes <= OUTPUTS, "{bytes}");
}

#[test]
fn the_worst_counts_and_skipped_only_when_all_are() {
    use Status::{Errored, Failed, Passed, Skipped};
    assert_eq!(worst([Passed, Skipped]), Passed);
    assert_eq!(worst([Failed, Passed, Skipped]), Failed);
    assert_eq!(worst([Failed, Errored, Passed]), Errored);
    assert_eq!(worst([Skipped, Skipped]), Skipped);
    assert_eq!(worst([]), Skipped);
}

#[test]
fn the_summary_counts_instances_and_gives_a_cause_each() {
    let good = || Answer::passed("200 OK in 3 ms");
    assert_eq!(summary(&[instance("i-1", good()), instance("i-2", good())]), "2 of 2 instances passed");
    let mixed = [
        instance("i-1", good()),
        instance("i-2", Answer::failed("status 503, expected 200")),
        instance("i-3", Answer::failed("status 500, expected 200")),
        instance("i-4", Answer::errored("connection refused")),
    ];
    assert_eq!(
        summary(&mixed),
        "2 of 4 instances failed: status 503, expected 200; 1 of 4 instances could not be asked: \
         connection refused"
    );
}

#[test]
fn an_instance_that_left_is_not_counted() {
    let asked = [
        instance("i-1", Answer::skipped("no longer in service")),
        instance("i-2", Answer::passed("200 OK in 3 ms")),
    ];
    assert_eq!(summary(&asked), "1 of 1 instances passed");
    assert_eq!(summary(&asked[..1]), "no longer in service");
}

#[test]
fn what_the_group_answered_as_a_whole_comes_first() {
    assert_eq!(summary(&[whole(Answer::skipped("no target groups"))]), "no target groups");
    let asked = [instance("i-1", Answer::failed("unhealthy")), whole(Answer::failed("0 of 1 in service"))];
    assert_eq!(summary(&asked), "0 of 1 in service; 1 of 1 instances failed: unhealthy");
    assert_eq!(summary(&[]), "nothing to ask");
}

#[test]
fn long_text_is_cut_between_characters() {
    assert_eq!(quoted("a\"b"), r#""a\"b""#);
    assert_eq!(quoted(&"é".repeat(200)), format!("\"{}\"…", "é".repeat(120)));
}

#[test]
fn a_secret_by_its_look_alone_is_redacted_before_the_text_is_cut_close() {
    let token = "ghp_0123456789abcdefghijABCDEF";
    let result = judged(vec![
        Answer::failed("500").with_evidence(format!("{} {token}", " ".repeat(1985))),
        Answer::failed("500").with_evidence(format!(
            "{} {token} {}",
            " ".repeat(OUTPUT - 10),
            "x".repeat(9000)
        )),
        Answer::passed("ok").with_evidence(format!("{} {token}", "é".repeat(1990))),
    ]);
    let json = serde_json::to_string(&result).unwrap();
    assert!(!json.contains("ghp_"), "{json}");
}

#[test]
fn no_secret_is_in_the_name_of_who_was_asked() {
    let mut told = Told::of(0);
    let address = "https://me:Zq9fT2kLw8XvB3nM@db.internal/x";
    for subject in [Subject::Whole(address.into()), Subject::Alarm(address.into())] {
        told.add(Asked { subject, answer: Answer::passed("ok"), attempts: 1 });
    }
    let result = told.result("app", Duration::ZERO);
    for probe in &result.probes {
        assert_eq!(probe.subject, "https://[redacted, 19 characters]@db.internal/x");
    }
}

//! How much of long answers is held while a check is asked.

use super::super::room::{ALL, BRIEF};
use super::network::{answer, request, server};
use super::*;

#[tokio::test]
async fn of_many_instances_that_fail_at_length_only_what_can_be_told_is_held() {
    let address = server(|mut stream| async move {
        let head = request(&mut stream).await;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let text = answer("503 Service Unavailable", &path.repeat(12_000));
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    })
    .await;
    let ids: Vec<String> = (0..100).map(|n| format!("i-{n:02}")).collect();
    let seen = move |_| Ok(sighting(&ids.iter().map(String::as_str).collect::<Vec<_>>(), "127.0.0.1"));
    let url = format!("http://{{private_ip}}:{}/{{instance_id}}", address.port());
    let check = check("app", CheckKind::Http(get(&url)), Scope::Instance, once());
    let (runner, expect, checks) = (runner(), expectation(), [&check]);
    let look = Look::new(runner.clone(), calls(seen), None);
    let (began, captured) = (runner.clock.now(), Captured::default());
    let round = Round { runner: &runner, look, expect: &expect, checks: &checks, captured, began };
    let progress = Progress::default();
    let asked = round.asked(Asking { place: 0, check: &check, progress: &progress }).await;
    assert_eq!((asked.len(), asked[0].answer.status), (100, Status::Failed), "{:?}", asked[0].answer.message);
    let bytes: usize = asked.iter().map(|one| one.answer.evidence.len()).sum();
    // All of them together are six million.
    assert!(bytes > ALL / 2 && bytes <= ALL + 100 * BRIEF, "{bytes}");
    // Those that are held in case that the time is over are the very same.
    let over = progress.over("the deadline", Subject::Whole("web".into()));
    for one in &asked {
        let other = over.iter().find(|other| other.subject == one.subject).expect("it is there");
        assert!(Arc::ptr_eq(&one.answer.evidence, &other.answer.evidence), "{:?}", one.subject);
    }
}

#[tokio::test]
async fn a_command_that_says_much_is_held_in_part_too() {
    let words = ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; exit 1"];
    let run = words.map(|word| crate::config::Line(vec![crate::config::Piece::Text(word.into())])).to_vec();
    let command = crate::config::CommandCheck {
        run,
        env: BTreeMap::new(),
        dir: None,
        end: crate::config::ProgramEnd { exit: vec![0], contains: None, matches: None },
        within: Duration::from_secs(1000),
        output_limit: 1024 * 1024,
    };
    let check = check("says-much", CheckKind::Command(command), Scope::Group, once());
    let (runner, expect, checks) = (runner(), expectation(), [&check]);
    let look = Look::new(runner.clone(), calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), None);
    let (began, captured) = (runner.clock.now(), Captured::default());
    let round = Round { runner: &runner, look, expect: &expect, checks: &checks, captured, began };
    let asked = round.asked(Asking { place: 0, check: &check, progress: &Progress::default() }).await;
    let answer = &asked[0].answer;
    assert!(answer.left_out > 230_000 && answer.evidence.len() < 70_000, "{answer:?}");
}

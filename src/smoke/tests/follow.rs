//! Instances that come and go while they are asked.

use super::network::{answer, request, server};
use super::*;
use crate::model::InstanceId;

/// Answers `200` under the paths of these instances, `503` under all others.
async fn up(ids: &'static [&'static str]) -> String {
    let address = server(move |mut stream| async move {
        let head = request(&mut stream).await;
        let up = ids.iter().any(|id| head.starts_with(&format!("GET /{id} ")));
        let status = if up { "200 OK" } else { "503 Service Unavailable" };
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer(status, "").as_bytes()).await;
    })
    .await;
    format!("http://{{private_ip}}:{}/{{instance_id}}", address.port())
}

fn health(url: &str, retry: RetryPolicy) -> Check {
    check("health", CheckKind::Http(get(url)), Scope::Instance, retry)
}

fn seen(ids: &[&str]) -> Sighting {
    sighting(ids, "127.0.0.1")
}

fn subjects(result: &CheckResult) -> Vec<(&str, Status)> {
    result.probes.iter().map(|probe| (probe.subject.as_str(), probe.status)).collect()
}

#[tokio::test]
async fn every_instance_in_service_is_asked_and_those_that_are_wrong_are_counted() {
    let url = up(&["i-2", "i-3"]).await;
    let sight = |_| {
        let mut seen = seen(&["i-3", "i-1", "i-2", "i-4"]);
        seen.group.members[3].lifecycle = Lifecycle::Pending;
        Ok(seen)
    };
    let result = run_one(&runner(), calls(sight), &health(&url, once())).await;
    assert_eq!(
        subjects(&result),
        [("i-1", Status::Failed), ("i-2", Status::Passed), ("i-3", Status::Passed)]
    );
    assert_eq!(result.message, "1 of 3 instances failed: status 503, expected 200");
}

#[tokio::test]
async fn an_instance_that_left_is_skipped_and_its_successor_asked() {
    let url = up(&["i-1", "i-3"]).await;
    let sight = |k| Ok(if k == 0 { seen(&["i-1", "i-2"]) } else { seen(&["i-1", "i-3"]) });
    let result = run_one(&runner(), calls(sight), &health(&url, once())).await;
    assert_eq!(
        subjects(&result),
        [("i-1", Status::Passed), ("i-2", Status::Skipped), ("i-3", Status::Passed)]
    );
    assert_eq!((result.status, result.message.as_str()), (Status::Passed, "2 of 2 instances passed"));
    assert_eq!(result.probes[1].message, "no longer in service");
}

#[tokio::test]
async fn a_successor_that_is_wrong_fails_and_one_that_is_late_is_waited_for() {
    let url = up(&["i-1"]).await;
    let sight = |k| {
        Ok(match k {
            0 => seen(&["i-1", "i-2"]),
            1..4 => Sighting { group: Group { desired: 2, ..seen(&["i-1"]).group }, ..seen(&["i-1"]) },
            _ => seen(&["i-1", "i-3"]),
        })
    };
    let result = run_one(&runner(), calls(sight), &health(&url, retry(60, 5, 1))).await;
    assert_eq!(
        subjects(&result),
        [("i-1", Status::Passed), ("i-2", Status::Skipped), ("i-3", Status::Failed)]
    );
    assert_eq!(result.status, Status::Failed);
}

#[tokio::test]
async fn a_successor_that_never_comes_is_an_error() {
    let url = up(&["i-1"]).await;
    let sight = |k| {
        let mut seen = seen(&["i-1", "i-2"]);
        if k > 0 {
            seen.group.members.remove(1);
        }
        Ok(seen)
    };
    let result = run_one(&runner(), calls(sight), &health(&url, retry(20, 5, 1))).await;
    assert_eq!(
        subjects(&result),
        [("i-1", Status::Passed), ("i-2", Status::Skipped), ("web", Status::Errored)]
    );
    assert_eq!(result.message, "i-2 left, and no other came in its place: 1 of 2 in service");
}

#[tokio::test]
async fn a_group_that_shrank_needs_no_successor() {
    let url = up(&["i-1"]).await;
    let sight = |k| Ok(if k == 0 { seen(&["i-1", "i-2"]) } else { seen(&["i-1"]) });
    let result = run_one(&runner(), calls(sight), &health(&url, once())).await;
    assert_eq!(subjects(&result), [("i-1", Status::Passed), ("i-2", Status::Skipped)]);
    assert_eq!((result.status, result.message.as_str()), (Status::Passed, "1 of 1 instances passed"));
}

#[tokio::test]
async fn a_group_that_replaces_instances_for_ever_is_not_followed_for_ever() {
    let url = up(&[]).await;
    let sight = |k: usize| Ok(seen(&[format!("i-{k}").as_str()]));
    let result = run_one(&runner(), calls(sight), &health(&url, once())).await;
    assert_eq!(result.status, Status::Errored);
    assert_eq!(result.probes.len(), 5);
    assert_eq!(result.message, "instances are replaced faster than they can be asked");
}

#[tokio::test]
async fn when_aws_does_not_say_whether_it_left_the_answer_stands() {
    let url = up(&[]).await;
    let sight = |k| if k == 0 { Ok(seen(&["i-1"])) } else { Err(throttled()) };
    let result = run_one(&runner(), calls(sight), &health(&url, once())).await;
    assert_eq!(subjects(&result), [("i-1", Status::Failed)]);
}

#[tokio::test]
async fn an_address_that_ec2_does_not_know_yet_is_looked_up_again() {
    let url = up(&["i-1"]).await;
    let sight = |k| {
        let mut seen = seen(&["i-1"]);
        if k < 2 {
            seen.instances.remove(&InstanceId::new("i-1"));
        }
        Ok(seen)
    };
    let result = run_one(&runner(), calls(sight), &health(&url, retry(60, 5, 1))).await;
    assert_eq!((result.status, result.probes[0].attempts), (Status::Passed, 3), "{result:?}");
    let never = |_| Ok(Sighting { instances: BTreeMap::new(), ..seen(&["i-1"]) });
    let result = run_one(&runner(), calls(never), &health(&url, once())).await;
    assert_eq!(result.status, Status::Errored);
    assert!(result.message.ends_with("EC2 knows no private address of i-1"), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_without_instances_is_skipped_only_when_none_are_wanted() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let health = health("http://{private_ip}/", retry(30, 10, 1));
    let result = run_one(&runner, calls(|_| Ok(seen(&[]))), &health).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Skipped, "no instances in service"));
    let wanting = |_| Ok(Sighting { group: Group { desired: 2, ..seen(&[]).group }, ..seen(&[]) });
    let result = run_one(&runner, calls(wanting), &health).await;
    assert_eq!(
        (result.status, result.message.as_str()),
        (Status::Errored, "no instances in service, 2 desired")
    );
    assert_eq!(result.took_ms, 30_000);
}

#[tokio::test]
async fn a_failing_instance_does_not_cost_a_call_at_every_asking() {
    let url = up(&[]).await;
    let (calls, count) = counted(|_| Ok(seen(&["i-1", "i-2"])));
    let result = run_one(&runner(), calls, &health(&url, retry(100, 2, 1))).await;
    assert_eq!(result.status, Status::Failed);
    assert!(result.probes[0].attempts > 10, "{result:?}");
    let calls = *count.lock().unwrap();
    assert!((3..=8).contains(&calls), "{calls}");
}

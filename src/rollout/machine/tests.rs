use proptest::prelude::*;

use super::*;

fn walk(seen: &[Seen]) -> (State, Act) {
    seen.iter().fold((Starting, Act::Start), |(state, _), seen| next(state, seen.clone()))
}

fn is(status: RefreshStatus) -> Seen {
    Seen::Refresh(status, String::new())
}

fn failed() -> Seen {
    Seen::ChecksFailed("status 503".into())
}

#[test]
fn a_clean_refresh_is_checked_in_the_bake_and_proved_at_the_end() {
    let seen = [Seen::Started, is(Is::Pending), is(Is::InProgress), is(Is::Baking)];
    assert_eq!(walk(&seen), (Checking, Act::RunChecks));
    let seen = [&seen[..], &[Seen::ChecksPassed, is(Is::Baking), is(Is::Successful)]].concat();
    assert_eq!(walk(&seen), (Proving, Act::Prove));
    assert_eq!(walk(&[&seen[..], &[Seen::Proved]].concat()), (Ended(End::Refreshed), Act::Stop));
}

#[test]
fn checks_that_fail_in_the_bake_ask_for_the_native_rollback() {
    let (state, act) = walk(&[Seen::Started, is(Is::Baking), failed()]);
    assert_eq!(state, RollingBack(RollbackRoute::Native, "status 503".into()));
    assert_eq!(act, Act::AskRollback);
}

#[test]
fn checks_that_fail_at_a_checkpoint_ask_for_the_native_rollback() {
    let seen = [Seen::Started, is(Is::InProgress), Seen::Checkpoint];
    assert_eq!(walk(&seen), (CheckingPart, Act::RunChecksInPart));
    let (state, act) = walk(&[&seen[..], &[failed()]].concat());
    assert_eq!(state, RollingBack(RollbackRoute::Native, "at a checkpoint, status 503".into()));
    assert_eq!(act, Act::AskRollback);
    // What passes in part is not the whole: the checks are asked again in the bake.
    assert_eq!(walk(&[&seen[..], &[Seen::ChecksPassed]].concat()), (Refreshing, Act::Follow));
}

#[test]
fn a_rollback_that_aws_ended_well_is_proved_and_is_no_success() {
    let seen = [
        Seen::Started,
        is(Is::Baking),
        failed(),
        Seen::RollbackAccepted,
        is(Is::Baking),
        is(Is::RollbackInProgress),
    ];
    let seen = [&seen[..], &[is(Is::RollbackSuccessful)]].concat();
    assert_eq!(walk(&seen), (ProvingBack("status 503".into()), Act::ProveBack));
    assert_eq!(walk(&[&seen[..], &[Seen::Proved]].concat()).0, Ended(End::RolledBack("status 503".into())));
}

#[test]
fn a_refresh_that_ended_before_its_checks_failed_is_taken_back_by_a_new_one() {
    let (state, act) = walk(&[Seen::Started, is(Is::Successful), failed()]);
    assert_eq!((state, act), (RollingBack(RollbackRoute::NewRefresh, "status 503".into()), Act::StartBack));
    let late = walk(&[Seen::Started, is(Is::Baking), failed(), Seen::RollbackImpossible("it ended".into())]);
    assert_eq!(late.1, Act::StartBack);
}

#[test]
fn rollback_successful_is_never_a_success() {
    for before in [vec![], vec![is(Is::Baking), Seen::ChecksPassed]] {
        let seen = [vec![Seen::Started], before, vec![is(Is::RollbackSuccessful), Seen::Proved]].concat();
        assert!(matches!(walk(&seen).0, Ended(End::RolledBack(_))), "{seen:?}");
    }
}

#[test]
fn stragglers_behind_a_success_take_the_group_back() {
    let seen = [
        Seen::Started,
        is(Is::Baking),
        Seen::ChecksPassed,
        is(Is::Successful),
        Seen::Stragglers("i-1 runs ami-0".into()),
    ];
    let (state, act) = walk(&seen);
    assert!(
        matches!(&state, RollingBack(RollbackRoute::NewRefresh, why) if why.contains("i-1")),
        "{state:?}"
    );
    assert_eq!(act, Act::StartBack);
}

#[test]
fn a_failed_or_cancelled_refresh_is_taken_back_by_a_new_one() {
    for status in [Is::Failed, Is::Cancelled, Is::RollbackFailed] {
        assert_eq!(walk(&[Seen::Started, is(status)]).1, Act::StartBack, "{status}");
    }
}

#[test]
fn a_way_back_that_fails_needs_a_person() {
    let back = [Seen::Started, is(Is::Failed), Seen::Started];
    for end in [is(Is::Failed), is(Is::Cancelled), Seen::TimedOut("3h".into()), Seen::NotStarted("no".into())]
    {
        let (state, _) = walk(&[&back[..], std::slice::from_ref(&end)].concat());
        assert!(matches!(state, Ended(End::NeedsPerson(_))), "{end:?}: {state:?}");
    }
}

#[test]
fn a_group_that_could_not_be_started_is_proved_to_be_as_it_was() {
    let refused = Seen::NotStarted("busy".into());
    assert_eq!(walk(std::slice::from_ref(&refused)), (ProvingAsFound("busy".into()), Act::ProveAsFound));
    assert_eq!(walk(&[refused.clone(), Seen::Proved]).0, Ended(End::Refused("busy".into())));
    let half = walk(&[refused, Seen::Stragglers("i-1 runs ami-new".into())]).0;
    assert!(matches!(half, Ended(End::NeedsPerson(_))), "{half:?}");
}

fn any_seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(Seen::Started),
        Just(Seen::NotStarted("no".into())),
        (0..RefreshStatus::ALL.len()).prop_map(|at| is(RefreshStatus::ALL[at])),
        Just(Seen::Checkpoint),
        Just(Seen::LaunchesFail("words".into())),
        Just(Seen::TimedOut("late".into())),
        Just(Seen::ChecksPassed),
        Just(failed()),
        Just(Seen::Proved),
        Just(Seen::Stragglers("i-1".into())),
        Just(Seen::RollbackAccepted),
        Just(Seen::RollbackImpossible("no".into())),
        Just(Seen::Lost("gone".into())),
    ]
}

proptest! {
    /// Whatever is seen in whatever order: success needs checks that passed and a proof after
    /// them, and once a group goes back it never goes forward again.
    #[test]
    fn no_success_without_checks_and_proof(seen in proptest::collection::vec(any_seen(), 0..30)) {
        let (mut state, mut checked, mut back, mut begun) = (Starting, false, false, false);
        for seen in seen {
            checked |= matches!(state, Checking | CheckingLate) && seen == Seen::ChecksPassed;
            let proof = seen == Seen::Proved;
            let was = state.clone();
            let (after, act) = next(state, seen);
            if after == Ended(End::Refreshed) && was != after {
                prop_assert!(checked && proof && was == Proving);
            }
            if back {
                prop_assert!(matches!(after, RollingBack(..) | ProvingBack(_) | Ended(End::RolledBack(_) | End::NeedsPerson(_))));
                prop_assert!(![Act::Start, Act::RunChecks, Act::RunChecksInPart, Act::Prove].contains(&act));
            }
            back |= matches!(after, RollingBack(..));
            if let Ended(End::RolledBack(_)) = after && was != after {
                prop_assert!(proof && matches!(was, ProvingBack(_)));
            }
            // Only what was never begun is refused: nothing was replaced on the way there.
            begun |= !matches!(was, Starting | ProvingAsFound(_) | Ended(_));
            if let Ended(End::Refused(_)) = after && was != after {
                prop_assert!(proof && !begun && matches!(was, ProvingAsFound(_)));
            }
            state = after;
        }
    }
}

//! Groups of which it can't be recorded what their overrides named are told so before it happens.

use super::*;

/// Groups whose overrides name an image, the first of them the candidate already.
fn told(count: usize) -> Vec<String> {
    let with_policy =
        Made { template: 0, tracking: Tracking::Pinned(1), environment: "dev", desired: 2, oddity: 3 };
    let mut survey = survey(&vec![with_policy; count], &[0; 9], &[1, 1, 1]);
    let first = survey.groups[0].policy.as_mut().unwrap();
    first.overrides.truncate(1);
    first.overrides[0].image = Some(NEW.into());
    let template = survey.groups[0].template.as_mut().unwrap();
    *template = GroupTemplate { id: "lt-2".into(), name: "lt-2".into(), tracking: Tracking::Pinned(2) };
    survey.versions.get_mut(&("lt-2".into(), 2)).unwrap().image = Some(NEW.into());
    for member in &mut survey.groups[0].members {
        member.launched_from = Some(("lt-2".into(), 2));
    }
    let plan = plan(&survey);
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    assert_eq!(plan.groups.iter().filter(|group| group.change().is_some()).count(), count - 1);
    let lost = plan.groups.iter().filter(|group| group.notes.iter().any(|note| note.contains("can't tell")));
    lost.map(|group| group.at.group.to_string()).collect()
}

#[test]
fn a_note_says_which_groups_there_is_no_room_for() {
    // One that is on the image takes room of its own, for it may have been recorded.
    assert_eq!(told(148), [""; 0]);
    assert_eq!(told(150), ["g148", "g149"]);
}

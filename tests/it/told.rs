//! What a rollout tells on its way beside its steps: what each group runs, and what the images are.

use std::collections::BTreeMap;

use ami_refresh::event::{Event, Stamped};
use ami_refresh::model::{ImageFacts, ImageId, Outcome};
use ami_refresh::sim::FleetSpec;

use crate::rehearsal_story::{block, scenario};
use crate::stage::{CONFIG, NEW, REGION, Stage};

/// What was told of one group: its capacity, or another event.
enum Told {
    Capacity { desired: u32, in_service: u32, images: BTreeMap<ImageId, u32> },
    Started,
    Ended,
}

/// What was told of each group's capacity, in order, with where its refresh began and it ended.
fn capacities(events: &[Stamped]) -> BTreeMap<String, Vec<Told>> {
    let mut all: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for stamped in events {
        let (group, told) = match &stamped.event {
            Event::CapacitySeen { group, desired, in_service, images } => {
                (group, Told::Capacity { desired: *desired, in_service: *in_service, images: images.clone() })
            }
            Event::RefreshStarted { group, .. } => (group, Told::Started),
            Event::GroupEnded {
                group,
                outcome: Outcome::Refreshed { .. } | Outcome::RolledBack { .. },
                ..
            } => (group, Told::Ended),
            _ => continue,
        };
        all.entry(group.group.to_string()).or_default().push(told);
    }
    all
}

fn old() -> ImageId {
    FleetSpec::previous_image(&REGION.into())
}

fn only(image: &ImageId, count: u32) -> BTreeMap<ImageId, u32> {
    BTreeMap::from([(image.clone(), count)])
}

#[test]
fn a_group_is_told_from_all_old_to_all_new_and_nothing_twice() {
    block(async {
        let stage = Stage::new(CONFIG, scenario("clean", "*"), 1).await;
        stage.rollout().await;
        let all = capacities(&stage.events.borrow());
        assert_eq!(all.len(), 4);
        for (name, told) in all {
            let seen: Vec<_> = told
                .iter()
                .filter_map(|one| match one {
                    Told::Capacity { desired, in_service, images } => Some((*desired, *in_service, images)),
                    Told::Started | Told::Ended => None,
                })
                .collect();
            assert!(matches!(told[0], Told::Capacity { .. }), "{name} is told before its refresh begins");
            assert!(matches!(told[1], Told::Started), "{name} is told once before its refresh begins");
            assert!(matches!(told[told.len() - 1], Told::Ended), "{name} is told before it ended");
            assert_eq!(seen[0], (2, 2, &only(&old(), 2)), "{name} at first");
            assert_eq!(seen[seen.len() - 1], (2, 2, &only(&NEW.into(), 2)), "{name} at last");
            let both = seen.iter().filter(|(_, _, images)| images.len() == 2).count();
            assert!(both >= 1, "{name} is seen with both images: {seen:?}");
            assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{name} is told nothing twice: {seen:?}");
            assert!(seen.len() <= 12, "{name} is told in few events: {seen:?}");
        }
    });
}

#[test]
fn a_group_that_goes_back_is_told_on_its_old_image_at_last() {
    block(async {
        let stage = Stage::new(CONFIG, scenario("app-down", "payments-dev"), 1).await;
        stage.rollout().await;
        let all = capacities(&stage.events.borrow());
        let told = &all["payments-dev"];
        let seen: Vec<&BTreeMap<ImageId, u32>> = told
            .iter()
            .filter_map(|one| match one {
                Told::Capacity { images, .. } => Some(images),
                Told::Started | Told::Ended => None,
            })
            .collect();
        assert!(seen.iter().any(|images| images.contains_key(&NEW.into())), "it had the new one: {seen:?}");
        assert_eq!(*seen[seen.len() - 1], only(&old(), 2));
    });
}

#[test]
fn images_are_told_once_and_again_when_their_owner_shows_the_tags() {
    block(async {
        let stage = Stage::new(CONFIG, scenario("clean", "*"), 1).await;
        stage.rollout().await;
        let told: Vec<ImageFacts> = stage.told(|event| match event {
            Event::ImageDescribed { image } => Some(image.clone()),
            _ => None,
        });
        let of = |id: &ImageId| told.iter().filter(|image| image.id == *id).collect::<Vec<_>>();
        let new = of(&NEW.into());
        assert_eq!(new.len(), 1, "the home account, which is asked for gates, owns it");
        // The environments' accounts see no tags of it; the home account is asked for its gate again.
        let old = of(&old());
        assert_eq!(old.len(), 2);
        assert!(old[0].tags.is_empty());
        assert!(!old[0].description.is_empty() && old[0].description != new[0].description);
        for key in ["BaseImage", "KernelVersion", "Packages"] {
            assert_ne!(old[1].tags[key], new[0].tags[key], "{key}");
        }
        assert_eq!(old[1].tags["BuiltBy"], new[0].tags["BuiltBy"]);
        assert_eq!(told.len(), 3, "and no others");
        let ours = told.iter().flat_map(|image| image.tags.keys()).filter(|key| key.contains(":gate/"));
        assert_eq!(ours.count(), 0, "what a rollout notes on an image is none of its facts");
    });
}

//! What tags hold is what was recorded, or nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{QUARANTINE_TAG, TAGS};
use super::*;
use crate::model::EnvironmentName;

const TO: &str = "ami-0f1e2d3c4b5a69788";

fn image(number: u8) -> ImageId {
    format!("ami-0{number:016x}").into()
}

fn of_type(kind: &str) -> PolicyOverride {
    PolicyOverride { instance_type: Some(kind.to_owned()), weight: 1, ..PolicyOverride::default() }
}

fn qa() -> EnvironmentName {
    "qa".into()
}

fn group(number: usize) -> GroupName {
    format!("payments-{number}").into()
}

fn before() -> impl Strategy<Value = Before> {
    let image = || (0_u8..4).prop_map(image);
    // Overrides that all had the same are `All`, whichever that was.
    let each = proptest::collection::vec(proptest::option::of(image()), 2..12)
        .prop_filter("they differ", |images| images.iter().any(|one| *one != images[0]));
    prop_oneof![
        4 => image().prop_map(Before::All),
        1 => each.prop_map(|images| Before::Each { shape: "a+/".to_owned(), images }),
    ]
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_recorded_and_nothing_is_read_of_others(
        recorded in proptest::collection::vec((0_usize..300, before()), 0..200),
        tags in 0_usize..6,
    ) {
        let mut replaced = Replaced::default();
        let mut last = BTreeMap::new();
        for (number, before) in recorded {
            replaced.record(&group(number), before.clone());
            last.insert(number, before);
        }
        let most = tags;
        let tags = replaced.to_tags(&qa(), most);
        prop_assert!(tags.len() <= MOST_TAGS);
        for (key, value) in &tags {
            prop_assert!(value.chars().count() <= LIMIT, "{}", value);
            prop_assert!(!value.is_empty() && key.len() <= 128);
            prop_assert_eq!(super::super::record::clean(value), value.clone(), "characters that tags bear");
        }
        let read = Replaced::of(&tags, &qa());
        let lost = last.keys().filter(|number| read.of_group(&group(**number)).is_none()).count();
        prop_assert_eq!(read.more, lost > 0 && !tags.is_empty(), "{} lost", lost);
        for number in 0..300 {
            let found = read.of_group(&group(number));
            prop_assert!(found.is_none() || found == last.get(&number), "{}: {:?}", number, found);
        }
        // Written once more, nothing is lost.
        let again = Replaced::of(&read.to_tags(&qa(), most), &qa());
        let sorted = |replaced: Replaced| {
            let mut groups = replaced.groups;
            groups.sort();
            (groups, replaced.more)
        };
        prop_assert_eq!(sorted(again), sorted(read));
    }

    #[test]
    fn whatever_a_tag_says_nothing_breaks_and_what_cannot_be_read_is_not_taken_for_nothing(text in ".{0,80}") {
        let tags = BTreeMap::from([(format!("{PREFIX}qa"), text)]);
        let read = Replaced::of(&tags, &qa());
        let says_nothing = |text: &String| text == "none" || ImageId::from(text.as_str()).is_well_formed();
        prop_assert!(read.more || !read.groups.is_empty() || tags.values().all(says_nothing));
    }
}

#[test]
fn a_tag_has_room_for_thirty_seven_groups_that_had_the_same() {
    let many = |count: usize| (0..count).map(group).collect::<Vec<_>>();
    let lost = |count: usize, tags: usize| {
        let names = many(count);
        without_room(names.iter().map(|name| (name, Before::All(image(1)))), tags).len()
    };
    assert_eq!((lost(37, 1), lost(38, 1), lost(4 * 37, MOST_TAGS), lost(4 * 37 + 3, 9)), (0, 1, 0, 3));
}

#[test]
fn overrides_that_had_the_same_image_go_back_to_it_whatever_they_are() {
    let (large, small) = (of_type("m6i.large"), of_type("m6i.small"));
    let before = Before::of(&[(&large, &image(1)), (&small, &image(1))], &TO.into()).unwrap();
    assert_eq!(before, Before::All(image(1)));
    assert_eq!(before.images(&[&small], &TO.into()), Some(vec![image(1)]));
    assert_eq!(Before::of(&[], &TO.into()), None);
    // So it is where they named the image already: nothing is recorded that names no image at all.
    let to = ImageId::from(TO);
    assert_eq!(Before::of(&[(&large, &to), (&small, &to)], &to), Some(Before::All(to.clone())));
}

#[test]
fn overrides_that_had_different_images_go_back_each_to_its_own_while_they_are_the_same() {
    let (large, small) = (of_type("m6i.large"), of_type("m6i.small"));
    let to = ImageId::from(TO);
    let before = Before::of(&[(&large, &image(1)), (&small, &to)], &to).unwrap();
    assert_eq!(before.images(&[&large, &small], &to), Some(vec![image(1), to.clone()]));
    assert_eq!(before.named(), [&image(1)]);
    // In another order, with another weight, or with one more it is not known which is which.
    let heavy = PolicyOverride { weight: 2, ..small.clone() };
    for others in [vec![&small, &large], vec![&large, &heavy], vec![&large, &small, &small], vec![&large]] {
        assert_eq!(before.images(&others, &to), None, "{others:?}");
    }
}

#[test]
fn a_group_that_is_recorded_again_has_what_was_recorded_last() {
    let mut replaced = Replaced::default();
    for before in [Before::All(image(1)), Before::All(image(2))] {
        replaced.record(&group(7), before);
    }
    let read = Replaced::of(&replaced.to_tags(&qa(), 1), &qa());
    assert_eq!(read.of_group(&group(7)), Some(&Before::All(image(2))));
    assert_eq!(read.of_group(&group(8)), None);
    assert_eq!(Replaced::of(&replaced.to_tags(&qa(), 1), &"qa2".into()), Replaced::default());
}

#[test]
fn gates_and_quarantine_keep_their_room() {
    let mut replaced = Replaced::default();
    replaced.record(&group(1), Before::All(image(1)));
    let environments = ["dev".into(), qa()];
    let over = |foreign: usize, own: &[(&str, &str)]| {
        let foreign = (0..foreign).map(|at| (format!("tag-{at}"), String::new()));
        let own = own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let there: BTreeMap<String, String> = foreign.chain(own).collect();
        replaced.to_tags_over(&there, &qa(), &environments).into_keys().collect::<Vec<_>>()
    };
    let key = "ami-refresh:replaced/qa";
    // Two gates and quarantine are still to come.
    assert_eq!(over(TAGS - 4, &[]), [key]);
    assert_eq!(over(TAGS - 3, &[]), [""; 0]);
    assert_eq!(over(TAGS - 3, &[("ami-refresh:gate/dev", "passed"), (QUARANTINE_TAG, "lifted")]), [""; 0]);
    assert_eq!(over(TAGS - 4, &[("ami-refresh:gate/dev", "passed"), (QUARANTINE_TAG, "lifted")]), [key]);
    // What is there already takes no more room, and what is not needed any more is not left to say
    // what is not so.
    assert_eq!(
        over(TAGS - 2, &[(key, "x"), ("ami-refresh:replaced/qa.2", "x")]),
        [key, "ami-refresh:replaced/qa.2"]
    );
    let there = BTreeMap::from([("ami-refresh:replaced/qa.2".to_owned(), "ami-1".to_owned())]);
    let tags = replaced.to_tags_over(&there, &qa(), &environments);
    assert_eq!(tags["ami-refresh:replaced/qa.2"], "none");
    assert!(!Replaced::of(&tags, &qa()).more);
}

#[test]
fn what_a_tag_says_is_as_documented() {
    let mut replaced = Replaced::default();
    replaced.record(&"payments-dev".into(), Before::All(image(1)));
    replaced.record(&"orders-dev".into(), Before::All(image(1)));
    let (large, small) = (of_type("m6i.large"), of_type("m6i.small"));
    let each = Before::of(&[(&large, &image(2)), (&small, &TO.into())], &TO.into()).unwrap();
    replaced.record(&"catalog-dev".into(), each);
    // What is written today must be read by every later version.
    let value = "ami-00000000000000001/ami-00000000000000002 0:Keb6/mUUvu0/ RbC1-:ks71ty";
    assert_eq!(replaced.to_tags(&qa(), 1)["ami-refresh:replaced/qa"], value);
}

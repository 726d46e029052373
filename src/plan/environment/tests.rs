//! Whatever an account looks like: nobody floats onto a new version unseen.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Build, CandidateImage, GroupTemplate, Image, ImageId, ImageState, Member, Policy, PolicyOverride,
    Tracking, Version,
};
use crate::plan::{Marker, leads_back};

const CONFIG: &str = "
version: 1
families: { base: { previous: { name: 'base-*', owners: [self] } } }
defaults: { regions: [eu-west-2] }
environments:
  - name: dev
    account: '111111111111'
    select: { tags: { Environment: dev } }
    schedule: { day: sun, time: '19:00' }
  - { name: qa, account: '111111111111', select: { tags: { Environment: qa } } }
";
const NEW: &str = "ami-0000000000000000e";
/// What versions name: an old image, another, the candidate's, one of another family, one that is gone.
const IMAGES: [&str; 5] =
    ["ami-0000000000000000a", "ami-0000000000000000b", NEW, "ami-0000000000000000f", "ami-00000000000000dea"];

fn image(id: &str, name: &str) -> Image {
    Image {
        id: id.into(),
        name: name.into(),
        region: "eu-west-2".into(),
        state: ImageState::Available,
        architecture: "x86_64".to_owned().into(),
        owner: "100000000000".into(),
        created: None,
        deprecated_from: None,
        description: String::new(),
        volumes: 1,
        tags: BTreeMap::new(),
    }
}

fn version(template: &str, number: u64, is_default: bool, image: &str, size: &str) -> Version {
    Version {
        template: template.into(),
        template_name: template.into(),
        number,
        is_default,
        description: String::new(),
        image: Some(image.into()),
        fields: BTreeMap::from([("InstanceType".to_owned(), size.to_owned())]),
    }
}

/// A group as chance made it.
#[derive(Debug, Clone)]
struct Made {
    template: usize,
    tracking: Tracking,
    environment: &'static str,
    desired: u32,
    oddity: u8,
}

fn made() -> impl Strategy<Value = Made> {
    let tracking =
        prop_oneof![Just(Tracking::Latest), Just(Tracking::Default), (1_u64..4).prop_map(Tracking::Pinned),];
    let environment = prop_oneof![4 => Just("dev"), 1 => Just("qa"), 1 => Just("nobodys")];
    (0_usize..3, tracking, environment, 0_u32..3, 0_u8..12).prop_map(
        |(template, tracking, environment, desired, oddity)| Made {
            template,
            tracking,
            environment,
            desired,
            oddity,
        },
    )
}

fn group(at: usize, made: &Made) -> Group {
    let template = format!("lt-{}", made.template);
    let member = |number: u32| Member {
        id: format!("i-{at}-{number}").into(),
        lifecycle: crate::model::Lifecycle::InService,
        healthy: true,
        launched_from: Some((template.as_str().into(), 1)),
        protected: false,
        weight: 1,
    };
    let mut tags = BTreeMap::from([("Environment".to_owned(), made.environment.to_owned())]);
    let mark = |to: &str, from: &str| {
        let (to, from, tracking) = (to.into(), from.into(), made.tracking);
        let marker = Marker {
            to,
            from,
            version: 1,
            tracking,
            checked: false,
            told: None,
            baseline: None,
            slots: None,
        };
        let (key, value) = marker.to_tags().remove(0);
        (key.to_owned(), value)
    };
    match made.oddity {
        0 => tags.extend([mark(NEW, IMAGES[0])]),
        1 => tags.extend([mark("ami-0000000000000000c", IMAGES[0])]),
        2 => tags.extend([mark(IMAGES[0], IMAGES[0])]),
        // These matter to a run that goes by windows only.
        6 => tags.extend([("AMI_refresh_enabled".to_owned(), "false".to_owned())]),
        7 => tags.extend([("AMI_refresh_day".to_owned(), "tue".to_owned())]),
        8 => tags.extend([("AMI_refresh_time".to_owned(), "noon".to_owned())]),
        _ => {}
    }
    Group {
        name: format!("g{at}").into(),
        region: "eu-west-2".into(),
        tags,
        template: Some(GroupTemplate {
            id: template.as_str().into(),
            name: template.clone(),
            tracking: made.tracking,
        }),
        launch_configuration: None,
        policy: (made.oddity == 3).then(|| policy(made)),
        other_balancers: Vec::new(),
        maintenance: None,
        warm_pool: None,
        desired: made.desired,
        min: 0,
        max: 4,
        members: (0..made.desired).map(member).collect(),
        suspended: if made.oddity == 4 { vec!["Launch".into()] } else { Vec::new() },
        target_groups: Vec::new(),
        deleting: made.oddity == 5,
    }
}

/// A policy of which one override follows the next template, and one names an image.
fn policy(made: &Made) -> Policy {
    let next = format!("lt-{}", (made.template + 1) % 3);
    let template = GroupTemplate { id: next.as_str().into(), name: next, tracking: Tracking::Latest };
    let kind = |kind: &str| PolicyOverride {
        instance_type: Some(kind.to_owned()),
        weight: 1,
        ..PolicyOverride::default()
    };
    let overrides = vec![
        kind("m5.large"),
        PolicyOverride { template: Some(template), ..kind("m6i.large") },
        PolicyOverride { image: Some(IMAGES[0].into()), ..kind("m7i.large") },
    ];
    Policy { overrides, fields: BTreeMap::new() }
}

/// A survey of these groups on three templates of three versions, with these images in them.
fn survey(groups: &[Made], images: &[usize], default: &[u64]) -> Survey {
    let mut survey = Survey {
        groups: groups.iter().enumerate().map(|(at, made)| group(at, made)).collect(),
        ..Survey::default()
    };
    for template in 0..3_usize {
        let id = TemplateId::from(format!("lt-{template}"));
        for number in 1..=3_u64 {
            let image = IMAGES[images[template * 3 + usize::try_from(number).unwrap() - 1]];
            let size = if number == 3 { "large" } else { "small" };
            let made = version(id.as_str(), number, number == default[template], image, size);
            survey.versions.insert((id.clone(), number), made);
        }
        survey.latest.insert(id.clone(), 3);
        survey.default.insert(id, default[template]);
    }
    let known = [(IMAGES[0], "base-1"), (IMAGES[1], "base-2"), (NEW, "base-3"), (IMAGES[3], "other-1")];
    survey.images = known.into_iter().map(|(id, name)| (id.into(), image(id, name))).collect();
    survey
}

fn plan(survey: &Survey) -> Plan {
    plan_at(survey, None)
}

/// The plan of a run that goes by windows, on a Sunday evening.
fn plan_in_time(survey: &Survey) -> Plan {
    let timing = Timing {
        when: crate::schedule::When::Scheduled,
        now: "2026-11-22T19:30:00Z".parse().unwrap(),
        open_since: None,
        override_freeze: false,
    };
    plan_at(survey, Some(timing))
}

fn plan_at(survey: &Survey, timing: Option<Timing>) -> Plan {
    let fleet = Fleet::parse(Path::new("test.yaml"), CONFIG).unwrap();
    let image = CandidateImage {
        region: "eu-west-2".into(),
        id: NEW.into(),
        architecture: "x86_64".to_owned().into(),
        name: "base-3".into(),
        owner: "100000000000".into(),
    };
    let candidate = Candidate::new("base".into(), vec![image], Build::default(), "test".into());
    let surveys = BTreeMap::from([("eu-west-2".into(), survey.clone())]);
    make(&fleet, &fleet.environments[0], &fleet.families["base"], &candidate, &surveys, timing)
}

fn named(problems: &[Problem], group: &Group) -> bool {
    let name = format!("group {}", group.name);
    let whole =
        |text: &str| text.split(&name).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    problems.iter().any(|problem| whole(&problem.what) || whole(&problem.why))
}

fn worlds() -> impl Strategy<Value = Survey> {
    let images = prop::collection::vec(
        prop_oneof![6 => Just(0_usize), 1 => Just(1), 1 => Just(2), 1 => Just(3), 1 => Just(4)],
        9,
    );
    let groups = prop::collection::vec(made(), 1..7);
    (groups, images, prop::collection::vec(1_u64..4, 3))
        .prop_map(|(groups, images, default)| survey(&groups, &images, &default))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Rule 2: who floats on a template that gets a version is pinned first, or the plan is refused.
    #[test]
    fn nobody_floats_onto_a_new_version_unseen(survey in worlds()) {
        let plan = plan(&survey);
        let published: BTreeSet<TemplateId> = plan.groups.iter().filter_map(GroupPlan::change).flat_map(Change::published).collect();
        for group in &survey.groups {
            let mut floating = group.templates().filter(|template| template.tracking.floats());
            if !floating.any(|template| published.contains(&template.id)) {
                continue;
            }
            let planned = plan.groups.iter().find(|planned| planned.group.name == group.name);
            let pinned = |change: &Change| change.pinned().own.template == group.template.as_ref().unwrap().id;
            let touched = planned.and_then(GroupPlan::touched).is_some_and(pinned);
            prop_assert!(touched || named(&plan.refused, group), "{} floats: {:?}", group.name, plan);
        }
    }

    /// Who has to stay where it is, and follows a template, is not reached by a version of it.
    #[test]
    fn who_has_to_stay_is_left_where_it_is(survey in worlds()) {
        let plan = plan_in_time(&survey);
        for group in &plan.groups {
            let named: BTreeSet<TemplateId> = group.group.templates().map(|template| template.id.clone()).collect();
            let followed: BTreeSet<TemplateId> =
                group.group.templates().filter(|template| template.tracking.floats()).map(|template| template.id.clone()).collect();
            let publishes = |other: &GroupPlan, of: &BTreeSet<TemplateId>| {
                other.change().is_some_and(|change| !change.published().is_disjoint(of))
            };
            let of_template = |other: &&GroupPlan| publishes(other, &followed);
            // Beside what was begun before, it can only be held still until that has ended.
            let beside = plan.groups.iter().filter(|other| publishes(other, &named)).any(|other| other.under_way);
            prop_assert!(
                !group.stays || beside || group.touched().is_none(),
                "{} is touched: {:?}", group.at.group, group.decision
            );
            if !group.stays {
                continue;
            }
            let begun = plan.groups.iter().filter(of_template).find(|other| !other.under_way);
            prop_assert!(begun.is_none(), "{} stays and follows the template of {:?}", group.at.group, begun);
        }
    }

    /// A run that goes by windows changes no group that another would not.
    #[test]
    fn windows_only_keep_back(survey in worlds()) {
        let (now, in_time) = (plan(&survey), plan_in_time(&survey));
        for (now, in_time) in now.groups.iter().zip(&in_time.groups) {
            if let Some(change) = in_time.change() {
                prop_assert_eq!(Some(change), now.change());
            }
        }
    }

    /// A group that changes is taken from the version that it has, by the marker if it has one.
    #[test]
    fn what_changes_is_what_the_group_has(survey in worlds()) {
        let plan = plan(&survey);
        for planned in &plan.groups {
            let Some(change) = planned.touched() else { continue };
            let marker = Marker::of(&planned.group.tags).unwrap();
            for (template, one) in planned.group.templates().zip(change.templates()) {
                let source = marker.as_ref().map_or_else(|| survey.resolve(&template.id, template.tracking), |m| Some(m.version));
                prop_assert_eq!(&one.template, &template.id);
                prop_assert_eq!(Some(one.source), source);
                prop_assert_eq!(one.tracking, marker.as_ref().map_or(template.tracking, |marker| marker.tracking));
                if let Some(existing) = one.existing.filter(|_| one.changes()) {
                    let held = |number| &survey.versions[&(template.id.clone(), number)];
                    prop_assert!(held(existing).is_copy_with_image(held(one.source), one.to.as_ref().unwrap()));
                }
            }
            // Every image of the family that it names changes, and nothing else does.
            if planned.group.policy.is_some() && planned.change().is_some() {
                let ours = |image: &ImageId| [IMAGES[0], IMAGES[1]].contains(&image.as_str());
                for one in change.templates() {
                    prop_assert_eq!(one.changes(), one.from.as_ref().is_some_and(ours));
                }
                let (from, to) = change.overrides()[2].image.clone().unwrap();
                prop_assert_eq!((from.as_str(), to.as_str()), (IMAGES[0], NEW));
                let target = change.target(|one| Some(one.existing.unwrap_or(99))).unwrap();
                prop_assert_eq!(target.overrides.len(), 3);
                prop_assert!(leads_back(change, &change.back()) && !leads_back(change, &target));
            }
        }
    }

    /// Every selected group is there once, and is one of changed, held, skipped and refused.
    #[test]
    fn every_group_is_decided_once(survey in worlds()) {
        let plan = plan(&survey);
        let selected: Vec<&Group> =
            survey.groups.iter().filter(|group| group.tags["Environment"] == "dev").collect();
        prop_assert_eq!(plan.groups.len(), selected.len());
        for (planned, group) in plan.groups.iter().zip(selected) {
            prop_assert_eq!(&planned.group.name, &group.name);
            let refused = named(&plan.refused, group);
            let decided = match &planned.decision {
                Decision::Refresh(_)
                | Decision::Resume(_)
                | Decision::HoldStill(..)
                | Decision::Defer(_) => !refused,
                Decision::Skip(why) => (why == "refused") == refused && !why.is_empty(),
            };
            prop_assert!(decided, "{} is {:?}, refused: {}: {:?}", group.name, planned.decision, refused, plan.refused);
        }
        for problem in &plan.refused {
            prop_assert!(!problem.why.is_empty() && !problem.next.is_empty(), "{problem}");
        }
    }
}

fn only(groups: &[Made], image: usize) -> Plan {
    plan(&survey(groups, &[image; 9], &[1, 1, 1]))
}

fn dev(template: usize, tracking: Tracking, desired: u32) -> Made {
    Made { template, tracking, environment: "dev", desired, oddity: 11 }
}

#[test]
fn a_bystander_is_held_still_and_keeps_its_image() {
    let plan = only(&[dev(0, Tracking::Pinned(1), 2), dev(0, Tracking::Latest, 0)], 0);
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    let Decision::HoldStill(change, why) = &plan.groups[1].decision else {
        panic!("{:?}", plan.groups[1].decision)
    };
    assert_eq!((change.own.source, change.own.tracking, &change.from), (3, Tracking::Latest, &change.to));
    assert!(why.contains("no instances"), "{why}");
}

#[test]
fn a_bystander_is_held_still_beside_a_version_that_is_there_already_too() {
    let mut survey =
        survey(&[dev(0, Tracking::Default, 2), dev(0, Tracking::Default, 0)], &[0; 9], &[1, 1, 1]);
    survey.versions.get_mut(&("lt-0".into(), 2)).unwrap().image = Some(NEW.into());
    let plan = plan(&survey);
    assert_eq!(plan.groups[0].change().and_then(|change| change.own.existing), Some(2));
    // The default version is moved at the end.
    assert!(matches!(plan.groups[1].decision, Decision::HoldStill(..)), "{:?}", plan.groups[1].decision);
}

#[test]
fn an_environment_without_groups_is_refused_with_what_it_selects() {
    let plan = only(&[], 0);
    assert!(plan.refused[0].what.contains("no group in dev carries Environment=dev"), "{}", plan.refused[0]);
}

mod room;

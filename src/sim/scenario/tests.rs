//! Scenarios: names, YAML, mistakes.

use super::{EffectKind, Scenario};

#[test]
fn every_name_has_a_scenario_of_that_name() {
    for name in Scenario::NAMES {
        let scenario = Scenario::named(name).unwrap_or_else(|| panic!("{name} can't be read"));
        assert_eq!(scenario.name, *name);
        assert!(!scenario.about.is_empty());
    }
    assert_eq!(Scenario::NAMES.len(), 31);
    assert!(Scenario::named("nonsense").is_none());
}

#[test]
fn mistakes_are_told() {
    let with = |effect: &str| Scenario::from_yaml(&format!("name: x\nabout: x\neffects:\n  - {effect}\n"));
    for (effect, words) in [
        ("stuck: { att: 3 }", "att"),
        ("stcuk: { at: 3 }", "stcuk"),
        ("groups: '*'", "exactly one thing"),
        ("{ stuck: {}, instance_dies: { after: 1m } }", "exactly one thing"),
        ("instance_dies: { after: soon }", "not a duration"),
        ("stuck: { at: 101 }", "percentage"),
        ("limits: { ec2: { burst: 10 } }", "rate"),
        ("limits: { ec2: { burst: 10, rate: 0 } }", "nonzero"),
        ("limits: { elb: { burst: 10, rate: 1 } }", "elb"),
        ("image_build: { fails_at: AVAILABLE }", "passes through"),
        ("image_build: { fails_at: SOON }", "passes through"),
    ] {
        let error = with(effect).expect_err(effect);
        assert!(error.contains(words), "{effect}: {error}");
    }
    assert!(Scenario::from_yaml("name: x\nabout: x\nextra: 1").is_err());
}

#[test]
fn a_scope_replaces_the_groups_of_every_effect() {
    let scoped = Scenario::named("rollback-fails").expect("a scenario").scoped("*-qa");
    assert!(scoped.effects.iter().all(|effect| effect.groups == "*-qa"));
    assert!(matches!(scoped.effects[0].kind, EffectKind::Application(_)));
}

#[test]
fn the_documentation_tells_every_name_and_its_examples_can_be_read() {
    let text = include_str!("../../../docs/simulator.md");
    for name in Scenario::NAMES {
        assert!(text.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let read = Scenario::from_yaml(block);
        assert!(read.is_ok(), "{read:?}");
    }
}

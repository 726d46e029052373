//! What people read: the policies, whole.

use super::*;
use crate::config::{Environment, Fleet};

const CONFIGURATION: &str = "
version: 1
families: { base: { previous: { name: 'dept-base-*', owners: [self] } } }
environments:
  - name: sandbox
    account: '100000000000'
    regions: [eu-west-2]
    select: { tags: { Environment: sandbox } }
  - name: qa
    account: '333333333333'
    role_arn: arn:aws:iam::333333333333:role/ami-refresh
    regions: [eu-west-2, eu-west-1]
    select: { tags: { Environment: qa } }
  - name: qa-2
    account: '333333333333'
    role_arn: arn:aws:iam::333333333333:role/ami-refresh
    regions: [eu-west-2]
    select: { tags: { Environment: 'qa2-*', Platform: '${x}' } }
  - name: prod
    account: '999999999999'
    role_arn: arn:aws:iam::999999999999:role/ami-refresh
    regions: [eu-west-2]
    select: { tags: { Environment: prod } }
";

fn fleet() -> Fleet {
    Fleet::parse("test.yaml".as_ref(), CONFIGURATION).expect("valid")
}

fn of(fleet: &Fleet, names: &[&str], options: &Options) -> Policy {
    let environments: Vec<&Environment> =
        names.iter().map(|name| fleet.environment(name).expect("there")).collect();
    environment(fleet, &environments, options)
}

#[test]
fn commands_on_instances_are_allowed_where_a_check_sends_them() {
    let checks = "checks:
  unit: { ssm: { run: [uptime] } }
  ours: { ssm: { document: our-checks } }
  agent: { ssm: { document: AmazonCloudWatch-ManageAgent } }
  theirs: { ssm: { document: 'arn:aws:ssm:eu-west-2:444444444444:document/theirs' } }
";
    let asked = CONFIGURATION.replace(
        "    select: { tags: { Environment: prod } }",
        "    select: { tags: { Environment: prod } }\n    checks: [unit, ours, agent, theirs]",
    );
    let fleet = Fleet::parse("test.yaml".as_ref(), &format!("{asked}{checks}")).expect("valid");
    let prod = of(&fleet, &["prod"], &Options::default());
    let about = |one: &&Statement| one.action.iter().any(|action| action.starts_with("ssm:"));
    let statements: Vec<&Statement> = prod.statement.iter().filter(about).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&statements).expect("JSON"));
    let others = of(&fleet, &["qa", "qa-2"], &Options::default());
    assert_eq!(others.statement.iter().filter(about).count(), 0, "no check of theirs sends a command");
}

fn text(policy: &Policy) -> String {
    serde_json::to_string_pretty(policy).expect("JSON")
}

#[test]
fn the_policy_of_an_environments_role() {
    insta::assert_snapshot!(text(&of(&fleet(), &["prod"], &Options::default())));
}

#[test]
fn the_policy_of_a_role_that_two_environments_share() {
    let options = Options { instance_roles: vec!["web-*".to_owned()], ..Options::default() };
    insta::assert_snapshot!(text(&of(&fleet(), &["qa", "qa-2"], &options)));
}

#[test]
fn the_policy_of_the_home_role() {
    let mut fleet = fleet();
    fleet.environments.remove(0);
    insta::assert_snapshot!(text(&home(&fleet, &Options::default())));
}

#[test]
fn pipelines_that_are_named_are_the_only_ones() {
    let arn = "arn:aws:imagebuilder:eu-west-2:100000000000:image-pipeline/base";
    let options = Options { pipelines: vec![arn.to_owned()], ..Options::default() };
    let policy = home(&fleet(), &options);
    let statement = policy.statement.iter().find(|one| one.sid == "BuildImages").expect("its statement");
    assert_eq!(statement.resource, [arn, "arn:aws:imagebuilder:eu-west-2:100000000000:image/*"]);
}

#[test]
fn the_home_role_does_the_work_of_environments_without_a_role() {
    let fleet = fleet();
    let (whole, own) = (home(&fleet, &Options::default()), of(&fleet, &["sandbox"], &Options::default()));
    for statement in own.statement {
        let there = whole.statement.iter().find(|one| one.sid == statement.sid).expect("its statement");
        assert!(statement.action.iter().all(|action| there.action.contains(action)), "{}", statement.sid);
        assert!(statement.resource.iter().all(|resource| there.resource.contains(resource)));
    }
}

#[test]
fn the_trust_of_a_role() {
    let policy = trust("arn:aws:iam::100000000000:role/jenkins", &["our-id".to_owned()]);
    insta::assert_snapshot!(text(&policy));
    assert!(!text(&trust("arn:aws:iam::100000000000:root", &[])).contains("ExternalId"));
}

#[test]
fn templates_without_tags_are_allowed_when_asked_for() {
    let tagged = |policy: &Policy| text(policy).matches("ec2:ResourceTag/").count();
    assert_eq!(tagged(&of(&fleet(), &["prod"], &Options::default())), 2);
    let options = Options { any_template: true, ..Options::default() };
    assert_eq!(tagged(&of(&fleet(), &["prod"], &options)), 0);
}

#[test]
fn other_parts_of_aws_have_arns_of_their_own() {
    for (region, partition) in
        [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")]
    {
        let mut fleet = fleet();
        fleet.environments[3].regions = vec![region.into()];
        let text = text(&of(&fleet, &["prod"], &Options::default()));
        assert!(text.contains(&format!("\"arn:{partition}:autoscaling:{region}:")), "{text}");
    }
}

/// AWS counts the characters of a managed policy without blanks between its parts.
#[test]
fn a_policy_of_one_environment_fits_into_a_managed_policy() {
    let mut fleet = fleet();
    fleet.environments[3].regions = vec!["ap-southeast-1".into(), "ap-southeast-2".into()];
    let policy = of(&fleet, &["prod"], &Options::default());
    let length = serde_json::to_string(&policy).expect("JSON").len();
    assert!(length < 6144, "{length}");
}

#[test]
fn what_each_statement_is_for_is_said_once() {
    let mut fleet = fleet();
    fleet.environments[1].name = "qa2".into();
    for policy in [
        home(&fleet, &Options::default()),
        of(&fleet, &["qa2", "qa-2"], &Options::default()),
        of(&fleet, &["prod"], &Options::default()),
    ] {
        let sids: Vec<&str> = policy.statement.iter().map(|statement| statement.sid.as_str()).collect();
        let once: std::collections::BTreeSet<&&str> = sids.iter().collect();
        assert_eq!(once.len(), sids.len(), "{sids:?}");
        assert!(sids.iter().all(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())), "{sids:?}");
        for statement in &policy.statement {
            assert!(!statement.resource.is_empty() && !statement.action.is_empty(), "{statement:?}");
            assert!(statement.action.is_sorted() && statement.resource.is_sorted(), "{statement:?}");
        }
    }
}

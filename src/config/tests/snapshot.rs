use super::*;

const WRONG: &str = r#"version: 1
timezone: Europe/Lundon
families:
  base:
    previous: { name: "dept-base-*", owners: [123456789] }
defaults:
  regions: [eu-west-2]
  surge: 2h
  refresh:
    min_heathy: 90
    max_healthy: 250
    bake: 10
    on_abort: leaf
environments:
  - name: Dev
    account: 111111111111
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: { tags: {} }
    gate: { requires: [prod] }
    checks: [instances, app-heath]
  - name: prod
    account: "222222222222"
    role_arn: arn:aws:iam::333333333333:role/ami-refresh
    select: { tags: { Environment: prod } }
    gate: { requires: [qa], soak: 12 hours }
    refresh: { checkpoints: [20, 50], checkpoint_delay: 15m }
    refresh: { min_healthy: 0 }
overrides:
  - match: { name: "*-batch-*" }
    refresh: { canary: 2 }
checks:
  app-health:
    http: { url: "http://{private_ipv4}:8080/health", matches: "(up", json: { "status": UP } }
    retry: { for: 5m, every: 10s, consecutive: many }
"#;

#[test]
fn a_file_with_many_mistakes_is_reported_whole() {
    let errors = Fleet::parse(Path::new("pipeline/environments.yaml"), WRONG).unwrap_err();
    insta::assert_snapshot!("many_mistakes", errors.to_string());
}

#[test]
fn an_unknown_key_looks_like_this() {
    let text = small_with("  regions: [eu-west-2]", "  regions: [eu-west-2]\n  refresh:\n    min_heathy: 90");
    insta::assert_snapshot!(parse(&text).unwrap_err().to_string());
}

const ODD: &str = "version: 1
families: 5
defaults:
environments:
  -
  - 5
  - name: [a]
    account: 012345678901
    select: { tags: { Environment: 3 } }
    gate: { requires: dev, allow_empty: yes }
    checks: instances
overrides: { a: b }
checks: [a]
";

#[test]
fn values_of_the_wrong_kind_are_one_mistake_each() {
    insta::assert_snapshot!("wrong_kinds", parse(ODD).unwrap_err().to_string());
}

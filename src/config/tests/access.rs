//! How an environment is reached: external ids, and regions in order.

use super::*;
use crate::model::Region;

/// Adds a line to `prod`, which has a role; what comes of it.
fn prod(line: &str) -> Result<Fleet, ConfigErrors> {
    let gate = "    gate: { requires: [dev], soak: 1h, allow_empty: true }\n";
    parse(&small_with(gate, &format!("{gate}    {line}\n")))
}

fn said(line: &str) -> Vec<String> {
    let errors = prod(line).unwrap_err();
    errors.mistakes.iter().map(|mistake| mistake.message.clone()).collect()
}

#[test]
fn an_external_id_is_text_or_kept_elsewhere() {
    let of = |line: &str| prod(line).unwrap().environment("prod").unwrap().external_id.clone();
    assert_eq!(parse(SMALL).unwrap().environment("prod").unwrap().external_id, None);
    let plain = |text: &str| Some(ExternalId::Plain(text.to_owned()));
    assert_eq!(of("external_id: team/42:ami-refresh"), plain("team/42:ami-refresh"));
    assert_eq!(of("external_id: \"0042\""), plain("0042"));
    let kept = |source| Some(ExternalId::Kept(source));
    assert_eq!(of("external_id: { env: EXTERNAL_ID }"), kept(SecretSource::Env("EXTERNAL_ID".into())));
    assert_eq!(of("external_id: { file: /run/id }"), kept(SecretSource::File("/run/id".into())));
}

#[test]
fn an_external_id_is_one_that_sts_takes() {
    let expected = "STS takes no such external id: 2 to 1224 letters, digits and `_+=,.@:/-`";
    let (long, longest) = ("x".repeat(1_225), "x".repeat(1_224));
    for wrong in ["x", "\"a b\"", "a#b", "\u{e9}t\u{e9}", long.as_str()] {
        assert_eq!(said(&format!("external_id: {wrong}")), [expected], "{wrong}");
    }
    assert!(prod(&format!("external_id: {longest}")).is_ok());
    assert_eq!(said("external_id: 42"), ["`external_id` must be text, and this is the number `42`"]);
    assert_eq!(said("external_id: { variable: X }"), ["unknown key `variable`"]);
    assert_eq!(said("external_id: { env: a b }"), ["`env` must be the name of an environment variable"]);
}

#[test]
fn an_external_id_is_for_a_role() {
    let select = "select: { tags: { Environment: dev } }";
    assert_eq!(
        mistakes(&small_with(select, &format!("{select}\n    external_id: ours"))),
        [
            "11:5 `external_id` is for a role, and the environment has no `role_arn` (add the role, or leave it out)"
        ]
    );
}

#[test]
fn regions_are_kept_in_the_order_of_the_file() {
    let text = small_with("[eu-west-2]", "[us-east-1, eu-west-2, eu-central-1]\n  regions_in_order: true");
    let fleet = parse(&text).unwrap();
    let names: Vec<&str> = fleet.environments[0].regions.iter().map(Region::as_str).collect();
    assert_eq!(names, ["us-east-1", "eu-west-2", "eu-central-1"]);
    assert!(fleet.environments.iter().all(|environment| environment.regions_in_order));
    let text = text.replace("  - name: prod\n", "  - name: prod\n    regions_in_order: false\n");
    let fleet = parse(&text).unwrap();
    let in_order: Vec<bool> = fleet.environments.iter().map(|one| one.regions_in_order).collect();
    assert_eq!(in_order, [true, false]);
    assert!(!parse(SMALL).unwrap().environments[0].regions_in_order);
}

//! Each rule: a small configuration with one part that breaks it, and what is said.

use super::*;

/// Asserts that replacing the part breaks exactly one rule, and what is said of it.
fn one(part: &str, by: &str, expected: &str) {
    assert_eq!(mistakes(&small_with(part, by)), [expected], "{by}");
}

/// Adds a `refresh` to `dev`, and gives what is said of it, without places.
fn refresh(settings: &str) -> Vec<String> {
    let select = "select: { tags: { Environment: dev } }";
    let text = small_with(select, &format!("{select}\n    refresh: {{ {settings} }}"));
    mistakes(&text).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
fn the_version_is_one() {
    for wrong in ["2", "\"1\"", "1.0", "true"] {
        assert_eq!(mistakes(&small_with("version: 1", &format!("version: {wrong}"))).len(), 1, "{wrong}");
    }
    one("version: 1\n", "", "1:1 `version` is missing (add `version: …` here)");
}

#[test]
fn the_time_zone_is_known() {
    one(
        "version: 1\n",
        "version: 1\ntimezone: Europe/Lodon\n",
        "2:11 there is no time zone `Europe/Lodon` (did you mean `Europe/London`?)",
    );
}

#[test]
fn there_is_at_least_one_of_each() {
    let none = |start: &str, end: &str, by: &str| {
        let (before, rest) = SMALL.split_once(start).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        mistakes(&format!("{before}{start}{by}{end}{after}"))
    };
    assert_eq!(none("families:", "\ndefaults", " {}"), ["2:1 `families` needs at least one family"]);
    assert_eq!(
        none("environments:", "\noverrides", " []"),
        ["7:1 `environments` needs at least one environment"]
    );
    one("regions: [eu-west-2]", "regions: []", "6:3 `regions` needs at least one region");
    one("owners: [self]", "owners: []", "4:38 `owners` needs at least one account, or `self`");
    one(
        "{ tags: { Environment: dev } }",
        "{ tags: {} }",
        "10:15 `tags` needs at least one tag: without any, every group would be selected",
    );
    one("{ tags: { Environment: dev } }", "{}", "10:5 `tags` is missing (add `tags: …` here)");
}

#[test]
fn an_environment_without_a_region_is_reported() {
    let found = mistakes(&small_with("defaults:\n  regions: [eu-west-2]\n", ""));
    let expected = "the environment has no region (add `regions: [eu-west-2]` here or to the defaults)";
    assert_eq!(found, [format!("6:5 {expected}"), format!("9:5 {expected}")]);
}

#[test]
fn regions_have_their_shape_and_come_once() {
    one("[eu-west-2]", "[eu-west-2a]", "6:13 `eu-west-2a` is not a region (as in `eu-west-2`)");
    one("[eu-west-2]", "[eu-west-2, eu-west-2]", "6:24 `eu-west-2` is there twice");
}

#[test]
fn names_are_lower_case_letters_digits_and_dashes() {
    one(
        "- name: prod",
        "- name: Prod EU",
        "11:11 `Prod EU` is not a name: lower case letters, digits and dashes, at most 40 (`prod-eu` would do)",
    );
    let found = mistakes(&SMALL.replace("  base:", "  Base_1:").replace("web", "web_1"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("3:3 `Base_1` is not a name"), "{found:#?}");
    assert!(found[1].starts_with("19:3 `web_1` is not a name"), "{found:#?}");
}

#[test]
fn environments_have_different_names() {
    let found = mistakes(&small_with("- name: prod", "- name: dev"));
    assert_eq!(found[0], "11:11 there is an environment `dev` before this one");
}

#[test]
fn an_account_is_text_of_twelve_digits() {
    one(
        "\"111111111111\"",
        "1111",
        "9:14 `account` must be text: YAML reads it as the number 1111 \
         (put it in quotes, with its leading zeros: \"000000001111\")",
    );
    for wrong in ["\"1111\"", "\"11111111111a\"", "[]", ""] {
        let found = mistakes(&small_with("\"111111111111\"", wrong));
        assert!(found.len() == 1 && found[0].contains("twelve digits in quotes"), "{found:#?}");
    }
    one(
        "owners: [self]",
        "owners: [me]",
        "4:47 `me` owns no images here: an account number of twelve digits, or `self`",
    );
    one(
        "owners: [self]",
        "owners: [99999999999]",
        "4:47 an item of `owners` must be text: YAML reads it as the number 99999999999 \
         (put it in quotes, with its leading zeros: \"099999999999\")",
    );
}

#[test]
fn a_role_is_an_arn_of_the_environments_account() {
    one(
        "arn:aws:iam::222222222222:role/ami-refresh",
        "ami-refresh",
        "13:15 `ami-refresh` is not the ARN of a role \
         (as in `arn:aws:iam::222222222222:role/ami-refresh`)",
    );
    one(
        "arn:aws:iam::222222222222:role/ami-refresh",
        "arn:aws:iam::333333333333:role/ami-refresh",
        "13:15 the role is in account 333333333333, the environment in 222222222222",
    );
}

#[test]
fn two_environments_that_select_the_same_groups_are_refused() {
    let same_account = SMALL.replace("222222222222", "111111111111");
    assert_eq!(mistakes(&same_account), Vec::<String>::new());
    let same_tags = same_account.replace("Environment: prod", "Environment: dev");
    assert_eq!(
        mistakes(&same_tags),
        ["14:5 `dev` and `prod` select the same groups: same account, same tags, a common region"]
    );
    let elsewhere = same_tags.replace("    gate:", "    regions: [eu-west-1]\n    gate:");
    assert_eq!(mistakes(&elsewhere), Vec::<String>::new());
}

#[test]
fn a_gate_requires_environments_in_any_order_but_a_circle() {
    one("[dev]", "[dve]", "15:24 there is no environment `dve` (did you mean `dev`?)");
    one("[dev]", "[prod]", "15:24 `prod` requires itself, and could never start");
    one("[dev]", "[dev, dev]", "15:29 `dev` is required twice");
    let later = "{ tags: { Environment: dev } }\n    gate: { requires: [prod] }";
    let forward = small_with("{ tags: { Environment: dev } }", later);
    assert_eq!(
        mistakes(&forward),
        ["11:24 `dev` requires `prod`, which requires `dev`: none of them could ever start"]
    );
    let order = parse(&forward.replace("[dev]", "[]")).unwrap();
    let names: Vec<&str> = order.environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["prod", "dev"]);
}

#[test]
fn a_named_check_is_defined() {
    one("[instances, web]", "[instances, wbe]", "16:25 there is no check `wbe` (did you mean `web`?)");
    one("[instances, web]", "[web, web]", "16:19 `web` is there twice");
    one(
        "[instances, web]",
        "[smoke]",
        "16:14 there is no check `smoke` (defined are `instances`, `targets` and `web`)",
    );
}

#[test]
fn an_unknown_key_names_the_nearest_or_all() {
    one(
        "    account: \"111111111111\"",
        "    acount: \"111111111111\"",
        "9:5 unknown key `acount` (did you mean `account`?)",
    );
    one(
        "{ requires: [dev], soak: 1h, allow_empty: true }",
        "{ requires: [dev], xyzzy: 1 }",
        "15:30 unknown key `xyzzy` (known here: `requires`, `soak` and `allow_empty`)",
    );
}

#[test]
fn keys_that_nothing_reads_yet_are_unknown() {
    for key in ["baseline", "strategy", "alarms"] {
        let text = small_with("  - name: prod", &format!("  - {key}: {{}}\n    name: prod"));
        assert!(mistakes(&text)[0].starts_with(&format!("11:5 unknown key `{key}`")), "{key}");
        let text = small_with("overrides: []", &format!("{key}: []"));
        assert!(mistakes(&text)[0].starts_with(&format!("17:1 unknown key `{key}`")), "{key}");
    }
    for key in ["gate", "checks", "timezone"] {
        let text = small_with("  regions: [eu-west-2]", &format!("  regions: [eu-west-2]\n  {key}: {{}}"));
        assert!(mistakes(&text)[0].starts_with(&format!("7:3 unknown key `{key}`")), "{key}");
    }
    for key in ["auto_rollback", "checkpoint"] {
        assert!(refresh(&format!("{key}: []"))[0].starts_with(&format!("unknown key `{key}`")), "{key}");
    }
}

#[test]
fn a_duration_needs_a_unit_and_keeps_its_limits() {
    assert_eq!(
        refresh("bake: 90"),
        ["`bake` needs a unit: is it `90s`, `90m` or `90h`? (seconds, minutes or hours)"]
    );
    assert_eq!(
        refresh("warmup: soon"),
        ["`warmup` must be a duration such as `90s`, `10m`, `2h` or `1d` (this is the text `soon`)"]
    );
    assert_eq!(refresh("bake: 3d, timeout: 4d"), ["`bake` must be from 0s to 2d"]);
    assert_eq!(
        refresh("checkpoints: [100], checkpoint_delay: 172801s"),
        ["`checkpoint_delay` must be from 0s to 2d"]
    );
    assert_eq!(refresh("timeout: 15d"), ["`timeout` must be from 1m to 14d"]);
    assert!(
        refresh("bake: 2d, checkpoints: [50, 100], checkpoint_delay: 2d, timeout: 14d, warmup: 0s")
            .is_empty()
    );
}

#[test]
fn percentages_and_counts_keep_their_limits() {
    for (setting, expected) in [
        ("min_healthy: 101", "`min_healthy` must be a whole number from 0 to 100 (this is the number `101`)"),
        ("min_healthy: -1", "`min_healthy` must be a whole number from 0 to 100 (this is the number `-1`)"),
        ("min_healthy: 90%", "`min_healthy` must be a whole number from 0 to 100 (this is the text `90%`)"),
        ("max_healthy: 99", "`max_healthy` must be a whole number from 100 to 200 (this is the number `99`)"),
        (
            "max_healthy: 110.5",
            "`max_healthy` must be a whole number from 100 to 200 (this is the number `110.5`)",
        ),
        (
            "groups_at_once: 0",
            "`groups_at_once` must be a whole number from 1 to 10000 (this is the number `0`)",
        ),
        ("max_failures: 0", "`max_failures` must be a whole number from 1 to 10000 (this is the number `0`)"),
        ("canary: ", "`canary` must be a whole number from 0 to 10000 (this is empty)"),
    ] {
        assert_eq!(refresh(setting), [expected]);
    }
    assert!(refresh("min_healthy: 0, max_healthy: 100, canary: 0").is_empty());
}

#[test]
fn a_choice_names_what_it_may_be() {
    assert_eq!(
        refresh("on_abort: leaf"),
        ["`on_abort` is `leaf`, but may be `leave` or `rollback` (did you mean `leave`?)"]
    );
    assert_eq!(
        refresh("standby: refresh"),
        ["`standby` is `refresh`, but may be `terminate`, `ignore` or `wait`"]
    );
}

#[test]
fn checkpoints_ascend_to_a_hundred() {
    for (list, expected) in [
        ("[50, 20, 100]", "`checkpoints` must ascend: 20 is not above 50"),
        ("[20, 20, 100]", "`checkpoints` must ascend: 20 is not above 20"),
        (
            "[20, 50]",
            "the last of `checkpoints` is 50: AWS ends the refresh there, and old instances stay \
             (add 100 as the last)",
        ),
        (
            "[0, 100]",
            "an item of `checkpoints` must be a whole number from 1 to 100 (this is the number `0`)",
        ),
        ("20", "`checkpoints` must be a list of percentages (this is the number `20`)"),
    ] {
        assert_eq!(refresh(&format!("checkpoints: {list}")), [expected]);
    }
    assert!(refresh("checkpoints: []").is_empty());
}

#[test]
fn bounds_are_at_most_a_hundred_apart_and_the_timeout_exceeds_the_bake() {
    assert_eq!(
        refresh("min_healthy: 0, max_healthy: 110"),
        ["`max_healthy` 110 is 110 above `min_healthy` 0, and AWS allows at most 100"]
    );
    assert_eq!(
        refresh("timeout: 10m"),
        ["`timeout` 10m must be longer than `bake` 10m, which is a part of it"]
    );
}

#[test]
fn a_breach_in_the_defaults_is_reported_there_and_once() {
    let defaults = "  regions: [eu-west-2]\n  refresh: { min_healthy: 0, max_healthy: 150 }";
    assert_eq!(
        mistakes(&small_with("  regions: [eu-west-2]", defaults)),
        ["7:27 `max_healthy` 150 is 150 above `min_healthy` 0, and AWS allows at most 100"]
    );
}

#[test]
fn an_override_is_checked_over_what_it_changes() {
    let defaults = "  regions: [eu-west-2]\n  refresh: { max_healthy: 110 }";
    let text = small_with("  regions: [eu-west-2]", defaults);
    let with =
        |overrides: &str| mistakes(&text.replace("overrides: []", &format!("overrides:\n{overrides}")));
    let breach = "`max_healthy` 110 is 110 above `min_healthy` 0, and AWS allows at most 100";
    assert_eq!(
        with("  - { match: { name: \"*-batch-*\" }, refresh: { min_healthy: 0 } }"),
        [format!("19:61 {breach} (in `dev` and 1 more)")]
    );
    // Each is sound alone; a group that both match would be refused.
    let two = |second: &str| {
        with(&format!(
            "  - {{ match: {{ name: \"a-*\" }}, refresh: {{ max_healthy: 200, min_healthy: 100 }} }}\n  \
             - {{ match: {{ name: \"{second}\" }}, refresh: {{ min_healthy: 50 }} }}"
        ))
    };
    assert_eq!(
        two("*-b"),
        ["20:55 after `a-*`, `max_healthy` 200 is 150 above `min_healthy` 50, and AWS allows at most 100 \
          (in `dev` and 1 more)"]
    );
    assert_eq!(two("b-*"), Vec::<String>::new());
}

#[test]
fn an_override_changes_something_and_only_what_is_a_groups_own() {
    let with = |refresh: &str| {
        let by = format!("overrides: [{{ match: {{ name: x }}, refresh: {refresh} }}]");
        mistakes(&small_with("overrides: []", &by))
    };
    assert_eq!(with("{}"), ["17:35 the override changes nothing"]);
    assert_eq!(
        with("{ canary: 2 }"),
        ["17:46 unknown key `canary` (an override changes what AWS is asked for and `timeout`; \
          the rest belongs to an environment)"]
    );
    let found = mistakes(&small_with("overrides: []", "overrides: [{ refresh: { bake: 1m } }, 5]"));
    assert_eq!(found.len(), 2, "{found:#?}");
}

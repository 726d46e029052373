//! What `refresh` may say, and which of its settings can't be together.

use super::*;

/// Adds a `refresh` to `dev`, and gives what is said of it, without places.
fn refresh(settings: &str) -> Vec<String> {
    let select = "select: { tags: { Environment: dev } }";
    let text = small_with(select, &format!("{select}\n    refresh: {{ {settings} }}"));
    mistakes(&text).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

/// The small configuration with a `refresh` in the defaults, in `dev` and in an override of
/// `*-batch-*`; an empty one is left out.
fn three(defaults: &str, dev: &str, change: &str) -> String {
    let said = |settings: &str, indent: &str| match settings {
        "" => String::new(),
        settings => format!("{indent}refresh: {{ {settings} }}\n"),
    };
    let change = match change {
        "" => "overrides: []".to_owned(),
        change => format!("overrides: [{{ match: {{ name: \"*-batch-*\" }}, refresh: {{ {change} }} }}]"),
    };
    let select = "    select: { tags: { Environment: dev } }\n";
    small_with("  regions: [eu-west-2]\n", &format!("  regions: [eu-west-2]\n{}", said(defaults, "  ")))
        .replace(select, &format!("{select}{}", said(dev, "    ")))
        .replace("overrides: []", &change)
}

#[test]
fn a_strategy_is_one_of_aws_two() {
    assert!(refresh("strategy: rolling").is_empty());
    let fleet = parse(&three("strategy: replace-root-volume", "", "strategy: rolling")).unwrap();
    let policy = |group: &str| fleet.policy(&fleet.environments[0], &group.into()).preferences.strategy;
    assert_eq!((policy("web"), policy("pay-batch-1")), (Strategy::ReplaceRootVolume, Strategy::Rolling));
    assert_eq!(
        refresh("strategy: replace_root_volume"),
        ["`strategy` is `replace_root_volume`, but may be `rolling` or `replace-root-volume` \
          (did you mean `replace-root-volume`?)"]
    );
}

#[test]
fn alarms_are_at_most_ten_names_each_once() {
    let names = |count: usize| (0..count).map(|at| format!("a{at}")).collect::<Vec<_>>().join(", ");
    assert!(refresh(&format!("alarms: [{}]", names(10))).is_empty());
    assert_eq!(
        refresh(&format!("alarms: [{}]", names(12))),
        ["there are 12 `alarms`, and AWS takes at most 10 (a composite alarm can stand for several)"]
    );
    assert_eq!(refresh("alarms: [high-5xx, slow, high-5xx]"), ["`high-5xx` is there twice"]);
    assert_eq!(
        refresh("alarms: high-5xx"),
        ["`alarms` must be a list of names of CloudWatch alarms (this is the text `high-5xx`)"]
    );
    assert_eq!(
        refresh("alarms: [\"arn:aws:cloudwatch:eu-west-2:111111111111:alarm:slow\"]"),
        ["an alarm is named by its name, not by its ARN (the last part of the ARN)"]
    );
    let long = "x".repeat(256);
    let expected = "the name of an alarm has at most 255 characters on one line";
    assert_eq!(refresh(&format!("alarms: [{long}]")), [expected]);
    assert_eq!(refresh("alarms: [\"a\\nb\"]"), [expected]);
    assert_eq!(
        refresh("alarms: [5]"),
        ["an item of `alarms` must be text, and this is the number `5` (put it in quotes)"]
    );
}

#[test]
fn alarms_and_skip_matching_are_laid_over_one_another() {
    let text = three(
        "alarms: [slow], skip_matching: false",
        "alarms: [high-5xx]",
        "alarms: [], skip_matching: true",
    );
    let fleet = parse(&text).unwrap();
    let of = |environment: usize, group: &str| {
        let preferences = fleet.policy(&fleet.environments[environment], &group.into()).preferences;
        (preferences.alarms.join(","), preferences.skip_matching)
    };
    assert_eq!(of(0, "web"), ("high-5xx".to_owned(), false));
    assert_eq!(of(1, "web"), ("slow".to_owned(), false));
    assert_eq!(of(0, "pay-batch-1"), (String::new(), true));
    assert!(parse(SMALL).unwrap().environments[0].refresh.preferences.skip_matching);
}

#[test]
fn the_timeout_holds_the_bake_and_every_pause() {
    assert_eq!(
        refresh("checkpoints: [20, 100], checkpoint_delay: 2h, timeout: 2h"),
        [
            "`timeout` 2h must be longer than `bake` 10m and the pauses at `checkpoints`, 2h, which are parts of it"
        ]
    );
    assert_eq!(
        refresh("checkpoints: [10, 20, 50, 100]"),
        ["`timeout` 3h must be longer than `bake` 10m and the pauses at `checkpoints`, 3 times 1h, \
          which are parts of it"]
    );
    // There is no pause at the last.
    assert!(refresh("checkpoints: [100], checkpoint_delay: 2h, timeout: 1h").is_empty());
    assert!(refresh("checkpoints: [50, 100], checkpoint_delay: 2h, timeout: 131m").is_empty());
    assert!(!refresh("checkpoints: [50, 100], checkpoint_delay: 2h, timeout: 130m").is_empty());
}

#[test]
fn a_breach_of_three_settings_is_reported_where_the_last_of_them_is_written() {
    let text = three("checkpoint_delay: 2h", "checkpoints: [20, 40, 100]", "");
    let expected = "`timeout` 3h must be longer than `bake` 10m and the pauses at `checkpoints`, 2 times 2h, which are parts of it";
    assert_eq!(mistakes(&text), [format!("12:29 {expected}")]);
    let text = three("checkpoint_delay: 2h", "", "checkpoints: [20, 40, 100]");
    assert_eq!(mistakes(&text), [format!("18:69 {expected} (in `dev` and 1 more)")]);
}

#[test]
fn a_delay_needs_checkpoints_that_it_can_be_for() {
    let expected = "`checkpoint_delay` has no `checkpoints`, and AWS takes it only with them \
                    (add `checkpoints: [50, 100]`, or leave it out)";
    let delay = "checkpoint_delay: 5m";
    let points = "checkpoints: [50, 100]";
    let both = format!("{delay}, {points}");
    let none = "";
    for (defaults, dev, change, places) in [
        (delay, none, none, vec!["7:14"]),
        (none, delay, none, vec!["11:16"]),
        (none, none, delay, vec!["17:56"]),
        (delay, delay, none, vec!["7:14", "12:16"]),
        (delay, points, none, vec![]),
        (delay, none, points, vec![]),
        (none, delay, points, vec![]),
        (none, points, delay, vec![]),
        (points, delay, none, vec![]),
        (none, none, both.as_str(), vec![]),
        (points, "checkpoints: [], checkpoint_delay: 5m", none, vec!["12:33"]),
    ] {
        let expected: Vec<String> = places.iter().map(|place| format!("{place} {expected}")).collect();
        assert_eq!(mistakes(&three(defaults, dev, change)), expected, "{defaults} | {dev} | {change}");
    }
}

//! Sets, what overrides make of lists, and captured variables in their order.

use proptest::prelude::*;

use super::*;

/// Checks `a` to `d`; `login` captures `{token}`, `app` names it.
const CHECKS: &str = r#"checks:
  a: { tcp: { host: a, port: 1 } }
  b: { tcp: { host: b, port: 1 } }
  c: { tcp: { host: c, port: 1 } }
  d: { tcp: { host: d, port: 1 } }
  login: { http: { url: "http://{private_ip}/", capture: { token: { json: $.t } } } }
  app: { http: { url: "http://{private_ip}/{token}" } }
"#;

/// The small configuration with these checks in prod, these overrides, and this at its end.
fn text(checks: &str, overrides: &str, end: &str) -> String {
    let text = small_with("checks: [instances, web]", &format!("checks: {checks}"));
    let (head, _) = text.split_once("overrides: []").unwrap();
    format!("{head}overrides: {overrides}\n{CHECKS}{end}\n")
}

/// What is said, without the places.
fn said(text: &str) -> Vec<String> {
    mistakes(text).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

/// The names of a group's checks in prod.
fn of_group(text: &str, group: &str) -> Vec<String> {
    let fleet = parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    let prod = fleet.environment("prod").unwrap();
    fleet.checks_of(prod, &group.into()).into_iter().map(|check| check.name.clone()).collect()
}

#[test]
fn a_set_stands_for_its_checks_and_sets_in_order_and_each_check_is_there_once() {
    let sets = "check_sets:\n  deep: [b, web, c]\n  web: [instances, a]\n  more: [c, d]";
    assert_eq!(of_group(&text("[deep, more]", "[]", sets), "x"), ["b", "instances", "a", "c", "d"]);
}

#[test]
fn what_is_wrong_in_a_list_is_told_where_it_is_written() {
    let sets = "check_sets:\n  web: [instances, a]";
    assert_eq!(said(&text("[web, wib]", "[]", sets)), ["there is no check `wib` (did you mean `web`?)"]);
    assert_eq!(said(&text("[web, a]", "[]", sets)), ["`a` is there twice: it is in the set `web`"]);
    assert_eq!(said(&text("[web, web]", "[]", sets)), ["`web` is there twice"]);
    let mistake = &mistakes(&text("[a]", "[]", "check_sets:\n  web: [instances,  aa]"))[0];
    assert_eq!(mistake, "26:21 there is no check `aa` (did you mean `a`?)");
    assert_eq!(
        said(&text("[a]", "[]", "check_sets:\n  a: [b]\n  none: []")),
        ["there is a check `a` too (a list could not tell which is meant)", "the set `none` has no check"]
    );
}

#[test]
fn a_set_that_holds_itself_is_told_once_and_taken_apart_all_the_same() {
    for (sets, message) in [
        ("  one: [a, one]", "the set `one` is in itself"),
        ("  two: [one]\n  one: [a, two]", "the set `one` holds `two`, which holds `one`"),
        (
            "  x: [one]\n  one: [y]\n  y: [z, a]\n  z: [one]",
            "the set `one` holds `y`, which holds `z`, which holds `one`",
        ),
    ] {
        assert_eq!(said(&text("[one]", "[]", &format!("check_sets:\n{sets}"))), [message]);
    }
}

#[test]
fn overrides_replace_add_and_remove_one_after_another() {
    let overrides = "\n  - match: { name: \"*-batch\" }\n    checks: [a]\n  \
                     - match: { name: \"pay-*\" }\n    checks: { add: [more, a], remove: [web] }";
    let text = text("[web, b]", overrides, "check_sets:\n  web: [instances, c]\n  more: [d]");
    assert_eq!(of_group(&text, "search"), ["instances", "c", "b"]);
    assert_eq!(of_group(&text, "search-batch"), ["a"]);
    assert_eq!(of_group(&text, "pay-web"), ["b", "d", "a"]);
    assert_eq!(of_group(&text, "pay-batch"), ["a", "d"]);
}

#[test]
fn an_override_may_be_a_set_and_every_check_of_any_group_is_known() {
    let overrides = "\n  - match: { name: \"*-batch\" }\n    checks: [more, a]\n  \
                     - match: { name: \"pay-*\" }\n    checks: { add: [d] }";
    let text = text("[web]", overrides, "check_sets:\n  web: [instances]\n  more: [c, b]");
    assert_eq!(of_group(&text, "search-batch"), ["c", "b", "a"]);
    let fleet = parse(&text).unwrap();
    let any = fleet.checks_of_any(fleet.environment("prod").unwrap());
    let names: Vec<&str> = any.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "instances"]);
}

#[test]
fn an_override_of_checks_that_changes_nothing_is_a_mistake() {
    let with = |checks: &str| said(&text("[a]", &format!("[{{ match: {{ name: x }}, {checks} }}]"), ""));
    assert_eq!(with("checks: {}"), ["`checks` changes nothing (add `add` or `remove`)"]);
    assert_eq!(with("checks: { remove: [b] }"), ["`b` is in no list that this changes"]);
    assert_eq!(with("checks: { remove: [instances] }"), [""; 0]);
    assert_eq!(with("checks: { ad: [b] }"), ["unknown key `ad` (did you mean `add`?)"]);
    assert_eq!(with("checks: { add: [q] }").len(), 1);
    assert_eq!(
        with("checks: b"),
        ["`checks` must be a list of checks, or `{ add: [], remove: [] }` (this is the text `b`)"]
    );
    assert_eq!(with("checks_deadline: 0s").len(), 1);
    assert_eq!(with("checks_deadline: 5m"), [""; 0]);
}

#[test]
fn the_deadline_of_a_group_is_its_last_overrides_else_its_environments() {
    let overrides = "[{ match: { name: \"*-batch\" }, checks_deadline: 1h }, \
                      { match: { name: \"pay-*\" }, checks_deadline: 2h }]";
    let text = text("[a]\n    checks_deadline: 5m", overrides, "");
    let text = text.replace("regions: [eu-west-2]", "regions: [eu-west-2]\n  checks_deadline: 7m");
    let fleet = parse(&text).unwrap();
    let minutes = |environment: &str, group: &str| {
        let environment = fleet.environment(environment).unwrap();
        fleet.checks_deadline(environment, &group.into()).unwrap().as_secs() / 60
    };
    assert_eq!((minutes("prod", "x"), minutes("dev", "x"), minutes("dev", "x-batch")), (5, 7, 60));
    assert_eq!(minutes("dev", "pay-batch"), 120);
}

#[test]
fn what_is_captured_comes_before_what_names_it() {
    assert_eq!(said(&text("[login, a, app]", "[]", "")), [""; 0]);
    assert_eq!(
        said(&text("[app, login]", "[]", "")),
        ["`app` names `{token}`, which `login` captures only after it (put `login` before `app`)"]
    );
    let absent = "`app` names `{token}`, which no check before it captures (put `login` before it)";
    assert_eq!(said(&text("[a, set]", "[]", "check_sets: { set: [b, app] }")), [absent]);
    // The place is that of the set in the list that lacks the check.
    let mistake = &mistakes(&text("[a, set]", "[]", "check_sets: { set: [b, app] }"))[0];
    assert!(mistake.starts_with("16:17 "), "{mistake}");
}

#[test]
fn what_overrides_make_of_a_list_is_sound_too() {
    let with = |checks: &str| {
        said(&text("[login, app]", &format!("[{{ match: {{ name: x }}, checks: {checks} }}]"), ""))
    };
    let absent = "`app` names `{token}`, which no check before it captures";
    assert_eq!(with("{ remove: [login] }"), [format!("{absent} (in `prod`) (put `login` before it)")]);
    assert_eq!(with("{ remove: [login, app] }"), [""; 0]);
    assert_eq!(with("[app]"), [format!("{absent} (in `dev` and 1 more) (put `login` before it)")]);
    // Two that meet on a group.
    let two = "[{ match: { name: \"a*\" }, checks: [login, app] }, \
                { match: { name: \"*b\" }, checks: { remove: [login] } }]";
    assert_eq!(
        said(&text("[login]", two, "")),
        [format!("{absent} (in `dev` and 1 more) (put `login` before it)")]
    );
    let apart = two.replace("*b", "b*");
    assert_eq!(said(&text("[login]", &apart, "")), [""; 0]);
}

#[test]
fn what_can_not_be_captured_or_named_is_a_mistake() {
    let with = |capture: &str, url: &str| {
        let end = format!(
            "  x: {{ http: {{ url: \"http://a/{url}\", capture: {capture} }} }}\n  \
             g: {{ on: group, http: {{ url: \"http://a/{{token}}\" }} }}"
        );
        let all = said(&text("[a]", "[]", &end));
        let of_group = "`{token}` is captured of each instance, and this check is `on: group` \
                        (make it `on: instance`, or leave the variable out)";
        assert!(all.iter().any(|said| said == of_group), "{all:?}");
        all.into_iter().filter(|said| said != of_group).collect::<Vec<_>>()
    };
    for (capture, message) in [
        ("{}", "`capture` captures nothing (as in `token: { json: $.token }`)"),
        (
            "{ Token: { json: $.t } }",
            "`Token` is no variable: lower case letters, digits and `_`, at most 40",
        ),
        ("{ region: { json: $.t } }", "`{region}` is known already, and can't be captured"),
        ("{ t: {} }", "`t` needs exactly one of `json`, `regex` and `header`"),
        ("{ t: { json: $.t, header: X } }", "`t` needs exactly one of `json`, `regex` and `header`"),
        (
            "{ t: { regex: x } }",
            "`regex` needs exactly one group, which is the value (as in `token=([0-9a-f]+)`; `(?:…)` is no such group)",
        ),
        ("{ t: { header: \"a b\" } }", "`a b` is not the name of a header"),
        ("{ t: { jsn: $.t } }", "unknown key `jsn` (did you mean `json`?)"),
    ] {
        assert_eq!(with(capture, ""), [message]);
    }
    assert_eq!(
        with("{ t: { json: $.t } }", "{tokn}"),
        ["unknown variable `{tokn}` (did you mean `{token}`?)"]
    );
    assert_eq!(with("{ t: { json: $.t } }", "{tag:}"), ["`{tag:}` names no tag (as in `{tag:Service}`)"]);
    assert_eq!(with("{ t: { json: $.t } }", "{tag:Any Key}/{image_id}"), [""; 0]);
}

#[test]
fn two_that_need_each_other_and_two_that_capture_the_same_are_mistakes() {
    let circle = r#"  x: { http: { url: "http://a/{y}", capture: { x: { json: $.t } } } }
  y: { http: { url: "http://a/{x}", capture: { y: { json: $.t } } } }
  z: { http: { url: "http://a/{z}", capture: { z: { json: $.t } } } }
  login2: { http: { url: "http://a/", capture: { token: { json: $.t } } } }"#;
    assert_eq!(
        said(&text("[x, y]", "[]", circle)),
        [
            "`x` and `y` name what the other captures: neither can be first (take what both need out of a check of its own)"
        ]
    );
    assert_eq!(
        said(&text("[z]", "[]", circle)),
        ["`z` names `{z}`, which it captures itself (a value is there for the checks after it only)"]
    );
    assert_eq!(
        said(&text("[login, login2]", "[]", circle)),
        ["`login2` captures `{token}`, and so does `login` before it (give one of them another name)"]
    );
    assert_eq!(said(&text("[login2, app]", "[]", circle)), [""; 0]);
}

proptest! {
    #[test]
    fn sets_of_any_shape_end(sets in proptest::collection::vec(proptest::collection::vec(0_usize..9, 1..4), 1..6)) {
        let name = |at: usize| ["s0", "s1", "s2", "s3", "s4", "a", "b", "c", "d"][at];
        let list = |members: &Vec<usize>| members.iter().map(|at| name(*at)).collect::<Vec<_>>().join(", ");
        let lines: Vec<String> = sets.iter().enumerate().map(|(at, members)| format!("  s{at}: [{}]", list(members))).collect();
        let text = text("[s0]", "[]", &format!("check_sets:\n{}", lines.join("\n")));
        if let Ok(fleet) = parse(&text) {
            let checks = &fleet.environment("prod").unwrap().checks;
            prop_assert!(!checks.is_empty() && checks.iter().all(|one| fleet.checks.contains_key(one)), "{checks:?}");
        }
    }
}

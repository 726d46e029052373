//! Each rule for checks: a definition that breaks it, and what is said.

use super::*;

/// Replaces the check of the small configuration, and gives what is said of it.
fn check(definition: &str) -> Vec<String> {
    let text = small_with(r#"    http: { url: "http://{private_ip}/" }"#, &format!("    {definition}"));
    mistakes(&text).iter().map(|mistake| mistake.split_once(' ').unwrap().1.to_owned()).collect()
}

fn http(settings: &str) -> Vec<String> {
    check(&format!("http: {{ url: \"http://a/\", {settings} }}"))
}

#[test]
fn a_check_with_a_mistake_is_not_called_unknown_as_well() {
    assert_eq!(check("http: { url: \"ftp://a/\" }").len(), 1);
}

#[test]
fn a_check_asks_exactly_one_thing() {
    assert_eq!(check("on: group"), ["`web` asks nothing (add `http`, `tcp`, `command`, `ssm` or `alarm`)"]);
    assert_eq!(check("htp: { url: \"http://a/\" }"), ["unknown key `htp` (did you mean `http`?)"]);
    assert_eq!(
        check("http: { url: \"http://a/\" }\n    tcp: { host: a, port: 1 }"),
        ["`web` has both `http` and `tcp` (make a check of each)"]
    );
}

#[test]
fn a_built_in_check_is_redefined_only_in_its_retry() {
    let text = small_with("checks:\n  web:", "checks:\n  instances: { http: {}, retry: {} }\n  web:");
    assert_eq!(
        mistakes(&text),
        ["19:16 unknown key `http` (this check is built in: only how it is asked can be changed)"]
    );
}

#[test]
fn an_address_is_a_url_with_known_variables() {
    for (url, expected) in [
        ("ftp://a/", "`ftp://a/` is neither http nor https (as in `http://{private_ip}:8080/health`)"),
        ("/health", "`/health` is not a whole URL (as in `http://{private_ip}:8080/health`)"),
        ("http://{privat_ip}/", "unknown variable `{privat_ip}` (did you mean `{private_ip}`?)"),
        ("http://{private_ip/", "`http://{private_ip/` has a brace without its other"),
        ("http://private_ip}/", "`http://private_ip}/` has a brace without its other"),
    ] {
        assert_eq!(check(&format!("http: {{ url: \"{url}\" }}")), [expected]);
    }
    assert_eq!(
        check("http: { url: \"http://{private_ip}/\" }\n    on: group"),
        ["`{private_ip}` is of an instance, and this check is `on: group` \
          (make it `on: instance`, or leave the variable out)"]
    );
}

#[test]
fn statuses_are_numbers_or_ranges() {
    for wrong in ["99", "600", "\"299-200\"", "\"200-\"", "2xx", "[]", "[200, x]", "true"] {
        assert_eq!(http(&format!("status: {wrong}")).len(), 1, "{wrong}");
    }
}

#[test]
fn expressions_paths_and_headers_are_checked() {
    assert_eq!(http("matches: \"(\""), ["`matches` is not a regular expression: unclosed group"]);
    assert!(http("json: { \"status\": UP }")[0].starts_with("`status` is not a JSON path: "));
    assert_eq!(http("json: { \"$.n\": .inf }"), ["JSON has no value like that of `$.n`"]);
    assert_eq!(http("headers: { \"X App\": a }"), ["`X App` is not the name of a header"]);
    assert_eq!(
        http("headers: { X-App: 5 }"),
        ["`X-App` must be text, and this is the number `5` (put it in quotes)"]
    );
    assert_eq!(http("body: \"\"").len(), 1);
    assert_eq!(http("within: 0s"), ["`within` must be from 1s to 5m"]);
}

#[test]
fn a_tcp_check_has_a_host_and_a_port() {
    assert_eq!(
        check("tcp: { host: \"{private_ip}:22\", port: 0, banner: \"[\" }"),
        [
            "`{private_ip}:22` is not a host (the port has its own key, `port`)",
            "`port` must be a whole number from 1 to 65535 (this is the number `0`)",
            "`banner` is not a regular expression: unclosed character class",
        ]
    );
    assert_eq!(check("tcp: {}").len(), 2);
}

#[test]
fn the_passes_in_a_row_fit_into_the_time() {
    assert_eq!(
        check("http: { url: \"http://a/\" }\n    retry: { for: 15s, every: 10s, consecutive: 3 }"),
        ["3 passes in a row, one every 10s, take 20s (`for` is 15s)"]
    );
    assert_eq!(check("http: { url: \"http://a/\" }\n    retry: { every: 0s, consecutive: 0 }").len(), 2);
}

#[test]
fn a_deadline_leaves_time_for_the_passes_and_a_baseline_is_needed_to_allow_what_failed() {
    let http = "http: { url: \"http://a/\" }";
    assert_eq!(
        check(&format!("{http}\n    retry: {{ every: 10s, consecutive: 3 }}\n    deadline: 15s")),
        ["3 passes in a row, one every 10s, take 20s (`deadline` is 15s)"]
    );
    assert_eq!(check(&format!("{http}\n    deadline: 0s")).len(), 1);
    assert_eq!(
        check(&format!("{http}\n    allow_preexisting: true")),
        ["`allow_preexisting` is for a check with `baseline` (add `baseline: true`, or leave it out)"]
    );
    assert_eq!(check(&format!("{http}\n    baseline: true\n    allow_preexisting: true")), [""; 0]);
}

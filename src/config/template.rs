//! Checks the addresses of checks, with their variables in braces.
//!
//! What is written is kept; it is tried here with an example for every variable.

use http::Uri;
use serde_json::Value as Json;

use super::fleet::Scope;
use super::reader::Node;
use super::words::{did_you_mean, nearest, quoted};

/// Each variable, an example of its value, and whether a group as a whole has it.
const VARIABLES: [(&str, &str, bool); 9] = [
    ("private_ip", "10.0.0.1", false),
    ("private_dns", "ip-10-0-0-1.internal", false),
    ("instance_id", "i-0abc1234def567890", false),
    ("instance_type", "m7g.large", false),
    ("image_id", "ami-0abc1234def567890", false),
    ("availability_zone", "eu-west-2a", false),
    ("group", "group", true),
    ("environment", "environment", true),
    ("region", "eu-west-2", true),
];

/// What a tag's variable begins with: the rest is its key.
pub(super) const TAG: &str = "tag:";
/// An example of a tag's value, and of a captured one.
const VALUE: &str = "value";

/// Whether a check can't capture under that name, since it means something already.
pub(super) fn is_variable(name: &str) -> bool {
    VARIABLES.iter().any(|(known, _, _)| *known == name)
}

/// The address of an `http` check.
pub(super) fn url(node: Node<'_>, on: Scope) -> Option<String> {
    let text = node.text()?;
    let example = example(node, text, on)?;
    if let Err((reason, hint)) = check_url(&example) {
        node.wrong(format!("`{text}` {reason}"), Some(hint.to_owned()));
        return None;
    }
    Some(text.to_owned())
}

/// The host of a `tcp` check.
pub(super) fn host(node: Node<'_>, on: Scope) -> Option<String> {
    let text = node.text()?;
    let example = example(node, text, on)?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/@?#[]".contains(c);
    let port = example.matches(':').count() == 1;
    if example.contains(odd) || port {
        let hint = if port { "the port has its own key, `port`" } else { "as in `{private_ip}`" };
        node.wrong(format!("`{text}` is not a host"), Some(hint.to_owned()));
        return None;
    }
    Some(text.to_owned())
}

/// A text that is sent: only what looks like a variable must be one.
pub(super) fn text(node: Node<'_>, on: Scope) -> Option<String> {
    let text = node.text()?;
    known(node, text, on).then(|| text.to_owned())
}

/// Whether every variable in the texts of a JSON value is one; says so of those that are not.
pub(super) fn texts_in(value: &Json, node: Node<'_>, on: Scope) -> bool {
    match value {
        Json::String(text) => known(node, text, on),
        Json::Array(items) => {
            items.iter().map(|item| texts_in(item, node, on)).filter(|good| !good).count() == 0
        }
        Json::Object(entries) => {
            entries.values().map(|item| texts_in(item, node, on)).filter(|good| !good).count() == 0
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
    }
}

fn known(node: Node<'_>, text: &str, on: Scope) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let is_name = |name: &str| name.starts_with(TAG) || (!name.is_empty() && name.bytes().all(plain));
    let mut good = true;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        rest = after;
        if let Some((name, beyond)) = after.split_once('}')
            && is_name(name)
        {
            rest = beyond;
            if let Err((message, hint)) = value_of(node, name, on) {
                node.wrong(message, Some(hint));
                good = false;
            }
        }
    }
    good
}

pub(super) fn check_url(url: &str) -> Result<(), (&'static str, &'static str)> {
    const SHAPE: &str = "as in `http://{private_ip}:8080/health`";
    let uri: Uri = url.parse().map_err(|_| ("is not a URL", SHAPE))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return Err(("is neither http nor https", SHAPE)),
        None => return Err(("is not a whole URL", SHAPE)),
    }
    let authority = uri.authority().ok_or(("has no host", SHAPE))?;
    if authority.as_str().contains('@') {
        return Err(("holds a user name", "configurations hold no secrets"));
    }
    if authority.host().is_empty() {
        return Err(("has no host", SHAPE));
    }
    let rest = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    if !rest.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
        return Err(("has a port that is none", "a port is a number from 1 to 65535"));
    }
    Ok(())
}

/// The text with an example for every variable.
fn example(node: Node<'_>, text: &str, on: Scope) -> Option<String> {
    let mut example = String::new();
    let mut rest = text;
    let mut good = true;
    while let Some(at) = rest.find(['{', '}']) {
        example.push_str(&rest[..at]);
        let inside = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((name, after)) = inside else {
            node.wrong(format!("`{text}` has a brace without its other"), None);
            return None;
        };
        match value_of(node, name, on) {
            Ok(value) => example.push_str(value),
            Err((message, hint)) => {
                node.wrong(message, Some(hint));
                good = false;
            }
        }
        rest = after;
    }
    example.push_str(rest);
    good.then_some(example)
}

/// An example of a variable's value; else what is wrong with its name, and a hint.
pub(super) fn value_of(node: Node<'_>, name: &str, on: Scope) -> Result<&'static str, (String, String)> {
    let here = VARIABLES.iter().filter(|(_, _, of_group)| *of_group || on == Scope::Instance);
    if let Some((_, value, _)) = here.clone().find(|(known, _, _)| *known == name) {
        return Ok(value);
    }
    if let Some(key) = name.strip_prefix(TAG) {
        let hint = "as in `{tag:Service}`".to_owned();
        return if key.is_empty() { Err(("`{tag:}` names no tag".to_owned(), hint)) } else { Ok(VALUE) };
    }
    let captured = node.captured();
    match captured.get(name) {
        Some(of_group) if *of_group || on == Scope::Instance => {
            node.names(name);
            return Ok(VALUE);
        }
        Some(_) => {
            let hint = "make it `on: instance`, or leave the variable out".to_owned();
            let message = format!("`{{{name}}}` is captured of each instance, and this check is `on: group`");
            return Err((message, hint));
        }
        None => {}
    }
    let captured = captured.iter().filter(|(_, of_group)| **of_group || on == Scope::Instance);
    let captured: Vec<&str> = captured.map(|(name, _)| name.as_str()).collect();
    let names = || here.clone().map(|(name, _, _)| *name).chain(captured.iter().copied());
    if VARIABLES.iter().any(|(known, _, _)| *known == name) {
        let hint = "make it `on: instance`, or leave the variable out".to_owned();
        return Err((format!("`{{{name}}}` is of an instance, and this check is `on: group`"), hint));
    }
    let hint = nearest(name, names()).map_or_else(
        || format!("known here: {}", quoted(names(), "and")),
        |near| did_you_mean(&format!("{{{near}}}")),
    );
    Err((format!("unknown variable `{{{name}}}`"), hint))
}

/// Whether the name is a variable's, or so much like one that it was meant to be.
pub(super) fn is_meant(node: Node<'_>, name: &str) -> bool {
    let captured = node.captured();
    let known = VARIABLES.iter().map(|(known, _, _)| *known).chain(captured.keys().map(String::as_str));
    name.starts_with(TAG) || nearest(name, known).is_some()
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn a_url_has_a_scheme_a_host_and_a_real_port() {
        for url in ["http://10.0.0.1:8080/health", "https://a.example/?q=1", "http://[::1]:80/", "http://a"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "10.0.0.1:8080",
            "/health",
            "ftp://a/",
            "http://",
            "http://:80/",
            "http://u:p@a/",
            "http://a:99999/",
            "http://a:0/",
            "http://a b/",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}

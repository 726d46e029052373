//! The variables in braces that addresses may hold.
//!
//! [`Variables`] fills them in from the group and the instance asked. Pure.

use crate::event::GroupRef;
use crate::model::InstanceId;

/// The values for one asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variables<'a> {
    pub(super) group: &'a GroupRef,
    /// The instance asked and its private address, once EC2 knows one; `None` for the group.
    pub(super) instance: Option<(&'a InstanceId, Option<&'a str>)>,
}

impl<'a> Variables<'a> {
    /// The text with the values as they are.
    ///
    /// # Errors
    /// When a variable is unknown, or has no value here.
    pub(super) fn in_host(&self, text: &str) -> Result<String, String> {
        self.fill(text, |_, value| value.to_owned())
    }

    /// The URL with the values escaped, and IPv6 addresses in brackets.
    ///
    /// # Errors
    /// When a variable is unknown, or has no value here.
    pub(super) fn in_url(&self, text: &str) -> Result<String, String> {
        self.fill(text, |name, value| match name {
            "private_ip" if value.contains(':') => format!("[{value}]"),
            _ => percent_encoded(value),
        })
    }

    fn fill(&self, text: &str, write: impl Fn(&str, &str) -> String) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((name, beyond)) if is_name(name) => {
                    filled.push_str(&write(name, self.value(name)?));
                    rest = beyond;
                }
                // Any other brace is the address's own.
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str) -> Result<&'a str, String> {
        let of_instance =
            || self.instance.ok_or_else(|| format!("{{{name}}} needs a check on each instance"));
        match name {
            "group" => Ok(self.group.group.as_str()),
            "environment" => Ok(self.group.environment.as_str()),
            "region" => Ok(self.group.region.as_str()),
            "instance_id" => Ok(of_instance()?.0.as_str()),
            "private_ip" => {
                let (id, address) = of_instance()?;
                address.ok_or_else(|| format!("EC2 knows no private address of {id}"))
            }
            _ => Err(format!("unknown variable {{{name}}}")),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Escapes all but the characters that mean nothing in a URL (RFC 3986, unreserved).
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> GroupRef {
        GroupRef { environment: "qa".into(), region: "eu-west-2".into(), group: "web a/b".into() }
    }

    #[test]
    fn variables_are_filled_in_and_escaped_in_urls() {
        let (group, id) = (group(), InstanceId::new("i-1"));
        let variables = Variables { group: &group, instance: Some((&id, Some("10.0.0.1"))) };
        assert_eq!(
            variables.in_url("http://{private_ip}/{instance_id}/{group}?e={environment}&r={region}"),
            Ok("http://10.0.0.1/i-1/web%20a%2Fb?e=qa&r=eu-west-2".into())
        );
        assert_eq!(variables.in_host("{group}.{region}"), Ok("web a/b.eu-west-2".into()));
    }

    #[test]
    fn an_ipv6_address_is_bracketed_in_a_url_only() {
        let (group, id) = (group(), InstanceId::new("i-1"));
        let variables = Variables { group: &group, instance: Some((&id, Some("fd00::1"))) };
        assert_eq!(variables.in_url("http://{private_ip}:80/"), Ok("http://[fd00::1]:80/".into()));
        assert_eq!(variables.in_host("{private_ip}"), Ok("fd00::1".into()));
    }

    #[test]
    fn other_braces_are_left_and_what_has_no_value_is_said() {
        let (group, id) = (group(), InstanceId::new("i-1"));
        let of_group = Variables { group: &group, instance: None };
        assert_eq!(of_group.in_url(r#"/?q={"a":1}{"#), Ok(r#"/?q={"a":1}{"#.into()));
        assert_eq!(
            of_group.in_url("{instance_id}"),
            Err("{instance_id} needs a check on each instance".into())
        );
        assert_eq!(of_group.in_url("{port}"), Err("unknown variable {port}".into()));
        let no_address = Variables { group: &group, instance: Some((&id, None)) };
        assert_eq!(no_address.in_url("{private_ip}"), Err("EC2 knows no private address of i-1".into()));
    }
}

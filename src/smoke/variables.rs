//! The variables in braces that addresses may hold.
//!
//! [`Variables`] fills them in from the group, its tags, the instance asked, and what earlier
//! checks captured. Pure.

use std::collections::BTreeMap;

use crate::event::GroupRef;
use crate::model::{Instance, InstanceId};

/// The values for one asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variables<'a> {
    pub(super) group: &'a GroupRef,
    /// The group's tags.
    pub(super) tags: &'a BTreeMap<String, String>,
    /// The instance asked, once EC2 knows it; `None` for the group.
    pub(super) instance: Option<(&'a InstanceId, Option<&'a Instance>)>,
    /// What earlier checks captured.
    pub(super) captured: &'a BTreeMap<String, String>,
}

impl<'a> Variables<'a> {
    /// Whether the host is the instance itself, by its address or its name.
    pub(super) fn is_own(&self, host: &str) -> bool {
        let Some((_, Some(instance))) = self.instance else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        [&instance.private_ip, &instance.private_dns].into_iter().flatten().any(|own| own == host)
    }

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

    /// The text as people are shown it before anything is asked.
    ///
    /// # Errors
    /// When a variable is unknown, or has no value here.
    pub(super) fn for_people(&self, text: &str) -> Result<String, String> {
        self.fill(text, |name, value| match name {
            "private_ip" if value.contains(':') && text.contains("://") => format!("[{value}]"),
            _ => value.to_owned(),
        })
    }

    /// Whether the text names what an earlier check captured.
    pub(super) fn names_captured(&self, text: &str) -> bool {
        self.captured.keys().any(|name| text.contains(&format!("{{{name}}}")))
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
        if let Some(key) = name.strip_prefix("tag:") {
            let absent = || format!("the group has no tag {key}, which {{{name}}} stands for");
            return self.tags.get(key).map(String::as_str).ok_or_else(absent);
        }
        if let Some(value) = self.captured.get(name) {
            return Ok(value);
        }
        let known = |what: &str, read: fn(&Instance) -> Option<&str>| {
            let (id, instance) = of_instance()?;
            instance.and_then(read).ok_or_else(|| format!("EC2 knows no {what} of {id}"))
        };
        match name {
            "group" => Ok(self.group.group.as_str()),
            "environment" => Ok(self.group.environment.as_str()),
            "region" => Ok(self.group.region.as_str()),
            "instance_id" => Ok(of_instance()?.0.as_str()),
            "private_ip" => known("private address", |one| one.private_ip.as_deref()),
            "private_dns" => known("private DNS name", |one| one.private_dns.as_deref()),
            "availability_zone" => known("availability zone", |one| one.availability_zone.as_deref()),
            "instance_type" => known("type", |one| one.instance_type.as_deref()),
            "image_id" => known("image", |one| Some(one.image.as_str())),
            _ => Err(format!("unknown variable {{{name}}}")),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.starts_with("tag:") || (!text.is_empty() && text.bytes().all(plain))
}

/// Escapes all but the characters that mean nothing in a URL (RFC 3986, unreserved).
pub(super) fn percent_encoded(text: &str) -> String {
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

    fn instance(address: Option<&str>) -> Instance {
        Instance {
            id: "i-1".into(),
            image: "ami-1".into(),
            private_ip: address.map(str::to_owned),
            private_dns: Some("ip-10-0-0-1.internal".into()),
            instance_type: Some("m7g.large".into()),
            availability_zone: None,
            state: "running".into(),
            status_ok: None,
        }
    }

    /// What `fill` makes of an instance with that address.
    fn of_instance<T>(address: Option<&str>, fill: impl Fn(&Variables<'_>) -> T) -> T {
        let (group, id, instance) = (group(), InstanceId::new("i-1"), instance(address));
        let tags = BTreeMap::from([("Service Name".to_owned(), "pay ments".to_owned())]);
        let captured = BTreeMap::from([("token_2".to_owned(), "a/b c".to_owned())]);
        let instance = Some((&id, Some(&instance)));
        fill(&Variables { group: &group, tags: &tags, instance, captured: &captured })
    }

    #[test]
    fn variables_are_filled_in_and_escaped_in_urls() {
        let address = Some("10.0.0.1");
        let url = "http://{private_ip}/{instance_id}/{group}?e={environment}&r={region}";
        let filled = of_instance(address, |variables| variables.in_url(url));
        assert_eq!(filled, Ok("http://10.0.0.1/i-1/web%20a%2Fb?e=qa&r=eu-west-2".into()));
        let filled = of_instance(address, |variables| variables.in_host("{group}.{region}"));
        assert_eq!(filled, Ok("web a/b.eu-west-2".into()));
    }

    #[test]
    fn tags_captured_values_and_what_ec2_says_are_variables_too() {
        let filled =
            of_instance(None, |v| v.in_url("{tag:Service Name}/{token_2}/{instance_type}/{image_id}"));
        assert_eq!(filled, Ok("pay%20ments/a%2Fb%20c/m7g.large/ami-1".into()));
        let filled = of_instance(None, |v| v.in_host("{private_dns}"));
        assert_eq!(filled, Ok("ip-10-0-0-1.internal".into()));
        let absent = of_instance(None, |v| v.in_host("{tag:Team}"));
        assert_eq!(absent, Err("the group has no tag Team, which {tag:Team} stands for".into()));
        let absent = of_instance(None, |v| v.in_host("{availability_zone}"));
        assert_eq!(absent, Err("EC2 knows no availability zone of i-1".into()));
    }

    #[test]
    fn an_ipv6_address_is_bracketed_in_a_url_only() {
        let address = Some("fd00::1");
        let filled = of_instance(address, |variables| variables.in_url("http://{private_ip}:80/"));
        assert_eq!(filled, Ok("http://[fd00::1]:80/".into()));
        assert_eq!(of_instance(address, |variables| variables.in_host("{private_ip}")), Ok("fd00::1".into()));
    }

    #[test]
    fn other_braces_are_left_and_what_has_no_value_is_said() {
        let (group, none) = (group(), BTreeMap::new());
        let of_group = Variables { group: &group, tags: &none, instance: None, captured: &none };
        assert_eq!(of_group.in_url(r#"/?q={"a":1}{"#), Ok(r#"/?q={"a":1}{"#.into()));
        assert_eq!(
            of_group.in_url("{instance_id}"),
            Err("{instance_id} needs a check on each instance".into())
        );
        assert_eq!(of_group.in_url("{port}"), Err("unknown variable {port}".into()));
        let no_address = of_instance(None, |variables| variables.in_url("{private_ip}"));
        assert_eq!(no_address, Err("EC2 knows no private address of i-1".into()));
    }
}

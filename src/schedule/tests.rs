//! Windows of groups, judged on small configurations.

mod catch_up;
mod judge;
mod properties;
mod tags;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::*;

/// A configuration with one environment `prod`, more lines in it, and more at the top level.
fn fleet(environment: &str, top: &str) -> Fleet {
    let text = format!(
        "version: 1
timezone: Europe/London
families:
  base:
    previous: {{ name: \"base-*\", owners: [self] }}
environments:
  - name: prod
    account: \"111111111111\"
    regions: [eu-west-2]
    select: {{ tags: {{ Environment: prod }} }}
    {environment}
{top}
"
    );
    Fleet::parse(Path::new("fleet.yaml"), &text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn span(from: &str, to: &str) -> Span {
    Span { from: at(from), to: at(to) }
}

fn agenda<'a>(fleet: &'a Fleet, when: When, now: &str) -> Agenda<'a> {
    Agenda {
        fleet,
        environment: &fleet.environments[0],
        when,
        now: at(now),
        ready_since: None,
        override_freeze: false,
    }
}

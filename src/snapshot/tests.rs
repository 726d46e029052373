//! What the file holds, what it never holds, and how one that is wrong is refused.

use std::collections::BTreeMap;

use super::*;
use crate::config;

const CONFIGURATION: &str = "
version: 1
families: { base: { previous: { name: 'dept-base-*', owners: [self] } } }
defaults: { regions: [eu-west-2] }
environments:
  - name: dev
    account: '111111111111'
    select: { tags: { TokenOfStage: dev } }
";

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn version(number: u64, data: &[(&str, &str)]) -> Version {
    Version { number, description: String::new(), created: None, data: tags(data) }
}

fn fleet() -> Fleet {
    Fleet {
        version: 1,
        taken: "2026-11-22T19:00:00Z".parse().unwrap(),
        home: "100000000000".into(),
        roles: BTreeMap::new(),
        images: Vec::new(),
        places: vec![Place {
            account: "111111111111".into(),
            region: "eu-west-2".into(),
            environments: vec!["dev".into()],
            groups: vec![Group {
                name: "web".into(),
                tags: tags(&[("TokenOfStage", "dev"), ("Team", "payments")]),
                min: 1,
                desired: 2,
                max: 4,
                template: Some(TemplateName {
                    id: "lt-1".into(),
                    name: "web".into(),
                    version: crate::model::Tracking::Latest,
                }),
                mixed_instances_policy: BTreeMap::new(),
                launch_configuration: None,
                launch_configuration_image: None,
                target_groups: vec!["web".into()],
                suspended: Vec::new(),
                warm_pool: None,
                hooks: Vec::new(),
                maintenance: None,
                default_warmup: None,
                grace: 300,
                deleting: false,
                instances: Vec::new(),
            }],
            templates: vec![Template {
                id: "lt-1".into(),
                name: "web".into(),
                default: 4,
                versions: vec![version(4, &[("ImageId", "ami-0abc1234")]), version(9, &[])],
            }],
            alarms: Vec::new(),
            parameters: BTreeMap::new(),
        }],
    }
}

fn redacted(change: impl FnOnce(&mut Fleet)) -> Fleet {
    let configuration = config::Fleet::parse("test.yaml".as_ref(), CONFIGURATION).expect("valid");
    let mut fleet = fleet();
    change(&mut fleet);
    Redaction::for_configuration(&configuration).apply(&mut fleet);
    fleet
}

#[test]
fn what_is_written_is_read_again() {
    let fleet = fleet();
    assert_eq!(Fleet::parse(&fleet.to_text()), Ok(fleet));
}

#[test]
fn tags_whose_keys_say_secret_lose_their_values() {
    for key in [
        "DB_PASSWORD",
        "db-passwd",
        "Api Key",
        "api_key",
        "apiKey",
        "AccessKeyId",
        "SecretArn",
        "slack.webhook",
        "GITHUB_TOKEN",
        "PrivateKey",
        "x-auth-key",
        "ConnectionString",
        "DbPwd",
        "credentials",
    ] {
        let fleet = redacted(|fleet| {
            fleet.places[0].groups[0].tags.insert(key.to_owned(), "plan7ed".to_owned());
        });
        assert_eq!(fleet.places[0].groups[0].tags[key], REDACTED, "{key}");
    }
    let fleet = redacted(|_| {});
    // One that the configuration selects by is needed, whatever it is called.
    assert_eq!(fleet.places[0].groups[0].tags, tags(&[("TokenOfStage", "dev"), ("Team", "payments")]));
}

#[test]
fn values_that_look_secret_are_taken_out_wherever_they_are() {
    for value in [
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-123456789012-abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "postgres://app:hunter2@db.internal/app",
        "started with password=hunter2",
        "https://hooks.slack.com/services/T0/B0/x",
    ] {
        let fleet = redacted(|fleet| {
            let place = &mut fleet.places[0];
            place.groups[0].tags.insert("Note".to_owned(), value.to_owned());
            let version = &mut place.templates[0].versions[0];
            value.clone_into(&mut version.description);
            version.data =
                tags(&[("TagSpecification.1.Tag.1.Key", "Note"), ("TagSpecification.1.Tag.1.Value", value)]);
        });
        assert!(!fleet.to_text().contains(value), "{value}");
    }
}

#[test]
fn ordinary_values_stay() {
    for value in [
        "payments",
        "AMI_update_day",
        "mon,tue",
        "arn:aws:iam::111111111111:role/web",
        "terraform apply 2",
        "ami-refresh: from version 6, ami-0abc1234",
        "https://wiki.example.com/x?y=1",
        "2026-11-22T19:00:00Z",
    ] {
        let fleet = redacted(|fleet| {
            fleet.places[0].groups[0].tags.insert("Note".to_owned(), value.to_owned());
        });
        assert_eq!(fleet.places[0].groups[0].tags["Note"], value);
    }
}

#[test]
fn a_tag_in_a_templates_data_goes_by_its_key() {
    let fleet = redacted(|fleet| {
        fleet.places[0].templates[0].versions[0].data = tags(&[
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "web"),
            ("TagSpecification.1.Tag.2.Key", "DbPassword"),
            ("TagSpecification.1.Tag.2.Value", "plan7ed"),
            ("MetadataOptions.HttpTokens", "required"),
        ]);
    });
    let data = &fleet.places[0].templates[0].versions[0].data;
    assert_eq!(data["TagSpecification.1.Tag.1.Value"], "web");
    assert_eq!(data["TagSpecification.1.Tag.2.Value"], REDACTED);
    assert_eq!(data["MetadataOptions.HttpTokens"], "required");
}

#[test]
fn user_data_becomes_a_number_that_is_the_same_for_the_same() {
    let fleet = redacted(|fleet| {
        fleet.places[0].templates[0].versions =
            [(1, "aa"), (2, "bb"), (4, "aa")].map(|(at, digest)| version(at, &[("UserData", digest)])).into();
    });
    let versions = &fleet.places[0].templates[0].versions;
    let numbers: Vec<&str> = versions.iter().map(|version| version.data["UserData"].as_str()).collect();
    assert_eq!(numbers, ["(user data 1)", "(user data 2)", "(user data 1)"]);
}

/// What is said of the file after a text in it was replaced.
fn refusal(from: &str, to: &str) -> String {
    let text = fleet().to_text();
    assert!(text.contains(from), "{from} in {text}");
    Fleet::parse(&text.replacen(from, to, 1)).expect_err("it is refused")
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_place() {
    for (from, to, says) in [
        ("\"version\": 1", "\"version\": 2", "its format is 2, and this program reads 1"),
        ("\"grace\": 300", "\"graze\": 300", "unknown field `graze`"),
        ("\"grace\": 300", "\"graze\": 300", "line 31 column 17: \"graze\": 300"),
        ("\"grace\": 300", "\"grace\": \"300\"", "invalid type: string \"300\", expected u32"),
        ("\"desired\": 2,", "", "missing field `desired`"),
        ("\"$Latest\"", "\"newest\"", "not a template version: \"newest\""),
        ("\"desired\": 2", "\"desired\": 9", "web should have 9 instances, from 1 to 4"),
        (
            "\"default\": 4",
            "\"default\": 5",
            "template lt-1 has version 5 as its default, and no such version",
        ),
        ("\"number\": 9", "\"number\": 4", "the versions of template lt-1 are not in the order"),
        ("{", "", "line 2 column 11: \"version\": 1,"),
    ] {
        let said = refusal(from, to);
        assert!(said.contains(says), "{says:?} in {said:?}");
    }
}

//! Which images are taken, left out, or refused.

use std::path::Path;

use super::*;
use crate::model::BuildState;

const HOME: &str = "100000000000";
const PROD: &str = "999999999999";

fn fleet(owners: &str, more_families: &str) -> Fleet {
    let text = format!(
        "version: 1
families:
  base:
    previous: {{ name: 'dept-base-*', owners: [{owners}] }}
{more_families}
environments:
  - name: dev
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    regions: [eu-west-2]
    select: {{ tags: {{ Environment: dev }} }}
  - name: prod
    account: '{PROD}'
    role_arn: arn:aws:iam::{PROD}:role/ami-refresh
    regions: [eu-west-2, eu-west-1]
    select: {{ tags: {{ Environment: prod }} }}
"
    );
    Fleet::parse(Path::new("test.yaml"), &text).expect("a valid configuration")
}

fn build(images: &[(&str, &str, &str)]) -> ImageBuild {
    ImageBuild {
        arn: "arn:aws:imagebuilder:eu-west-2:100000000000:image/base/1.0.0/3".to_owned(),
        state: BuildState::Available,
        reason: String::new(),
        created: None,
        images: images
            .iter()
            .map(|(region, id, account)| BuiltImage {
                region: (*region).into(),
                id: (*id).into(),
                account: Some(*account).filter(|account| !account.is_empty()).map(Into::into),
                name: "dept-base-1".to_owned(),
            })
            .collect(),
    }
}

fn chosen(fleet: &Fleet, builds: &[ImageBuild]) -> Result<(Vec<String>, String), String> {
    match outputs(fleet, &HOME.into(), &fleet.families["base"], builds) {
        Ok(found) => {
            let images = found.images.iter().map(|(region, id)| format!("{region} {id}")).collect();
            Ok((images, found.notes.join("\n")))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_home_accounts_image_is_taken_in_each_region_that_is_used() {
    let made = build(&[
        ("eu-west-2", "ami-1", HOME),
        ("eu-west-2", "ami-2", PROD),
        ("eu-west-1", "ami-3", ""),
        ("us-east-1", "ami-4", HOME),
    ]);
    let (images, notes) = chosen(&fleet("self", ""), &[made]).unwrap();
    assert_eq!(images, ["eu-west-1 ami-3", "eu-west-2 ami-1"]);
    assert!(notes.contains("ami-2 in eu-west-2 is account 999999999999's copy, and left out"), "{notes}");
    assert!(notes.contains("ami-4 in us-east-1 is left out: no environment is there"), "{notes}");
}

#[test]
fn builds_of_two_pipelines_make_one_candidate() {
    let both = [
        build(&[("eu-west-2", "ami-1", HOME), ("eu-west-1", "ami-2", HOME)]),
        build(&[("eu-west-2", "ami-3", HOME), ("eu-west-1", "ami-4", HOME)]),
    ];
    let (images, notes) = chosen(&fleet("self", ""), &both).unwrap();
    assert_eq!((images.len(), notes.as_str()), (4, ""));
}

#[test]
fn another_accounts_image_is_taken_only_when_it_may_own_the_family() {
    let made = || build(&[("eu-west-2", "ami-1", PROD), ("eu-west-1", "ami-2", HOME)]);
    let refused = chosen(&fleet("self", ""), &[made()]).unwrap_err();
    assert!(refused.contains("base/1.0.0/3 made in eu-west-2 are all other accounts'"), "{refused}");
    assert!(refused.contains("ami-1 of 999999999999"), "{refused}");
    let (images, notes) = chosen(&fleet(&format!("self, '{PROD}'"), ""), &[made()]).unwrap();
    assert_eq!(images, ["eu-west-1 ami-2", "eu-west-2 ami-1"]);
    assert!(notes.contains("ami-1 in eu-west-2 is account 999999999999's: tags"), "{notes}");
}

#[test]
fn a_region_without_an_image_is_refused_or_with_several_families_told() {
    let made = || build(&[("eu-west-2", "ami-1", HOME)]);
    let refused = chosen(&fleet("self", ""), &[made()]).unwrap_err();
    assert!(refused.contains("base/1.0.0/3 made no image in eu-west-1"), "{refused}");
    assert!(refused.contains("environments are there: prod; it made images in eu-west-2"), "{refused}");
    let two = fleet("self", "  gpu:\n    previous: { name: 'dept-gpu-*', owners: [self] }");
    let (images, notes) = chosen(&two, &[made()]).unwrap();
    assert_eq!(images, ["eu-west-2 ami-1"]);
    assert!(notes.contains("made no image in eu-west-1"), "{notes}");
}

#[test]
fn a_build_without_an_ami_is_refused() {
    let refused = chosen(&fleet("self", ""), &[build(&[])]).unwrap_err();
    assert!(refused.contains("base/1.0.0/3 made no AMI"), "{refused}");
}

//! The newest image of a family, as EC2 has it.

use super::Error;
use crate::aws::Account;
use crate::config::Family;
use crate::gate::BUILD_TAG;
use crate::model::{Image, ImageId, ImageState, Problem, Region};

/// The newest image of the family in each region, and the other architectures of its build.
///
/// # Errors
/// When a region has none, when its newest is not available, or when the regions' newest are
/// not of one build: an old image is never kept in silence.
pub async fn lookup(homes: &[Account], name: &str, family: &Family) -> Result<Vec<(Region, ImageId)>, Error> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let mut newest: Vec<Image> = Vec::new();
    for home in homes {
        let images = home.images_named(&family.name_glob, &family.owners).await?;
        match newest_build(images, home.clock_now()) {
            Ok(build) => {
                found.extend(build.iter().map(|image| (home.region.clone(), image.id.clone())));
                newest.extend(build.into_iter().next());
            }
            Err(None) => problems.push(none(name, family, &home.region)),
            Err(Some(unfit)) => problems.push(not_available(name, &unfit)),
        }
    }
    problems.extend(several_builds(name, &newest));
    if problems.is_empty() { Ok(found) } else { Err(Error::Unfit(problems)) }
}

fn none(name: &str, family: &Family, region: &Region) -> Problem {
    let owners = family.owners.join(", ");
    Problem::new(
        format!("no image of family {name} in {region}"),
        format!("none is named {}, owned by {owners}", family.name_glob),
        "build one, or correct the family's name and owners in the configuration",
    )
}

fn not_available(name: &str, image: &Image) -> Problem {
    Problem::new(
        format!("the newest image of family {name} in {} is not available", image.region),
        format!("{} ({}) is {}", image.id, image.name, image.state),
        "wait for it, deregister it if its build failed, or name an older one with --ami",
    )
}

/// Regions whose newest images are of different builds have not all got the new one yet.
fn several_builds(name: &str, newest: &[Image]) -> Option<Problem> {
    let build = |image: &Image| image.tags.get(BUILD_TAG).unwrap_or(&image.name).clone();
    let first = newest.first()?;
    let other = newest.iter().find(|image| build(image) != build(first))?;
    Some(Problem::new(
        format!("the newest images of family {name} are of different builds"),
        format!(
            "{} in {} is {}, and {} in {} is {}",
            first.id, first.region, first.name, other.id, other.region, other.name
        ),
        "wait until the build has copied its image to every region, or name the images with --ami",
    ))
}

/// The newest image, and the other architectures of its build where tags say which those are.
///
/// # Errors
/// The newest image when it is not available; nothing when there is none.
fn newest_build(images: Vec<Image>, now: jiff::Timestamp) -> Result<Vec<Image>, Option<Box<Image>>> {
    let mut images = images.into_iter().filter(|image| !image.is_deprecated(now));
    let newest = images.next().ok_or(None)?;
    if newest.state != ImageState::Available {
        return Err(Some(Box::new(newest)));
    }
    let build = newest.tags.get(BUILD_TAG).cloned();
    let architecture = newest.architecture.clone();
    let others = images.filter(|image| {
        build.is_some()
            && image.state == ImageState::Available
            && image.tags.get(BUILD_TAG) == build.as_ref()
            && image.architecture != architecture
    });
    let others: Vec<Image> = others.collect();
    Ok(std::iter::once(newest).chain(others).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::model::Architecture;

    fn image(id: &str, state: ImageState, architecture: &str, build: Option<&str>) -> Image {
        let tags = build.map(|build| (BUILD_TAG.to_owned(), build.to_owned()));
        Image {
            id: id.into(),
            name: format!("dept-base-{id}"),
            region: "eu-west-2".into(),
            state,
            architecture: Architecture::from(architecture.to_owned()),
            owner: "100000000000".into(),
            created: None,
            deprecated_from: None,
            tags: tags.into_iter().collect::<BTreeMap<_, _>>(),
        }
    }

    fn ids(images: Vec<Image>) -> Result<Vec<String>, Option<String>> {
        newest_build(images, Timestamp::UNIX_EPOCH)
            .map(|build| build.into_iter().map(|image| image.id.to_string()).collect())
            .map_err(|unfit| unfit.map(|image| image.id.to_string()))
    }

    #[test]
    fn an_older_image_is_never_taken_in_silence() {
        let old = || image("ami-1", ImageState::Available, "x86_64", None);
        assert_eq!(ids(vec![old()]), Ok(vec!["ami-1".to_owned()]));
        for state in [ImageState::Pending, ImageState::Failed("no space".into())] {
            assert_eq!(
                ids(vec![image("ami-2", state, "x86_64", None), old()]),
                Err(Some("ami-2".to_owned()))
            );
        }
        assert_eq!(ids(Vec::new()), Err(None));
    }

    #[test]
    fn only_the_same_build_adds_an_architecture() {
        let images = vec![
            image("ami-3", ImageState::Available, "x86_64", Some("812")),
            image("ami-2", ImageState::Available, "arm64", Some("812")),
            image("ami-1", ImageState::Available, "arm64", Some("811")),
        ];
        assert_eq!(ids(images), Ok(vec!["ami-3".to_owned(), "ami-2".to_owned()]));
    }

    #[test]
    fn regions_with_different_builds_are_refused() {
        let mut there = image("ami-9", ImageState::Available, "x86_64", Some("811"));
        there.region = "eu-west-1".into();
        let here = image("ami-3", ImageState::Available, "x86_64", Some("812"));
        assert!(several_builds("base", &[here.clone(), there]).is_some());
        assert!(several_builds("base", &[here.clone(), here]).is_none());
    }
}

//! The newest image of a family, as EC2 has it.

use super::Error;
use crate::aws::Account;
use crate::config::Family;
use crate::gate::{self, BUILD_TAG, Quarantine, same_build};
use crate::model::{Image, ImageId, ImageState, Problem, Region};

/// What a lookup found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The images, by region.
    pub images: Vec<(Region, ImageId)>,
    /// Newer ones that were passed over, since they or others of their builds are in quarantine.
    pub skipped: Vec<Skipped>,
}

/// An image that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The image.
    pub image: Image,
    /// The image of its build that is in quarantine: often itself.
    pub bad: ImageId,
    /// Since when, by whom and why.
    pub quarantine: Quarantine,
}

/// The newest image of the family in each region that is not in quarantine, and the other
/// architectures of its build. One image in quarantine rules out its whole build.
///
/// # Errors
/// When a region has none, or none that is not in quarantine; when its newest is not available;
/// when the regions' newest are not of one build: an old image is never kept in silence.
pub async fn lookup(homes: &[Account], name: &str, family: &Family) -> Result<Found, Error> {
    let mut regions: Vec<(&Account, Vec<Image>)> = Vec::new();
    for home in homes {
        regions.push((home, home.images_named(&family.name_glob, &family.owners).await?));
    }
    let all = regions.iter().flat_map(|(_, images)| images);
    let bad: Vec<(Image, Quarantine)> =
        all.filter_map(|image| Some((image.clone(), gate::in_quarantine(image)?))).collect();
    let mut found = Found::default();
    let mut problems = Vec::new();
    let mut newest: Vec<Image> = Vec::new();
    for (home, images) in regions {
        let now = home.clock_now();
        let (images, skipped) = split(images, &bad, now);
        match newest_build(images, now) {
            Ok(build) => {
                found.images.extend(build.iter().map(|image| (home.region.clone(), image.id.clone())));
                let taken = build.first().and_then(|image| image.created);
                found.skipped.extend(skipped.into_iter().filter(|one| one.image.created >= taken));
                newest.extend(build.into_iter().next());
            }
            Err(None) => problems.push(match skipped.first() {
                Some(newest) => all_in_quarantine(name, newest, skipped.len()),
                None => none(name, family, &home.region),
            }),
            Err(Some(unfit)) => problems.push(not_available(name, &unfit)),
        }
    }
    problems.extend(several_builds(name, &newest));
    if problems.is_empty() { Ok(found) } else { Err(Error::Unfit(problems)) }
}

/// Those that may be taken, and those whose builds are in quarantine; both as they come.
fn split(
    images: Vec<Image>,
    bad: &[(Image, Quarantine)],
    now: jiff::Timestamp,
) -> (Vec<Image>, Vec<Skipped>) {
    let (mut good, mut skipped) = (Vec::new(), Vec::new());
    for image in images.into_iter().filter(|image| !image.is_deprecated(now)) {
        let itself = bad.iter().find(|(one, _)| one.id == image.id && one.region == image.region);
        match itself.or_else(|| bad.iter().find(|(one, _)| same_build(one, &image))) {
            Some((one, quarantine)) => {
                skipped.push(Skipped { image, bad: one.id.clone(), quarantine: quarantine.clone() });
            }
            None => good.push(image),
        }
    }
    (good, skipped)
}

fn all_in_quarantine(name: &str, newest: &Skipped, number: usize) -> Problem {
    let Skipped { image, bad, quarantine } = newest;
    let since = quarantine.at.map_or_else(String::new, |at| format!(" since {at}"));
    Problem::new(
        format!("every image of family {name} in {} is in quarantine", image.region),
        format!(
            "{number} of {number}; the newest, {} ({}),{since}: {}",
            image.id, image.name, quarantine.detail
        ),
        format!("build another, or 'ami-refresh quarantine lift {bad} --reason \"…\"'"),
    )
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
            description: String::new(),
            volumes: 1,
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
    fn one_image_in_quarantine_rules_out_its_build_and_no_older_one() {
        let images = vec![
            image("ami-4", ImageState::Available, "x86_64", Some("813")),
            image("ami-3", ImageState::Available, "arm64", Some("812")),
            image("ami-2", ImageState::Available, "x86_64", Some("812")),
            image("ami-1", ImageState::Available, "x86_64", Some("811")),
        ];
        let quarantine = Quarantine::new(true, Timestamp::UNIX_EPOCH, "jane", "it panics");
        let (good, skipped) =
            split(images.clone(), &[(images[1].clone(), quarantine)], Timestamp::UNIX_EPOCH);
        let good: Vec<&str> = good.iter().map(|image| image.id.as_str()).collect();
        assert_eq!(good, ["ami-4", "ami-1"]);
        let skipped: Vec<(&str, &str)> =
            skipped.iter().map(|one| (one.image.id.as_str(), one.bad.as_str())).collect();
        assert_eq!(skipped, [("ami-3", "ami-3"), ("ami-2", "ami-3")]);
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

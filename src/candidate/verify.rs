//! What EC2 says of the images, and whether that is fit to be rolled out.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Error;
use crate::aws::{Account, Identity};
use crate::config::Family;
use crate::gate::{self, BUILD_TAG, BUILD_URL_TAG, COMMIT_TAG, FAMILY_TAG};
use crate::model::{
    AccountId, Build, Candidate, CandidateImage, Image, ImageId, ImageState, Problem, Region,
};

/// The images as EC2 describes them to the home account, every one of them fit.
///
/// `homes` holds the home account in every region that the configuration names.
///
/// # Errors
/// Every image that is unknown, not available, deprecated, in quarantine, or of an account that
/// may not own the family's images; two images for one region and architecture; a region that the
/// configuration does not name.
pub async fn verify(
    homes: &[Account],
    identity: &Identity,
    family: &Family,
    wanted: &[(Region, ImageId)],
) -> Result<Vec<CandidateImage>, Error> {
    let mut problems = Vec::new();
    let mut fit: Vec<CandidateImage> = Vec::new();
    for (region, id) in wanted {
        let Some(home) = homes.iter().find(|home| home.region == *region) else {
            return Err(Error::Input(unknown_region(region, id, homes)));
        };
        let found = home.images(std::slice::from_ref(id)).await?.remove(id);
        match judge(region, id, found, &owners(identity, family), home.clock_now()) {
            Ok(image) => {
                match fit.iter().find(|o| o.region == image.region && o.architecture == image.architecture) {
                    Some(other) => problems.push(Problem::new(
                        format!("{} and {id} are both {} images in {region}", other.id, image.architecture),
                        "a candidate holds one image for each region and architecture",
                        "leave one of them out",
                    )),
                    None => fit.push(image),
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(fit) } else { Err(Error::Unfit(problems)) }
}

/// Tags every image of the candidate with where it comes from.
pub async fn tag(homes: &[Account], candidate: &Candidate) -> Result<(), crate::aws::Error> {
    let tags = provenance(&candidate.family, &candidate.build);
    for image in &candidate.images {
        for home in homes.iter().filter(|home| home.region == image.region) {
            home.tag_image(&image.id, &tags).await?;
        }
    }
    Ok(())
}

fn provenance(family: &str, build: &Build) -> BTreeMap<String, String> {
    let tags = [
        (FAMILY_TAG, Some(family)),
        (BUILD_URL_TAG, build.url.as_deref()),
        (BUILD_TAG, build.number.as_deref()),
        (COMMIT_TAG, build.commit.as_deref()),
    ];
    tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
}

fn owners(identity: &Identity, family: &Family) -> Vec<AccountId> {
    let owner =
        |owner: &String| if owner == "self" { identity.account.clone() } else { owner.as_str().into() };
    family.owners.iter().map(owner).collect()
}

fn unknown_region(region: &Region, id: &ImageId, homes: &[Account]) -> Problem {
    let regions: Vec<&str> = homes.iter().map(|home| home.region.as_str()).collect();
    Problem::new(
        format!("image {id} is in {region}, which the configuration does not name"),
        format!("its environments are in {}", regions.join(", ")),
        "add the region to an environment, or build for those regions only",
    )
}

/// Whether the image may be rolled out, and why not.
fn judge(
    region: &Region,
    id: &ImageId,
    image: Option<Image>,
    owners: &[AccountId],
    now: Timestamp,
) -> Result<CandidateImage, Problem> {
    let Some(image) = image else {
        return Err(Problem::new(
            format!("image {id} does not exist in {region}"),
            "EC2 does not know it, or does not show it to the home account",
            "look whether the build ended well, and whether these are the home account's credentials",
        ));
    };
    let unfit =
        |why: String, next: &str| Err(Problem::new(format!("image {id} in {region} is not fit"), why, next));
    match &image.state {
        ImageState::Available => {}
        ImageState::Pending => {
            return unfit(
                "it is still pending".into(),
                "wait until EC2 calls it available, then run this again",
            );
        }
        ImageState::Failed(_) | ImageState::Other(_) => {
            return unfit(format!("its state is {}", image.state), "build the image again");
        }
    }
    if !owners.contains(&image.owner) {
        let owners: Vec<&str> = owners.iter().map(AccountId::as_str).collect();
        let why = format!(
            "account {} owns it, and the family's images are owned by {}",
            image.owner,
            owners.join(", ")
        );
        return unfit(
            why,
            "build it in the home account, or add the owner to the family in the configuration",
        );
    }
    if image.is_deprecated(now) {
        return unfit("EC2 calls it deprecated".into(), "build a new image");
    }
    if let Some(quarantine) = gate::in_quarantine(&image) {
        return Err(gate::quarantined(id, &quarantine, None));
    }
    let Image { id, name, region, architecture, owner, .. } = image;
    Ok(CandidateImage { region, id, architecture, name, owner })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(state: ImageState, owner: &str) -> Image {
        Image {
            id: "ami-0abc1234".into(),
            name: "dept-base-1".into(),
            region: "eu-west-2".into(),
            state,
            architecture: "x86_64".to_owned().into(),
            owner: owner.into(),
            created: None,
            deprecated_from: None,
            description: String::new(),
            volumes: 1,
            tags: BTreeMap::new(),
        }
    }

    fn why(image: Option<Image>) -> String {
        let owners = ["100000000000".into()];
        let judged =
            judge(&"eu-west-2".into(), &"ami-0abc1234".into(), image, &owners, Timestamp::UNIX_EPOCH);
        judged.map_or_else(|problem| problem.to_string(), |image| format!("fit {}", image.id))
    }

    #[test]
    fn only_an_available_image_of_the_right_owner_is_fit() {
        assert_eq!(why(Some(image(ImageState::Available, "100000000000"))), "fit ami-0abc1234");
        assert!(
            why(Some(image(ImageState::Available, "200000000000"))).contains("account 200000000000 owns it")
        );
        assert!(why(Some(image(ImageState::Pending, "100000000000"))).contains("pending"));
        assert!(
            why(Some(image(ImageState::Failed("no space".into()), "100000000000")))
                .contains("failed (no space)")
        );
        assert!(why(None).contains("does not exist in eu-west-2"));
    }

    #[test]
    fn an_image_in_quarantine_is_not_fit_until_that_is_lifted() {
        for (holds, says) in [(true, "jane: it panics"), (false, "fit ami-0abc1234")] {
            let quarantine = gate::Quarantine::new(holds, Timestamp::UNIX_EPOCH, "jane", "it panics");
            let mut image = image(ImageState::Available, "100000000000");
            image.tags.insert(gate::QUARANTINE_TAG.to_owned(), quarantine.to_tag());
            assert!(why(Some(image)).contains(says), "{says}");
        }
    }

    #[test]
    fn a_deprecated_image_is_not_fit() {
        let mut image = image(ImageState::Available, "100000000000");
        image.deprecated_from = Some(Timestamp::UNIX_EPOCH);
        assert!(why(Some(image)).contains("deprecated"));
    }
}

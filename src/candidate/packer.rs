//! Packer's manifest: which images the last run built.
//!
//! Packer appends to the file at every run, so only the builds of `last_run_uuid` count.
//! Source: the `manifest` post-processor's documentation.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::model::{ImageId, Problem, Region};

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    builds: Vec<Build>,
    #[serde(default)]
    last_run_uuid: String,
}

#[derive(Deserialize)]
struct Build {
    #[serde(default)]
    name: String,
    #[serde(default)]
    artifact_id: String,
    #[serde(default)]
    packer_run_uuid: String,
}

/// Reads the images of the manifest's last run, ordered by region and id, each once.
///
/// # Errors
/// When the file is missing, empty, no manifest, or holds no image of its last run.
pub fn read(path: &Path) -> Result<Vec<(Region, ImageId)>, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let what = format!("failed to read the Packer manifest {}", path.display());
        Problem::new(
            what,
            error.to_string(),
            "run 'packer build' with a manifest post-processor first, or name its file with --from-packer",
        )
    })?;
    parse(&path.display().to_string(), &text)
}

/// Reads a manifest's text; `name` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse(name: &str, text: &str) -> Result<Vec<(Region, ImageId)>, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(
            format!("the Packer manifest {name} is empty"),
            "Packer writes it at the end of a build that worked",
            "look at the build's own output, then run it again",
        ));
    }
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| {
        let what = format!("the Packer manifest {name} is not one");
        Problem::new(what, error.to_string(), "name the file that Packer's manifest post-processor wrote")
    })?;
    let builds: Vec<&Build> =
        manifest.builds.iter().filter(|build| build.packer_run_uuid == manifest.last_run_uuid).collect();
    if builds.is_empty() || manifest.last_run_uuid.is_empty() {
        return Err(Problem::new(
            format!("the Packer manifest {name} has no build of its last run"),
            format!(
                "last_run_uuid is {:?}, and none of its {} builds is of that run",
                manifest.last_run_uuid,
                manifest.builds.len()
            ),
            "run 'packer build' again: an old image is never taken in silence",
        ));
    }
    let mut images = BTreeSet::new();
    for build in builds {
        for artifact in build.artifact_id.split(',') {
            images.insert(parse_artifact(name, build, artifact.trim())?);
        }
    }
    Ok(images.into_iter().collect())
}

fn parse_artifact(name: &str, build: &Build, artifact: &str) -> Result<(Region, ImageId), Problem> {
    let parsed = artifact.split_once(':').map(|(region, id)| (Region::from(region), ImageId::from(id)));
    parsed.filter(|(region, id)| !region.as_str().is_empty() && id.is_well_formed()).ok_or_else(|| {
        Problem::new(
            format!("build {:?} in the Packer manifest {name} made no AMI", build.name),
            format!("its artifact_id is {artifact:?}, not REGION:ami-…"),
            "take other builders' results to a manifest of their own",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(last: &str, builds: &[(&str, &str)]) -> String {
        let builds: Vec<_> = builds
            .iter()
            .map(|(run, artifact)| {
                serde_json::json!({"name": "base", "builder_type": "amazon-ebs", "build_time": 1, "files": null,
                    "artifact_id": artifact, "packer_run_uuid": run, "custom_data": null})
            })
            .collect();
        serde_json::json!({"builds": builds, "last_run_uuid": last}).to_string()
    }

    #[test]
    fn only_the_last_run_counts() {
        let text = manifest("b", &[("a", "eu-west-2:ami-0aaaaaaa"), ("b", "eu-west-2:ami-0bbbbbbb")]);
        assert_eq!(parse("m", &text).unwrap(), [("eu-west-2".into(), "ami-0bbbbbbb".into())]);
    }

    #[test]
    fn one_build_may_hold_several_regions() {
        let text = manifest("a", &[("a", "eu-west-2:ami-0bbbbbbb,eu-west-1:ami-0aaaaaaa")]);
        let regions: Vec<String> =
            parse("m", &text).unwrap().iter().map(|(region, _)| region.to_string()).collect();
        assert_eq!(regions, ["eu-west-1", "eu-west-2"]);
    }

    #[test]
    fn what_is_no_manifest_is_said_so() {
        for (text, says) in [
            (String::new(), "is empty"),
            ("no json".to_owned(), "is not one"),
            (manifest("c", &[("a", "eu-west-2:ami-0aaaaaaa")]), "no build of its last run"),
            (manifest("", &[("", "eu-west-2:ami-0aaaaaaa")]), "no build of its last run"),
            (manifest("a", &[("a", "")]), "made no AMI"),
            (manifest("a", &[("a", "eu-west-2:snap-1")]), "made no AMI"),
        ] {
            let problem = parse("m.json", &text).unwrap_err();
            assert!(problem.what.contains(says), "{problem}");
            assert!(problem.what.contains("m.json") && !problem.next.is_empty(), "{problem}");
        }
    }

    #[test]
    fn a_missing_manifest_names_the_file() {
        let problem = read(Path::new("no/such/manifest.json")).unwrap_err();
        assert!(problem.what.contains("no/such/manifest.json"), "{problem}");
    }
}

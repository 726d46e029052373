//! What a Packer manifest tells of its images' architectures: nothing but the names of its builds.
//!
//! On AWS the architecture is read from EC2, never guessed. Here the images have yet to be made.

use serde_json::Value;

use crate::model::{Architecture, ImageId, Region};
use crate::sim::fleet::FleetSpec;

impl FleetSpec {
    /// Gives the images of a Packer manifest architectures: arm64 where the name of the build that
    /// made one says so, else `x86_64`.
    pub fn with_architectures(
        images: &[(Region, ImageId)],
        manifest: &str,
    ) -> Vec<(Region, ImageId, Architecture)> {
        let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
        let none = Vec::new();
        let builds = manifest["builds"].as_array().unwrap_or(&none);
        let is_arm = |id: &ImageId| {
            builds.iter().any(|build| {
                let text = |key: &str| build[key].as_str().unwrap_or_default();
                let name = text("name");
                text("artifact_id").contains(id.as_str())
                    && (name.contains("arm64") || name.contains("aarch64"))
            })
        };
        let images = images.iter().map(|(region, id)| {
            let architecture = if is_arm(id) { Architecture::Arm64 } else { Architecture::X86_64 };
            (region.clone(), id.clone(), architecture)
        });
        images.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_build_says_which_image_is_for_arm64() {
        let manifest = r#"{"builds": [
            {"name": "base", "artifact_id": "eu-west-2:ami-0aaaaaaa,eu-west-1:ami-0bbbbbbb"},
            {"name": "base-arm64", "artifact_id": "eu-west-2:ami-0ccccccc"}]}"#;
        let images = ["ami-0aaaaaaa", "ami-0bbbbbbb", "ami-0ccccccc"];
        let images = images.map(|id| (Region::from("eu-west-2"), ImageId::from(id)));
        let arm = |manifest: &str| -> Vec<bool> {
            let known = FleetSpec::with_architectures(&images, manifest);
            known.into_iter().map(|(_, _, architecture)| architecture == Architecture::Arm64).collect()
        };
        assert_eq!(arm(manifest), [false, false, true]);
        assert_eq!(arm("not a manifest"), [false; 3]);
    }
}

//! What the default fleet's images hold, as their builds tell it: a description that everybody
//! sees, and tags that the owner alone does.

use crate::model::Architecture;
use crate::sim::fleet::ImageSpec;

/// What one build of the family put into its images.
pub(super) struct Contents {
    /// When it was built, as in the image's name.
    pub(super) day: &'static str,
    source: &'static str,
    kernel: &'static str,
    packages: &'static str,
    tools: &'static str,
}

/// The build that the fleet runs.
pub(super) const BEFORE: Contents = Contents {
    day: "20261114184500",
    source: "2023.9.20261102.0",
    kernel: "6.1.158-178.288.amzn2023",
    packages: "curl 8.11.1-4, java-21-amazon-corretto 21.0.9, openssh 8.7p1-9, openssl 3.2.2-1",
    tools: "packer 1.14.2",
};

/// The candidate's.
pub(super) const CANDIDATE: Contents = Contents {
    day: "20261121194500",
    source: "2023.9.20261116.0",
    kernel: "6.1.159-181.297.amzn2023",
    packages: "curl 8.11.1-5, java-21-amazon-corretto 21.0.9, openssh 8.7p1-9, openssl 3.2.2-2",
    tools: "packer 1.14.2",
};

impl Contents {
    /// Writes on an image what it holds.
    pub(super) fn describe(&self, image: &mut ImageSpec) {
        let kind = match image.architecture {
            Architecture::Arm64 => "arm64",
            Architecture::X86_64 | Architecture::Other(_) => "x86_64",
        };
        let base = format!("al2023-ami-{}-kernel-6.1-{kind}", self.source);
        image.description = format!("base for {kind}, from {base}");
        let tags = [
            ("BaseImage", base),
            ("BuiltBy", self.tools.to_owned()),
            ("KernelVersion", self.kernel.to_owned()),
            ("Name", image.name.clone()),
            ("Packages", self.packages.to_owned()),
        ];
        image.tags.extend(tags.map(|(key, value)| (key.to_owned(), value)));
    }
}

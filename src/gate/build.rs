//! Which images are of one build: pure.

use super::{BUILD_TAG, BUILD_URL_TAG, FAMILY_TAG};
use crate::model::Image;

/// Whether two images are of one build: of one family and of one number, and where both name
/// the build's page, of one page, for numbers begin again when a job is made anew.
///
/// Where no tag says the number, images of one name in several regions are copies.
pub fn same_build(one: &Image, other: &Image) -> bool {
    let tag = |image: &Image, key: &str| image.tags.get(key).cloned();
    match (tag(one, BUILD_TAG), tag(other, BUILD_TAG)) {
        (Some(a), Some(b)) => {
            let pages = (tag(one, BUILD_URL_TAG), tag(other, BUILD_URL_TAG));
            let other_page = matches!(&pages, (Some(a), Some(b)) if a != b);
            a == b && !other_page && tag(one, FAMILY_TAG) == tag(other, FAMILY_TAG)
        }
        (None, _) | (_, None) => !one.name.is_empty() && one.name == other.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, ImageState};

    fn image(name: &str, tags: &[(&str, &str)]) -> Image {
        Image {
            id: "ami-0abc1234".into(),
            name: name.to_owned(),
            region: "eu-west-2".into(),
            state: ImageState::Available,
            architecture: Architecture::X86_64,
            owner: "100000000000".into(),
            created: None,
            deprecated_from: None,
            description: String::new(),
            volumes: 1,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn family_and_number_make_a_build() {
        let of = |family, number| image("x", &[(FAMILY_TAG, family), (BUILD_TAG, number)]);
        assert!(same_build(&of("base", "812"), &of("base", "812")));
        assert!(!same_build(&of("base", "812"), &of("base", "811")), "though the names are the same");
        assert!(!same_build(&of("base", "812"), &of("java", "812")));
    }

    #[test]
    fn a_number_that_another_page_shows_is_another_build() {
        let at = |page| image("x", &[(BUILD_TAG, "12"), (BUILD_URL_TAG, page)]);
        assert!(!same_build(&at("https://ci/old/12"), &at("https://ci/new/12")));
        assert!(same_build(&at("https://ci/new/12"), &at("https://ci/new/12")));
        assert!(same_build(&at("https://ci/new/12"), &image("y", &[(BUILD_TAG, "12")])));
    }

    #[test]
    fn without_tags_a_copy_is_known_by_its_name() {
        assert!(same_build(&image("dept-base-1", &[]), &image("dept-base-1", &[])));
        assert!(same_build(&image("dept-base-1", &[(BUILD_TAG, "812")]), &image("dept-base-1", &[])));
        assert!(!same_build(&image("dept-base-1", &[]), &image("dept-base-2", &[])));
        assert!(!same_build(&image("", &[]), &image("", &[])));
    }
}

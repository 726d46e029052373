//! Which version a version of ours was made from, as its description says.

use crate::model::Version;

/// The number of the version that a version was made from, as its description says.
///
/// `ami-refresh: from version 6, …`; of `ami-refresh: version 7 again, …` that of version 7.
///
/// Believed of a copy only: Terraform repeats the description of the newest version in those that it
/// makes itself, and the way back must not undo what it changed there.
pub(super) fn source_of<'v>(version: &'v Version, find: impl Fn(u64) -> Option<&'v Version>) -> Option<u64> {
    let mut version = version;
    loop {
        match said(&version.description)? {
            Said::From(number) => {
                let source = find(number).filter(|source| version.differing_fields(source).is_empty());
                return source.map(|source| source.number);
            }
            // Always an older one, so this ends.
            Said::Again(number) if number < version.number => version = find(number)?,
            Said::Again(_) => return None,
        }
    }
}

/// Whether a version's description says that it was made from another, be it believed or not.
pub(super) fn names_source(version: &Version) -> bool {
    matches!(said(&version.description), Some(Said::From(_)))
}

/// What a version's description says of where it comes from.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    From(u64),
    Again(u64),
}

fn said(description: &str) -> Option<Said> {
    let rest = description.strip_prefix("ami-refresh: ")?;
    if let Some(rest) = rest.strip_prefix("from version ") {
        return rest.split(',').next()?.trim().parse().ok().map(Said::From);
    }
    let (number, _) = rest.strip_prefix("version ")?.split_once(" again")?;
    number.parse().ok().map(Said::Again)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn version(number: u64, description: &str) -> Version {
        Version {
            template: "lt-1".into(),
            template_name: "web".into(),
            number,
            is_default: false,
            description: description.to_owned(),
            image: None,
            fields: BTreeMap::new(),
        }
    }

    #[test]
    fn a_version_of_ours_names_its_source() {
        assert_eq!(said("ami-refresh: from version 6, ami-1 -> ami-2, build 8"), Some(Said::From(6)));
        assert_eq!(said("ami-refresh: version 7 again, after version 9"), Some(Said::Again(7)));
        for other in
            ["", "version 6", "from version 6, x", "ami-refresh: from version x", "ami-refresh: version 7"]
        {
            assert_eq!(said(other), None, "{other}");
        }
    }

    #[test]
    fn a_version_with_other_changes_is_none_of_ours_whatever_it_says() {
        let source = version(1, "");
        let ours = version(2, "ami-refresh: from version 1, ami-1 -> ami-2");
        let mut theirs = version(3, &ours.description);
        theirs.fields.insert("instanceType".to_owned(), "m7i.large".to_owned());
        let find = |number: u64| (number == 1).then_some(&source);
        assert_eq!((source_of(&ours, find), source_of(&theirs, find)), (Some(1), None));
    }

    #[test]
    fn a_version_that_was_published_again_comes_from_where_the_first_did() {
        let versions = [
            version(1, ""),
            version(2, "ami-refresh: from version 1, ami-1 -> ami-2"),
            version(3, "ami-refresh: version 2 again, after version 9"),
            version(4, "ami-refresh: version 4 again, after version 9"),
            version(5, "ami-refresh: version 1 again, after version 2"),
        ];
        let find = |number: u64| versions.iter().find(|version| version.number == number);
        let sources: Vec<Option<u64>> = versions.iter().map(|version| source_of(version, find)).collect();
        assert_eq!(sources, [None, Some(1), Some(1), None, None]);
    }
}

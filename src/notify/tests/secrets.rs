//! Secrets from variables and files.

use std::fs;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;
use crate::config::SecretSource;

fn real() -> Secrets {
    Secrets::of(&Outlet::Network)
}

fn rehearsed() -> Secrets {
    Secrets::of(&Outlet::Files(PathBuf::new()))
}

#[test]
fn a_file_is_read_without_the_blank_space_around() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "\n  xoxb-1 2\r\n").unwrap();
    let secret = real().read(&SecretSource::File(path), "notify.slack.token").unwrap();
    assert_eq!(secret.expose_secret(), "xoxb-1 2");
    assert!(!format!("{secret:?}").contains("xoxb"));
}

#[test]
fn a_variable_is_read_likewise() {
    let name = "CARGO_PKG_NAME".to_owned();
    let secret = real().read(&SecretSource::Env(name), "notify.slack.token").unwrap();
    assert_eq!(secret.expose_secret(), "ami-refresh");
}

#[test]
fn what_is_missing_is_told_with_its_place_and_its_source() {
    let source = SecretSource::Env("AMI_REFRESH_NEVER_SET".to_owned());
    let problem = real().read(&source, "notify.webhooks[0].url").unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the secret of notify.webhooks[0].url is missing\n  \
         why:  the environment variable AMI_REFRESH_NEVER_SET is not set\n  \
         next: set AMI_REFRESH_NEVER_SET where this runs, or name another source there"
    );
}

#[test]
fn a_file_that_is_no_secret_is_told_by_its_path_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    for (path, why) in [
        (file("empty", b" \n"), "is empty"),
        (file("binary", b"xoxb\xff"), "is not UTF-8"),
        (file("large", &b"x".repeat(70_000)), "is too large for a secret"),
        (directory.path().join("none"), "failed to read"),
        (directory.path().to_owned(), "failed to read"),
    ] {
        let source = SecretSource::File(path.clone());
        let problem = real().read(&source, "notify.slack.token").unwrap_err();
        assert!(problem.why.contains(why) && problem.why.contains(&path.display().to_string()), "{problem}");
        assert!(!problem.to_string().contains("xox"), "{problem}");
        assert_eq!(rehearsed().read(&source, "").unwrap().expose_secret(), "made-up");
    }
}

#[test]
fn a_rehearsal_uses_what_there_is() {
    let source = SecretSource::Env("CARGO_PKG_NAME".to_owned());
    assert_eq!(rehearsed().read(&source, "").unwrap().expose_secret(), "ami-refresh");
}

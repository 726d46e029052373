//! Reads `tls`: whom to trust, who we are, and how long certificates must last.
//!
//! The files are read here, so that one that is absent or holds something else is a mistake
//! of the configuration. A path is from where the program runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::checks::transpose;
use super::network::{Identity, TlsSettings};
use super::reader::Node;
use super::scalars::{A_DAY, TEN_YEARS, duration};

/// What `tls` says.
#[derive(Debug, Default)]
pub(super) struct ReadTls {
    pub(super) settings: Arc<TlsSettings>,
    pub(super) certificate_valid: Option<Duration>,
}

pub(super) fn tls(node: Node<'_>) -> Option<ReadTls> {
    // `tls: true` is TLS as it is usual.
    if let super::tree::Value::Bool(true) = node.value() {
        return Some(ReadTls::default());
    }
    let mut map = node.map()?;
    let ca = map.optional("ca");
    let roots = ca.map(self::ca);
    let (certificate, key) = (map.optional("certificate"), map.optional("key"));
    let identity = identity(certificate, key);
    let server_name = map.optional("server_name").map(server_name);
    let certificate_valid = map.optional("certificate_valid").map(|node| duration(node, A_DAY, TEN_YEARS));
    let verify = map.optional("verify");
    let verified = verify.map_or(Some(true), |node| node.boolean());
    map.finish();
    if let (Some(false), Some(verify), Some(_)) = (verified, verify, ca) {
        let hint = Some("leave `verify` or `ca` out".to_owned());
        verify.wrong_key("what is not verified needs no `ca`", hint);
        return None;
    }
    let settings = TlsSettings {
        ca: transpose(roots)?.map(Arc::new),
        identity: transpose(identity)?.map(Arc::new),
        server_name: transpose(server_name)?,
        verify: verified?,
    };
    Some(ReadTls { settings: Arc::new(settings), certificate_valid: transpose(certificate_valid)? })
}

/// The roots in a file; each must be one that can be trusted.
fn ca(node: Node<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let path = node.text()?;
    let found = certificates(node, path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        if let Err(error) = roots.add(certificate.clone()) {
            node.wrong(format!("`{path}` holds a certificate that can't be read: {error}"), None);
            return None;
        }
    }
    Some(found)
}

fn certificates(node: Node<'_>, path: &str) -> Option<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(Path::new(path)).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| unreadable(node, path, &error)).ok()?;
    if found.is_empty() {
        node.wrong(format!("`{path}` holds no certificate"), Some(begins("CERTIFICATE")));
        return None;
    }
    Some(found)
}

/// The client's certificate with its key: both or none.
#[expect(clippy::option_option, reason = "absent and unreadable are different")]
fn identity(certificate: Option<Node<'_>>, key: Option<Node<'_>>) -> Option<Option<Identity>> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(one), None) => return Some(lonely(one, "key")),
        (None, Some(one)) => return Some(lonely(one, "certificate")),
    };
    Some(pair(certificate, key))
}

fn lonely(node: Node<'_>, other: &str) -> Option<Identity> {
    node.wrong_key(
        format!("{} needs `{other}` beside it", node.called()),
        Some(format!("add `{other}: path`")),
    );
    None
}

fn pair(certificate: Node<'_>, key: Node<'_>) -> Option<Identity> {
    let chain = certificate.text().and_then(|path| certificates(certificate, path));
    let path = key.text()?;
    let read = match PrivateKeyDer::from_pem_file(Path::new(path)) {
        Ok(key) => key,
        Err(error) => {
            unreadable(key, path, &error);
            return None;
        }
    };
    let chain = chain?;
    if let Err(error) = CertifiedKey::from_der(chain.clone(), read.clone_key(), &ring::default_provider()) {
        key.wrong(format!("`{path}` is not the key of the certificate: {error}"), None);
        return None;
    }
    Some(Identity { chain, key: read })
}

fn unreadable(node: Node<'_>, path: &str, error: &pem::Error) {
    match error {
        pem::Error::Io(error) => {
            let hint = "a path from where the program runs, to a file that may be read".to_owned();
            node.wrong(format!("failed to read `{path}`: {error}"), Some(hint));
        }
        pem::Error::NoItemsFound => {
            node.wrong(format!("`{path}` holds no {}", node.name()), Some(begins("…")));
        }
        other => node.wrong(format!("`{path}` is not PEM: {other}"), Some(begins("…"))),
    }
}

fn begins(what: &str) -> String {
    format!("a PEM file has lines such as `-----BEGIN {what}-----`")
}

fn server_name(node: Node<'_>) -> Option<String> {
    let name = node.text()?;
    if ServerName::try_from(name).is_err() {
        node.wrong(format!("`{name}` is no name that a certificate could have"), None);
        return None;
    }
    Some(name.to_owned())
}

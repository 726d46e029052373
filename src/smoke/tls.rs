//! TLS for probes: the machine's own root certificates, loaded when first needed.

use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::net::Stream;

/// The TLS client; copies share what is loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    config: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

impl Tls {
    /// Speaks TLS over the stream, and verifies that the other side is `host`.
    ///
    /// # Errors
    /// Why the handshake failed, in one line.
    pub(super) async fn wrap(&self, host: &str, stream: Stream) -> Result<Stream, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host} is no name that a certificate could have"))?;
        let config = self.config.get_or_init(of_machine).clone()?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(format!("TLS with {host} failed: {error}")),
        }
    }

    /// A client that trusts these roots and no others.
    #[cfg(test)]
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        let tls = Self::default();
        tls.config.get_or_init(|| with_roots(roots));
        tls
    }
}

fn of_machine() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!("found no root certificates on this machine {}", why.join("; "))
            .trim_end()
            .into());
    }
    with_roots(roots)
}

fn with_roots(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    // The provider is named, since other crates in the program may bring another one in.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

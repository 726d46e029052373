//! TLS for probes: the machine's own root certificates, loaded when first needed.

use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
#[cfg(test)]
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::net::{self, Stream};

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
        let config = self.config.get_or_init(|| net::tls_of_machine().map(Arc::new)).clone()?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(format!("TLS with {host} failed: {error}")),
        }
    }

    /// A client that trusts these roots and no others.
    #[cfg(test)]
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        let tls = Self::default();
        tls.config.get_or_init(|| net::tls_trusting(roots).map(Arc::new));
        tls
    }
}

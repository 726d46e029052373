//! How the network is reached: sockets, or the simulated applications of a rehearsal; TLS.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::sim::Applications;

/// A connection to somebody.
pub type Stream = Box<dyn Connection>;

/// What a connection can do.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// The network that probes go out on.
#[derive(Debug, Clone)]
pub enum Network {
    /// The machine's own.
    Sockets,
    /// The applications of the embedded simulator: no packet leaves the process.
    Simulated(Applications),
}

impl Network {
    /// Connects to a host, by name or address, and port. Sets no time limit of its own.
    ///
    /// # Errors
    /// As the socket says; in a rehearsal, as a socket would.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        match self {
            Self::Sockets => {
                let stream = TcpStream::connect((host, port)).await?;
                // Probes are one small request each: waiting to fill a packet only adds latency.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Simulated(applications) => applications.connect(host, port).await,
        }
    }
}

/// A TLS client that trusts the machine's own root certificates.
///
/// # Errors
/// Why there are none, in one line.
pub(crate) fn tls_of_machine() -> Result<ClientConfig, String> {
    tls_trusting(roots_of_machine()?)
}

/// The machine's own root certificates.
///
/// # Errors
/// Why there are none, in one line.
pub(crate) fn roots_of_machine() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!("found no root certificates on this machine {}", why.join("; "))
            .trim_end()
            .into());
    }
    Ok(roots)
}

/// A TLS client that trusts these root certificates and no others.
///
/// # Errors
/// What the provider of the ciphers says.
pub(crate) fn tls_trusting(roots: RootCertStore) -> Result<ClientConfig, String> {
    // The provider is named, since other crates in the program may bring another one in.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

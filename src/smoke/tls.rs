//! TLS for probes: whom to trust, who we are, and what the server's certificates say.
//!
//! Sessions are never resumed: a check sees the certificate that the server has now.

mod anyone;
mod words;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use self::anyone::Anyone;
pub(super) use self::words::words_in;
use super::reach::Opened;
use crate::config::TlsSettings;
use crate::net::{self, Stream};

/// What is offered in the handshake to be spoken afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Alpn {
    /// Nothing.
    Silent,
    /// HTTP/2 and nothing else.
    Two,
    /// HTTP/2 or HTTP/1.1.
    Either,
}

/// The TLS client; copies share what is loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    machine: OnceLock<Result<Arc<RootCertStore>, String>>,
    /// What was made of the settings seen so far: there are a few per configuration.
    made: Mutex<Vec<Made>>,
}

struct Made {
    settings: Arc<TlsSettings>,
    alpn: Alpn,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Tls {
    /// Speaks TLS over the stream, and verifies that the other side is who it should be:
    /// the name in the settings, otherwise `host`.
    ///
    /// # Errors
    /// Why the handshake failed, in one line.
    pub(super) async fn wrap(
        &self,
        host: &str,
        stream: Stream,
        settings: &Arc<TlsSettings>,
        alpn: Alpn,
    ) -> Result<Opened, String> {
        let name = settings.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("{name} is no name that a certificate could have"))?;
        let config = self.client(settings, alpn)?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        let stream = stream.map_err(|error| format!("TLS with {host} failed: {}", failure(&error)))?;
        let session = stream.get_ref().1;
        let two = session.alpn_protocol() == Some(b"h2");
        if alpn == Alpn::Two && !two {
            return Err(format!("{host} does not speak HTTP/2: it was not chosen in the TLS handshake"));
        }
        let certificates =
            session.peer_certificates().unwrap_or_default().iter().map(|one| one.clone().into_owned());
        Ok(Opened { two, certificates: certificates.collect(), stream: Box::new(stream) })
    }

    /// The client for these settings; made once.
    fn client(&self, settings: &Arc<TlsSettings>, alpn: Alpn) -> Result<Arc<ClientConfig>, String> {
        let mut made = self.shared.made.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |made: &&Made| {
            made.alpn == alpn && (Arc::ptr_eq(&made.settings, settings) || made.settings == *settings)
        };
        if let Some(made) = made.iter().find(same) {
            return Ok(Arc::clone(&made.config));
        }
        let config = Arc::new(self.make(settings, alpn)?);
        made.push(Made { settings: Arc::clone(settings), alpn, config: Arc::clone(&config) });
        Ok(config)
    }

    fn make(&self, settings: &TlsSettings, alpn: Alpn) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if settings.verify {
            builder.with_root_certificates(self.roots(settings)?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone::new()))
        };
        let mut config = match &settings.identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(|error| error.to_string())?,
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = match alpn {
            Alpn::Silent => Vec::new(),
            Alpn::Two => vec![b"h2".to_vec()],
            Alpn::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        Ok(config)
    }

    fn roots(&self, settings: &TlsSettings) -> Result<Arc<RootCertStore>, String> {
        let Some(ca) = &settings.ca else {
            return self.shared.machine.get_or_init(|| net::roots_of_machine().map(Arc::new)).clone();
        };
        let mut roots = RootCertStore::empty();
        for certificate in ca.iter() {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        Ok(Arc::new(roots))
    }

    /// A client for which the machine trusts these roots and no others.
    #[cfg(test)]
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        let tls = Self::default();
        tls.shared.machine.get_or_init(|| Ok(Arc::new(roots)));
        tls
    }
}

fn failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed in the handshake".to_owned(),
        _ => super::reach::io_words(error),
    }
}

/// What is wrong when a certificate of the server's ends before `now` and so much time; the
/// first to end is told.
pub(super) fn ending(certificates: &[CertificateDer<'_>], now: Timestamp, least: Duration) -> Option<String> {
    let mut ends = Vec::new();
    for der in certificates {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Some("a certificate of the server can't be read".to_owned());
        };
        ends.push((certificate.validity().not_after.timestamp(), certificate.subject().to_string()));
    }
    let (end, subject) = ends.into_iter().min()?;
    let end = Timestamp::from_second(end).unwrap_or(Timestamp::MAX);
    let left = end.duration_since(now);
    if left >= SignedDuration::try_from(least).unwrap_or(SignedDuration::MAX) {
        return None;
    }
    let days = |seconds: u64| seconds / 86_400;
    let wanted = days(least.as_secs());
    let when = if left.is_negative() {
        "has ended".to_owned()
    } else {
        format!("ends in {} days", days(left.unsigned_abs().as_secs()))
    };
    let subject = super::answer::quoted(&subject);
    Some(format!("the certificate of {subject} {when}, on {end}, expected at least {wanted} days from now"))
}

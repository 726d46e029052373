//! Reaches a server: connects, and speaks TLS where that is asked for.
//!
//! Sets no time limit; [`Stage`] says how far it came when somebody else's ran out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::CertificateDer;

use super::Runner;
use super::tls::{self, Alpn};
use crate::config::TlsSettings;
use crate::net::Stream;

/// How far an asking came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for the connection.
    #[default]
    Connecting,
    /// It waits for the end of the TLS handshake.
    Securing,
    /// The server has all that it needs to answer.
    Asked,
    /// The machine was reached, and said that nothing listens there.
    Refused,
}

/// Where and how to connect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) tls: Option<(&'a Arc<TlsSettings>, Alpn)>,
}

/// A connection that is open.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// Whether the server chose HTTP/2 in the TLS handshake.
    pub(super) two: bool,
    /// The server's certificates, its own first; none without TLS.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Way<'_> {
    /// Connects over the runner's network.
    ///
    /// # Errors
    /// Why there is no connection, in one line.
    pub(super) async fn open(&self, runner: &Runner, stage: &mut Stage) -> Result<Opened, String> {
        *stage = Stage::Connecting;
        let stream = runner.network.connect(self.host, self.port).await.map_err(|error| {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                *stage = Stage::Refused;
            }
            format!("failed to connect to {}: {}", self.address(), io_words(&error))
        })?;
        let opened = match self.tls {
            Some((settings, alpn)) => {
                *stage = Stage::Securing;
                runner.tls.wrap(self.host, stream, settings, alpn).await?
            }
            None => Opened { stream, two: false, certificates: Vec::new() },
        };
        *stage = Stage::Asked;
        Ok(opened)
    }

    pub(super) fn address(&self) -> String {
        joined(self.host, self.port)
    }

    /// What is said when the time ran out at that stage.
    pub(super) fn late(&self, stage: Stage, within: Duration) -> String {
        match stage {
            Stage::Connecting | Stage::Refused => {
                format!("no connection to {} within {within:?}", self.address())
            }
            Stage::Securing => {
                format!("TLS with {} failed: the handshake did not end within {within:?}", self.host)
            }
            Stage::Asked => format!("no answer within {within:?}"),
        }
    }
}

/// Host and port as one text.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// An I/O error without the system's number for it.
pub(super) fn io_words(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    if let Some(words) = tls::words_in(error) {
        return words;
    }
    match error.kind() {
        kind @ (Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::TimedOut
        | Kind::BrokenPipe) => kind.to_string(),
        _ => error.to_string(),
    }
}

//! The applications on the simulated instances.

use std::io;

use crate::net::Stream;

/// A handle on the simulated applications.
#[derive(Debug, Clone)]
pub struct Applications;

impl Applications {
    /// Connects as a socket would.
    pub async fn connect(&self, _host: &str, _port: u16) -> io::Result<Stream> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

//! How probes reach the network: sockets, or the simulated applications of a rehearsal.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

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

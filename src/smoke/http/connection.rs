//! One connection to a server: asks over it, and hears a bounded part of each answer.
//!
//! It runs only while somebody waits for an answer. Dropped, it is closed.

use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::net::Stream;
use crate::smoke::assertions::Heard;
use crate::smoke::reach::{Opened, io_words};

/// How large the head of an answer may be, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;
/// How much may come before the head of an answer is whole, interim answers included.
const MOST_BEFORE: usize = 256 * 1024;

/// A connection.
pub(super) struct Connection {
    sender: Sender,
    /// What carries bytes to and fro; `None` once the connection has ended.
    driver: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How many bytes may still come before an answer's head is whole.
    left: Arc<AtomicUsize>,
    tasks: Tasks,
    /// The server's certificates.
    pub(super) certificates: Arc<[CertificateDer<'static>]>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Agrees with the server on how to speak.
    ///
    /// # Errors
    /// Why that failed, in one line.
    pub(super) async fn over(opened: Opened, two: bool) -> Result<Self, String> {
        let left = Arc::new(AtomicUsize::new(MOST_BEFORE));
        let stream = TokioIo::new(Metered { stream: opened.stream, left: Arc::clone(&left) });
        let tasks = Tasks::default();
        let (sender, driver): (_, Pin<Box<dyn Future<Output = ()> + Send>>) = if two {
            let (sender, driver) = http2::Builder::new(tasks.clone())
                .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
                .initial_stream_window_size(u32::try_from(LARGEST_HEAD).ok())
                .initial_connection_window_size(u32::try_from(LARGEST_HEAD).ok())
                .handshake(stream)
                .await
                .map_err(|error| words(&error, true))?;
            // Why it ended is told to whoever awaits the answer.
            (Sender::Two(sender), Box::pin(async { drop(driver.await) }))
        } else {
            let (sender, driver) = http1::Builder::new()
                .max_buf_size(LARGEST_HEAD)
                .handshake(stream)
                .await
                .map_err(|error| words(&error, false))?;
            (Sender::One(sender), Box::pin(async { drop(driver.await) }))
        };
        Ok(Self { sender, driver: Some(driver), left, tasks, certificates: opened.certificates.into() })
    }

    /// Whether HTTP/2 is spoken.
    pub(super) fn two(&self) -> bool {
        matches!(self.sender, Sender::Two(_))
    }

    /// Whether the answer was heard to its end, and the server will hear another request.
    pub(super) fn reusable(&self, heard: &Heard) -> bool {
        let closing = || heard.headers.get(http::header::CONNECTION).is_some_and(|value| value == "close");
        let one = matches!(self.sender, Sender::One(_)) && heard.version == http::Version::HTTP_11;
        one && self.driver.is_some() && !heard.cut && !closing()
    }

    /// Sends the request and hears the answer, or as much of it as is kept.
    ///
    /// # Errors
    /// Why it broke off, in one line.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        heard: &mut Heard,
    ) -> Result<(), String> {
        let Self { sender, driver, left, .. } = self;
        let two = matches!(sender, Sender::Two(_));
        left.store(MOST_BEFORE, Ordering::Relaxed);
        let answering = async {
            let response = match sender {
                Sender::One(sender) => match sender.ready().await {
                    Ok(()) => sender.send_request(request).await,
                    Err(error) => Err(error),
                },
                Sender::Two(sender) => sender.send_request(request).await,
            };
            let response = response.map_err(|error| words(&error, two))?;
            left.store(usize::MAX, Ordering::Relaxed);
            hear(response, heard, two).await
        };
        alongside(driver, answering).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

async fn hear(response: Response<Incoming>, heard: &mut Heard, two: bool) -> Result<(), String> {
    let (parts, mut body) = response.into_parts();
    heard.version = parts.version;
    heard.status = Some(parts.status);
    heard.headers = parts.headers;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| words(&error, two))?;
        if let Some(data) = frame.data_ref()
            && !heard.keep(data)
        {
            // The rest is not for us, and it may never end.
            return Ok(());
        }
    }
    Ok(())
}

/// Drives the connection while the answer is awaited.
async fn alongside<T>(
    driver: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    answering: impl Future<Output = T>,
) -> T {
    let mut answering = pin!(answering);
    std::future::poll_fn(|context| {
        if let Poll::Ready(answer) = answering.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        if let Some(running) = driver
            && running.as_mut().poll(context).is_ready()
        {
            *driver = None;
        }
        // What the driver just carried may be all that the answer waited for.
        answering.as_mut().poll(context)
    })
    .await
}

/// A stream on which only so much may come before the head of an answer is whole.
struct Metered {
    stream: Stream,
    left: Arc<AtomicUsize>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        let left = self.left.load(Ordering::Relaxed);
        if left == usize::MAX {
            return Poll::Ready(Ok(()));
        }
        self.left.store(left.saturating_sub(read), Ordering::Relaxed);
        if left < read {
            return Poll::Ready(Err(io::Error::other(format!(
                "no final answer in the first {MOST_BEFORE} bytes, but interim ones (1xx) or headers without end"
            ))));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Runs what HTTP/2 does beside the connection, and ends it with the connection.
#[derive(Clone, Default)]
struct Tasks {
    running: Arc<Mutex<JoinSet<()>>>,
}

impl Tasks {
    fn abort(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let task = async { drop(task.await) };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }
}

/// Why the exchange broke off, in one line.
fn words(error: &hyper::Error, two: bool) -> String {
    if error.is_parse_too_large() {
        return format!("the answer's headers are more than {LARGEST_HEAD} bytes, or more than 100");
    }
    if error.is_parse() {
        return format!("the answer is not HTTP: {error}");
    }
    let closed = || "the connection was closed before the answer ended".to_owned();
    if error.is_incomplete_message() {
        return closed();
    }
    let mut cause = error.source();
    let mut deepest = error.to_string();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            let ended = error.kind() == io::ErrorKind::UnexpectedEof;
            return if ended { closed() } else { io_words(error) };
        }
        deepest = inner.to_string();
        cause = inner.source();
    }
    if two { format!("the answer is not HTTP/2: {deepest}") } else { error.to_string() }
}

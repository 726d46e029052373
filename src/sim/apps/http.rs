//! An application that answers HTTP.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The one page that an application has.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) path: Option<String>,
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) late: Duration,
}

/// Answers requests on a connection until the peer goes away.
pub(super) async fn serve<S>(stream: S, page: &Page)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| async move {
        if !page.late.is_zero() {
            tokio::time::sleep(page.late).await;
        }
        Ok::<_, Infallible>(respond(page, request.uri().path()))
    });
    // A peer that hangs up in the middle is the probe's business, not ours.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn respond(page: &Page, path: &str) -> Response<Full<Bytes>> {
    if page.path.as_ref().is_some_and(|known| known != path) {
        let mut response = Response::new(Full::from("not found"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let mut response = Response::builder().status(page.status);
    for (name, value) in &page.headers {
        response = response.header(name, value);
    }
    // A header that HTTP can't carry was never asked for in a valid configuration.
    response.body(Full::from(page.body.clone())).unwrap_or_default()
}

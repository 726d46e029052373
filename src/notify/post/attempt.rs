//! One try of a request over the network, within its time and its size.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url, redirect, retry};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::failure::Failure;
use super::wait::retry_after;
use super::{Answer, Method, Request};
use crate::clock::Clock;
use crate::net;

/// The most that is read of an answer.
const BODY: usize = 64 * 1024;

const USER_AGENT: &str = concat!("ami-refresh/", env!("CARGO_PKG_VERSION"));

/// The HTTP client, or why there is none.
pub(super) struct Client {
    client: Result<reqwest::Client, String>,
    /// Why TLS can't be spoken.
    no_tls: Option<String>,
}

impl Client {
    /// A client for HTTP/1.1, by the proxies of the environment.
    pub(super) fn new(tls: Result<ClientConfig, String>) -> Self {
        let (tls, no_tls) = match tls {
            Ok(tls) => (Ok(tls), None),
            // A server without TLS can be talked to all the same.
            Err(why) => (net::tls_trusting(RootCertStore::empty()), Some(why)),
        };
        let client = tls.and_then(|tls| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .http1_only()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .user_agent(USER_AGENT);
            builder.build().map_err(|error| error.without_url().to_string())
        });
        Self { client, no_tls }
    }

    /// Sends it once, and reads the answer.
    ///
    /// # Errors
    /// What broke, what took longer than until `deadline`, or a status of 300 and above.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        clock: &Clock,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let built = self.build(request)?;
        let client = self.client.as_ref().map_err(|why| no_client(why))?;
        let response = match timeout_at(deadline, client.execute(built)).await {
            Ok(response) => response.map_err(Failure::broken)?,
            Err(_) => return Err(Failure::passing("no answer within 10s")),
        };
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, clock.now()));
        let (body, end) = read(response, deadline).await;
        if !status.is_success() {
            // The status says enough, however its words ended.
            return Err(Failure::status(status, &body, after));
        }
        end.map(|()| Answer { status: status.as_u16(), body })
    }

    fn build(&self, request: &Request) -> Result<reqwest::Request, Failure> {
        const NEXT: &str = "give a whole address, as in https://host/path";
        let url = Url::parse(request.url.expose_secret())
            .map_err(|_| Failure::lasting("its address is no URL", NEXT))?;
        if !url.username().is_empty() || url.password().is_some() {
            // A client shows them wherever it tells of its connections.
            return Err(Failure::lasting(
                "its address holds a user name",
                "leave it out: receivers verify the signature, and tickets take headers",
            ));
        }
        match (url.scheme(), url.has_host()) {
            ("http", true) => {}
            ("https", true) => {
                if let Some(why) = &self.no_tls {
                    return Err(no_client(why));
                }
            }
            _ => return Err(Failure::lasting("its address is neither http nor https", NEXT)),
        }
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut built = reqwest::Request::new(method, url);
        *built.headers_mut() = headers(request)?;
        if !request.body.is_empty() {
            *built.body_mut() = Some(request.body.clone().into());
        }
        Ok(built)
    }
}

fn no_client(why: &str) -> Failure {
    Failure::lasting(why, "install the certificates of the authorities that this machine is to trust")
}

fn headers(request: &Request) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let (Ok(key), Ok(mut value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.expose_secret()))
        else {
            return Err(Failure::lasting(
                format!("the header {name} can't be sent with that value"),
                "a header is one line of visible ASCII: look at the secret that it is made from",
            ));
        };
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

/// What came of the body by the deadline, up to [`BODY`] bytes, and how it ended.
async fn read(mut response: Response, deadline: Instant) -> (Vec<u8>, Result<(), Failure>) {
    let mut body = Vec::new();
    loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk[..chunk.len().min(BODY - body.len())]),
            Ok(Ok(None)) => return (body, Ok(())),
            Ok(Err(error)) => return (body, Err(Failure::broken(error))),
            Err(_) => return (body, Err(Failure::passing("the answer was not whole within 10s"))),
        }
        if body.len() == BODY {
            return (body, Ok(()));
        }
    }
}

//! The HTTP client of one service: it holds calls back, and makes throttled ones again.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::{Counted, Limits, SharedBucket, lock};

/// How long a call is held back before the SDK signs it anew: AWS takes a signature for five
/// minutes.
const SIGNED: Duration = Duration::from_secs(180);
/// For how long a throttled call is made again before the SDK, which tries eight times, hears
/// of it: a spell of some eight minutes is waited out.
const AGAIN: Duration = Duration::from_secs(60);
/// How long a server may take for an answer, its body included.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// The least pause before a throttled call is made again.
const PAUSE: Duration = Duration::from_millis(500);
/// The least time after which a place in the line is looked at again.
const NAP: Duration = Duration::from_secs(1);
/// From how long a wait on it is worth a word.
const LONG: Duration = Duration::from_secs(10);

/// The client, held back by the buckets of these calls.
pub(super) fn held_back(http: SharedHttpClient, limits: Limits, of: Counted) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        let inner = http.http_connector(settings, components);
        SharedHttpConnector::new(HeldBack { inner, limits: limits.clone(), of: of.clone() })
    })
}

#[derive(Debug, Clone)]
struct HeldBack {
    inner: SharedHttpConnector,
    limits: Limits,
    of: Counted,
}

/// A place in a bucket's line, which is left when this goes away.
struct Place {
    bucket: SharedBucket,
    number: u64,
}

impl Place {
    fn take(bucket: &SharedBucket) -> Self {
        let number = lock(bucket).enter();
        Self { bucket: SharedBucket::clone(bucket), number }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.bucket).leave(self.number);
    }
}

impl HttpConnector for HeldBack {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.answer(request).await })
    }
}

impl HeldBack {
    /// Sends the request when its turn comes, again and again while AWS throttles it.
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let clock = self.limits.clock;
        let of = Counted { action: self.counted_action(&request), ..self.of.clone() };
        let bucket = self.limits.bucket(of.clone());
        let begun = clock.now();
        let mut first = None;
        loop {
            let waited = self.turn(&of, &bucket, begun).await?;
            // A body that can't be sent twice is sent once.
            let Some(copy) = request.try_clone() else { return self.send(request).await };
            let sent = clock.now();
            let response = self.send(copy).await?;
            if !is_throttled(&response) {
                // What failed in another way says nothing of the rate.
                if response.status().is_success() {
                    lock(&bucket).answered(waited);
                }
                return Ok(response);
            }
            slow(&of, &bucket, sent, clock.now());
            let first = *first.get_or_insert(sent);
            if clock.since(first) + PAUSE >= AGAIN {
                return Ok(response);
            }
            clock.sleep(PAUSE.mul_f64(1.0 + fastrand::f64())).await;
        }
    }

    /// EC2 counts each action by itself.
    fn counted_action(&self, request: &HttpRequest) -> Option<String> {
        let body = if self.of.service == "ec2" { request.body().bytes()? } else { return None };
        let form = std::str::from_utf8(body).ok()?;
        form.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
    }

    /// Waits for a turn in the bucket, and gives whether it had to.
    async fn turn(
        &self,
        of: &Counted,
        bucket: &SharedBucket,
        begun: Timestamp,
    ) -> Result<bool, ConnectorError> {
        let clock = self.limits.clock;
        let place = Place::take(bucket);
        let (mut waited, mut told) = (false, false);
        loop {
            let wait = lock(bucket).go(place.number, clock.now());
            let Some(wait) = wait else { return Ok(waited) };
            waited = true;
            if wait >= LONG && !told {
                tracing::debug!("a call to {of} waits for some {} s", wait.as_secs());
                told = true;
            }
            let left = SIGNED.saturating_sub(clock.since(begun));
            if left.is_zero() {
                let why = format!("too many calls to {of} wait, for AWS throttles them");
                return Err(ConnectorError::other(why.into(), Some(ErrorKind::ThrottlingError)));
            }
            // The line may move faster meanwhile.
            let nap = if wait <= NAP { wait } else { NAP.max(wait / 4) };
            clock.sleep(nap.min(left).max(Duration::from_millis(1))).await;
        }
    }

    /// Sends the request, and reads the answer whole.
    ///
    /// The SDK's own time-out would count the waiting too.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let answer = async {
            let mut response = self.inner.call(request).await?;
            if response.body().bytes().is_none() {
                let body = std::mem::replace(response.body_mut(), SdkBody::taken());
                let whole =
                    body.collect().await.map_err(|error| ConnectorError::io(error.to_string().into()))?;
                *response.body_mut() = SdkBody::from(whole.to_bytes());
            }
            Ok(response)
        };
        // A real time-out, however fast the clock runs.
        let answer = tokio::time::timeout(ANSWERS_WITHIN, answer).await;
        answer.unwrap_or_else(|_| {
            let why = format!("no whole answer within {} s", ANSWERS_WITHIN.as_secs());
            Err(ConnectorError::timeout(why.into()))
        })
    }
}

fn slow(of: &Counted, bucket: &SharedBucket, sent: Timestamp, now: Timestamp) {
    let mut bucket = lock(bucket);
    if bucket.throttled(sent, now) {
        tracing::info!("AWS throttles {of}: slower, {:.1} calls a second from now on", bucket.rate());
    }
}

/// Whether AWS took the call for one too many.
fn is_throttled(response: &HttpResponse) -> bool {
    let status = response.status();
    if status.as_u16() == 429 {
        return true;
    }
    if !(status.is_client_error() || status.is_server_error()) {
        return false;
    }
    let body = response.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
    let headers = response.headers();
    let in_headers = || headers.get("x-amzn-errortype").or_else(|| headers.get("x-amzn-query-error"));
    let code = between(body, "<Code>", "</Code>").or_else(in_headers);
    code.is_some_and(|code| code.contains("Throttl") || code.contains("RequestLimitExceeded"))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

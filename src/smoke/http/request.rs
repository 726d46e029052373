//! What is sent: a check's request with its variables and secrets filled in, and what
//! becomes of it when it is redirected. Sends nothing.

use std::sync::Arc;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::place::Place;
use crate::config::{HttpCheck, SentBody, SentValue, TlsSettings};
use crate::secret;
use crate::smoke::secrets::Secrets;
use crate::smoke::variables::Variables;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("ami-refresh/", env!("CARGO_PKG_VERSION")));
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) place: Place,
    pub(super) tls: Arc<TlsSettings>,
    /// The check's own; one with a secret, or with what was captured, is marked as sensitive.
    headers: HeaderMap,
    body: Bytes,
    /// Whether the body holds a secret, or what was captured.
    secret_body: bool,
}

impl Prepared {
    /// Fills in the variables and the secrets; these come back in `secrets`, too.
    ///
    /// # Errors
    /// When a variable has no value here, a secret can't be had, or the URL is none.
    pub(super) fn new(
        check: &HttpCheck,
        variables: &Variables<'_>,
        secrets: &mut Secrets,
    ) -> Result<Self, String> {
        let place = Place::read(&variables.in_url(&check.url)?)?;
        let mut filler = Filler { variables, secrets, told: false };
        let mut headers = HeaderMap::new();
        for (name, value) in &check.send.headers {
            filler.told = false;
            let text = filler.text(value)?;
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| format!("no header can have the value that {name} would get"))?;
            value.set_sensitive(filler.told);
            headers.append(name.clone(), value);
        }
        filler.told = false;
        let (body, content_type) = filler.body(&check.send.body)?;
        if let Some(content_type) = content_type {
            headers.entry(CONTENT_TYPE).or_insert(content_type);
        }
        let (method, tls) = (check.method.clone(), Arc::clone(&check.tls));
        Ok(Self { method, place, tls, headers, body, secret_body: filler.told })
    }

    /// Whether asking twice does no more than asking once.
    pub(super) fn repeatable(&self) -> bool {
        self.method.is_idempotent()
    }

    /// The request for HTTP/2, or for HTTP/1.1; `keep` the connection after it, or close it.
    pub(super) fn request(&self, two: bool, keep: bool) -> Result<Request<Full<Bytes>>, String> {
        let request = Request::builder().method(self.method.clone());
        let host = self.headers.get(HOST);
        let request = if two {
            let authority = host.and_then(|host| host.to_str().ok()).unwrap_or(&self.place.authority);
            let scheme = if self.place.tls { "https" } else { "http" };
            request.uri(format!("{scheme}://{authority}{}", self.place.path))
        } else {
            request.uri(&self.place.path)
        };
        let failed = |error| format!("{} can't be asked: {error}", self.place.address());
        let mut request = request.body(Full::new(self.body.clone())).map_err(failed)?;
        let headers = request.headers_mut();
        if !two && host.is_none() {
            let authority = HeaderValue::from_str(&self.place.authority);
            headers.insert(HOST, authority.map_err(|_| format!("{} is no host", self.place.address()))?);
        }
        headers.insert(USER_AGENT, AGENT);
        if !(keep || two) {
            headers.insert(CONNECTION, CLOSE);
        }
        for name in self.headers.keys() {
            headers.remove(name);
            for value in self.headers.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        if two {
            headers.remove(HOST);
        }
        Ok(request)
    }

    /// Turns it into the request that follows a redirect with this status to this place.
    ///
    /// # Errors
    /// When that would give a secret to somebody else.
    pub(super) fn redirect(&mut self, status: StatusCode, place: Place) -> Result<(), String> {
        let as_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if as_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.secret_body = false;
            self.headers.remove(CONTENT_TYPE);
        }
        if !self.place.same_origin(&place) {
            if self.secret_body {
                return Err(format!(
                    "the redirect leads to {}, which is another origin: the secret in the body is not sent \
                     there",
                    place.address()
                ));
            }
            self.forget_origin();
        }
        self.place = place;
        Ok(())
    }

    /// Drops what was for the first origin alone.
    fn forget_origin(&mut self) {
        let ours = |value: &HeaderValue| value.is_sensitive();
        let secret: Vec<_> =
            self.headers.iter().filter(|(_, value)| ours(value)).map(|(name, _)| name.clone()).collect();
        for name in secret.into_iter().chain([AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST]) {
            self.headers.remove(name);
        }
        self.tls = Arc::new(TlsSettings { identity: None, server_name: None, ..(*self.tls).clone() });
    }
}

/// Fills in what a check sends.
struct Filler<'a, 'v> {
    variables: &'a Variables<'v>,
    secrets: &'a mut Secrets,
    /// Whether a secret, or what an earlier check captured, was filled in.
    told: bool,
}

impl Filler<'_, '_> {
    fn text(&mut self, value: &SentValue) -> Result<String, String> {
        let (text, secret) = match value {
            SentValue::Plain { text, secret } => {
                // What was captured is masked already, and is for the first origin alone.
                self.told |= self.variables.names_captured(text);
                (self.variables.in_host(text)?, *secret)
            }
            SentValue::Kept(source) => (secret::read(source)?.expose_secret().to_owned(), true),
        };
        if secret {
            self.secrets.add_sent(&text);
            self.told = true;
        }
        Ok(text)
    }

    fn body(&mut self, body: &SentBody) -> Result<(Bytes, Option<HeaderValue>), String> {
        Ok(match body {
            SentBody::Nothing => (Bytes::new(), None),
            SentBody::Text(value) => (self.text(value)?.into(), Some(TEXT)),
            SentBody::Json(value) => (self.json(value)?.to_string().into(), Some(JSON)),
            SentBody::Form(fields) => {
                let mut form = Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &self.text(value)?);
                }
                (form.finish().into(), Some(FORM))
            }
        })
    }

    fn json(&mut self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => {
                self.told |= self.variables.names_captured(text);
                Value::String(self.variables.in_host(text)?)
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let entry = |(name, item): (&String, &Value)| Ok((name.clone(), self.json(item)?));
                Value::Object(entries.iter().map(entry).collect::<Result<_, String>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

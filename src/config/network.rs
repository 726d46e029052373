//! What the checks over the network say: `http` and `tcp`, and their TLS.
//!
//! Types only. What they send may come from elsewhere ([`SecretSource`]); none holds a secret
//! but a client certificate's key, which shows itself nowhere.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use regex::Regex;
use serde_json::{Number, Value};
use serde_json_path::JsonPath;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fleet::Capture;
use super::notify::SecretSource;

/// An HTTP check: a request, and every assertion on its answer.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The address, with variables in braces.
    pub url: String,
    /// The method.
    pub method: Method,
    /// What is sent beside the address.
    pub send: Sent,
    /// How many redirects are followed; with none a redirect is an answer like any other.
    pub redirects: u32,
    /// Which HTTP is spoken.
    pub version: HttpVersion,
    /// How TLS is spoken, where the address is of https.
    pub tls: Arc<TlsSettings>,
    /// How long every certificate of the server must be valid still.
    pub certificate_valid: Option<Duration>,
    /// The statuses that pass, as inclusive ranges.
    pub status: Vec<(u16, u16)>,
    /// Texts that the body must contain.
    pub body_contains: Vec<String>,
    /// Texts that the body must not contain.
    pub body_lacks: Vec<String>,
    /// Regular expressions that the body must match.
    pub body_matches: Vec<Regex>,
    /// Header names and what is asked of each.
    pub headers: Vec<(HeaderName, HeaderTest)>,
    /// JSON paths over the body, and what is asked of what each selects.
    pub json: Vec<Expected>,
    /// What is taken from the answer for later checks.
    pub capture: Vec<Capture>,
    /// The time within which the whole answer must be there to pass.
    pub answer_time: Option<Duration>,
    /// The time after which the answer is no longer waited for.
    pub within: Duration,
}

/// What a request carries. Its texts hold variables in braces.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Its headers.
    pub headers: Vec<(HeaderName, SentValue)>,
    /// Its body.
    pub body: SentBody,
}

/// A text that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentValue {
    /// This text; `secret` when its name says that what it stands for must not be shown.
    Plain {
        /// The text.
        text: String,
        /// Whether it is shown nowhere.
        secret: bool,
    },
    /// What is found there.
    Kept(SecretSource),
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum SentBody {
    /// None.
    #[default]
    Nothing,
    /// This text.
    Text(SentValue),
    /// This JSON; variables stand in its texts.
    Json(Value),
    /// The fields of a form, in order.
    Form(Vec<(String, SentValue)>),
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2, agreed on in the TLS handshake, or known beforehand without TLS.
    Two,
    /// HTTP/2 where the server takes it in the TLS handshake, HTTP/1.1 otherwise.
    Auto,
}

/// How TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The only roots that are trusted; the machine's own when `None`.
    pub ca: Option<Arc<Vec<CertificateDer<'static>>>>,
    /// The client's certificate.
    pub identity: Option<Arc<Identity>>,
    /// The name that the server's certificate must be for, instead of the address's host.
    pub server_name: Option<String>,
    /// Whether the server's certificate is verified.
    pub verify: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { ca: None, identity: None, server_name: None, verify: true }
    }
}

/// A client's certificate and its key, known to belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its root.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// What is asked of a header of the answer; of several of one name, one must be so.
#[derive(Debug, Clone)]
pub enum HeaderTest {
    /// Its value is this.
    Equals(String),
    /// No value is this.
    Not(String),
    /// Its value holds this.
    Contains(String),
    /// Its value matches.
    Matches(Regex),
    /// It is there, or not.
    Exists(bool),
}

/// A JSON path, and what is asked of every node that it selects.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The path as it is written.
    pub text: String,
    /// The path.
    pub path: JsonPath,
    /// What is asked; all of it must hold.
    pub tests: Vec<ValueTest>,
}

/// What is asked of the nodes that a JSON path selects. At least one must be selected, except
/// for [`ValueTest::Exists`] and [`ValueTest::Count`], which are about how many there are.
#[derive(Debug, Clone)]
pub enum ValueTest {
    /// Each equals this value; 1 and 1.0 are equal.
    Equals(Value),
    /// None equals this value.
    Not(Value),
    /// Each is a number so large.
    Number(NumberTest),
    /// Something is selected, or nothing.
    Exists(bool),
    /// So many are selected.
    Count(NumberTest),
    /// Each is text that matches.
    Matches(Regex),
    /// Each is text with this text in it, or a list with this item.
    Contains(Value),
    /// Each is of this type.
    Type(JsonType),
}

/// A comparison of numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberTest {
    /// The same.
    Equal(Number),
    /// Less than this.
    Below(Number),
    /// This or less.
    AtMost(Number),
    /// More than this.
    Above(Number),
    /// This or more.
    AtLeast(Number),
}

/// The types that JSON has; a whole number is a number as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// Text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

/// A TCP check.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    /// The host, with the variables of [`HttpCheck::url`].
    pub host: String,
    /// The port.
    pub port: u16,
    /// How TLS is spoken, if it is.
    pub tls: Option<Arc<TlsSettings>>,
    /// How long every certificate of the server must be valid still.
    pub certificate_valid: Option<Duration>,
    /// What is sent once it is connected, with variables in braces.
    pub send: Option<String>,
    /// A regular expression that the first bytes the server sends must match.
    pub banner: Option<Regex>,
    /// The time within which it must connect, and say so.
    pub within: Duration,
}

impl HttpCheck {
    /// A GET of this address over HTTP/1.1 that passes with status 200 within this time.
    pub fn get(url: &str, within: Duration) -> Self {
        Self {
            url: url.to_owned(),
            method: Method::GET,
            send: Sent::default(),
            redirects: 0,
            version: HttpVersion::One,
            tls: Arc::default(),
            certificate_valid: None,
            status: vec![(200, 200)],
            body_contains: Vec::new(),
            body_lacks: Vec::new(),
            body_matches: Vec::new(),
            headers: Vec::new(),
            json: Vec::new(),
            capture: Vec::new(),
            answer_time: None,
            within,
        }
    }
}

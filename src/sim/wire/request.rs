//! A request as it came in, and what it asks: action and parameters, whatever the protocol.
//!
//! Query, REST JSON, JSON 1.x and CBOR all end in the same flat [`Params`], so that a service's
//! module reads `filters.1.name` the same way from a form and from a document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cbor;
use super::errors::Error;
use super::query::Params;

/// The headers that tell something; the others are not kept.
const HEADERS: [&str; 4] = ["authorization", "content-type", "x-amz-target", "smithy-protocol"];

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Request {
    /// The HTTP method.
    pub(in crate::sim) method: String,
    /// The path, from its slash on, without the query.
    pub(in crate::sim) path: String,
    /// The query, without its question mark; may be empty.
    pub(in crate::sim) query: String,
    headers: BTreeMap<&'static str, String>,
    /// The body.
    pub(in crate::sim) body: Vec<u8>,
}

/// How a request is written, and its answer is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Protocol {
    /// A form, answered in XML.
    Query,
    /// The action in the path, its parameters in the query and a JSON document.
    RestJson,
    /// The action in `X-Amz-Target`, its parameters in a JSON document: JSON 1.0 and 1.1.
    Json,
    /// The action at the path's end, its parameters in a CBOR document: smithy's RPC v2.
    Cbor,
}

/// A request that is understood so far: the action, and its parameters.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Question {
    /// The API action.
    pub(in crate::sim) action: String,
    /// The HTTP method.
    pub(super) method: String,
    /// How it is written.
    pub(super) protocol: Protocol,
    /// The document's own media type, which a JSON answer repeats.
    pub(super) media_type: String,
    pub(super) params: Params,
    /// What is wrong with its writing, if anything is.
    pub(super) unreadable: Option<Error>,
}

impl Request {
    /// A request; `header` gives the value of a header by its lower-case name.
    pub(in crate::sim) fn new(
        method: &str,
        path_and_query: &str,
        header: impl Fn(&str) -> Option<String>,
        body: Vec<u8>,
    ) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let headers = HEADERS.into_iter().filter_map(|name| Some((name, header(name)?))).collect();
        Self { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body }
    }

    /// A request of the Query protocol.
    #[cfg(test)]
    pub(in crate::sim) fn form(authorization: Option<&str>, form: Vec<u8>) -> Self {
        let header = |name: &str| authorization.filter(|_| name == "authorization").map(str::to_owned);
        Self::new("POST", "/", header, form)
    }

    /// One of the headers that tell something.
    pub(in crate::sim) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Question {
    /// Reads what is asked.
    pub(in crate::sim) fn read(request: &Request) -> Self {
        let media_type = request.header("content-type").unwrap_or_default().to_owned();
        let path = request.path.trim_matches('/');
        let last = || path.rsplit('/').next().unwrap_or_default().to_owned();
        let (protocol, action) = match request.header("x-amz-target") {
            _ if request.header("smithy-protocol") == Some("rpc-v2-cbor") => (Protocol::Cbor, last()),
            Some(target) => (Protocol::Json, target.rsplit('.').next().unwrap_or_default().to_owned()),
            None if !path.is_empty() => (Protocol::RestJson, path.to_owned()),
            None => (Protocol::Query, String::new()),
        };
        let method = request.method.clone();
        let mut question =
            Self { action, method, protocol, media_type, params: Params::default(), unreadable: None };
        match protocol {
            Protocol::Query => {
                let form = if request.body.is_empty() { request.query.as_bytes() } else { &request.body };
                question.params = Params::parse(form);
                question.action = question.params.get("Action").unwrap_or_default().to_owned();
            }
            Protocol::RestJson | Protocol::Json => {
                question.params = Params::parse(request.query.as_bytes());
                question.read_document(&request.body, |body| serde_json::from_slice(body).ok());
            }
            Protocol::Cbor => question.read_document(&request.body, cbor::read),
        }
        question
    }

    fn read_document(&mut self, body: &[u8], read: impl Fn(&[u8]) -> Option<Value>) {
        if body.is_empty() {
            return;
        }
        match read(body) {
            Some(Value::Object(fields)) => {
                for (name, value) in &fields {
                    self.params.add(name, value);
                }
            }
            Some(_) | None => {
                self.unreadable =
                    Some(Error::new("SerializationException", "The request's document can't be read"));
            }
        }
    }

    /// The group or other resource that it is about, as far as it names one.
    pub(in crate::sim) fn resource(&self) -> Option<String> {
        const NAMES: [&str; 11] = [
            "AutoScalingGroupName",
            "AutoScalingGroupNames.member.1",
            "LaunchTemplateId",
            "LaunchTemplateName",
            "ImageId.1",
            "ResourceId.1",
            "Tags.member.1.ResourceId",
            "TargetGroupArn",
            "RoleArn",
            "imagePipelineArn",
            "imageBuildVersionArn",
        ];
        NAMES.into_iter().find_map(|name| self.params.get(name)).map(str::to_owned)
    }
}

//! Answers as they go out: XML, JSON or CBOR, with the headers that clients read.

use serde_json::Value;

use super::request::{Protocol, Question};
use super::xml::Xml;
use super::{Service, cbor};

/// An answer as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Reply {
    /// The HTTP status.
    pub(in crate::sim) status: u16,
    /// The headers: the content type, and what a protocol has beside it.
    pub(in crate::sim) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(in crate::sim) body: Vec<u8>,
}

/// What an action is answered with, before it is written.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// The inner part of an XML answer.
    Xml(Xml),
    /// A document's fields.
    Tree(Value),
}

impl Reply {
    /// XML as it is.
    pub(super) fn xml(status: u16, body: String) -> Self {
        let headers = vec![("content-type", "text/xml;charset=UTF-8".to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }

    /// A document, in the protocol's media type.
    pub(super) fn json(status: u16, question: &Question, request: &str, document: &Value) -> Self {
        let media_type = match question.protocol {
            Protocol::Json if !question.media_type.is_empty() => question.media_type.clone(),
            Protocol::Json | Protocol::RestJson | Protocol::Query | Protocol::Cbor => {
                "application/json".to_owned()
            }
        };
        let headers = vec![("content-type", media_type), ("x-amzn-requestid", request.to_owned())];
        Self { status, headers, body: document.to_string().into_bytes() }
    }

    /// A document in CBOR.
    pub(super) fn cbor(status: u16, request: &str, document: &Value) -> Self {
        let headers = vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
            ("x-amzn-requestid", request.to_owned()),
        ];
        Self { status, headers, body: cbor::write(document) }
    }

    /// The answer to an action that was done.
    pub(super) fn done(content: Content, service: Service, question: &Question, request: &str) -> Self {
        match content {
            Content::Xml(xml) => Self::xml(200, xml.envelope(service, &question.action, request)),
            Content::Tree(document) => match (question.protocol, service) {
                (Protocol::Cbor, _) => Self::cbor(200, request, &document),
                (Protocol::Query, Service::CloudWatch) => {
                    let mut xml = Xml::new();
                    xml.tree(&document);
                    Self::xml(200, xml.envelope(service, &question.action, request))
                }
                (Protocol::Query | Protocol::Json | Protocol::RestJson, _) => {
                    Self::json(200, question, request, &document)
                }
            },
        }
    }

    /// The body as text.
    #[cfg(test)]
    pub(in crate::sim) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

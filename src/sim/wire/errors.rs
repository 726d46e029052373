//! Errors, in each protocol's own shape, and AWS's codes.

use serde_json::json;

use super::request::{Protocol, Question};
use super::xml::Xml;
use super::{Reply, Service};
use crate::sim::world::Refusal;

/// An error to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Error {
    status: u16,
    code: String,
    message: String,
}

impl Error {
    /// HTTP 400 with a code.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn with_status(status: u16, code: &str, message: &str) -> Self {
        Self { status, ..Self::new(code, message) }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// A value that can't be: the services name this differently, see [`Error::reply`].
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(INVALID, message)
    }

    pub(super) fn unknown_action(action: &str) -> Self {
        Self::new("InvalidAction", format!("The action {action} is not valid for this web service."))
    }

    pub(super) fn reply(&self, service: Service, question: &Question, request: &str) -> Reply {
        let code = self.code_of(service);
        match question.protocol {
            Protocol::Query => {
                let mut reply = Reply::xml(self.status, self.xml(service, code, request));
                reply.headers.push(("x-amzn-requestid", request.to_owned()));
                reply
            }
            Protocol::Cbor => {
                let document = json!({ "__type": code, "message": self.message });
                let mut reply = Reply::cbor(self.status, request, &document);
                // CloudWatch was a Query service: its codes of then are in a header.
                let fault = if self.status < 500 { "Sender" } else { "Receiver" };
                reply.headers.push(("x-amzn-query-error", format!("{code};{fault}")));
                reply
            }
            Protocol::RestJson | Protocol::Json => {
                let document = json!({ "__type": code, "message": self.message });
                let mut reply = Reply::json(self.status, question, request, &document);
                reply.headers.push(("x-amzn-errortype", code.to_owned()));
                reply
            }
        }
    }

    /// The code in the service's own words.
    fn code_of(&self, service: Service) -> &str {
        match (self.code.as_str(), service) {
            (INVALID, Service::Ec2) => "InvalidParameterValue",
            (INVALID, Service::AutoScaling | Service::LoadBalancing | Service::Sts | Service::CloudWatch) => {
                "ValidationError"
            }
            (INVALID, Service::ImageBuilder) => "InvalidParameterValueException",
            (INVALID | "MissingParameter", Service::Ssm) => "ValidationException",
            ("MissingParameter", Service::ImageBuilder) => "InvalidRequestException",
            ("InvalidNextToken", Service::ImageBuilder) => "InvalidPaginationTokenException",
            ("InvalidAction", Service::ImageBuilder | Service::Ssm) => "UnknownOperationException",
            (code, _) => code,
        }
    }

    fn xml(&self, service: Service, code: &str, request: &str) -> String {
        let mut message = Xml::new();
        message.value(&self.message);
        let message = message.into_text();
        let kind = if self.status < 500 { "Sender" } else { "Receiver" };
        let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        match service {
            Service::Ec2 => format!(
                "{head}<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>{request}</RequestID></Response>"
            ),
            Service::AutoScaling
            | Service::LoadBalancing
            | Service::Sts
            | Service::ImageBuilder
            | Service::CloudWatch
            | Service::Ssm => format!(
                "{head}<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>",
                service.namespace()
            ),
        }
    }
}

const INVALID: &str = "an invalid value";

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Validation(message) => Self::new("ValidationError", message),
            Refusal::InProgress => Self::new(
                "InstanceRefreshInProgress",
                "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
            ),
            Refusal::NoActive => Self::new(
                "ActiveInstanceRefreshNotFound",
                "No in progress or pending Instance Refresh found for the Auto Scaling group.",
            ),
            Refusal::Irreversible(why) => Self::new(
                "IrreversibleInstanceRefresh",
                format!("The instance refresh can't be rolled back: {why}."),
            ),
        }
    }
}

/// Too many calls, in the service's own words.
pub(in crate::sim) fn throttled(service: Service) -> Error {
    match service {
        Service::Ec2 => Error::with_status(503, "RequestLimitExceeded", "Request limit exceeded."),
        Service::AutoScaling | Service::LoadBalancing | Service::Sts | Service::CloudWatch => {
            Error::new("Throttling", "Rate exceeded")
        }
        Service::Ssm => Error::new("ThrottlingException", "Rate exceeded"),
        Service::ImageBuilder => Error::with_status(
            429,
            "CallRateLimitExceededException",
            "You have exceeded the permitted request rate for the specific operation.",
        ),
    }
}

/// A trouble of AWS's own: HTTP 500, or 503 when `unavailable`.
pub(in crate::sim) fn server_trouble(service: Service, unavailable: bool) -> Error {
    let (status, code) = match (service, unavailable) {
        (Service::Ec2, false) => (500, "InternalError"),
        (Service::Ec2, true) => (503, "Unavailable"),
        (Service::AutoScaling | Service::LoadBalancing | Service::Sts | Service::CloudWatch, false) => {
            (500, "InternalFailure")
        }
        (
            Service::AutoScaling | Service::LoadBalancing | Service::Sts | Service::CloudWatch | Service::Ssm,
            true,
        ) => (503, "ServiceUnavailable"),
        (Service::Ssm, false) => (500, "InternalServerError"),
        (Service::ImageBuilder, false) => (500, "ServiceException"),
        (Service::ImageBuilder, true) => (503, "ServiceUnavailableException"),
    };
    Error::with_status(status, code, "An internal error has occurred.")
}

/// Another change is under way.
pub(in crate::sim) fn contention() -> Error {
    Error::with_status(
        500,
        "ResourceContention",
        "You already have a pending update to an Amazon EC2 Auto Scaling resource.",
    )
}

/// The credentials have expired.
pub(in crate::sim) fn expired(service: Service) -> Error {
    match service {
        Service::Ec2 => Error::new("RequestExpired", "Request has expired."),
        Service::AutoScaling | Service::LoadBalancing | Service::Sts | Service::CloudWatch => {
            Error::with_status(403, "ExpiredToken", "The security token included in the request is expired")
        }
        Service::ImageBuilder | Service::Ssm => Error::with_status(
            403,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
    }
}

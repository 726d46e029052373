//! What AWS answered instead of a result, with its code, message and request id.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

/// The code of credentials that could not be had since whoever gives them did not answer.
const UNANSWERED: &str = "CredentialsUnanswered";

/// Parts of the codes that pass by themselves.
const PASSING: [&str; 9] = [
    "Throttl",
    "RequestLimitExceeded",
    "CallRateLimitExceeded",
    "ServiceException",
    "Internal",
    "Unavailable",
    "ResourceContention",
    "ScalingActivityInProgress",
    "ResourceInUse",
];

/// What kind of failure it was, as far as the next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// AWS answered with an error of its own.
    Answered,
    /// No answer came back: the call may have taken effect.
    NoAnswer,
    /// There are no usable credentials: absent, expired, or a role that can't be assumed.
    Credentials,
}

/// A call that failed, after the SDK's own retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The API operation, such as `StartInstanceRefresh`.
    pub operation: &'static str,
    /// What kind of failure.
    pub kind: Kind,
    /// AWS's error code; empty when no answer came.
    pub code: String,
    /// AWS's message, or what broke on the way.
    pub message: String,
    /// AWS's request id; empty when there is none.
    pub request_id: String,
}

impl Error {
    /// An answer that can't be what AWS documents.
    pub(super) fn unexpected(operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            operation,
            kind: Kind::Answered,
            code: "UnexpectedAnswer".into(),
            message: message.into(),
            request_id: String::new(),
        }
    }

    /// That there are no usable credentials.
    pub(super) fn no_credentials(code: &str, message: String) -> Self {
        let (operation, request_id) = ("AssumeRole", String::new());
        Self { operation, kind: Kind::Credentials, code: code.to_owned(), message, request_id }
    }

    /// The same of a call that was made for credentials: a refusal that stays one means that
    /// there are none.
    pub(super) fn of_credentials(self) -> Self {
        let kind = if self.may_pass() { self.kind } else { Kind::Credentials };
        Self { kind, ..self }
    }

    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.kind == Kind::Answered && self.code == code
    }

    /// Whether asking again later may go better. Expired sessions are renewed in between.
    pub fn may_pass(&self) -> bool {
        match self.kind {
            Kind::NoAnswer => true,
            Kind::Credentials => self.code.contains("Expired") || self.code == UNANSWERED,
            Kind::Answered => PASSING.iter().any(|part| self.code.contains(part)),
        }
    }

    /// Reads what the SDK says.
    #[expect(clippy::needless_pass_by_value, reason = "an error is handed over, once")]
    pub(super) fn from_sdk<E, R>(operation: &'static str, error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
        R: std::fmt::Debug + 'static,
    {
        if let SdkError::ServiceError(answer) = &error {
            let answer = answer.err();
            let code = answer.code().unwrap_or("Unknown").to_owned();
            let kind = if is_credentials_code(&code) { Kind::Credentials } else { Kind::Answered };
            return Self {
                operation,
                kind,
                message: answer.message().unwrap_or("no message").to_owned(),
                request_id: answer.request_id().unwrap_or_default().to_owned(),
                code,
            };
        }
        if let Some(of_credentials) = credentials_error(&error) {
            return Self { operation, ..of_credentials };
        }
        Self {
            operation,
            kind: Kind::NoAnswer,
            code: String::new(),
            message: chain(&error),
            request_id: String::new(),
        }
    }
}

/// Whether the code says that the credentials, not the call, are at fault.
fn is_credentials_code(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "InvalidClientTokenId"
            | "AuthFailure"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "MissingAuthenticationToken"
    )
}

/// The credentials error that caused this one, if one did.
fn credentials_error(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut source = Some(error);
    let mut found = None;
    while let Some(cause) = source {
        if let Some(credentials) = cause.downcast_ref::<CredentialsError>() {
            let unanswered = matches!(
                credentials,
                CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_)
            );
            let code = if unanswered { UNANSWERED } else { "" };
            found = Some(Error::no_credentials(code, chain(cause)));
        }
        // It was told already, when a role was assumed.
        if let Some(told) = cause.downcast_ref::<Error>() {
            return Some(told.clone());
        }
        source = cause.source();
    }
    found
}

/// The error and its causes on one line; a cause that repeats another is left out.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            text = words;
        } else if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)?;
        if !self.request_id.is_empty() {
            write!(f, " (request {})", self.request_id)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

//! What went wrong in TLS, in words for whoever has to do something about it.

use std::io;

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

/// The words for an I/O error that TLS made, if it did.
pub(in crate::smoke) fn words_in(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Error>().map(words)
}

fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::InvalidMessage(_) => format!("the server does not speak TLS there ({error})"),
        Error::AlertReceived(alert) => of_alert(*alert),
        other => other.to_string(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired => "the server's certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate expired at {}", time(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the server's certificate is not valid before {}", time(*not_before))
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is self-signed, or of a CA that is not trusted here: name its file in \
             `tls.ca`"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the server's certificate is not signed by the CA that is trusted here, but by one of the same name"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let shown: Vec<&str> = presented.iter().take(5).map(String::as_str).collect();
            let of = if shown.is_empty() { "no name".to_owned() } else { shown.join(", ") };
            format!(
                "the server's certificate is for {of}, not for {}: if that is right, name it in \
                 `tls.server_name`",
                expected.to_str()
            )
        }
        other => format!("the server's certificate is wrong: {other}"),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server asks for a client certificate: name it in `tls.certificate` and `tls.key`".to_owned()
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            format!("the server does not accept the client certificate, or lacks one ({alert:?})")
        }
        AlertDescription::NoApplicationProtocol => {
            "the server does not speak the HTTP version that is asked for".to_owned()
        }
        AlertDescription::UnrecognisedName => "the server knows no host of that name".to_owned(),
        other => format!("the server broke the handshake off ({other:?})"),
    }
}

fn time(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

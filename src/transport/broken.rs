//! What the errors of `reqwest` mean, and what to do about them.

use std::error::Error as StdError;
use std::io;

use super::{Failure, TRUST, TransportError};

/// An error of `reqwest` as this crate classifies it. `is_plain` for an address that begins with `http://`.
pub(super) fn failure(error: ::reqwest::Error, is_plain: bool) -> TransportError {
    let found = if error.is_connect() {
        connecting(&error)
    } else if let Some(hint) = chain(&error, tls::refusal) {
        (Failure::Tls, Some(hint))
    } else if chain(&error, says(&["message head is too large"])).is_some() {
        return TransportError::new(
            Failure::TooLarge,
            format!("the head of the response has more than {MOST_HEADERS} headers, or is larger than 400 KiB"),
        )
        .with_hint("no service sends that many headers: look at the proxy or the gateway in between");
    } else {
        // A server that expects TLS hangs up, or responds with an alert, which is not HTTP.
        let words = ["connection closed before message completed", "invalid HTTP version parsed"];
        let is_no_http = is_plain && chain(&error, says(&words)).is_some();
        (Failure::Interrupted, is_no_http.then_some("if this port expects TLS, the address begins with https://"))
    };
    let (failure, hint) = found;
    let error = TransportError::new(failure, error.without_url());
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// So many headers of a response are read.
pub(super) const MOST_HEADERS: usize = 500;

fn connecting(error: &::reqwest::Error) -> (Failure, Option<&'static str>) {
    if error.is_timeout() {
        return (Failure::ConnectTimeout, None);
    }
    if chain(error, says(&["proxy authorization required"])).is_some() {
        return (Failure::ProxyAuthentication, None);
    }
    match chain(error, tls::fault) {
        Some(hint) => (Failure::Tls, Some(hint)),
        None => (Failure::Connect, None),
    }
}

/// Looks for an error that has exactly these words, or ends with them.
fn says<'a>(words: &'a [&str]) -> impl Fn(&(dyn StdError + 'static)) -> Option<()> + 'a {
    |error| {
        let text = error.to_string();
        words.iter().any(|words| text.ends_with(words)).then_some(())
    }
}

/// The first that is found in an error or in what caused it.
fn chain<T>(error: &::reqwest::Error, find: impl Fn(&(dyn StdError + 'static)) -> Option<T>) -> Option<T> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(link) = next {
        if let Some(found) = find(link) {
            return Some(found);
        }
        // An I/O error hides its inner error, which may be one again, from `source`.
        let mut inner = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        while let Some(error) = inner {
            if let Some(found) = find(error) {
                return Some(found);
            }
            inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        }
        next = link.source();
    }
    None
}

const ASKS_FOR_IDENTITY: &str = "the server or a gateway wants a client certificate, or another one: set client_identity_pem to one that its authority signed";

#[cfg(feature = "rustls")]
mod tls {
    use std::error::Error as StdError;

    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

    use super::{ASKS_FOR_IDENTITY, TRUST};

    /// A fault of the handshake that the next attempt would meet again: a certificate, a version, no TLS at all; with what to do
    /// about it.
    pub(super) fn fault(error: &(dyn StdError + 'static)) -> Option<&'static str> {
        let hint = match error.downcast_ref::<Error>()? {
            Error::AlertReceived(AlertDescription::InternalError | AlertDescription::CloseNotify)
            | Error::General(_)
            | Error::HandshakeNotComplete
            | Error::FailedToGetCurrentTime => return None,
            Error::AlertReceived(AlertDescription::UnrecognisedName) => OTHER_NAME,
            Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_) => {
                "the server and this client have no version or cipher of TLS in common: this client has TLS 1.2 and 1.3"
            }
            Error::AlertReceived(alert) if refuses_client(*alert) => ASKS_FOR_IDENTITY,
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                "this port responds without TLS: check the port, or whether the address begins with http://"
            }
            Error::InvalidCertificate(certificate) => about(certificate),
            _ => TRUST,
        };
        Some(hint)
    }

    const OTHER_NAME: &str =
        "the certificate is for another name: check the host of the address, and whether a proxy responds in its place";

    fn about(fault: &CertificateError) -> &'static str {
        match fault {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => OTHER_NAME,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "check the clock of this machine; if it is right, the server's certificate has to be renewed"
            }
            _ => TRUST,
        }
    }

    /// An alert that comes in place of a response: with TLS 1.3 a server looks at the client's certificate only when its own
    /// part of the handshake is over. Until then it hands nothing of a request to HTTP.
    pub(super) fn refusal(error: &(dyn StdError + 'static)) -> Option<&'static str> {
        match error.downcast_ref::<Error>()? {
            Error::AlertReceived(alert) if refuses_client(*alert) => Some(ASKS_FOR_IDENTITY),
            _ => None,
        }
    }

    fn refuses_client(alert: AlertDescription) -> bool {
        matches!(
            alert,
            AlertDescription::CertificateRequired
                | AlertDescription::HandshakeFailure
                | AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                // Of a signature in the handshake, not of a record.
                | AlertDescription::DecryptError
                | AlertDescription::InsufficientSecurity
        )
    }
}

/// The platform's libraries have no common type; these words are from OpenSSL, Secure Transport and `SChannel`.
#[cfg(not(feature = "rustls"))]
mod tls {
    use std::error::Error as StdError;

    use super::{ASKS_FOR_IDENTITY, TRUST};

    /// A fault of the handshake that the next attempt would meet again.
    pub(super) fn fault(error: &(dyn StdError + 'static)) -> Option<&'static str> {
        let words = error.to_string().to_ascii_lowercase();
        let is_tls = ["certificate", "wrong version number", "unknown ca", "tlsv1 alert", "tlsv13 alert"]
            .iter()
            .any(|sign| words.contains(sign));
        is_tls.then(|| refusal(error).unwrap_or(TRUST))
    }

    /// An alert about the client's certificate, which may come in place of a response.
    pub(super) fn refusal(error: &(dyn StdError + 'static)) -> Option<&'static str> {
        let words = error.to_string().to_ascii_lowercase();
        let about_client = [
            "certificate required",
            "bad certificate",
            "unknown ca",
            "access denied",
            "handshake failure",
            "decrypt error",
        ];
        let refuses = words.contains("alert") && about_client.iter().any(|sign| words.contains(sign));
        refuses.then_some(ASKS_FOR_IDENTITY)
    }
}

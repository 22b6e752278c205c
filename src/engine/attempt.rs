//! One attempt: sends the request, reads the response, and classifies a failure.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use zeroize::{Zeroize, Zeroizing};

use super::call::Call;
use super::operation::Access;
use super::retry::Failed;
use super::route::address;
use crate::credential::{CredentialKind, Token};
use crate::deadline::{Spent, Stopwatch};
use crate::error::{Content, Error, ErrorKind, PROXY_LOGIN, Refusal};
use crate::metadata::{Metadata, Sent};
use crate::redact::root_cause;
use crate::response::Response;
use crate::retry_after;
use crate::trace::{AttemptSpan, Sending};
use crate::transport::{Failure, TRUST, TransportError, TransportRequest, TransportResponse, decoded};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response of success, and the token that it was requested with.
pub(super) struct Success {
    pub(super) response: Response<Bytes>,
    pub(super) token: Arc<Token>,
}

/// An attempt without success.
pub(super) struct FailedAttempt {
    pub(super) failed: Failed,
    pub(super) error: Error,
}

/// Headers that describe the connection or the message, which only the transport can get right.
const OWNED_BY_TRANSPORT: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request but for its credential, or what makes it impossible.
pub(super) fn request(call: &Call) -> Result<TransportRequest, Error> {
    let settings = &call.settings;
    if call.operation.access == Access::OauthOnly && settings.credential.kind() == CredentialKind::ApiKey {
        return Err(Error::new(ErrorKind::Forbidden, "One Horizon does not let API keys do this; nothing was sent")
            .with(|error| {
                error.hint =
                    Some("use the OAuth token of a workspace owner or admin: Configuration::builder().oauth_token(…)");
            }));
    }
    if let Some(fault) = call.fault.as_ref().or(call.options.fault.as_ref()) {
        return Err(Error::new(ErrorKind::Invalid, fault));
    }
    let is_owned = |name: &&HeaderName| OWNED_BY_TRANSPORT.contains(&name.as_str());
    if let Some(name) = call.options.headers.keys().find(is_owned) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the header `{name}` is the transport's: it follows from the request and cannot be set"),
        ));
    }
    if call.options.timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the timeout is zero, in which no request can be made: give it some seconds",
        ));
    }
    let mut url = address(&settings.base_url, &call.route, &call.path, &settings.workspace, call.form_of_values())
        .map_err(|fault| Error::new(ErrorKind::Invalid, fault))?;
    if !call.query.as_str().is_empty() {
        url.set_query(Some(call.query.as_str()));
    }
    let mut request = TransportRequest::new(call.method(), url);
    request.operation = call.operation.id;
    request.max_response_bytes = settings.max_response_bytes;
    request.headers.insert(ACCEPT, call.accept.map_or(JSON, HeaderValue::from_static));
    request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(body) = &call.body {
        request.headers.insert(CONTENT_TYPE, call.media.map_or(JSON, HeaderValue::from_static));
        request.body = body.clone();
    }
    if !call.options.headers.is_empty() {
        request.headers.extend(call.options.headers.clone());
    }
    Ok(request)
}

/// Sends the request once.
pub(super) async fn attempt(
    call: &Call,
    watch: &mut Stopwatch<'_>,
    mut request: TransportRequest,
    token: &Token,
) -> Result<Response<Bytes>, FailedAttempt> {
    let settings = &call.settings;
    request.headers.insert(AUTHORIZATION, token.header.clone());
    let timeout = call.options.timeout.unwrap_or(settings.timeout);
    let remaining = watch.remaining().unwrap_or(Duration::MAX);
    let limit = timeout.min(remaining);
    let (number, body_bytes) = (request.attempt, request.body.len());
    let method = request.method.clone();
    let span = AttemptSpan::new(|| Sending {
        method: method.as_str(),
        host: settings.base_url.host_str().unwrap_or_default(),
        port: settings.base_url.port_or_known_default().unwrap_or_default(),
        route: call.route_template(),
        number,
    });
    // Layers find the attempt's span already when they are called.
    let sending = span.run(span.enter(|| settings.transport.send(request)));
    let result = match watch.limited(Spent::Request, limit, sending).await {
        Err(_) => Err(timed_out(limit, remaining <= timeout)),
        Ok(Err(error)) => Err(broken(error, token, body_bytes)),
        Ok(Ok(response)) => match decoded(response, settings.max_response_bytes) {
            Ok(response) => classify(call, response, token),
            Err(error) => Err(broken(error, token, body_bytes)),
        },
    };
    match &result {
        Ok(response) => span.ended(Some(response.status()), None),
        Err(failed) => span.ended(failed.error.status(), Some(&failed.error)),
    }
    result
}

fn timed_out(limit: Duration, deadline: bool) -> FailedAttempt {
    let what = if deadline { "the call's deadline passed" } else { "the attempt took longer than its time limit" };
    let error = Error::new(ErrorKind::Timeout, format!("{what} ({limit:?})")).with(|error| {
        error.metadata.sent = Sent::Maybe;
        error.deadline = deadline;
    });
    FailedAttempt { failed: if deadline { Failed::Final } else { Failed::Interrupted }, error }
}

/// Bodies up to this size are in the system's hands before a server can refuse them.
const LARGE_BODY: usize = 64 * 1024;

fn broken(error: TransportError, token: &Token, body_bytes: usize) -> FailedAttempt {
    let (failure, is_large) = (error.failure(), body_bytes > LARGE_BODY);
    let (kind, sent, failed) = match failure {
        Failure::Connect => (ErrorKind::Connect, Sent::No, Failed::Unsent),
        Failure::ConnectTimeout => (ErrorKind::Timeout, Sent::No, Failed::Unsent),
        Failure::Tls => (ErrorKind::Tls, Sent::No, Failed::Final),
        Failure::ProxyAuthentication => (ErrorKind::Connect, Sent::No, Failed::Final),
        Failure::NoRuntime | Failure::IncompleteRuntime => (ErrorKind::Config, Sent::No, Failed::Final),
        Failure::TooLarge => (ErrorKind::TooLarge, Sent::Yes, Failed::Final),
        Failure::Interrupted => (ErrorKind::Interrupted, Sent::Maybe, Failed::Interrupted),
    };
    let hint = match failure {
        Failure::TooLarge => Some("raise max_response_bytes in the configuration, or ask for less"),
        Failure::Tls => Some(TRUST),
        Failure::ProxyAuthentication => Some(PROXY_LOGIN),
        Failure::NoRuntime | Failure::IncompleteRuntime => failure.runtime_hint(),
        Failure::Connect | Failure::ConnectTimeout => {
            Some("nothing was sent: check the base URL, the network and the proxy (HTTPS_PROXY, NO_PROXY)")
        }
        Failure::Interrupted => is_large.then_some(
            "the server closed the connection while a large body was being sent: it may refuse a body of this size",
        ),
    };
    let hint = error.hint().or(hint);
    // The kind's own words come before the message, so it need not repeat them.
    let words = match (failure, error.target()) {
        (Failure::Connect | Failure::ProxyAuthentication | Failure::Tls, target) => {
            target.unwrap_or("to the service").to_owned()
        }
        (Failure::Interrupted, _) if is_large => format!("{error}, with a request body of {body_bytes} bytes"),
        _ => error.to_string(),
    };
    let source = error.into_source().and_then(|source| token.redactor.error(source));
    let message = match source.as_deref() {
        // It names another limit than the configured one.
        Some(source) if failure == Failure::TooLarge => token.redactor.line(&source.to_string()),
        Some(source) => format!("{words}: {}", token.redactor.line(&root_cause(source).to_string())),
        None => words,
    };
    let error = Error::new(kind, token.redactor.own_line(&message)).with(|error| {
        error.metadata.sent = sent;
        error.hint = hint;
        error.lasting = failed == Failed::Final;
        error.source = source.map(Arc::from);
    });
    FailedAttempt { failed, error }
}

/// Returns whether the response is a success or a refusal.
fn classify(call: &Call, response: TransportResponse, token: &Token) -> Result<Response<Bytes>, FailedAttempt> {
    let TransportResponse { status, headers, body } = response;
    let rate_limit = retry_after::rate_limit(status, &headers, &body, &*call.settings.clock);
    if status.is_success() {
        // What manages API keys may return one.
        let body = if call.content() == Content::Secrets { overwritten_on_drop(body) } else { body };
        let metadata = Metadata {
            operation: Some(call.operation.id),
            status: Some(status),
            headers: token.redactor.headers(headers),
            body: body.clone(),
            sent: Sent::Yes,
            rate_limit,
            ..Metadata::default()
        };
        return Ok(Response { value: body, metadata: Box::new(metadata) });
    }
    let oauth_only = call.operation.access == Access::OauthOnly;
    let (base, content, redactor) = (&call.settings.base_url, call.content(), &token.redactor);
    let refusal = Refusal { base, status, headers, body: &body, rate_limit, oauth_only, content, redactor };
    let (error, by_service) = refusal.into_error();
    Err(FailedAttempt { failed: Failed::Refused { status, by_service }, error })
}

/// The same bytes, overwritten when the last of their copies is dropped; those given are overwritten at once if nobody else
/// has them.
fn overwritten_on_drop(body: Bytes) -> Bytes {
    let kept = Zeroizing::new(body.to_vec());
    if let Ok(mut given) = body.try_into_mut() {
        given.as_mut().zeroize();
    }
    Bytes::from_owner(kept)
}

//! The error of a login or a refresh.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::tokens::Tokens;
use crate::error::{Error, ErrorKind};
use crate::metadata::{RateLimit, Sent};
use crate::models::runtime::open_enum;
use crate::redact::{Redactor, root_cause};
use crate::secret::Secret;
use crate::transport::{Failure, TransportError};

open_enum! {
    /// The reason that an authorisation server gives, in the words of RFC 6749.
    pub enum OauthErrorCode {
        /// A parameter is missing, doubled or malformed.
        InvalidRequest = "invalid_request",
        /// The client is unknown or its secret is wrong.
        InvalidClient = "invalid_client",
        /// The code or refresh token is invalid, expired, used up, revoked, or was given to another client, for
        /// another callback address or another verifier.
        InvalidGrant = "invalid_grant",
        /// The client may not use this flow.
        UnauthorizedClient = "unauthorized_client",
        /// The server does not know this flow.
        UnsupportedGrantType = "unsupported_grant_type",
        /// The server does not know this kind of authorisation response.
        UnsupportedResponseType = "unsupported_response_type",
        /// A scope is unknown, or more than may be asked for.
        InvalidScope = "invalid_scope",
        /// The user, or the server in the user's name, said no.
        AccessDenied = "access_denied",
        /// The server failed.
        ServerError = "server_error",
        /// The server is too busy.
        TemporarilyUnavailable = "temporarily_unavailable",
    }
}

/// The category of an error; see [`OauthError`] for the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OauthErrorKind {
    /// A setting cannot be used.
    Config,
    /// The callback carries another state than this login: it belongs to another login, or somebody made it up.
    StateMismatch,
    /// The callback is not one of this app: no code, a parameter twice, or another address than the registered one.
    Callback,
    /// The user took longer than the login's time.
    LoginExpired,
    /// The server said no, with an [`OauthError::code`].
    Refused,
    /// No connection was made; the request never left.
    Connect,
    /// The time limit ran out.
    Timeout,
    /// The connection broke before the response was complete: a code or refresh token may be used up.
    Interrupted,
    /// A response that is neither a success nor an OAuth error.
    Api,
    /// The response was a success and could not be read as tokens.
    Decode,
    /// There is no refresh token, so that only a new login helps.
    NoRefreshToken,
    /// The credential has given up its tokens, or the token store has none.
    SignedOut,
    /// The new tokens could not be saved by `on_refresh` or the token store; they are kept and saving is tried again.
    NotSaved,
    /// The token store failed or took too long.
    Store,
}

/// A login or a refresh that did not succeed.
///
/// `Display` is one line with what happened and, where there is one, the way out. Codes, verifiers, client secrets and
/// tokens are removed from whatever the server sent. Cloning is cheap: all calls that waited for one refresh get the
/// same error.
#[derive(Clone)]
pub struct OauthError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: OauthErrorKind,
    message: String,
    hint: Option<&'static str>,
    code: Option<OauthErrorCode>,
    status: Option<u16>,
    /// What the server says of its limits.
    limits: Option<RateLimit>,
    sent: Sent,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

const LOG_IN_AGAIN: &str = "send the user through a new login";

impl OauthError {
    pub(super) fn new(kind: OauthErrorKind, message: impl Into<String>) -> Self {
        let hint = match kind {
            OauthErrorKind::StateMismatch => Some("start the login anew from your own page; keep one login a session"),
            OauthErrorKind::LoginExpired | OauthErrorKind::NoRefreshToken | OauthErrorKind::SignedOut => {
                Some(LOG_IN_AGAIN)
            }
            _ => None,
        };
        let message = message.into();
        Self(Arc::new(Inner {
            kind,
            message,
            hint,
            code: None,
            status: None,
            limits: None,
            sent: Sent::No,
            source: None,
        }))
    }

    /// The server's own refusal.
    pub(super) fn refused(code: OauthErrorCode, words: Option<String>, status: Option<u16>) -> Self {
        let hint = match (&code, status) {
            (OauthErrorCode::InvalidGrant, _) => Some(LOG_IN_AGAIN),
            (OauthErrorCode::InvalidClient, _) => Some("check the client id and the client secret in Settings > Apps"),
            (OauthErrorCode::AccessDenied, _) => {
                Some("the user or the server said no: ask again only if the user wants")
            }
            _ => None,
        };
        let message = words.unwrap_or_else(|| "the server gave no description".to_owned());
        Self::new(OauthErrorKind::Refused, message).with(|inner| {
            inner.hint = hint;
            inner.code = Some(code);
            inner.status = status;
            inner.sent = Sent::Yes;
        })
    }

    /// A request without a response.
    pub(super) fn broken(error: TransportError, secrets: &Secrets<'_>) -> Self {
        let (kind, sent) = match error.failure() {
            Failure::Connect | Failure::Tls | Failure::ProxyAuthentication => (OauthErrorKind::Connect, Sent::No),
            Failure::NoRuntime | Failure::IncompleteRuntime => (OauthErrorKind::Config, Sent::No),
            Failure::ConnectTimeout => (OauthErrorKind::Timeout, Sent::No),
            Failure::TooLarge => (OauthErrorKind::Decode, Sent::Yes),
            Failure::Interrupted => (OauthErrorKind::Interrupted, Sent::Maybe),
        };
        let hint = error.hint().or(error.failure().runtime_hint());
        let words = error.to_string();
        let source = error.into_source().and_then(|source| secrets.keep_out_of(source));
        let message =
            source.as_deref().map_or_else(|| words.clone(), |source| format!("{words}: {}", root_cause(source)));
        Self::new(kind, message).with(|inner| {
            inner.sent = sent;
            inner.hint = hint.or(inner.hint);
            inner.source = source.map(Arc::from);
        })
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        self.with(|inner| {
            inner.status = Some(status);
            inner.sent = Sent::Yes;
        })
    }

    pub(super) fn with_limits(self, limits: Option<RateLimit>) -> Self {
        self.with(|inner| inner.limits = limits)
    }

    /// The same error at a later time, when less of the wait is left.
    pub(super) fn with_wait(self, left: Duration) -> Self {
        self.with(|inner| inner.limits.get_or_insert_default().retry_after = Some(left))
    }

    pub(super) fn with_sent(self, sent: Sent) -> Self {
        self.with(|inner| inner.sent = sent)
    }

    pub(super) fn with_source(self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.with(|inner| inner.source = Some(Arc::from(source)))
    }

    pub(super) fn with_hint(self, hint: &'static str) -> Self {
        self.with(|inner| inner.hint = Some(hint))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The category.
    #[must_use]
    pub fn kind(&self) -> OauthErrorKind {
        self.0.kind
    }

    /// The server's reason, when it refused.
    #[must_use]
    pub fn code(&self) -> Option<&OauthErrorCode> {
        self.0.code.as_ref()
    }

    /// What happened: the server's description, or this crate's words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where this crate knows.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint
    }

    /// The status of the token endpoint's response; `None` when there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How long the server asks to wait, in a header or in words.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.limits.as_ref()?.retry_after
    }

    /// Whether the server is busy: the same request may well succeed later, and not at once.
    pub(super) fn asks_to_wait(&self) -> bool {
        self.retry_after().is_some()
            || matches!(self.status(), Some(429 | 503))
            || self.0.code == Some(OauthErrorCode::TemporarilyUnavailable)
    }

    /// Whether the token endpoint may have got the request, and so may have used up the code or refresh token.
    #[must_use]
    pub fn was_sent(&self) -> Sent {
        self.0.sent
    }

    /// Only a new login of the user helps: trying again with the same tokens or the same code does not.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        match self.0.kind {
            OauthErrorKind::LoginExpired | OauthErrorKind::NoRefreshToken | OauthErrorKind::SignedOut => true,
            OauthErrorKind::Refused => self.0.code == Some(OauthErrorCode::InvalidGrant),
            _ => false,
        }
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(match inner.kind {
            OauthErrorKind::Config => "OAuth settings",
            OauthErrorKind::StateMismatch | OauthErrorKind::Callback => "OAuth callback",
            OauthErrorKind::LoginExpired => "login expired",
            OauthErrorKind::Refused => "refused by the authorisation server",
            OauthErrorKind::Connect => "no connection to the authorisation server",
            OauthErrorKind::Timeout => "authorisation server out of time",
            OauthErrorKind::Interrupted => "authorisation server interrupted",
            OauthErrorKind::Api => "the authorisation server failed",
            OauthErrorKind::Decode => "unexpected response of the authorisation server",
            OauthErrorKind::NoRefreshToken => "no refresh token",
            OauthErrorKind::SignedOut => "signed out",
            OauthErrorKind::NotSaved => "new tokens not saved",
            OauthErrorKind::Store => "token store",
        })?;
        if let Some(status) = inner.status {
            write!(f, " ({status})")?;
        }
        write!(f, ": {}", inner.message)?;
        if let Some(code) = &inner.code {
            write!(f, " [{code}]")?;
        }
        if let Some(hint) = inner.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OauthError")
            .field("kind", &self.0.kind)
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .field("status", &self.0.status)
            .field("sent", &self.0.sent)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for OauthError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<OauthError> for Error {
    /// The error of a call that could not be made for want of a token: the call itself was never sent. Status and wait, if any,
    /// are those of the token endpoint.
    fn from(error: OauthError) -> Self {
        let busy = matches!(error.code(), Some(OauthErrorCode::TemporarilyUnavailable | OauthErrorCode::ServerError));
        let kind = match error.kind() {
            OauthErrorKind::Api | OauthErrorKind::Refused if error.status() == Some(429) => ErrorKind::RateLimited,
            OauthErrorKind::Refused if busy => ErrorKind::Api,
            OauthErrorKind::Config | OauthErrorKind::NotSaved | OauthErrorKind::Store => ErrorKind::Config,
            OauthErrorKind::Connect => ErrorKind::Connect,
            OauthErrorKind::Timeout => ErrorKind::Timeout,
            OauthErrorKind::Interrupted => ErrorKind::Interrupted,
            OauthErrorKind::Api => ErrorKind::Api,
            OauthErrorKind::Decode => ErrorKind::Decode,
            OauthErrorKind::Refused
            | OauthErrorKind::NoRefreshToken
            | OauthErrorKind::SignedOut
            | OauthErrorKind::StateMismatch
            | OauthErrorKind::Callback
            | OauthErrorKind::LoginExpired => ErrorKind::Unauthorized,
        };
        Self::new(kind, format!("no access token: {error}")).with(|inner| {
            inner.metadata.rate_limit.clone_from(&error.0.limits);
            if matches!(kind, ErrorKind::Api | ErrorKind::RateLimited) {
                let status = error.status().and_then(|status| StatusCode::from_u16(status).ok());
                // OAuth errors have the status 400, also where the server is only busy.
                inner.metadata.status = if busy { Some(StatusCode::SERVICE_UNAVAILABLE) } else { status };
            }
            inner.source = Some(Arc::new(error));
        })
    }
}

/// The secrets of one request, to be taken out of what comes back.
#[derive(Default)]
pub(super) struct Secrets<'a>(pub(super) Vec<&'a str>);

impl<'a> Secrets<'a> {
    pub(super) fn of(tokens: Option<&'a Tokens>) -> Self {
        Self(tokens.into_iter().flat_map(Tokens::secrets).map(Secret::expose).collect())
    }

    /// A string from outside made fit for a log line, without the secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        self.redactor().line(text)
    }

    /// The error, unless a string in its chain has one of the secrets.
    pub(super) fn keep_out_of(
        &self,
        error: Box<dyn StdError + Send + Sync>,
    ) -> Option<Box<dyn StdError + Send + Sync>> {
        self.redactor().error(error)
    }

    fn redactor(&self) -> Redactor {
        Redactor::new(self.0.iter().copied())
    }
}

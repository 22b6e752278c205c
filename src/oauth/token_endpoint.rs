//! The token endpoint: codes and refresh tokens for access tokens.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;
use zeroize::{Zeroize, Zeroizing};

use super::app::OauthApp;
use super::error::{OauthError, OauthErrorCode, OauthErrorKind, Secrets};
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::error::message_of;
use crate::metadata::Sent;
use crate::models::Json;
use crate::models::runtime::{Deserialize, Deserializer, Secret, Visitor, fmt, open_object};

use crate::transport::{TransportRequest, TransportResponse};

/// The largest answer of a token endpoint that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Tokens as they came, with what their expiry is counted from.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) tokens: Tokens,
    pub(super) lifetime: Option<Duration>,
    /// When they were asked for: the server cannot have made them earlier.
    pub(super) asked_at: Instant,
}

impl OauthApp {
    pub(super) async fn exchange_with(&self, code: &Secret, verifier: &Secret) -> Result<Tokens, OauthError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("code_verifier", verifier.expose()),
            ("redirect_uri", &self.settings().redirect_url),
        ];
        Ok(self.post(&fields, &[code, verifier], || Duration::ZERO).await?.tokens)
    }

    /// `paused` tells for how long nobody has been driving the future, which does not count as time taken.
    pub(super) async fn refresh_with(
        &self,
        refresh_token: &Secret,
        paused: impl Fn() -> Duration + Send,
    ) -> Result<Received, OauthError> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let mut received = self.post(&fields, &[refresh_token], paused).await?;
        received.tokens.inherit(refresh_token, None);
        Ok(received)
    }

    async fn post(
        &self,
        fields: &[(&str, &str)],
        secrets: &[&Secret],
        paused: impl Fn() -> Duration + Send,
    ) -> Result<Received, OauthError> {
        let settings = self.settings();
        let mut secrets = Secrets(secrets.iter().map(|secret| secret.expose()).collect());
        let mut request = TransportRequest::new(Method::POST, settings.token_url.clone());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.max_response_bytes = MAX_ANSWER;
        let client = [("client_id", settings.client_id.as_str())];
        let client_secret = settings.client_secret.as_ref().map(|secret| ("client_secret", secret.expose()));
        secrets.0.extend(client_secret.iter().map(|(_, secret)| *secret));
        request.body = form(fields.iter().chain(&client).chain(&client_secret));

        let (asked_at, asked_at_day) = (settings.clock.now(), settings.clock.time_of_day());
        let work = settings.transport.send(request);
        let answer = limited(&*settings.clock, settings.timeout, paused, work)
            .await
            .ok_or_else(|| {
                OauthError::new(OauthErrorKind::Timeout, format!("no answer within {:?}", settings.timeout))
                    .with_sent(Sent::Maybe)
            })?
            .map_err(|error| OauthError::broken(error, &secrets))?;
        let (mut tokens, lifetime) = read(answer, &secrets)?;
        tokens.expires_at = lifetime.and_then(|lifetime| asked_at_day.checked_add(lifetime));
        Ok(Received { tokens, lifetime, asked_at })
    }
}

/// The form, in memory that is wiped when the request is done with it.
fn form<'a>(fields: impl Iterator<Item = &'a (&'a str, &'a str)> + Clone) -> Bytes {
    // Room for the worst case, so that growing does not leave copies of secrets behind.
    let room = fields.clone().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(room));
    form.extend_pairs(fields);
    Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
}

/// Runs the work for `limit` at the most, not counting the time in which nobody drove it; `None` when time ran out.
async fn limited<T>(
    clock: &dyn Clock,
    limit: Duration,
    paused: impl Fn() -> Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let started = clock.now();
    let mut work = pin!(work);
    let mut end = clock.sleep(limit);
    poll_fn(|context| {
        // The work first: an answer that came while nobody looked is still an answer.
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        while end.as_mut().poll(context).is_ready() {
            let driven = clock.now().saturating_duration_since(started).saturating_sub(paused());
            match limit.checked_sub(driven).filter(|left| !left.is_zero()) {
                Some(left) => end = clock.sleep(left),
                None => return Poll::Ready(None),
            }
        }
        Poll::Pending
    })
    .await
}

/// Tells tokens from a refusal.
fn read(answer: TransportResponse, secrets: &Secrets<'_>) -> Result<(Tokens, Option<Duration>), OauthError> {
    let status = answer.status;
    let result = if status.is_success() { success(&answer.body, secrets) } else { None };
    let result = result.unwrap_or_else(|| Err(refusal(status, &answer.body, secrets)));
    // Tokens are in this memory; it can be wiped when nobody else holds it.
    if let Ok(mut body) = answer.body.try_into_mut() {
        body.zeroize();
    }
    result.map_err(|error| error.with_status(status.as_u16()))
}

/// The tokens of a success; `None` when it is an OAuth error under a status of success.
fn success(body: &Bytes, secrets: &Secrets<'_>) -> Option<Result<(Tokens, Option<Duration>), OauthError>> {
    let decode = |words: String| Some(Err(OauthError::new(OauthErrorKind::Decode, words)));
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        // The reader's own words may quote what it read, so only the place is told.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            return decode(format!("the answer is not the JSON of tokens (line {line}, column {column})"));
        }
    };
    if answer.is_error() {
        return None;
    }
    let expires_in = answer.lifetime();
    let Some(access_token) = answer.access_token.filter(|token| !token.expose().is_empty()) else {
        return decode("the answer has no `access_token`".to_owned());
    };
    match answer.token_type {
        Some(kind) if !kind.eq_ignore_ascii_case("bearer") => {
            return decode(format!("the token is of the type `{}`, which is not `Bearer`", secrets.clean(&kind)));
        }
        _ => {}
    }
    let tokens = Tokens {
        refresh_token: answer.refresh_token.filter(|token| !token.expose().is_empty()),
        scope: answer.scope,
        id_token: answer.id_token,
        extra: answer.extra,
        ..Tokens::new(access_token)
    };
    Some(Ok((tokens, expires_in)))
}

/// The server's refusal, as well as it can be read.
fn refusal(status: StatusCode, body: &Bytes, secrets: &Secrets<'_>) -> OauthError {
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(code) = text("error") {
        let words = text("error_description").map(|words| secrets.clean(words));
        return OauthError::refused(OauthErrorCode::other(&secrets.clean(code)), words, Some(status.as_u16()));
    }
    let words = message_of(body).map(|words| secrets.clean(&words));
    let words = words.unwrap_or_else(|| format!("the answer of {} bytes is no OAuth error", body.len()));
    let error = OauthError::new(OauthErrorKind::Api, words);
    if status.is_redirection() {
        return error.with_hint("redirects are not followed, since they could carry secrets away; check the address");
    }
    error
}

open_object! {
    /// A token endpoint's response.
    struct Answer {
        optional:
        /// The access token.
        pub access_token: Option<Secret> = ACCESS_TOKEN "access_token",
        /// Its type.
        pub token_type: Option<String> = TOKEN_TYPE "token_type",
        /// Its lifetime in seconds.
        pub expires_in: Option<Json> = EXPIRES_IN "expires_in",
        /// The refresh token.
        pub refresh_token: Option<Secret> = REFRESH_TOKEN "refresh_token",
        /// The scopes given.
        pub scope: Option<String> = SCOPE "scope",
        /// What the server says of the user.
        pub id_token: Option<Secret> = ID_TOKEN "id_token",
    }
}

impl Answer {
    /// Whether there is an `error`: some servers send it with a status of success.
    fn is_error(&self) -> bool {
        self.extra.raw("error").is_some_and(|error| error != "null")
    }

    fn lifetime(&self) -> Option<Duration> {
        self.expires_in.as_ref()?.decode::<Lifetime>().ok()?.0
    }
}

/// A lifetime in seconds, which some servers write as text; one that makes no sense counts as not told.
struct Lifetime(Option<Duration>);

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Lifetime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Lifetime, E> {
                Ok(Lifetime(Some(Duration::from_secs(seconds))))
            }

            fn visit_i64<E>(self, seconds: i64) -> Result<Lifetime, E> {
                Ok(Lifetime(u64::try_from(seconds).ok().map(Duration::from_secs)))
            }

            fn visit_f64<E>(self, seconds: f64) -> Result<Lifetime, E> {
                Ok(Lifetime(Duration::try_from_secs_f64(seconds).ok()))
            }

            fn visit_str<E>(self, seconds: &str) -> Result<Lifetime, E> {
                Ok(Lifetime(seconds.trim().parse().ok().map(Duration::from_secs)))
            }
        }
        deserializer.deserialize_any(V)
    }
}

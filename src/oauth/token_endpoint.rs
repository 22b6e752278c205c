//! The token endpoint: codes and refresh tokens for access tokens.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::value::RawValue;
use url::form_urlencoded;
use zeroize::{Zeroize, Zeroizing};

use super::app::OauthApp;
use super::error::{OauthError, OauthErrorCode, OauthErrorKind, Secrets};
use super::tokens::{Fields, Other, Tokens, set};
use crate::clock::Clock;
use crate::error::{Content, encoded_words, foreign_encoding, message_of};
use crate::metadata::Sent;
use crate::models::runtime::{RawObject, Value, mended};
use crate::redact::Redactor;
use crate::retry_after::rate_limit;
use crate::secret::Secret;
use crate::transport::{TransportRequest, TransportResponse, decoded};

/// The largest response of a token endpoint that is read, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

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
        let tokens = self.post(&fields, &[code, verifier], || Duration::ZERO).await?.tokens;
        // A refresh takes what it gets, since the old refresh token is gone by then; here nothing is lost yet.
        match tokens.extra.get::<String>("token_type") {
            Some(Ok(kind)) => {
                let kind = Secrets::default().clean(&kind);
                let words = format!("the token is of the type `{kind}`, which is not `Bearer`");
                Err(OauthError::new(OauthErrorKind::Decode, words).with_sent(Sent::Yes))
            }
            _ => Ok(tokens),
        }
    }

    /// `known` are secrets that the server may repeat in its words, beside the refresh token. `paused` says for how long nobody has
    /// been driving the future, which does not count as time taken.
    pub(super) async fn refresh_with(
        &self,
        refresh_token: &Secret,
        known: &[&Secret],
        paused: impl Fn() -> Duration + Send,
    ) -> Result<Received, OauthError> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let secrets: Vec<&Secret> = known.iter().copied().chain([refresh_token]).collect();
        let mut received = self.post(&fields, &secrets, paused).await?;
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
        request.max_response_bytes = MAX_RESPONSE;
        let client = [("client_id", settings.client_id.as_str())];
        let client_secret = settings.client_secret.as_ref().map(|secret| ("client_secret", secret.expose()));
        secrets.0.extend(client_secret.iter().map(|(_, secret)| *secret));
        request.body = form(fields.iter().chain(&client).chain(&client_secret));

        let (asked_at, asked_at_day) = (settings.clock.now(), settings.clock.time_of_day());
        let work = settings.transport.send(request);
        let response = limited(&*settings.clock, settings.timeout, paused, work)
            .await
            .ok_or_else(|| {
                OauthError::new(OauthErrorKind::Timeout, format!("no response within {:?}", settings.timeout))
                    .with_sent(Sent::Maybe)
            })?
            .and_then(|response| decoded(response, MAX_RESPONSE))
            .map_err(|error| OauthError::broken(error, &secrets))?;
        let (mut tokens, lifetime) = read(response, &secrets, &*settings.clock)?;
        tokens.expires_at = lifetime.and_then(|lifetime| asked_at_day.checked_add(lifetime));
        Ok(Received { tokens, lifetime, asked_at })
    }
}

/// The form, in memory that is wiped when the request is done with it.
fn form<'a>(fields: impl Iterator<Item = &'a (&'a str, &'a str)> + Clone) -> Bytes {
    // Space for the worst case, so that growing does not leave copies of secrets behind.
    let capacity = fields.clone().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(capacity));
    form.extend_pairs(fields);
    Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
}

/// Runs the work for `limit` at the most, not counting the time in which nobody drove it; `None` when time ran out.
pub(super) async fn limited<T>(
    clock: &dyn Clock,
    limit: Duration,
    paused: impl Fn() -> Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let started = clock.now();
    let mut work = pin!(work);
    let mut end = clock.sleep(limit);
    poll_fn(|context| {
        // The work first: a response that came while nobody looked is still a response.
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

/// Reads the tokens or the refusal.
fn read(
    response: TransportResponse,
    secrets: &Secrets<'_>,
    clock: &dyn Clock,
) -> Result<(Tokens, Option<Duration>), OauthError> {
    let status = response.status;
    let result = if status.is_success() { success(&response) } else { None };
    let result = result.unwrap_or_else(|| {
        let limits = rate_limit(status, &response.headers, &response.body, clock);
        Err(refusal(status, &response.body, secrets).with_limits(limits))
    });
    // Tokens are in this memory; it can be wiped when nobody else holds it.
    if let Ok(mut body) = response.body.try_into_mut() {
        body.zeroize();
    }
    result.map_err(|error| error.with_status(status.as_u16()))
}

/// The tokens of a success; `None` when it is an OAuth error under a status of success.
///
/// Whatever is beside an access token is taken as far as it can be used: the server has replaced the refresh token by now,
/// so that an error here would log the user out.
fn success(response: &TransportResponse) -> Option<Result<(Tokens, Option<Duration>), OauthError>> {
    let (headers, body) = (&response.headers, &response.body);
    let decode = |words: String| Some(Err(OauthError::new(OauthErrorKind::Decode, words)));
    let text = text_of(body);
    let object = match RawObject::parse(&text) {
        Ok(object) => object,
        Err(error) => {
            // The reader's own words may quote what it read, so only the position is given.
            let (line, column) = (error.line(), error.column());
            return match form_tokens(&text) {
                Some(tokens) => Some(Ok(tokens)),
                None => decode(match foreign_encoding(headers) {
                    Some(encoding) => format!("the response has {}", encoded_words(encoding)),
                    None if text.trim_start().starts_with('<') => {
                        "the response is a page, where the JSON of tokens should be: check the address, and what is between".to_owned()
                    }
                    None => format!("the response is not the JSON of tokens (line {line}, column {column})"),
                }),
            };
        }
    };
    let (mut lifetime, mut is_error) = (None, false);
    let mut fields = Fields::read(&object, |name, json| match name {
        "expires_in" => set(&mut lifetime, seconds(json)),
        // Written under its own name it would be believed when the saved tokens are read.
        "expires_at" => Other::KeptAs("server_expires_at"),
        "token_type" => Other::taken(serde_json::from_str::<String>(json).is_ok_and(|kind| is_bearer(&kind))),
        "error" => {
            is_error = !matches!(json, "null" | "false" | "\"\"");
            Other::taken(!is_error)
        }
        _ => Other::Kept,
    });
    match fields.access_token.take() {
        Some(access_token) => Some(Ok((fields.into_tokens(access_token), lifetime))),
        None if is_error => None,
        None => decode("the response has no `access_token`".to_owned()),
    }
}

/// The body as text, without a byte order mark. What is not UTF-8 is replaced, as a browser does, and so is half of a surrogate
/// pair in a name.
fn text_of(body: &Bytes) -> Zeroizing<String> {
    let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
    let text = match text.trim_start().strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    };
    match RawObject::parse(&text) {
        Ok(_) => text,
        Err(_) => mended(text.as_bytes()).map_or(text, Zeroizing::new),
    }
}

fn is_bearer(kind: &str) -> bool {
    kind.trim().is_empty() || kind.trim().eq_ignore_ascii_case("bearer")
}

/// A lifetime in seconds: a number, or a number in a string. Anything else, a negative one included, says nothing.
fn seconds(json: &str) -> Option<Duration> {
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    let text = text.trim();
    if let Ok(whole) = text.parse() {
        return Some(Duration::from_secs(whole));
    }
    // Words such as `inf` are numbers to the parser.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// Tokens as a form, which some servers send in spite of `Accept`.
fn form_tokens(text: &str) -> Option<(Tokens, Option<Duration>)> {
    let field = |wanted: &str| {
        form_urlencoded::parse(text.trim().as_bytes())
            .filter(|(name, value)| name == wanted && !value.is_empty())
            .last()
            .map(|(_, value)| value.into_owned())
    };
    let mut tokens = Tokens::new(field("access_token")?);
    tokens.refresh_token = field("refresh_token").map(Secret::from);
    tokens.scope = field("scope");
    tokens.id_token = field("id_token").map(Secret::from);
    Some((tokens, field("expires_in").and_then(|text| seconds(&text))))
}

/// The server's refusal, as well as it can be read.
fn refusal(status: StatusCode, body: &Bytes, secrets: &Secrets<'_>) -> OauthError {
    // Tokens may be beside the words, and in them.
    let named = Redactor::of_names_in(body);
    let clean = |words: &str| secrets.clean(&named.text(words));
    let text = text_of(body);
    let object = RawObject::parse(&text).unwrap_or_default();
    // Some servers put code and description into an object of their own.
    let nested = object.get("error").and_then(|error| RawObject::parse(error.get()).ok()).unwrap_or_default();
    let codes = [object.get("error"), nested.get("code"), nested.get("error")];
    if let Some(code) = codes.into_iter().flatten().find_map(words) {
        let described = ["error_description", "message", "detail"].map(|name| object.get(name));
        let described = described.into_iter().chain([nested.get("message")]).flatten().find_map(words);
        let described = described.map(|words| clean(&words));
        let code = clean(&code);
        let known = code.to_ascii_lowercase().parse::<OauthErrorCode>();
        let code = known.unwrap_or_else(|_| OauthErrorCode::other(&code));
        return OauthError::refused(code, described, Some(status.as_u16()));
    }
    let words = message_of(status, body, Content::Secrets).map(|words| clean(&words));
    let words = words.unwrap_or_else(|| format!("the response of {} bytes is not an OAuth error", body.len()));
    let error = OauthError::new(OauthErrorKind::Api, words);
    if status.is_redirection() {
        return error.with_hint("redirects are not followed, since they could carry secrets away; check the address");
    }
    error
}

/// A string, or several in a list. An odd one does not cost the refusal.
fn words(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    let string = |json: &str| serde_json::from_str(json).ok().or_else(|| <String as Value>::salvage(json));
    let list = || {
        let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        let items: Vec<String> = items.into_iter().filter_map(|item| string(item.get())).collect();
        Some(items.join("; "))
    };
    string(json).or_else(list).filter(|words| !words.trim().is_empty())
}

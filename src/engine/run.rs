//! The one loop: attempt, judge, wait, repeat.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};

use super::call::Call;
use super::hint;
use super::operation::{Access, address};
use super::retry::{Failed, may_repeat};
use super::stopwatch::{Spent, Stopwatch};
use crate::configuration::Settings;
use crate::credential::{CredentialKind, Token};
use crate::error::{Error, ErrorKind, Refusal, Sent, TimeSpent, root_cause, without_echo, without_secret};
use crate::response::{Head, Response};
use crate::transport::{Failure, TransportError, TransportRequest, TransportResponse};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A success, and the token it was had with.
pub(super) struct Answer {
    pub(super) response: Response<Bytes>,
    pub(super) token: Arc<Token>,
}

/// One attempt that brought no success.
struct Miss {
    failed: Failed,
    error: Error,
}

/// Sends the call until there is an answer to give.
pub(super) async fn run(call: &Call) -> Result<Answer, Error> {
    let settings = call.configuration.settings();
    let mut watch = Stopwatch::start(&*settings.clock, call.options.deadline.or(settings.deadline));
    let mut attempts = 0;
    let result = repeat(call, settings, &mut watch, &mut attempts).await;
    let time = watch.time;
    match result {
        Ok(mut answer) => {
            answer.response.head.attempts = attempts;
            answer.response.head.time = time;
            Ok(answer)
        }
        Err(error) => Err(error.with(|error| {
            error.operation = Some(call.operation.id);
            error.attempts = attempts;
            error.time = time;
        })),
    }
}

async fn repeat(
    call: &Call,
    settings: &Settings,
    watch: &mut Stopwatch<'_>,
    attempts: &mut u32,
) -> Result<Answer, Error> {
    let request = request(call, settings)?;
    let retry = &settings.retry;
    let most = call.options.attempts.unwrap_or(retry.attempts);
    let mut token = settings.credential.token().await?;
    let mut replaced = false;
    settings.budget.earn();
    loop {
        *attempts += 1;
        let miss = match attempt(call, settings, watch, &request, &token).await {
            Ok(response) => return Ok(Answer { response, token }),
            Err(miss) => miss,
        };
        if miss.error.is_unauthorized() && !replaced {
            replaced = true;
            match settings.credential.replace(&token).await? {
                Some(fresh) => {
                    token = fresh;
                    continue;
                }
                None => return Err(miss.error),
            }
        }
        if *attempts >= most || !may_repeat(miss.failed, call.operation.retry, call.options.repeatable) {
            return Err(miss.error);
        }
        let wait = miss.error.retry_after().unwrap_or_else(|| retry.jittered(*attempts, &*settings.clock));
        let too_long = wait > call.options.max_wait.unwrap_or(retry.max_wait) || !watch.allows(wait);
        // A 429 says itself when to come back; the budget is for failures that nobody paces.
        if too_long || !(miss.error.is_rate_limited() || settings.budget.spend()) {
            return Err(miss.error);
        }
        watch.wait(Spent::Backoff, wait).await;
    }
}

/// The request but for its credential, or what makes it impossible.
fn request(call: &Call, settings: &Settings) -> Result<TransportRequest, Error> {
    if call.operation.access == Access::OauthOnly && settings.credential.kind() == CredentialKind::ApiKey {
        return Err(Error::new(ErrorKind::Forbidden, "One Horizon does not let API keys do this; nothing was sent")
            .with(|error| {
                error.hint =
                    Some("use the OAuth token of a workspace owner or admin: Configuration::builder().oauth_token(…)");
            }));
    }
    if let Some(fault) = &call.options.fault {
        return Err(Error::new(ErrorKind::Invalid, fault));
    }
    let mut url =
        address(&settings.base_url, &call.route, &call.path).map_err(|fault| Error::new(ErrorKind::Invalid, fault))?;
    if !call.query.is_empty() {
        url.set_query(Some(&call.query));
    }
    let mut request = TransportRequest::new(call.operation.method.clone(), url);
    request.max_response_bytes = settings.max_response_bytes;
    request.headers.insert(ACCEPT, JSON);
    if let Some(body) = &call.body {
        request.headers.insert(CONTENT_TYPE, JSON);
        request.body = body.clone();
    }
    request.headers.extend(call.options.headers.clone());
    Ok(request)
}

async fn attempt(
    call: &Call,
    settings: &Settings,
    watch: &mut Stopwatch<'_>,
    request: &TransportRequest,
    token: &Token,
) -> Result<Response<Bytes>, Miss> {
    let mut request = request.clone();
    request.headers.insert(AUTHORIZATION, token.header.clone());
    let timeout = call.options.timeout.unwrap_or(settings.timeout);
    let remaining = watch.remaining().unwrap_or(Duration::MAX);
    let limit = timeout.min(remaining);
    match watch.limited(Spent::Request, limit, settings.transport.send(request)).await {
        Err(_) => Err(timed_out(limit, remaining <= timeout)),
        Ok(Err(error)) => Err(broken(error, token)),
        Ok(Ok(answer)) => judge(call, settings, answer, token),
    }
}

fn timed_out(limit: Duration, deadline: bool) -> Miss {
    let what = if deadline { "the call's deadline passed" } else { "the attempt took longer than its time limit" };
    let error = Error::new(ErrorKind::Timeout, format!("{what} ({limit:?})")).with(|error| {
        error.sent = Sent::Maybe;
        error.deadline = deadline;
    });
    Miss { failed: if deadline { Failed::Final } else { Failed::Interrupted }, error }
}

fn broken(error: TransportError, token: &Token) -> Miss {
    let failure = error.failure();
    let (kind, sent, failed) = match failure {
        Failure::Connect => (ErrorKind::Connect, Sent::No, Failed::Unsent),
        Failure::ConnectTimeout => (ErrorKind::Timeout, Sent::No, Failed::Unsent),
        Failure::TooLarge => (ErrorKind::TooLarge, Sent::Yes, Failed::Final),
        Failure::Interrupted => (ErrorKind::Interrupted, Sent::Maybe, Failed::Interrupted),
    };
    let hint = match failure {
        Failure::TooLarge => Some("raise max_response_bytes in the configuration, or ask for less"),
        _ => None,
    };
    let words = error.to_string();
    let source = error.into_source().and_then(|source| without_secret(source, token.secret.expose()));
    let message = source.as_deref().map_or_else(|| words.clone(), |source| format!("{words}: {}", root_cause(source)));
    let error = Error::new(kind, message).with(|error| {
        error.sent = sent;
        error.hint = hint;
        error.source = source;
    });
    Miss { failed, error }
}

/// Tells a success from a refusal.
fn judge(call: &Call, settings: &Settings, answer: TransportResponse, token: &Token) -> Result<Response<Bytes>, Miss> {
    let TransportResponse { status, headers, body } = answer;
    let rate_limit = hint::rate_limit(status, &headers, &body, settings.clock.time_of_day());
    if status.is_success() {
        let headers = without_echo(headers, token.secret.expose());
        let head = Head { status, headers, body: body.clone(), attempts: 0, time: TimeSpent::default(), rate_limit };
        return Ok(Response { value: body, head: Box::new(head) });
    }
    let asks_to_wait = rate_limit.as_ref().is_some_and(|known| known.retry_after.is_some());
    let oauth_only = call.operation.access == Access::OauthOnly;
    let error =
        Refusal { status, headers, body: &body, rate_limit, oauth_only, secret: token.secret.expose() }.into_error();
    Err(Miss { failed: Failed::Refused { status, asks_to_wait }, error })
}

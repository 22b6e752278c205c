//! The one loop: attempt, judge, wait, repeat.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::call::Call;
use super::operation::{Access, address};
use super::retry::{Failed, may_repeat};
use crate::configuration::Settings;
use crate::credential::{CredentialKind, Token};
use crate::deadline::{Spent, Stopwatch};
use crate::error::{Error, ErrorKind, Refusal, Sent, TimeSpent, root_cause, without_echo, without_secret};
use crate::limits::{RateLimit, WaitSource};
use crate::quota::{Caller, Outcome, Rejection, WaitReason};
use crate::response::{Head, Response};
use crate::transport::{Failure, TransportError, TransportRequest, TransportResponse};
use crate::{retry_after, trace};

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

/// What has become of a call so far.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// The most that the service may have got in any attempt.
    sent: Option<Sent>,
    /// The same without the last attempt.
    sent_before: Option<Sent>,
}

/// Sends the call until there is an answer to give.
pub(super) async fn run(call: &Call) -> Result<Answer, Error> {
    // Pinned here, since an async function that takes a future by value holds it twice.
    let work = pin!(run_in_span(call));
    trace::call(&call.operation, work).await
}

async fn run_in_span(call: &Call) -> Result<Answer, Error> {
    let settings = call.configuration.settings();
    let mut watch = Stopwatch::start(&*settings.clock, call.options.deadline.or(settings.deadline));
    let mut progress = Progress::default();
    let result = repeat(call, settings, &mut watch, &mut progress).await;
    let time = watch.time;
    match result {
        Ok(mut answer) => {
            answer.response.head.attempts = progress.attempts;
            answer.response.head.time = time;
            Ok(answer)
        }
        Err(error) => {
            let error = error.with(|error| {
                error.operation = Some(call.operation.id);
                let with_key = settings.credential.kind() == CredentialKind::ApiKey;
                let hint = |status| call.operation.hint(status, &call.route, with_key);
                error.hint = error.hint.or_else(|| error.status.and_then(hint));
                error.attempts = progress.attempts;
                error.time = time;
                // An attempt that never left does not undo what an earlier one may have done.
                error.sent = error.sent.max(progress.sent.unwrap_or(Sent::No));
                let deleted = call.operation.method == Method::DELETE && error.kind == ErrorKind::NotFound;
                if deleted && progress.sent_before > Some(Sent::No) {
                    error.hint = Some("an earlier attempt of this call may have deleted it");
                }
            });
            trace::failed(&error);
            Err(error)
        }
    }
}

async fn repeat(
    call: &Call,
    settings: &Settings,
    watch: &mut Stopwatch<'_>,
    progress: &mut Progress,
) -> Result<Answer, Error> {
    let mut first = Some(request(call, settings)?);
    let retry = &settings.retry;
    let most = call.options.attempts.unwrap_or(retry.attempts);
    let patience = settings.quota.patience(call.options.max_wait, retry.max_wait);
    let ticket = settings.quota.ticket();
    let mut token = match settings.credential.at_hand() {
        Some(token) => token,
        None => in_time(watch, settings.credential.token()).await?,
    };
    let mut replaced = false;
    let mut refused: Option<Error> = None;
    settings.budget.earn();
    loop {
        let caller = Caller {
            operation: call.operation.id,
            lane: call.options.lane,
            ticket,
            max_wait: patience,
            remaining: watch.remaining(),
            lease: call.options.timeout.unwrap_or(settings.timeout),
        };
        let entered = {
            let entry = pin!(settings.quota.enter(&caller));
            watch.unlimited(Spent::Quota, entry).await
        };
        let mut permit = match entered {
            Ok(permit) => permit,
            Err(shut) => return Err(shut_out(shut, settings, refused)),
        };
        if watch.remaining().is_some_and(|remaining| remaining.is_zero()) {
            permit.settle(Outcome::Unsent, None);
            return Err(shut_out(Rejection::Deadline, settings, refused));
        }
        progress.attempts += 1;
        trace::attempt(progress.attempts);
        // Made anew for another attempt: that is rare, and a copy to keep would cost every call.
        let request = match first.take() {
            Some(request) => request,
            None => request(call, settings)?,
        };
        let miss = match attempt(call, settings, watch, request, &token).await {
            Ok(response) => {
                trace::status(response.status());
                permit.settle(Outcome::Answered, response.rate_limit());
                return Ok(Answer { response, token });
            }
            Err(miss) => miss,
        };
        let sent = miss.error.was_sent();
        progress.sent_before = progress.sent;
        progress.sent = progress.sent.max(Some(sent));
        if let Some(status) = miss.error.status() {
            trace::status(status);
        }
        let rate_limited = miss.error.is_rate_limited();
        let wait = wait_after(&miss.error, progress.attempts, settings);
        permit.settle(outcome(sent), reported(&miss.error, wait).as_ref());
        if miss.error.is_unauthorized() && !replaced {
            replaced = true;
            match in_time(watch, settings.credential.replace(&token)).await? {
                Some(fresh) => {
                    token = fresh;
                    continue;
                }
                None => return Err(miss.error),
            }
        }
        if progress.attempts >= most || !may_repeat(miss.failed, call.operation.retry, call.options.repeatable) {
            return Err(miss.error);
        }
        let patience = if rate_limited { patience } else { Some(call.options.max_wait.unwrap_or(retry.max_wait)) };
        let too_long = patience.is_some_and(|patience| wait > patience) || !watch.allows(wait);
        // A 429 says itself when to come back; the budget is for failures that nobody paces.
        if too_long || !(rate_limited || settings.budget.spend()) {
            return Err(miss.error);
        }
        if rate_limited {
            // The gate is closed now: the wait is there, with everybody else's.
            refused = Some(miss.error);
        } else {
            trace::waits(trace::Waits::Backoff, wait);
            watch.wait(Spent::Backoff, wait).await;
        }
    }
}

/// How long to wait before another attempt.
fn wait_after(error: &Error, attempts: u32, settings: &Settings) -> Duration {
    let jittered = || settings.retry.pause(attempts, &*settings.clock);
    let told = error.retry_after();
    if error.is_rate_limited() {
        // Whoever rounds down tells a wait that ends too early; asking again at once would only waste the attempt.
        let least = settings.retry.least(attempts);
        told.map_or_else(
            jittered,
            |told| if told.is_zero() { least.max(Duration::from_secs(1)) } else { told.max(least) },
        )
    } else {
        told.unwrap_or_else(jittered)
    }
}

/// What an unsuccessful answer tells of the quota; a refusal always has a wait.
fn reported(error: &Error, wait: Duration) -> Option<RateLimit> {
    let mut told = error.rate_limit().cloned();
    if error.is_rate_limited() {
        told.get_or_insert_default().retry_after = Some(wait);
    } else if let Some(told) = &mut told {
        // Another status may ask to wait (503), but not for the quota.
        told.retry_after = None;
    }
    told
}

fn outcome(sent: Sent) -> Outcome {
    match sent {
        Sent::No => Outcome::Unsent,
        Sent::Maybe => Outcome::Lost,
        Sent::Yes => Outcome::Answered,
    }
}

/// A credential's work, within the deadline.
async fn in_time<T>(watch: &mut Stopwatch<'_>, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let limit = watch.remaining().unwrap_or(Duration::MAX);
    watch.limited(Spent::Request, limit, work).await.unwrap_or_else(|_| {
        let message = "the call's deadline passed before there was an access token";
        Err(Error::new(ErrorKind::Timeout, message).with(|error| error.deadline = true))
    })
}

/// The error of a call that may not send; `refused` is what the service said to an earlier attempt.
fn shut_out(shut: Rejection, settings: &Settings, refused: Option<Error>) -> Error {
    match shut {
        Rejection::Deadline => {
            Error::new(ErrorKind::Timeout, "the call's deadline passed before the request could be sent")
                .with(|error| error.deadline = true)
        }
        Rejection::TooLong { reason, wait, waited } => {
            let ends_at = settings.clock.time_of_day().checked_add(wait);
            let error = refused.unwrap_or_else(|| {
                let why = match reason {
                    WaitReason::Refused => "the service has said that the quota is spent",
                    WaitReason::Pacing => "pacing has no room",
                };
                let message = if wait.is_zero() {
                    // Other calls are ahead, and how long they take is not known.
                    format!("{why}, and this call waits no longer than {:.0} s", waited.as_secs_f64().ceil())
                } else {
                    format!("{why} for another {:.0} s, longer than this call waits", wait.as_secs_f64().ceil())
                };
                Error::new(ErrorKind::RateLimited, message).with(|error| {
                    error.hint = Some("wait until then, or let calls wait longer: max_wait, deadline");
                })
            });
            error.with(|error| {
                let known = error.rate_limit.get_or_insert_default();
                known.retry_after = Some(wait);
                known.ends_at = ends_at;
                known.source = Some(WaitSource::Client);
            })
        }
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
    let mut url = address(&settings.base_url, &call.route, &call.path, &settings.workspace)
        .map_err(|fault| Error::new(ErrorKind::Invalid, fault))?;
    if !call.query.is_empty() {
        url.set_query(Some(&call.query));
    }
    let mut request = TransportRequest::new(call.operation.method.clone(), url);
    request.max_response_bytes = settings.max_response_bytes;
    request.headers.insert(ACCEPT, call.accept.map_or(JSON, HeaderValue::from_static));
    if let Some(body) = &call.body {
        request.headers.insert(CONTENT_TYPE, call.media.map_or(JSON, HeaderValue::from_static));
        request.body = body.clone();
    }
    if !call.options.headers.is_empty() {
        request.headers.extend(call.options.headers.clone());
    }
    Ok(request)
}

async fn attempt(
    call: &Call,
    settings: &Settings,
    watch: &mut Stopwatch<'_>,
    mut request: TransportRequest,
    token: &Token,
) -> Result<Response<Bytes>, Miss> {
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
    let rate_limit = retry_after::rate_limit(status, &headers, &body, &*settings.clock);
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

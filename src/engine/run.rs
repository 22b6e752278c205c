//! The one loop: attempt, classify, wait, repeat.

use std::pin::pin;
use std::time::Duration;

use http::Method;

use super::attempt::{FailedAttempt, Success, attempt, request};
use super::call::Call;
use super::client::Settings;
use super::observer::Observer;
use super::operation::RetryClass;
use super::retry::should_retry;
use crate::credential::CredentialKind;
use crate::deadline::{Spent, Stopwatch};
use crate::error::{Error, ErrorKind};
use crate::hooks::WaitKind;
use crate::metadata::{RateLimit, Sent, WaitSource};
use crate::quota::{Caller, Outcome, Rejection, WaitReason};
use crate::response::Response;
use crate::trace;

/// How long a token provider may take. Its own limits, such as those of a refresh, come first and say more.
const PROVIDER_LIMIT: Duration = Duration::from_secs(90);

/// What has become of a call so far.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// The most that the service may have received in any attempt.
    sent: Option<Sent>,
    /// The same without the last attempt.
    sent_before: Option<Sent>,
}

/// What a 404 means when the base URL ends with its host.
const NO_API_PATH: &str = "the base URL has no path: the API of One Horizon is under /api/v1";

/// Sends the call until there is a response, which `read` makes a value of, or an error to return.
pub(super) async fn run<T>(
    call: &Call,
    read: fn(&Call, Success) -> Result<Response<T>, Error>,
) -> Result<Response<T>, Error> {
    // Pinned here, since an async function that takes a future by value holds it twice.
    let work = pin!(async {
        let mut observer = Observer::start(call);
        let result = match until_response(call, &mut observer).await {
            Ok(success) => read(call, success),
            Err(error) => Err(error),
        };
        match &result {
            Ok(response) => observer.ended(Ok(&response.metadata)),
            Err(error) => {
                trace::failed(error);
                observer.ended(Err(error));
            }
        }
        result
    });
    trace::call(call.operation.id, || call.route_template(), work).await
}

async fn until_response(call: &Call, observer: &mut Observer<'_>) -> Result<Success, Error> {
    let settings = &*call.settings;
    let mut watch = Stopwatch::start(&*settings.clock, call.options.deadline.or(settings.deadline));
    let mut progress = Progress::default();
    let result = repeat(call, &mut watch, &mut progress, observer).await;
    let time = watch.time;
    match result {
        Ok(mut success) => {
            success.response.metadata.attempts = progress.attempts;
            success.response.metadata.time = time;
            Ok(success)
        }
        Err(error) => {
            let error = error.with(|error| {
                error.read = call.operation.retry == RetryClass::Read;
                let metadata = &mut error.metadata;
                metadata.operation = Some(call.operation.id);
                metadata.attempts = progress.attempts;
                metadata.time = time;
                // An attempt that never left does not undo what an earlier one may have done.
                metadata.sent = metadata.sent.max(progress.sent.unwrap_or(Sent::No));
                let with_key = settings.credential.kind() == CredentialKind::ApiKey;
                let lost = matches!(metadata.status.map_or(0, |status| status.as_u16()), 404 | 405);
                if lost && settings.base_url.path() == "/" {
                    error.hint = Some(NO_API_PATH);
                }
                let hint = |status| call.operation.hint(status, &call.route, with_key);
                error.hint = error.hint.or_else(|| metadata.status.and_then(hint));
                let deleted = call.operation.method == Method::DELETE && error.kind == ErrorKind::NotFound;
                if deleted && progress.sent_before > Some(Sent::No) {
                    error.hint = Some("an earlier attempt of this call may have deleted it");
                }
            });
            Err(error)
        }
    }
}

async fn repeat(
    call: &Call,
    watch: &mut Stopwatch<'_>,
    progress: &mut Progress,
    observer: &mut Observer<'_>,
) -> Result<Success, Error> {
    let settings = &*call.settings;
    let mut first = Some(request(call)?);
    let retry = &settings.retry;
    let mut most = call.options.attempts.unwrap_or(retry.attempts);
    let patience = settings.quota.patience(call.options.max_wait, retry.max_wait);
    let ticket = settings.quota.ticket();
    let mut token = if let Some(token) = settings.credential.at_hand() {
        token
    } else {
        observer.waits(WaitKind::Token, Duration::ZERO);
        in_time(watch, settings.credential.token()).await?
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
            let on_wait = |reason, wait| observer.waits(kind_of(reason), wait);
            let entry = pin!(settings.quota.enter(&caller, &on_wait));
            watch.unlimited(Spent::Quota, entry).await
        };
        let mut permit = match entered {
            Ok(permit) => permit,
            Err(rejection) => return Err(rejected(rejection, settings, refused)),
        };
        if watch.remaining().is_some_and(|remaining| remaining.is_zero()) {
            permit.settle(Outcome::Unsent, None);
            return Err(rejected(Rejection::Deadline, settings, refused));
        }
        progress.attempts += 1;
        trace::attempt(progress.attempts);
        observer.attempt_started(progress.attempts);
        // Made anew for another attempt: that is rare, and a copy to keep would cost every call.
        let mut request = match first.take() {
            Some(request) => request,
            None => request(call)?,
        };
        request.attempt = progress.attempts;
        let method = request.method.clone();
        let FailedAttempt { failed, error } = match attempt(call, watch, request, &token).await {
            Ok(response) => {
                trace::status(response.status());
                observer.attempt_ended(&response.metadata, None);
                permit.settle(Outcome::Responded, response.rate_limit());
                return Ok(Success { response, token });
            }
            Err(failed) => failed,
        };
        observer.attempt_ended(error.metadata(), Some(error.kind()));
        if call.takes_patch(&method, &error) {
            permit.settle(Outcome::Responded, None);
            most = most.saturating_add(1);
            continue;
        }
        let sent = error.was_sent();
        progress.sent_before = progress.sent;
        progress.sent = progress.sent.max(Some(sent));
        if let Some(status) = error.status() {
            trace::status(status);
        }
        let rate_limited = error.is_rate_limited();
        let wait = retry.wait(error.retry_after(), progress.attempts, &*settings.clock);
        permit.settle(outcome(sent), reported(&error, wait).as_ref());
        if error.is_unauthorized() && !replaced {
            replaced = true;
            // Also when no attempt is left, so that the next call has the new token.
            observer.waits(WaitKind::Token, Duration::ZERO);
            match in_time(watch, settings.credential.replace(&token)).await? {
                Some(fresh) if progress.attempts < most => {
                    token = fresh;
                    continue;
                }
                _ => return Err(error),
            }
        }
        if progress.attempts >= most || !should_retry(failed, call.operation.retry, call.options.repeatable) {
            return Err(error);
        }
        let patience = if rate_limited { patience } else { Some(call.options.max_wait.unwrap_or(retry.max_wait)) };
        let too_long = patience.is_some_and(|patience| wait > patience) || !watch.allows(wait);
        // A 429 says itself when to come back; the budget is for failures that nobody paces.
        if too_long || !(rate_limited || settings.budget.spend()) {
            return Err(error);
        }
        if rate_limited {
            // The gate is closed now: the wait is there, with everybody else's.
            refused = Some(error);
        } else {
            trace::waits("backoff", wait);
            observer.waits(WaitKind::Backoff, wait);
            watch.wait(Spent::Backoff, wait).await;
        }
    }
}

fn kind_of(reason: WaitReason) -> WaitKind {
    match reason {
        WaitReason::Refused => WaitKind::Refused,
        WaitReason::Pacing => WaitKind::Pacing,
    }
}

/// What an unsuccessful response says of the quota; a refusal always has a wait.
fn reported(error: &Error, wait: Duration) -> Option<RateLimit> {
    let mut reported = error.rate_limit().cloned();
    if error.is_rate_limited() {
        reported.get_or_insert_default().retry_after = Some(wait);
    } else if let Some(reported) = &mut reported {
        // Another status may ask to wait (503), but not for the quota.
        reported.retry_after = None;
    }
    reported
}

fn outcome(sent: Sent) -> Outcome {
    match sent {
        Sent::No => Outcome::Unsent,
        Sent::Maybe => Outcome::Lost,
        Sent::Yes => Outcome::Responded,
    }
}

/// A token provider's work, within the deadline and its own limit.
async fn in_time<T>(watch: &mut Stopwatch<'_>, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let remaining = watch.remaining().unwrap_or(Duration::MAX);
    watch.limited(Spent::Request, remaining.min(PROVIDER_LIMIT), work).await.unwrap_or_else(|_| {
        let deadline = remaining <= PROVIDER_LIMIT;
        let message = if deadline {
            "the call's deadline passed before there was an access token".to_owned()
        } else {
            format!("the token provider gave no access token within {PROVIDER_LIMIT:?}")
        };
        Err(Error::new(ErrorKind::Timeout, message).with(|error| error.deadline = deadline))
    })
}

/// The error of a call that may not send; `refused` is what the service said to an earlier attempt.
fn rejected(rejection: Rejection, settings: &Settings, refused: Option<Error>) -> Error {
    match rejection {
        Rejection::Deadline => {
            Error::new(ErrorKind::Timeout, "the call's deadline passed before the request could be sent")
                .with(|error| error.deadline = true)
        }
        Rejection::TooLong { reason, wait, waited } => {
            let ends_at = settings.clock.time_of_day().checked_add(wait);
            let error = refused.unwrap_or_else(|| {
                let why = match reason {
                    WaitReason::Refused => "the service has reported that the quota is spent",
                    WaitReason::Pacing => "pacing has no free slot",
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
                let known = error.metadata.rate_limit.get_or_insert_default();
                known.retry_after = Some(wait);
                known.ends_at = ends_at;
                known.source = Some(WaitSource::Client);
            })
        }
    }
}

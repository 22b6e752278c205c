//! Responses of a service, passed to the client through a transport.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode};
use onehorizon::models::{CreatedApiKey, TaskList};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{Clock, Configuration, Error, Response, Retry};
use serde::de::DeserializeOwned;

use crate::gauge::bounded;

const TOKEN: &str = "canary-token-5f2a";

/// The longest wait that the client may report.
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

static NEXT: Mutex<Option<TransportResponse>> = Mutex::new(None);

static CONFIGURATION: LazyLock<Configuration> = LazyLock::new(|| {
    Configuration::builder().api_key(TOKEN).transport(Service).clock(FrozenClock).retry(Retry::never()).build().unwrap()
});

struct Service;

impl Transport for Service {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async { Ok(NEXT.lock().unwrap().take().unwrap()) })
    }
}

/// Time is frozen during a call, so that no time limit fires, and advances between calls, so that a refused call does
/// not delay the next.
struct FrozenClock;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Clock for FrozenClock {
    fn now(&self) -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(2 * 60 * 60) * CALLS.load(Ordering::Relaxed)
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        0.5
    }
}

fn call<T: DeserializeOwned + Send + 'static>(
    status: StatusCode,
    headers: HeaderMap,
    body: &[u8],
) -> Result<Response<T>, Error> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    *NEXT.lock().unwrap() = Some(TransportResponse::new(status, headers, body.to_vec().into()));
    let mut call = pin!(CONFIGURATION.request("GET", "/workspaces/{workspaceId}/tasks").send::<T>());
    let mut context = Context::from_waker(Waker::noop());
    match call.as_mut().poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// Checks that hold for every error.
fn check(error: &Error) {
    let (line, debug) = (error.to_string(), format!("{error:?}"));
    assert!(!line.contains(TOKEN) && !debug.contains(TOKEN), "the token is shown");
    assert!(!line.contains(char::is_control), "not one line: {line:?}");
    assert!(line.chars().count() < 2000, "too long: {line}");
    assert!(error.body().len() <= 16 * 1024);
    assert!(!error.body().windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "the token is in the body");
    assert!(error.retry_after().is_none_or(|wait| wait <= YEAR));
}

/// The body of an error response; its first byte selects the status.
pub fn error_body(data: &[u8]) {
    const STATUSES: [u16; 12] = [400, 401, 403, 404, 409, 422, 429, 500, 503, 302, 418, 999];
    let Some((first, body)) = data.split_first() else { return };
    let status = StatusCode::from_u16(STATUSES[usize::from(*first) % STATUSES.len()]).unwrap();
    bounded(data.len(), 32, || {
        let error = call::<TaskList>(status, HeaderMap::new(), body).unwrap_err();
        assert_eq!(error.status(), Some(status.as_u16()));
        check(&error);
    });
}

/// The body of a successful response.
pub fn response_body(data: &[u8]) {
    // The smallest task of a list is 15 bytes of JSON and about 700 bytes in memory; the list grows by doubling.
    bounded(data.len(), 96, || {
        if let Err(error) = call::<TaskList>(StatusCode::OK, HeaderMap::new(), data) {
            assert!(error.is_decode());
            check(&error);
        }
    });
    bounded(data.len(), 64, || {
        let Ok(key) = call::<CreatedApiKey>(StatusCode::CREATED, HeaderMap::new(), data) else { return };
        if key.secret.as_ref().is_some_and(|secret| secret.expose().contains(TOKEN)) && key.extra.is_empty() {
            let others = format!("{:?}{:?}{:?}{:?}", key.api_key_id, key.workspace_id, key.description, key.created_at);
            assert!(!format!("{key:?}").contains(TOKEN) || others.contains(TOKEN));
        }
    });
}

/// The message of a 429, in which the service is documented to report the wait.
pub fn rate_limit_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let body = serde_json::to_vec(&std::collections::BTreeMap::from([("message", text)])).unwrap();
    bounded(body.len(), 32, || {
        let error = call::<TaskList>(StatusCode::TOO_MANY_REQUESTS, HeaderMap::new(), &body).unwrap_err();
        assert!(error.is_rate_limited());
        check(&error);
    });
}

/// `Retry-After` in the first line, `Date` in the second.
pub fn retry_after(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in ["retry-after", "date"] {
        if let Some(value) = lines.next().and_then(|line| HeaderValue::from_bytes(line).ok()) {
            headers.insert(name, value);
        }
    }
    bounded(data.len(), 32, || {
        let error = call::<TaskList>(StatusCode::SERVICE_UNAVAILABLE, headers, b"").unwrap_err();
        check(&error);
    });
}

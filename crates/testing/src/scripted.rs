//! A transport that replies by a script, without any socket.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use onehorizon::transport::{Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{BoxFuture, Clock, SystemClock};
use serde_json::Value;
use url::Url;

use crate::Record;
use crate::service::reply;

/// What one request gets.
///
/// ```
/// use std::time::Duration;
/// use onehorizon::transport::Failure;
/// use onehorizon_testing::Reply;
///
/// Reply::json(200, r#"{"taskId":"tsk_1"}"#);
/// Reply::status(404);
/// Reply::rate_limited(30).header("retry-after", 30);
/// Reply::fail(Failure::Interrupted);
/// Reply::ok().after(Duration::from_secs(5));
/// ```
#[derive(Clone)]
#[must_use = "a reply does nothing until it is part of a script"]
pub struct Reply {
    delay: Duration,
    outcome: Outcome,
}

#[derive(Clone)]
enum Outcome {
    Response(TransportResponse),
    Fail(Failure),
    Never,
    /// The script itself is at fault.
    Invalid(String),
}

/// The text of a JSON body: from a string as it is, from a [`Value`] or a [`Record`] as its JSON.
#[derive(Clone, Debug)]
pub struct JsonText(String);

impl From<&str> for JsonText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for JsonText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

impl From<&Value> for JsonText {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}

impl From<&Record> for JsonText {
    fn from(record: &Record) -> Self {
        Self(record.to_json())
    }
}

impl Reply {
    /// 200 with an empty JSON object.
    pub fn ok() -> Self {
        Self::json(200, "{}")
    }

    /// A response with a JSON body.
    pub fn json(status: u16, body: impl Into<JsonText>) -> Self {
        Self::new(status, "application/json", body.into().0)
    }

    /// A response of this status: with the documented error body from 400 on, without a body below.
    pub fn status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(code) if status >= 400 => {
                Self::error(status, &code.canonical_reason().unwrap_or("error").to_lowercase())
            }
            _ => Self::new(status, "", Bytes::new()),
        }
    }

    /// The documented error body, `{code, message}`.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &Record::new().with("code", &status).with("message", message))
    }

    /// The refusal of a spent quota as the service documents it: 429, with the seconds in the message and in no header.
    pub fn rate_limited(seconds: u64) -> Self {
        Self::error(429, &reply::rate_limit_message(seconds))
    }

    /// The error page of a proxy: HTML.
    pub fn html(status: u16) -> Self {
        Self::new(status, "text/html; charset=utf-8", reply::PROXY_PAGE)
    }

    /// A response with any body; an empty media type sends no `Content-Type`.
    pub fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        let Ok(status) = StatusCode::from_u16(status) else {
            return Self::from(Outcome::Invalid(format!("{status} is not an HTTP status")));
        };
        let response = Self::from(Outcome::Response(TransportResponse::new(status, HeaderMap::new(), body.into())));
        if media_type.is_empty() { response } else { response.header(CONTENT_TYPE.as_str(), media_type) }
    }

    /// No response: the attempt fails so.
    pub fn fail(failure: Failure) -> Self {
        Self::from(Outcome::Fail(failure))
    }

    /// No response ever; only a time limit ends the attempt.
    pub fn never() -> Self {
        Self::from(Outcome::Never)
    }

    /// One more header of the response.
    #[allow(clippy::needless_pass_by_value, reason = "numbers and strings are given alike")]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        if let Outcome::Response(response) = &mut self.outcome {
            match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
                (Ok(name), Ok(value)) => {
                    response.headers.append(name, value);
                }
                _ => self.outcome = Outcome::Invalid(format!("{name:?} is not a valid header")),
            }
        }
        self
    }

    /// Waits first, on the transport's clock.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self { delay: Duration::ZERO, outcome }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Response(response) => write!(f, "Reply({}, {} bytes)", response.status, response.body.len()),
            Outcome::Fail(failure) => write!(f, "Reply({failure:?})"),
            Outcome::Never => f.write_str("Reply(never)"),
            Outcome::Invalid(problem) => write!(f, "Reply(invalid: {problem})"),
        }
    }
}

/// One request that reached a [`ScriptedTransport`]. `Debug` shows neither header values nor the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct SentRequest {
    /// The position among all requests, from 1.
    pub number: usize,
    /// The time since the transport was made, on its clock.
    pub at: Duration,
    /// The operation, as in [`TransportRequest::operation`].
    pub operation: &'static str,
    /// The attempt of its call, from 1.
    pub attempt: u32,
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: Url,
    /// The headers, `Authorization` included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The largest response that the client would read.
    pub max_response_bytes: usize,
}

impl SentRequest {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at, method, url, body, .. } = self;
        write!(f, "SentRequest({number}: {method} {} at {at:?}, {} body bytes)", url.path(), body.len())
    }
}

type Responder = Box<dyn FnMut(&SentRequest) -> Reply + Send>;

/// A [`Transport`] that replies by a script and records what was sent. Clones share the script and the record.
///
/// A request beyond the end of the script gets status 501 with a message that says so, unless
/// [`then`](Self::then) says otherwise.
///
/// ```
/// use onehorizon::{Configuration, TasksApi};
/// use onehorizon_testing::{Reply, ScriptedTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = ScriptedTransport::new([
///     Reply::json(200, r#"{"taskId":"tsk_1","title":"Recap"}"#),
///     Reply::status(404),
/// ]);
/// let config = Configuration::builder().api_key("test").transport(transport.clone()).build()?;
/// let tasks = TasksApi::new(&config);
///
/// assert_eq!(tasks.fetch_task("tsk_1").await?.task_id, "tsk_1");
/// assert!(tasks.fetch_task("tsk_2").await.unwrap_err().is_not_found());
/// assert_eq!(transport.requests()[1].url.path(), "/api/v1/workspaces/current/tasks/tsk_2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedTransport {
    clock: Arc<dyn Clock>,
    start: Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    length: usize,
    script: VecDeque<Reply>,
    /// What replies when the script is over.
    then: Option<Responder>,
    requests: Vec<SentRequest>,
    in_flight: usize,
    most_in_flight: usize,
}

impl ScriptedTransport {
    /// One reply for each request, in this order.
    #[must_use]
    pub fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        let script: VecDeque<Reply> = script.into_iter().collect();
        let clock = Arc::new(SystemClock);
        let state =
            State { length: script.len(), script, then: None, requests: Vec::new(), in_flight: 0, most_in_flight: 0 };
        Self { start: clock.now(), clock, state: Arc::new(Mutex::new(state)) }
    }

    /// Each reply is what the closure returns.
    #[must_use]
    pub fn from_fn(respond: impl FnMut(&SentRequest) -> Reply + Send + 'static) -> Self {
        Self::new([]).then(respond)
    }

    /// What requests beyond the end of the script get.
    #[must_use]
    pub fn then(self, respond: impl FnMut(&SentRequest) -> Reply + Send + 'static) -> Self {
        self.lock().then = Some(Box::new(respond));
        self
    }

    /// Measures times and waits on this clock; by default on tokio's timer, which tests can pause.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.start = clock.now();
        self.clock = Arc::new(clock);
        self
    }

    /// Adds replies to the end of the script.
    pub fn push(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut state = self.lock();
        let before = state.script.len();
        state.script.extend(replies);
        state.length += state.script.len() - before;
    }

    /// The requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<SentRequest> {
        self.lock().requests.clone()
    }

    /// How many requests there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().requests.len()
    }

    /// How many replies of the script no request has got yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.lock().script.len()
    }

    /// The most requests that were in flight at the same time.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, request: TransportRequest) -> Reply {
        let mut state = self.lock();
        let sent = SentRequest {
            number: state.requests.len() + 1,
            at: self.clock.now().saturating_duration_since(self.start),
            operation: request.operation,
            attempt: request.attempt,
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            max_response_bytes: request.max_response_bytes,
        };
        state.requests.push(sent.clone());
        if let Some(reply) = state.script.pop_front() {
            return reply;
        }
        let length = state.length;
        let Some(then) = &mut state.then else {
            let SentRequest { number, method, url, .. } = sent;
            let path = url.path();
            return Reply::error(
                501,
                &format!("request {number} ({method} {path}) has no reply: the script has {length}"),
            );
        };
        then(&sent)
    }
}

/// Counts a request as in flight until it is dropped.
struct InFlight<'t>(&'t ScriptedTransport);

impl<'t> InFlight<'t> {
    fn new(transport: &'t ScriptedTransport) -> Self {
        let mut state = transport.lock();
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        Self(transport)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

impl Transport for ScriptedTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            let limit = request.max_response_bytes;
            let _in_flight = InFlight::new(self);
            let reply = self.receive(request);
            if !reply.delay.is_zero() {
                self.clock.sleep(reply.delay).await;
            }
            match reply.outcome {
                Outcome::Response(response) if response.body.len() > limit => Err(Failure::TooLarge.into()),
                Outcome::Response(response) => Ok(response),
                Outcome::Fail(failure) => Err(failure.into()),
                Outcome::Never => pending().await,
                Outcome::Invalid(problem) => Err(TransportError::new(Failure::Connect, problem)),
            }
        })
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ScriptedTransport")
            .field("requests", &state.requests.len())
            .field("remaining", &state.script.len())
            .finish_non_exhaustive()
    }
}

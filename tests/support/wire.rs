//! A transport that answers by a script, and a clock without chance; both in virtual time.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{Clock, Configuration, ConfigurationBuilder, SystemClock};

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum Step {
    Answer(u16, Vec<(&'static str, String)>, String),
    Fail(Failure),
    /// No answer ever.
    Hang,
    After(Duration, Box<Step>),
}

pub fn ok() -> Step {
    Step::Answer(200, Vec::new(), "{}".to_owned())
}

pub fn status(status: u16) -> Step {
    Step::Answer(status, Vec::new(), format!(r#"{{"code":{status},"message":"it did not work"}}"#))
}

/// A refusal with this message.
pub fn refused(message: &str) -> Step {
    Step::Answer(429, Vec::new(), format!(r#"{{"code":429,"message":"{message}"}}"#))
}

/// A refusal as the service documents it.
pub fn limited(seconds: u64) -> Step {
    refused(&format!("standard rate limit exceeded, retry in {seconds} seconds"))
}

impl Step {
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }

    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}

type Rule = Box<dyn FnMut(&TransportRequest, Duration) -> Step + Send>;

/// The script, and a record of what came when.
#[derive(Clone)]
pub struct Wire {
    start: tokio::time::Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    steps: VecDeque<Step>,
    /// What happens when the script is over.
    rule: Rule,
    sent: Vec<Duration>,
    under_way: usize,
    most_under_way: usize,
}

impl Wire {
    /// Answers by these steps, then with 200.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::ruled(steps, |_, _| ok())
    }

    /// Answers each request as the rule says, which is told the time since the start.
    pub fn rule(rule: impl FnMut(&TransportRequest, Duration) -> Step + Send + 'static) -> Self {
        Self::ruled([], rule)
    }

    fn ruled(
        steps: impl IntoIterator<Item = Step>,
        rule: impl FnMut(&TransportRequest, Duration) -> Step + Send + 'static,
    ) -> Self {
        let state = State {
            steps: steps.into_iter().collect(),
            rule: Box::new(rule),
            sent: Vec::new(),
            under_way: 0,
            most_under_way: 0,
        };
        Self { start: tokio::time::Instant::now(), state: Arc::new(Mutex::new(state)) }
    }

    /// When each request was sent, in milliseconds since the start.
    pub fn sent(&self) -> Vec<u64> {
        self.state.lock().unwrap().sent.iter().map(|at| u64::try_from(at.as_millis()).unwrap()).collect()
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().sent.len()
    }

    pub fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    /// A configuration on this wire with an API key; waits before attempts are as long as they can be.
    pub fn builder(&self) -> ConfigurationBuilder {
        Configuration::builder().api_key("key").transport(self.clone()).clock(Unlucky)
    }

    pub fn configuration(&self) -> Configuration {
        self.builder().build().unwrap()
    }
}

struct UnderWay(Arc<Mutex<State>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

impl Transport for Wire {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            let at = self.start.elapsed();
            let mut step = {
                let mut state = self.state.lock().unwrap();
                state.sent.push(at);
                state.under_way += 1;
                state.most_under_way = state.most_under_way.max(state.under_way);
                match state.steps.pop_front() {
                    Some(step) => step,
                    None => (state.rule)(&request, at),
                }
            };
            let _under_way = UnderWay(Arc::clone(&self.state));
            loop {
                match step {
                    Step::After(delay, then) => {
                        tokio::time::sleep(delay).await;
                        step = *then;
                    }
                    Step::Hang => return pending().await,
                    Step::Fail(failure) => return Err(failure.into()),
                    Step::Answer(status, headers, body) => return Ok(answer(status, &headers, body)),
                }
            }
        })
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: String) -> TransportResponse {
    let headers =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    TransportResponse::new(StatusCode::from_u16(status).unwrap(), headers.collect(), Bytes::from(body))
}

/// tokio's clock, with the longest jitter there is and a fixed time of day.
pub struct Unlucky;

pub const TIME_OF_DAY: Duration = Duration::from_secs(1_780_304_400);

impl Clock for Unlucky {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + TIME_OF_DAY
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(duration)
    }

    fn random(&self) -> f64 {
        1.0
    }
}

/// A request of each class, to be sent.
pub fn read(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("GET", "/read")
}

pub fn idempotent_write(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("PUT", "/write")
}

pub fn unsafe_write(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("POST", "/create")
}

//! Delivers webhooks as the service does.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use onehorizon::Secret;
use onehorizon::limits::{WEBHOOK_RETRY_DELAYS, WEBHOOK_TIMEOUT};
use onehorizon::transport::{BoxFuture, Failure, ReqwestTransport, Transport, TransportRequest};
use onehorizon::webhook::{Event, Signer, VerifierError};

use crate::webhook::report::{WebhookAttempt, WebhookFailure, WebhookProbe, WebhookReport};

type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Delivers events to a webhook receiver as One Horizon does, so that you can test yours.
///
/// - the body is the event's text, sent as `application/cloudevents+json; charset=utf-8`, with `X-One-Webhook-Key`,
///   `X-One-Event-Id` and `X-One-Event-Type`;
/// - a response has to come within 3 seconds, and any 2xx will do;
/// - else the event is delivered again: at once, after about a minute, after about five; then it is given up. The
///   repeated ones carry `X-One-Retry-Num` and `X-One-Retry-Reason`.
///
/// Decided here, because the service does not document it: the retry number counts from 1 and is not on the first
/// delivery, the reason is `timeout`, `connection_error` or `http_` and the status, and whatever is not a 2xx
/// is delivered again.
///
/// ```no_run
/// use onehorizon_testing::WebhookSender;
/// use onehorizon::webhook::Event;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sender = WebhookSender::builder("http://127.0.0.1:3000/webhook").key("the-key").time_scale(0.001).build()?;
/// assert!(sender.probe().await.is_verified());
///
/// let event = Event::from_json(std::fs::read("tests/fixtures/webhook/task-created.json")?)?;
/// let report = sender.deliver(&event).await;
/// assert!(report.is_delivered(), "{report:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebhookSender {
    settings: Arc<Settings>,
}

struct Settings {
    url: Url,
    key: Option<HeaderValue>,
    signer: Option<Signer>,
    timeout: Duration,
    time_scale: f64,
    transport: Arc<dyn Transport>,
    sleep: Sleep,
    clock: Clock,
}

impl WebhookSender {
    /// A sender to this address with this key.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn new(url: &str, key: impl Into<Secret>) -> Result<Self, SenderError> {
        Self::builder(url).key(key).build()
    }

    /// A sender with other settings; without a key unless one is set.
    pub fn builder(url: &str) -> WebhookSenderBuilder {
        WebhookSenderBuilder {
            url: url.to_owned(),
            key: None,
            secret: None,
            timeout: WEBHOOK_TIMEOUT,
            time_scale: 1.0,
            transport: None,
            sleep: Arc::new(|time| Box::pin(tokio::time::sleep(time))),
            clock: system_clock(),
        }
    }

    /// Checks the address as the *Verify* button does: HEAD, then GET where HEAD gets a 405.
    pub async fn probe(&self) -> WebhookProbe {
        let mut attempts = vec![self.send(Method::HEAD, self.headers(b"", None, 0, ""), Bytes::new()).await];
        if attempts.iter().any(|head| head.status() == Some(405)) {
            attempts.push(self.send(Method::GET, self.headers(b"", None, 0, ""), Bytes::new()).await);
        }
        WebhookProbe { attempts }
    }

    /// Delivers an event, again and again until it is taken or given up.
    pub async fn deliver(&self, event: &Event) -> WebhookReport {
        self.deliver_with(event, |_, _, _| ()).await
    }

    /// Delivers an event as [`deliver`](Self::deliver) does, and calls `seen` after each attempt with its retry number, from
    /// 0, the attempt, and the wait until the next one, if there is one.
    pub async fn deliver_with(
        &self,
        event: &Event,
        mut seen: impl FnMut(u32, &WebhookAttempt, Option<Duration>) + Send,
    ) -> WebhookReport {
        let mut attempts = Vec::new();
        let mut delays = WEBHOOK_RETRY_DELAYS.iter().map(|delay| delay.mul_f64(self.settings.time_scale));
        let mut reason = String::new();
        for number in 0.. {
            let attempt = self.attempt(event, number, &reason).await;
            let again = attempt.retry_reason().and_then(|reason| Some((reason, delays.next()?)));
            seen(number, &attempt, again.as_ref().map(|(_, delay)| *delay));
            attempts.push(attempt);
            let Some((next_reason, delay)) = again else { break };
            reason = next_reason;
            (self.settings.sleep)(delay).await;
        }
        WebhookReport { event_id: event.id().clone(), attempts }
    }

    /// The address without a user's name and without the query.
    pub(crate) fn shown_url(&self) -> String {
        shown(&self.settings.url)
    }

    /// Delivers an event once, as the retry of this number; 0 is the first delivery.
    pub async fn deliver_once(&self, event: &Event, retry: u32) -> WebhookAttempt {
        self.attempt(event, retry, "requested").await
    }

    async fn attempt(&self, event: &Event, retry: u32, reason: &str) -> WebhookAttempt {
        let body = Bytes::from(event.as_json().to_owned());
        self.send(Method::POST, self.headers(&body, Some(event), retry, reason), body).await
    }

    async fn send(&self, method: Method, headers: HeaderMap, body: Bytes) -> WebhookAttempt {
        let mut request = TransportRequest::new(method, self.settings.url.clone());
        request.headers = headers;
        request.body = body;
        let result = tokio::time::timeout(self.settings.timeout, self.settings.transport.send(request)).await;
        match result {
            Ok(Ok(response)) => WebhookAttempt::responded(response),
            Ok(Err(error)) => WebhookAttempt::failed(match error.failure() {
                Failure::ConnectTimeout => WebhookFailure::TimedOut,
                Failure::Connect => WebhookFailure::Unreachable,
                _ => WebhookFailure::Interrupted,
            }),
            Err(_) => WebhookAttempt::failed(WebhookFailure::TimedOut),
        }
    }

    fn headers(&self, body: &[u8], event: Option<&Event>, retry: u32, reason: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            // An id that no header can carry is left out; the body has it.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if let Some(event) = event {
            set("content-type", "application/cloudevents+json; charset=utf-8");
            set("x-one-event-id", event.id().as_str());
            set("x-one-event-type", event.event_type().as_str());
            if retry > 0 {
                set("x-one-retry-num", &retry.to_string());
                set("x-one-retry-reason", reason);
            }
        }
        if let Some(signer) = &self.settings.signer {
            let id = event.map_or("probe", |event| event.id().as_str());
            for (name, value) in signer.headers(id, (self.settings.clock)(), body) {
                set(name, &value);
            }
        }
        if let Some(key) = &self.settings.key {
            headers.insert(HeaderName::from_static("x-one-webhook-key"), key.clone());
        }
        headers
    }
}

impl fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSender")
            .field("url", &shown(&self.settings.url))
            .field("timeout", &self.settings.timeout)
            .field("time_scale", &self.settings.time_scale)
            .finish_non_exhaustive()
    }
}

/// Why a [`WebhookSender`] cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderError {
    /// The address is not a valid URL.
    #[error("the webhook address is not a valid URL: {0}")]
    Url(#[from] url::ParseError),
    /// The key has a character that no header can carry.
    #[error("the webhook key has a character that no header can carry")]
    Key,
    /// The signing secret cannot be used.
    #[error(transparent)]
    Secret(#[from] VerifierError),
    /// The HTTP client cannot be built.
    #[error("{0}")]
    Transport(String),
}

/// Settings of a [`WebhookSender`].
#[must_use = "a builder does nothing until it is built"]
pub struct WebhookSenderBuilder {
    url: String,
    key: Option<Secret>,
    secret: Option<Secret>,
    timeout: Duration,
    time_scale: f64,
    transport: Option<Arc<dyn Transport>>,
    sleep: Sleep,
    clock: Clock,
}

impl WebhookSenderBuilder {
    /// The key to send.
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Signs deliveries too, by the Standard Webhooks specification, as a relay would.
    pub fn signed(mut self, secret: impl Into<Secret>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// How long a response may take; 3 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Multiplies the waits between retries, so that a test need not take six minutes.
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.time_scale = if scale.is_finite() { scale.max(0.0) } else { 1.0 };
        self
    }

    /// What waits between retries; tokio's timer unless set.
    pub fn sleep(mut self, sleep: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        self.sleep = Arc::new(sleep);
        self
    }

    /// What dates signatures; the system's clock unless set.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What carries the requests; an HTTP client of its own unless set.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// The sender.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn build(self) -> Result<WebhookSender, SenderError> {
        let url = Url::parse(&self.url)?;
        let key = self.key.map(|key| HeaderValue::from_str(key.expose()).map_err(|_| SenderError::Key)).transpose()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => http_client(&url, self.timeout)?,
        };
        Ok(WebhookSender {
            settings: Arc::new(Settings {
                url,
                key: key.map(|mut key| {
                    key.set_sensitive(true);
                    key
                }),
                signer: self.secret.map(Signer::new).transpose()?,
                timeout: self.timeout,
                time_scale: self.time_scale,
                transport,
                sleep: self.sleep,
                clock: self.clock,
            }),
        })
    }
}

impl fmt::Debug for WebhookSenderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).map(|url| shown(&url)).ok();
        f.debug_struct("WebhookSenderBuilder").field("url", &url).finish_non_exhaustive()
    }
}

/// The address without a user's name and without the query, either of which may be what opens it.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn http_client(url: &Url, timeout: Duration) -> Result<Arc<dyn Transport>, SenderError> {
    let name = concat!("onehorizon-rust/", env!("CARGO_PKG_VERSION"), " (webhook sender)");
    let transport = ReqwestTransport::standard(url, name, timeout)
        .map_err(|error| SenderError::Transport(error.message().to_owned()))?;
    Ok(Arc::new(transport))
}

#[allow(clippy::disallowed_methods, reason = "the default of an injected clock")]
fn system_clock() -> Clock {
    Arc::new(SystemTime::now)
}

//! The status page of a fake: what it holds and saw, and buttons for what should go wrong.
//!
//! Only requests to a host of loopback are served, and no form that another site sends: a page in the same browser must
//! not read or change the fake.

mod html;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use url::Url;

use crate::record::Record;
use crate::scenario::Scenario;
use crate::service::Core;
use crate::webhook::registered::{NewEvent, RegisteredWebhook, register};
use crate::webhook::sender::WebhookSender;

/// More receivers than this are not registered at the same time.
const MAX_RECEIVERS: usize = 10;

/// Samples of the quota in the picture.
const MAX_SAMPLES: usize = 120;

/// The page of one fake.
#[derive(Debug)]
pub(crate) struct Page {
    core: Arc<Core>,
    /// Whether the fake was bound to loopback only.
    is_local: bool,
    allow_remote: bool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    receivers: Vec<(String, RegisteredWebhook)>,
    samples: VecDeque<u32>,
}

impl Page {
    pub(crate) fn new(core: Arc<Core>, is_local: bool, allow_remote: bool) -> Self {
        Self { core, is_local, allow_remote, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a receiver that the fake delivers to until it ends.
    pub(crate) fn add_receiver(&self, url: &str, key: &str) -> Result<(), String> {
        check_receiver(url, self.allow_remote)?;
        let mut builder = WebhookSender::builder(url);
        if !key.is_empty() {
            builder = builder.key(key.to_owned());
        }
        let sender = builder.build().map_err(|error| error.to_string())?;
        let mut inner = self.lock();
        if inner.receivers.len() >= MAX_RECEIVERS {
            return Err(format!("{MAX_RECEIVERS} receivers are registered already: start the fake again"));
        }
        let shown = sender.shown_url();
        let registered = register(&self.core, sender).map_err(|error| error.to_string())?;
        inner.receivers.push((shown, registered));
        Ok(())
    }

    /// Notes how much of the quota is left, for the picture.
    pub(crate) fn sample(&self) {
        let now = self.core.now();
        let Some(left) = self.core.lock().quota.as_mut().map(|quota| quota.left(now)) else { return };
        let mut inner = self.lock();
        inner.samples.push_back(left);
        if inner.samples.len() > MAX_SAMPLES {
            inner.samples.pop_front();
        }
    }

    /// Whether a request is for the page rather than for the service.
    pub(crate) fn is_for(path: &str) -> bool {
        path == "/" || path == "/favicon.ico" || path.starts_with("/fake/")
    }

    pub(crate) fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut response = match self.refusal(request) {
            Some(refused) => refused,
            None => self.route(request),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            // With `no-referrer` browsers send `Origin: null` with the page's own forms, which are then refused.
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }

    /// Why the request is not served, if so.
    fn refusal(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let host = header(request.headers(), &HOST).unwrap_or_default();
        if self.is_local && !is_loopback_host(host) {
            let message = "the page is served at 127.0.0.1 and localhost only: open it there";
            return Some(text(StatusCode::MISDIRECTED_REQUEST, message));
        }
        if request.method() != Method::POST {
            return None;
        }
        let from_here = match header(request.headers(), &ORIGIN) {
            Some(origin) => origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host)),
            // Programs send neither header; browsers send at least one.
            None => request.headers().get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none"),
        };
        (!from_here)
            .then(|| text(StatusCode::FORBIDDEN, "a form of another site is not taken: use the fake's own page"))
    }

    fn route(&self, request: &Request<Bytes>) -> Response<Bytes> {
        match (request.method().as_str(), request.uri().path()) {
            ("GET" | "HEAD", "/") => {
                let host = header(request.headers(), &HOST).unwrap_or("127.0.0.1");
                let inner = self.lock();
                let view = html::View { receivers: &inner.receivers, samples: &inner.samples, host };
                of_type("text/html; charset=utf-8", html::page(&self.core, &view))
            }
            ("GET" | "HEAD", "/fake/style.css") => {
                of_type("text/css; charset=utf-8", include_str!("style.css").to_owned())
            }
            ("GET" | "HEAD", "/fake/app.js") => {
                of_type("text/javascript; charset=utf-8", include_str!("app.js").to_owned())
            }
            ("GET" | "HEAD", "/fake/events") => self.events(request.uri().query().unwrap_or_default()),
            ("GET" | "HEAD", "/favicon.ico") => text(StatusCode::NOT_FOUND, "no icon"),
            ("POST", path) => match self.act(path, request.body()) {
                Ok(()) => {
                    let mut response = text(StatusCode::SEE_OTHER, "done");
                    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
                    response
                }
                Err((status, message)) => text(status, &message),
            },
            ("GET" | "HEAD", _) => text(StatusCode::NOT_FOUND, "no such page: the status page is at /"),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "the page takes GET and POST only"),
        }
    }

    fn act(&self, path: &str, body: &[u8]) -> Result<(), (StatusCode, String)> {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
        let bad = |message: String| (StatusCode::UNPROCESSABLE_ENTITY, message);
        let now = self.core.now();
        match path {
            "/fake/scenario" => {
                let name = field("name");
                let names = || Scenario::ALL.map(Scenario::name).join(", ");
                let scenario = Scenario::named(name)
                    .ok_or_else(|| bad(format!("no scenario is called `{name}`: there are {}", names())))?;
                let mut fault = scenario.fault();
                for (name, value) in [("operation", field("operation")), ("id", field("id"))] {
                    fault = match (name, value) {
                        (_, "") => fault,
                        ("operation", operation) => fault.on(operation),
                        (_, id) => fault.for_id(id),
                    };
                }
                self.core.lock().script.extend([fault]);
            }
            "/fake/clear" => self.core.lock().script.clear(),
            "/fake/quota/spend" => {
                if let Some(quota) = &mut self.core.lock().quota {
                    quota.spend(now);
                }
            }
            "/fake/quota/reset" => {
                if let Some(quota) = &mut self.core.lock().quota {
                    quota.reset();
                }
            }
            "/fake/trigger" => {
                let event_type = field("type");
                let mut inner = self.core.lock();
                let id = inner.webhooks.next_id();
                let event = NewEvent::sample(event_type).attribute("id", &id).build();
                let event = event.map_err(|error| bad(format!("`{event_type}` makes no event: {error}")))?;
                inner.webhooks.send(event);
            }
            "/fake/resend" => {
                let id = field("id");
                let mut inner = self.core.lock();
                inner.webhooks.resend(id).ok_or_else(|| bad(format!("the fake knows no event `{id}`")))?;
            }
            "/fake/receiver" => self.add_receiver(field("url"), field("key")).map_err(bad)?,
            "/fake/task" => {
                let (id, status) = (field("id"), field("status"));
                let changed = self.core.change_status(id, status);
                changed.ok_or_else(|| bad(format!("there is no task `{id}`, or `{status}` is not a status")))?;
            }
            _ => return Err((StatusCode::NOT_FOUND, "the page has no such action".to_owned())),
        }
        self.sample();
        Ok(())
    }

    /// The events after a number, so that a listener catches up with what it missed.
    fn events(&self, query: &str) -> Response<Bytes> {
        let wanted = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let after = match wanted("after").map(|after| after.parse::<u64>()) {
            None => 0,
            Some(Ok(after)) => after,
            Some(Err(_)) => return text(StatusCode::UNPROCESSABLE_ENTITY, "`after` has to be a number"),
        };
        let id = wanted("id");
        let inner = self.core.lock();
        let chosen = inner
            .webhooks
            .emitted
            .iter()
            .filter(|(number, event)| *number > after && id.as_deref().is_none_or(|id| event.id().as_str() == id));
        let lines: Vec<Record> = chosen
            .filter_map(|(number, event)| Some((*number, Record::parse(event.as_json()).ok()?)))
            .map(|(number, event)| Record::new().with("number", &number).with("event", &event))
            .collect();
        let last = inner.webhooks.emitted.back().map_or(0, |(number, _)| *number);
        let first = inner.webhooks.emitted.front().map_or(0, |(number, _)| *number);
        let body = Record::new().with("first", &first).with("last", &last).with("events", &lines);
        of_type("application/json", body.to_json())
    }
}

/// Refuses an address of a receiver that is not a URL, or that is not on this machine: a fake must not call strangers.
///
/// # Errors
/// A sentence that says what to do instead.
pub fn check_receiver(url: &str, allow_remote: bool) -> Result<(), String> {
    let parsed = Url::parse(url).map_err(|error| {
        format!("the receiver's address is not a valid URL ({error}): write it like http://127.0.0.1:3000/webhook")
    })?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("the receiver's address has the scheme `{}`: use http or https", parsed.scheme()));
    }
    let is_local = match parsed.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_local || allow_remote {
        return Ok(());
    }
    let host = parsed.host_str().unwrap_or_default();
    Err(format!(
        "the receiver {host} is not on this machine, and a fake must not call strangers: use a loopback address, or allow \
         it with --allow-remote"
    ))
}

/// Whether the value of a `Host` header names this machine.
fn is_loopback_host(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn text(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = of_type("text/plain; charset=utf-8", format!("{message}\n"));
    *response.status_mut() = status;
    response
}

fn of_type(media_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

//! The fake itself: requests in, responses out, no sockets.

pub(crate) mod faults;
pub(crate) mod oauth;
mod preview;
pub(crate) mod quota;
pub(crate) mod recorded;
pub(crate) mod reply;
pub(crate) mod routes;
pub(crate) mod seed;
pub(crate) mod state;
pub(crate) mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::contract::query;
use crate::contract::validate::{self, Parts, Violation};
use crate::contract::{Contract, Match, Operation};
use crate::service::faults::{Action, Cut, Delivery, Fault, Script};
use crate::service::oauth::{Endpoint, Oauth};
use crate::service::quota::Quota;
use crate::service::recorded::{RecordedRequest, without_credentials};
use crate::service::reply::Refused;
use crate::service::routes::Call;
use crate::service::state::{Principal, State};
use crate::webhook::registered::Webhooks;

/// The path below which the REST API lives.
pub(crate) const BASE_PATH: &str = "/api/v1";

pub(crate) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

pub(crate) struct Core {
    clock: Clock,
    began: Instant,
    retry_after_header: bool,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) quota: Option<Quota>,
    pub(crate) script: Script,
    pub(crate) oauth: Oauth,
    pub(crate) requests: Vec<RecordedRequest>,
    pub(crate) executed: BTreeMap<String, u64>,
    pub(crate) webhooks: Webhooks,
    received: u64,
}

/// What is learned about a request on its way to a response.
#[derive(Default)]
struct Insight {
    principal: Option<String>,
    violations: Vec<Violation>,
}

impl Core {
    pub(crate) fn new(state: State, quota: Option<Quota>, clock: Clock, retry_after_header: bool) -> Self {
        let inner = Inner {
            state,
            quota,
            script: Script::default(),
            oauth: Oauth::default(),
            requests: Vec::new(),
            executed: BTreeMap::new(),
            webhooks: Webhooks::default(),
            received: 0,
        };
        Self { began: clock(), clock, retry_after_header, inner: Mutex::new(inner) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each request leaves the state whole, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        (self.clock)()
    }

    /// Responds to one request; what the HTTP side has to do beside that is in the extensions.
    pub(crate) fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut inner = self.lock();
        inner.received += 1;
        let id = format!("fake-request-{:06}", inner.received);
        let mut insight = Insight::default();
        let (operation, fault, mut response) = match Contract::embedded() {
            Ok(contract) => self.route(contract, &mut inner, request, &mut insight),
            Err(problem) => (None, Fault::pass(), reply::error(StatusCode::INTERNAL_SERVER_ERROR, problem)),
        };
        let delivery = Delivery { delay: fault.delay, cut: cut(&fault.action) };
        response.extensions_mut().insert(delivery);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", id);
        }
        let responded = !matches!(delivery.cut, Some(Cut::Head | Cut::Silence));
        // What goes to the OAuth endpoints is made of codes, tokens and secrets.
        let secret = Endpoint::find(request).is_some();
        let query = request.uri().query().filter(|_| !secret).unwrap_or_default();
        inner.requests.push(RecordedRequest {
            id,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: query::parse(query).unwrap_or_default(),
            headers: without_credentials(request.headers()),
            body: if secret { Bytes::new() } else { request.body().clone() },
            operation,
            principal: insight.principal,
            status: responded.then(|| response.status().as_u16()),
            violations: insight.violations,
        });
        response
    }

    /// Finds the operation and lets the scenario have its say before the request is looked at.
    fn route(
        &self,
        contract: &Contract,
        inner: &mut Inner,
        request: &Request<Bytes>,
        insight: &mut Insight,
    ) -> (Option<String>, Fault, Response<Bytes>) {
        if let Some(endpoint) = Endpoint::find(request) {
            return self.route_oauth(endpoint, inner, request);
        }
        let path = request.uri().path().strip_prefix(BASE_PATH).filter(|path| path.starts_with('/'));
        let found = path.map_or(Match::Nothing, |path| contract.find(request.method(), path));
        let operation = match &found {
            Match::Operation(operation, _) => Some(operation.id.clone()),
            Match::Methods(_) | Match::Nothing => None,
        };
        let fault = inner.script.next(operation.as_deref()).unwrap_or_else(Fault::pass);
        let response = match &fault.action {
            Action::Respond(response) => (**response).clone(),
            Action::DropBefore | Action::Hang => reply::empty(StatusCode::OK),
            Action::Pass | Action::DropAfter | Action::Truncate(_) => match found {
                Match::Operation(operation, path) => {
                    let served = self.serve(inner, operation, &path, request, insight);
                    served.unwrap_or_else(|refused| *refused)
                }
                Match::Methods(methods) => wrong_method(&methods),
                Match::Nothing => *routes::unknown("route"),
            },
        };
        (operation, fault, response)
    }

    /// The OAuth endpoints are no operations of the contract, but faults meet them by their names all the same.
    fn route_oauth(
        &self,
        endpoint: Endpoint,
        inner: &mut Inner,
        request: &Request<Bytes>,
    ) -> (Option<String>, Fault, Response<Bytes>) {
        let fault = inner.script.next(Some(endpoint.name())).unwrap_or_else(Fault::pass);
        let response = match &fault.action {
            Action::Respond(response) => (**response).clone(),
            Action::DropBefore | Action::Hang => reply::empty(StatusCode::OK),
            Action::Pass | Action::DropAfter | Action::Truncate(_) => {
                let Inner { oauth, state, .. } = inner;
                oauth.respond(endpoint, request, state, self.now())
            }
        };
        (Some(endpoint.name().to_owned()), fault, response)
    }

    /// The checks in the order a service makes them: credential, quota, workspace, permission, shape.
    fn serve(
        &self,
        inner: &mut Inner,
        operation: &Operation,
        path: &[(String, String)],
        request: &Request<Bytes>,
        insight: &mut Insight,
    ) -> Result<Response<Bytes>, Refused> {
        let now = self.now();
        let who = authenticate(inner, request.headers(), now)?;
        insight.principal = Some(who.id().to_owned());
        if let Some(quota) = &mut inner.quota {
            quota.admit(now).map_err(|wait| Box::new(self.rate_limited(wait)))?;
        }
        if path.iter().any(|(name, id)| name == "workspaceId" && !inner.state.is_workspace(id)) {
            return Err(routes::unknown("workspace"));
        }
        if let Some(refused) = routes::forbidden(operation, &who) {
            return Err(refused);
        }
        let query = query::parse(request.uri().query().unwrap_or_default()).ok_or_else(|| {
            insight.violations = vec![Violation::new("query", "?", "has a broken percent escape")];
            validate::refusal(StatusCode::UNPROCESSABLE_ENTITY, &insight.violations)
        })?;
        let parts = Parts { path, query: &query, headers: request.headers(), body: request.body() };
        validate::check(operation, &parts).map_err(|(status, violations)| {
            insight.violations = violations;
            validate::refusal(status, &insight.violations)
        })?;
        let since = now.saturating_duration_since(self.began);
        let call = Call { operation, who: &who, path, query: &query, body: request.body(), now: since };
        let response = routes::execute(&mut inner.state, &call);
        if response.status().is_success() {
            *inner.executed.entry(operation.id.clone()).or_default() += 1;
            inner.webhooks.emit(&call, &response);
        }
        Ok(response)
    }

    fn rate_limited(&self, wait: Duration) -> Response<Bytes> {
        let seconds = reply::whole_seconds(wait);
        let mut response = reply::error(StatusCode::TOO_MANY_REQUESTS, &reply::rate_limit_message(seconds));
        if self.retry_after_header {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Shows how much there is, never what it is.
impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("Core")
            .field("tasks", &inner.state.tasks.len())
            .field("documents", &inner.state.documents.len())
            .field("active_keys", &inner.state.keys.len())
            .field("requests", &inner.requests.len())
            .field("scripted", &inner.script.len())
            .finish_non_exhaustive()
    }
}

fn cut(action: &Action) -> Option<Cut> {
    match action {
        Action::Pass | Action::Respond(_) => None,
        Action::DropBefore | Action::DropAfter => Some(Cut::Head),
        Action::Truncate(bytes) => Some(Cut::Body(*bytes)),
        Action::Hang => Some(Cut::Silence),
    }
}

fn authenticate(inner: &Inner, headers: &HeaderMap, now: Instant) -> Result<Principal, Refused> {
    let refuse = |message: &str| reply::refuse(StatusCode::UNAUTHORIZED, message);
    let value =
        headers.get(AUTHORIZATION).ok_or_else(|| refuse("no credential, send `Authorization: Bearer <token>`"))?;
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| refuse("the credential is not a bearer token"))?;
    let known = inner.state.authenticate(token);
    known
        .or_else(|| inner.oauth.principal(token, &inner.state, now))
        .ok_or_else(|| refuse("the credential is unknown or revoked"))
}

fn wrong_method(methods: &[&Method]) -> Response<Bytes> {
    let allowed: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    let allowed = allowed.join(", ");
    let message = format!("this route takes {allowed} only");
    let mut response = reply::error(StatusCode::METHOD_NOT_ALLOWED, &message);
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

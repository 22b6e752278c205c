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

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use onehorizon::models::TaskStatus;

use crate::contract::query;
use crate::contract::validate::{self, Parts, Violation};
use crate::contract::{Contract, Match, Operation};
use crate::gzip::gzip;
use crate::record::Record;
use crate::service::faults::{Action, Cut, Delivery, Fault, Met, Script};
use crate::service::oauth::{Endpoint, Oauth};
use crate::service::quota::Quota;
use crate::service::recorded::{RecordedRequest, without_credentials};
use crate::service::reply::Refused;
use crate::service::routes::Call;
use crate::service::state::{Principal, State};
use crate::unknowns::{self, ListContent, Unknowns, UpdateMethod, WaitForm};
use crate::webhook::registered::{NewEvent, Webhooks};

/// The path below which the REST API lives.
pub(crate) const BASE_PATH: &str = "/api/v1";

pub(crate) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

pub(crate) struct Core {
    clock: Clock,
    began: Instant,
    unknowns: Unknowns,
    keep: Keep,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) quota: Option<Quota>,
    pub(crate) script: Script,
    pub(crate) oauth: Oauth,
    pub(crate) requests: VecDeque<RecordedRequest>,
    kept_bytes: usize,
    pub(crate) executed: BTreeMap<String, u64>,
    pub(crate) webhooks: Webhooks,
    received: u64,
}

/// What is learned about a request on its way to a response.
#[derive(Default)]
struct Insight {
    principal: Option<String>,
    violations: Vec<Violation>,
    undocumented: Vec<&'static str>,
}

/// How much of what it saw a fake remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    pub(crate) requests: usize,
    pub(crate) bytes: usize,
}

impl Inner {
    fn keep(&mut self, request: RecordedRequest, limits: Keep) {
        self.kept_bytes += request.size();
        self.requests.push_back(request);
        while self.requests.len() > limits.requests || (self.kept_bytes > limits.bytes && self.requests.len() > 1) {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.kept_bytes = self.kept_bytes.saturating_sub(oldest.size());
        }
    }

    pub(crate) fn forget_requests(&mut self) {
        self.requests.clear();
        self.kept_bytes = 0;
    }
}

impl Core {
    pub(crate) fn new(state: State, quota: Option<Quota>, clock: Clock, unknowns: Unknowns, keep: Keep) -> Self {
        let inner = Inner {
            state,
            quota,
            script: Script::default(),
            oauth: Oauth::default(),
            requests: VecDeque::new(),
            kept_bytes: 0,
            executed: BTreeMap::new(),
            webhooks: Webhooks::new(keep.requests),
            received: 0,
        };
        Self { began: clock(), clock, unknowns, keep, inner: Mutex::new(inner) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each request leaves the state whole, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        (self.clock)()
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.now().saturating_duration_since(self.began)
    }

    /// The operation of the contract that a request matches.
    pub(crate) fn operation_of(request: &Request<Bytes>) -> Option<&'static str> {
        let path = request.uri().path().strip_prefix(BASE_PATH)?;
        match Contract::embedded().ok()?.find(request.method(), path) {
            Match::Operation(operation, _) => Some(&operation.id),
            Match::Methods(_) | Match::Nothing => None,
        }
    }

    /// Changes the status of a task as a user of the page does, and sends the event; `None` where there is no such task or
    /// status.
    pub(crate) fn change_status(&self, task_id: &str, status: &str) -> Option<()> {
        let status: TaskStatus = status.parse().ok()?;
        let now = self.since_start();
        let mut inner = self.lock();
        let task = inner.state.patch_task(task_id, &Record::new().with("status", status.as_str()), now).ok()?;
        let id = inner.webhooks.next_id();
        let event = NewEvent::new("task.updated", &id)
            .attribute("time", &time::text(now))
            .resource("task", task_id)
            .related("taskId", task_id)
            .actor("user", "u_ada")
            .field("task", &task);
        inner.webhooks.send(event.build().ok()?);
        Some(())
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
        if !insight.undocumented.is_empty()
            && let Ok(names) = HeaderValue::from_str(&insight.undocumented.join(", "))
        {
            response.headers_mut().insert(unknowns::HEADER, names);
        }
        let responded = !matches!(delivery.cut, Some(Cut::Head | Cut::Silence));
        // What goes to the OAuth endpoints is made of codes, tokens and secrets.
        let secret = Endpoint::find(request).is_some();
        let query = request.uri().query().filter(|_| !secret).unwrap_or_default();
        let recorded = RecordedRequest {
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
            undocumented: insight.undocumented,
            at: self.since_start(),
        };
        inner.keep(recorded, self.keep);
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
        let method = self.unknowns.contract_method(request.method(), contract.update_method());
        // A method that this service does not know is any that no route has.
        let method = method.as_ref().unwrap_or(&Method::CONNECT);
        let found = path.map_or(Match::Nothing, |path| contract.find(method, path));
        let operation = match &found {
            Match::Operation(operation, _) => Some(operation.id.clone()),
            Match::Methods(_) | Match::Nothing => None,
        };
        let captures: &[(String, String)] = match &found {
            Match::Operation(_, captures) => captures,
            Match::Methods(_) | Match::Nothing => &[],
        };
        let who = authenticate(inner, request.headers(), self.now()).ok();
        let principal = who.as_ref().map(Principal::id);
        let met = Met { operation: operation.as_deref(), path: captures, principal };
        let fault = inner.script.next(met).unwrap_or_else(Fault::pass);
        let response = match &fault.action {
            Action::Respond(response) => (**response).clone(),
            Action::DropBefore | Action::Hang => reply::empty(StatusCode::OK),
            Action::Pass | Action::DropAfter | Action::Truncate(_) | Action::Gzip => {
                let served = match found {
                    Match::Operation(operation, path) => {
                        let served = self.serve(inner, operation, &path, request, insight);
                        served.unwrap_or_else(|refused| *refused)
                    }
                    Match::Methods(methods) => wrong_method(&methods, self.unknowns),
                    Match::Nothing => *routes::unknown("route"),
                };
                self.unknowns.shape_error(served)
            }
        };
        let response = if matches!(fault.action, Action::Gzip) { compressed(response) } else { response };
        (operation, fault, response)
    }

    /// The OAuth endpoints are no operations of the contract, but faults meet them by their names all the same.
    fn route_oauth(
        &self,
        endpoint: Endpoint,
        inner: &mut Inner,
        request: &Request<Bytes>,
    ) -> (Option<String>, Fault, Response<Bytes>) {
        let met = Met { operation: Some(endpoint.name()), ..Met::default() };
        let fault = inner.script.next(met).unwrap_or_else(Fault::pass);
        let response = match &fault.action {
            Action::Respond(response) => (**response).clone(),
            Action::DropBefore | Action::Hang => reply::empty(StatusCode::OK),
            Action::Pass | Action::DropAfter | Action::Truncate(_) | Action::Gzip => {
                let Inner { oauth, state, .. } = inner;
                oauth.respond(endpoint, request, state, self.now())
            }
        };
        (Some(endpoint.name().to_owned()), fault, response)
    }

    /// Serves the request, and notes what of the response no documentation says.
    fn serve(
        &self,
        inner: &mut Inner,
        operation: &Operation,
        path: &[(String, String)],
        request: &Request<Bytes>,
        insight: &mut Insight,
    ) -> Result<Response<Bytes>, Refused> {
        let served = self.checked(inner, operation, path, request, insight);
        let status = served.as_ref().map_or_else(|refused| refused.status(), Response::status);
        let query = request.uri().query().unwrap_or_default();
        insight.undocumented = unknowns::undocumented(&operation.id, operation.documented, query, status);
        served
    }

    /// The checks in the order a service makes them: credential, quota, workspace, permission, shape.
    fn checked(
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
        // What PATCH leaves out stays as it is, so the whole task is what has to be valid.
        let merged = (request.method() == Method::PATCH).then(|| {
            let id = path.iter().find(|(name, _)| name == "taskId").map_or("", |(_, id)| id.as_str());
            let sent = serde_json::from_slice::<Record>(request.body()).ok()?;
            Some(Bytes::from(inner.state.merged(id, &sent)?.to_json()))
        });
        // Of a new task described as a whole one, what the service fills in need not be sent.
        let filled = (operation.sends_whole && operation.id == "createTask").then(|| {
            let mut sent = serde_json::from_slice::<Record>(request.body()).ok()?;
            state::fill_in(&mut sent);
            Some(Bytes::from(sent.to_json()))
        });
        let merged = merged.flatten();
        let body = merged.as_ref().unwrap_or(request.body());
        let parts = Parts { path, query: &query, headers: request.headers(), body };
        let checked = validate::check(operation, &parts).or_else(|refused| match filled {
            Some(Some(body)) => {
                validate::check(operation, &Parts { path, query: &query, headers: request.headers(), body: &body })
            }
            // Not an object that can be kept, which is refused below, unless it is not JSON at all.
            Some(None) if refused.1.iter().all(|violation| violation.path != "$") => Ok(()),
            _ => Err(refused),
        });
        checked.map_err(|(status, violations)| {
            insight.violations = violations;
            validate::refusal(status, &insight.violations)
        })?;
        let since = now.saturating_duration_since(self.began);
        let call = Call {
            operation,
            who: &who,
            path,
            query: &query,
            body,
            now: since,
            whole_lists: self.unknowns.lists == ListContent::Whole,
        };
        let response = routes::execute(&mut inner.state, &call);
        if response.status().is_success() {
            *inner.executed.entry(operation.id.clone()).or_default() += 1;
            inner.webhooks.emit(&call, &response);
            return Ok(self.unknowns.shape_success(&operation.id, response));
        }
        Ok(response)
    }

    fn rate_limited(&self, wait: Duration) -> Response<Bytes> {
        let seconds = reply::whole_seconds(wait);
        let message = match self.unknowns.wait {
            WaitForm::RetryAfter => "standard rate limit exceeded".to_owned(),
            WaitForm::Message | WaitForm::Both => reply::rate_limit_message(seconds),
        };
        let mut response = reply::error(StatusCode::TOO_MANY_REQUESTS, &message);
        if self.unknowns.wait != WaitForm::Message {
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
        Action::Pass | Action::Respond(_) | Action::Gzip => None,
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

/// The response compressed, if it has a body.
fn compressed(response: Response<Bytes>) -> Response<Bytes> {
    let (mut head, body) = response.into_parts();
    if body.is_empty() {
        return Response::from_parts(head, body);
    }
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(head, gzip(&body))
}

fn wrong_method(methods: &[&Method], unknowns: Unknowns) -> Response<Bytes> {
    let names = methods.iter().flat_map(|method| match (unknowns.update_method, method.as_str()) {
        (UpdateMethod::Patch, "PUT") => vec!["PATCH"],
        (UpdateMethod::Either, "PUT") => vec!["PUT", "PATCH"],
        (_, name) => vec![name],
    });
    let allowed: Vec<&str> = names.collect();
    let allowed = allowed.join(", ");
    let message = format!("this route takes {allowed} only");
    let mut response = reply::error(StatusCode::METHOD_NOT_ALLOWED, &message);
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

//! The fake service: [`FakeOneHorizon`] and its settings.

#![allow(clippy::missing_panics_doc, reason = "the assertions say when they panic in their first line")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};

use onehorizon::limits::{BURST_REQUESTS, QUOTA_REQUESTS};

use crate::cassette::{Recorder, ReplayTransport};
use crate::contract::validate::Violation;
use crate::found::{Records, Requests};
use crate::page::Page;
use crate::record::Record;
use crate::seed::Seed;
use crate::server::{Server, Site};
use crate::service::faults::Fault;
use crate::service::quota::{Quota, QuotaModel};
use crate::service::recorded::RecordedRequest;
use crate::service::seed;
use crate::service::{BASE_PATH, Core, Keep};
use crate::transport::FakeTransport;
use crate::unknowns::{Unknowns, WaitForm};

/// A One Horizon that lives in this process.
///
/// It starts with a small workspace: initiatives in several statuses, bugs, todos, documents, two
/// API keys and three users. All its credentials are made up and open nothing else.
///
/// The rules it plays:
/// - every request carries `Authorization: Bearer <token>`; else, and for revoked keys, 401;
/// - API keys and users without a managing role are refused on key routes with 403;
/// - 20 keys may be active, the 21st is refused with 409; a key's secret is shown once;
/// - one quota for the whole workspace: 200 requests per 15 minutes and 40 per minute, stated in the
///   message and in no header; requests without a known credential do not count;
/// - `current` and the workspace's own id name the workspace, any other is 404;
/// - what the contract does not allow is refused with 422 (415 for a media type, 405 for a method)
///   and `details` that name each place;
/// - users log in at `/app/auth/authorize` and `/app/auth/token`, see [`Self::add_oauth_app`].
///
/// Decided by the fake, because the service does not document it:
/// - `listTasks` without `all=true` leaves out completed, cancelled and merged tasks unless `status`
///   asks for them, and shows a user only their own and those they contribute to; an API key
///   stands for nobody and sees everyone's. With `all=true` only the other filters count.
///   Descriptions longer than 200 characters are cut in lists;
/// - `updateTask` replaces the task: fields that are not sent are gone, except `taskId`,
///   `workspaceId` and `createdAt`;
/// - tasks carry a field `origin` that the contract does not know, so that a client that drops what
///   it does not know is found out;
/// - responses carry an `x-request-id`; time begins at 2026-06-01T09:00:00Z.
///
/// Dropping the fake closes its socket and every connection.
#[derive(Debug)]
pub struct FakeOneHorizon {
    pub(crate) core: Arc<Core>,
    server: Option<Server>,
    page: Option<Arc<Page>>,
}

impl FakeOneHorizon {
    /// Starts the fake on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Could not bind a port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The fake with other settings.
    pub fn builder() -> FakeBuilder {
        FakeBuilder::default()
    }

    /// The base URL for a client, ending in `/api/v1`.
    ///
    /// A fake without a socket has a URL that leads nowhere; reach it through [`Self::handle`].
    #[must_use]
    pub fn url(&self) -> String {
        match &self.server {
            Some(server) => format!("http://{}{BASE_PATH}", server.address()),
            None => format!("https://onehorizon.invalid{BASE_PATH}"),
        }
    }

    /// Delivers webhooks to a receiver for as long as the fake lives, and shows them on its status page; an empty key sends
    /// none.
    ///
    /// # Errors
    /// A sentence that says what to do: the address is not a URL or not on this machine, or the fake has no status page.
    pub fn add_receiver(&self, url: &str, key: &str) -> Result<(), String> {
        let page = self.page.as_ref().ok_or("start the fake with `FakeBuilder::status_page`")?;
        page.add_receiver(url, key)
    }

    /// Where the fake listens; `None` for one without a socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Server::address)
    }

    /// Closes the socket and every connection, and returns when they are gone.
    pub async fn shutdown(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }

    /// Responds to one request without any socket. The scenario's part that only a connection can play
    /// is the [`Delivery`](crate::Delivery) in the response's extensions.
    #[must_use]
    pub fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.core.handle(request)
    }

    /// The fake as a client's transport, without any socket; it outlives the fake.
    #[must_use]
    pub fn transport(&self) -> FakeTransport {
        FakeTransport { core: Arc::clone(&self.core) }
    }

    /// An API key of the workspace.
    #[must_use]
    pub fn api_key(&self) -> &'static str {
        seed::API_KEY
    }

    /// An OAuth access token of the workspace's owner.
    #[must_use]
    pub fn oauth_token(&self) -> &'static str {
        seed::OWNER_TOKEN
    }

    /// An OAuth access token of an admin, who may manage API keys as well.
    #[must_use]
    pub fn admin_token(&self) -> &'static str {
        seed::ADMIN_TOKEN
    }

    /// An OAuth access token of a user of the role *member*, who may not manage API keys.
    #[must_use]
    pub fn member_token(&self) -> &'static str {
        seed::MEMBER_TOKEN
    }

    /// The id that `current` stands for.
    #[must_use]
    pub fn workspace_id(&self) -> &'static str {
        seed::WORKSPACE_ID
    }

    /// Puts faults in the queue: each coming request meets the first one that waits for it.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.core.lock().script.extend(faults);
    }

    /// Puts one fault in the queue.
    pub fn fail_next(&self, fault: Fault) {
        self.script([fault]);
    }

    /// Forgets the faults that no request has met.
    pub fn clear_script(&self) {
        self.core.lock().script.clear();
    }

    /// How many faults wait for a request.
    #[must_use]
    pub fn scripted(&self) -> usize {
        self.core.lock().script.len()
    }

    /// The requests since the start, or since they were last cleared, in their order.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self.core.lock().requests.iter().cloned().collect())
    }

    /// Panics unless the operation, such as `createTask`, took effect at least once.
    #[track_caller]
    pub fn assert_called(&self, operation_id: &str) {
        let executed = self.executed(operation_id);
        assert!(executed > 0, "{operation_id} did not take effect\n{}", self.summary());
    }

    /// Panics unless the operation took effect so many times.
    #[track_caller]
    pub fn assert_called_times(&self, operation_id: &str, times: u64) {
        let executed = self.executed(operation_id);
        assert!(executed == times, "{operation_id} took effect {executed} times, not {times}\n{}", self.summary());
    }

    /// Panics if the operation took effect.
    #[track_caller]
    pub fn assert_not_called(&self, operation_id: &str) {
        self.assert_called_times(operation_id, 0);
    }

    /// Panics if a request had anything that the contract does not allow, with a line for each.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        let found: Vec<String> = self.violations().iter().map(ToString::to_string).collect();
        assert!(
            found.is_empty(),
            "requests that the contract does not allow:\n  {}\n{}",
            found.join("\n  "),
            self.summary()
        );
    }

    /// Panics if a fault still waits for a request: the code under test did not do all that was expected.
    #[track_caller]
    pub fn assert_script_is_used(&self) {
        let waiting: Vec<String> = self.core.lock().script.lines().collect();
        assert!(waiting.is_empty(), "no request met these faults:\n  {}\n{}", waiting.join("\n  "), self.summary());
    }

    /// The requests so far, a line each.
    fn summary(&self) -> String {
        let requests = self.requests();
        let lines: Vec<String> = requests.iter().map(|request| format!("\n  {}", request.line())).collect();
        let from = lines.len().saturating_sub(30);
        format!("requests so far ({}):{}", lines.len(), lines.iter().skip(from).map(String::as_str).collect::<String>())
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.core.lock().forget_requests();
    }

    /// Everything in the requests that the contract does not allow.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let inner = self.core.lock();
        inner.requests.iter().flat_map(RecordedRequest::violations).cloned().collect()
    }

    /// How many times an operation, such as `createTask`, took effect, whatever its caller heard.
    #[must_use]
    pub fn executed(&self, operation_id: &str) -> u64 {
        self.core.lock().executed.get(operation_id).copied().unwrap_or(0)
    }

    /// All tasks as they are stored.
    #[must_use]
    pub fn tasks(&self) -> Records {
        Records::new("task", self.core.lock().state.tasks.clone())
    }

    /// One task as it is stored.
    #[must_use]
    pub fn task(&self, task_id: &str) -> Option<Record> {
        self.core.lock().state.task(task_id).cloned()
    }

    /// Stores a task as it is, unchecked, in place of one with the same `taskId`; without a
    /// `taskId` it gets a new one.
    pub fn put_task(&self, task: Record) {
        self.core.lock().state.put_task(task);
    }

    /// Takes a task away, if there is one.
    pub fn remove_task(&self, task_id: &str) {
        self.core.lock().state.remove_task(task_id);
    }

    /// All documents as they are stored, content included.
    #[must_use]
    pub fn documents(&self) -> Records {
        Records::new("document", self.core.lock().state.documents.clone())
    }

    /// All comments as they are stored.
    #[must_use]
    pub fn comments(&self) -> Records {
        Records::new("comment", self.core.lock().state.comments.clone())
    }

    /// The OAuth access token of a user of the workspace, one of a seed included; `None` where there is no such user.
    #[must_use]
    pub fn token_of(&self, user_id: &str) -> Option<String> {
        let inner = self.core.lock();
        let user = inner.state.users.iter().find(|user| user.id == user_id)?;
        Some(user.token.expose().to_owned())
    }

    /// Stores a document as it is, unchecked, behind the others.
    pub fn put_document(&self, document: Record) {
        self.core.lock().state.documents.push(document);
    }

    /// The ids of the active API keys.
    #[must_use]
    pub fn active_keys(&self) -> Vec<String> {
        self.core.lock().state.keys.iter().map(|key| key.id.clone()).collect()
    }

    /// Uses up what is left of the 15 minutes.
    pub fn spend_quota(&self) {
        let now = self.core.now();
        if let Some(quota) = &mut self.core.lock().quota {
            quota.spend(now);
        }
    }

    /// Uses up what is left of the minute.
    pub fn spend_minute(&self) {
        let now = self.core.now();
        if let Some(quota) = &mut self.core.lock().quota {
            quota.spend_minute(now);
        }
    }

    /// How many requests would be let in at once; `None` when the quota is off.
    #[must_use]
    pub fn quota_left(&self) -> Option<u32> {
        let now = self.core.now();
        self.core.lock().quota.as_mut().map(|quota| quota.left(now))
    }
}

/// Settings of a fake.
#[must_use = "a builder does nothing until the fake is started"]
pub struct FakeBuilder {
    seed: Seed,
    unknowns: Unknowns,
    keep: Keep,
    address: SocketAddr,
    has_page: bool,
    recorder: Option<Recorder>,
    replay: Option<ReplayTransport>,
    allow_remote: bool,
    model: QuotaModel,
    limits: Option<(u32, u32)>,
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

impl Default for FakeBuilder {
    fn default() -> Self {
        Self {
            seed: Seed::demo(),
            unknowns: Unknowns::default(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            has_page: false,
            recorder: None,
            replay: None,
            allow_remote: false,
            keep: Keep { requests: 10_000, bytes: 256 << 20 },
            model: QuotaModel::default(),
            limits: Some((QUOTA_REQUESTS, BURST_REQUESTS)),
            clock: Box::new(tokio_now),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the default of an injected clock; tests can pause it")]
fn tokio_now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl std::fmt::Debug for FakeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeBuilder")
            .field("model", &self.model)
            .field("limits", &self.limits)
            .field("unknowns", &self.unknowns)
            .finish_non_exhaustive()
    }
}

impl FakeBuilder {
    /// Starts without tasks and documents; users and keys stay.
    pub fn empty(mut self) -> Self {
        self.seed = Seed::new();
        self
    }

    /// What the workspace holds at the start; [`Seed::demo`] unless set.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// How the fake behaves where the service's documentation is silent.
    pub fn unknowns(mut self, unknowns: Unknowns) -> Self {
        self.unknowns = unknowns;
        self
    }

    /// How many requests, and events, are remembered; 10,000 unless set. The oldest are forgotten first.
    pub fn keep_requests(mut self, count: usize) -> Self {
        self.keep.requests = count;
        self
    }

    /// How requests are counted.
    pub fn quota_model(mut self, model: QuotaModel) -> Self {
        self.model = model;
        self
    }

    /// Other numbers than the documented 200 per 15 minutes and 40 per minute; zero counts as one.
    pub fn quota(mut self, per_15_minutes: u32, per_minute: u32) -> Self {
        self.limits = Some((per_15_minutes, per_minute));
        self
    }

    /// How many bytes of requests are remembered; 256 MiB unless set. The oldest are forgotten first.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep.bytes = bytes;
        self
    }

    /// Where [`start`](Self::start) listens; a free port of 127.0.0.1 unless set. Anyone who reaches the address can use the
    /// fake, so keep it on loopback.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Serves a status page at `/`, with buttons for scenarios, quota and webhooks.
    pub fn status_page(mut self) -> Self {
        self.has_page = true;
        self
    }

    /// Records the traffic of the REST API that comes through the socket, without secrets. Logins are not recorded.
    pub fn record(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Responds from a recording instead of playing the service, to requests of the REST API that come through the socket.
    pub fn replay(mut self, replay: ReplayTransport) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Lets the status page register receivers of webhooks that are not on this machine.
    pub fn allow_remote_receivers(mut self) -> Self {
        self.allow_remote = true;
        self
    }

    /// No quota at all.
    pub fn quota_off(mut self) -> Self {
        self.limits = None;
        self
    }

    /// States the wait in a `Retry-After` header too, which the service is not known to do.
    pub fn retry_after_header(mut self) -> Self {
        self.unknowns.wait = WaitForm::Both;
        self
    }

    /// The clock of the quota and of the times in responses; by default tokio's, which tests can pause.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The fake without a socket, to be reached through [`FakeOneHorizon::handle`].
    #[must_use]
    pub fn in_process(self) -> FakeOneHorizon {
        let quota = self.limits.map(|(quarter, minute)| Quota::new(self.model, quarter, minute));
        let core = Core::new(seed::state(self.seed), quota, self.clock, self.unknowns, self.keep);
        FakeOneHorizon { core: Arc::new(core), server: None, page: None }
    }

    /// Starts the fake on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Could not bind a port.
    pub async fn start(self) -> io::Result<FakeOneHorizon> {
        let (address, has_page, allow_remote) = (self.address, self.has_page, self.allow_remote);
        let (recorder, replay) = (self.recorder.clone(), self.replay.clone());
        let mut fake = self.in_process();
        let core = Arc::clone(&fake.core);
        let page = || Arc::new(Page::new(Arc::clone(&core), address.ip().is_loopback(), allow_remote));
        fake.page = has_page.then(page);
        let site = Site { core, page: fake.page.clone(), recorder, replay };
        fake.server = Some(Server::start(address, site).await?);
        Ok(fake)
    }
}

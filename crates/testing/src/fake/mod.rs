//! The fake service: [`FakeOneHorizon`] and its settings.

#![allow(clippy::missing_panics_doc, reason = "the assertions say when they panic in their first line")]

mod builder;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use onehorizon::{Configuration, ConfigurationBuilder};

pub use self::builder::FakeBuilder;
use crate::contract::validate::Violation;
use crate::found::{Records, Requests};
use crate::page::Page;
use crate::record::Record;
use crate::server::Server;
use crate::service::faults::Fault;
use crate::service::recorded::RecordedRequest;
use crate::service::seed;
use crate::service::{BASE_PATH, Core};
use crate::transport::FakeTransport;

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

    /// A configuration for this fake, with its [API key](Self::api_key); without a socket it goes through
    /// [`transport`](Self::transport).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use onehorizon::TasksApi;
    /// use onehorizon_testing::FakeOneHorizon;
    ///
    /// let fake = FakeOneHorizon::start().await?;
    /// let tasks = TasksApi::new(&fake.configuration());
    /// assert_eq!(tasks.fetch_task("tsk_1001").await?.task_id, "tsk_1001");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When a variable of the environment, such as `HTTP_PROXY`, cannot be used.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test has no use for a fake that it cannot reach")]
    pub fn configuration(&self) -> Configuration {
        self.configuration_builder().build().expect("the address and the key of a fake are valid")
    }

    /// [`configuration`](Self::configuration) before it is built, to set a clock, another credential or what is retried.
    pub fn configuration_builder(&self) -> ConfigurationBuilder {
        let builder = Configuration::builder().base_url(self.url()).api_key(self.api_key());
        if self.server.is_some() { builder } else { builder.transport(self.transport()) }
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

//! The settings that clients share: base address, credential, time limits, retries, network, quota.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "blocking")]
use std::sync::OnceLock;

mod behavior;
mod builder;
mod host_list;

pub use behavior::Behavior;
pub use builder::ConfigurationBuilder;
pub use host_list::HostList;

#[cfg(feature = "blocking")]
use crate::background::Background;
use crate::credential::Credential;
use crate::engine::Settings;
use crate::error::Error;
use crate::keyed_locks::KeyedLocks;
use crate::models::WorkspaceId;
use crate::quota::QuotaStatus;
use crate::store::StoreError;

/// The address of the service.
///
/// Evidence: documented (API keys page).
pub const DEFAULT_BASE_URL: &str = "https://onehorizon.ai/api/v1";

/// The workspace that owns the API key.
///
/// Evidence: documented (API keys page).
pub const CURRENT_WORKSPACE: &str = "current";

/// Where to send, as whom, and how patiently; made once and shared by all clients.
///
/// Cloning is cheap, and clones share their connections and what they know of the quota.
///
/// Async calls need a Tokio runtime, made with `enable_all` (`#[tokio::main]` and `#[tokio::test]` do that): connections need
/// its I/O, waits its timer. Outside a runtime, and in one without them, a call is an error of kind `Config`; the feature
/// `blocking` has clients that need none.
///
/// ```
/// use onehorizon::{Configuration, TasksApi};
/// # fn main() -> Result<(), onehorizon::Error> {
/// let configuration = Configuration::builder().api_key("the-key").workspace("w_1").build()?;
/// let tasks = TasksApi::new(&configuration);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[doc(alias = "Client")]
#[doc(alias = "OneHorizon")]
pub struct Configuration {
    settings: Arc<Settings>,
    /// One edit of a task at a time.
    edits: Arc<KeyedLocks>,
    #[cfg(feature = "blocking")]
    background: Arc<OnceLock<Result<Background, String>>>,
}

impl Configuration {
    /// A builder with the documented defaults.
    #[doc(alias = "new")]
    pub fn builder() -> ConfigurationBuilder {
        ConfigurationBuilder::default()
    }

    /// Reads the credential from `ONE_API_KEY`, else `ONE_OAUTH_TOKEN`, and the address from `ONE_HORIZON_BASE_URL`
    /// if it is set.
    ///
    /// # Errors
    /// `Config` if neither credential is set, or a value cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        ConfigurationBuilder::from_env()?.build()
    }

    /// What this configuration and its clones know of the quota at this moment.
    #[must_use]
    pub fn quota(&self) -> QuotaStatus {
        self.settings.quota.status()
    }

    /// Waits until the quota's store knows of all calls that have ended: for jobs that end after their last call.
    ///
    /// # Errors
    /// What keeps the store from it, after five times [`store_timeout`](crate::quota::Pacing::store_timeout) at the latest.
    /// Nothing is lost then: the slots of the calls end with their leases.
    pub async fn flush_quota(&self) -> Result<(), StoreError> {
        self.settings.quota.flush().await
    }

    /// The same with another credential of the same workspace, for instance a new API key to try out.
    ///
    /// Both share their connections and what they know of the quota, since the service counts by workspace.
    ///
    /// ```
    /// use onehorizon::{Configuration, Credential};
    /// # fn main() -> Result<(), onehorizon::Error> {
    /// let old = Configuration::builder().api_key("old-key").build()?;
    /// let new = old.with_credential(Credential::api_key("new-key")?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        self.derived(credential, self.workspace().clone())
    }

    pub(crate) fn derived(&self, credential: Credential, workspace: WorkspaceId) -> Self {
        let settings = Settings { credential, workspace, ..(*self.settings).clone() };
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// The background thread of the blocking clients, started by the first of them that needs it.
    #[cfg(feature = "blocking")]
    pub(crate) fn background(&self) -> Result<&Background, String> {
        self.background.get_or_init(Background::start).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn edits(&self) -> &KeyedLocks {
        &self.edits
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// How many hooks have panicked; each was contained.
    #[must_use]
    pub fn hook_panics(&self) -> u64 {
        self.settings.hooks.panics()
    }

    /// The address that requests go to.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.settings.base_url.as_str()
    }

    /// The workspace of calls that do not name one.
    #[must_use]
    pub fn workspace(&self) -> &WorkspaceId {
        &self.settings.workspace
    }

    /// The credential.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.settings.credential
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("base_url", &self.base_url())
            .field("credential", &self.settings.credential)
            .field("workspace", &self.settings.workspace)
            .field("timeout", &self.settings.timeout)
            .field("deadline", &self.settings.deadline)
            .field("max_response_bytes", &self.settings.max_response_bytes)
            .field("retry", &self.settings.retry)
            .finish_non_exhaustive()
    }
}

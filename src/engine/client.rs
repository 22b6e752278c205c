//! What the calls of a client share: base address, credential, settings of the engine, transport, quota.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use url::Url;

use super::budget::Budget;
use super::retry::Retry;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::drift::Reported;
use crate::hooks::Hooks;
use crate::models::WorkspaceId;
use crate::quota::Quota;
use crate::transport::Transport;

/// The settings of a client, checked where they are made.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) credential: Credential,
    pub(crate) workspace: WorkspaceId,
    pub(crate) timeout: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) max_response_bytes: usize,
    pub(crate) retry: Retry,
    pub(crate) budget: Arc<Budget>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) hooks: Hooks,
    pub(crate) reported: Arc<Reported>,
    /// Whether the service has refused PUT where the contract deduces it, and named PATCH instead.
    pub(crate) takes_patch: Arc<AtomicBool>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
}

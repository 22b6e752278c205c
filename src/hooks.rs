//! Watching calls from outside: what is called when a call, an attempt or a wait begins and ends.
//!
//! Implement [`CallHooks`] and hand it to
//! [`ConfigurationBuilder::hooks`](crate::ConfigurationBuilder::hooks); several work side by side, in the order in which
//! they were given. Hooks run within the call: keep them short. A hook that panics is contained and counted
//! ([`Configuration::hook_panics`](crate::Configuration::hook_panics)). What hooks get has no secret in it, and no data of
//! the user but the workspace's id and the request's id.
//!
//! ```
//! use onehorizon::hooks::{AttemptEnd, AttemptInfo, CallHooks};
//!
//! struct Log;
//!
//! impl CallHooks for Log {
//!     fn attempt_ended(&self, attempt: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
//!         println!("{} #{}: {:?} in {:?}", attempt.call.operation, attempt.number, end.status, end.elapsed);
//!     }
//! }
//! # fn main() -> Result<(), onehorizon::Error> {
//! let configuration = onehorizon::Configuration::builder().api_key("the-key").hooks(Log).build()?;
//! # Ok(()) }
//! ```

use std::time::Duration;

pub use crate::drift::{Drift, DriftKind};
use crate::error::ErrorKind;
use crate::metadata::{RateLimit, Sent, TimeSpent};
use crate::quota::WindowUsage;
use crate::watchers::Watchers;

/// Called at the steps of every call; every method does nothing unless it is implemented.
///
/// The order is: `call_started`, then for each attempt `attempt_started` and `attempt_ended`, with `wait_started` before,
/// between or after them, then `call_ended`. Whatever has started ends, also when the call's future is dropped.
pub trait CallHooks: Send + Sync + 'static {
    /// A call begins.
    fn call_started(&self, call: &CallInfo<'_>) {
        let _ = call;
    }

    /// A request is about to be sent.
    fn attempt_started(&self, attempt: &AttemptInfo<'_>) {
        let _ = attempt;
    }

    /// A request has ended: by a response, a failure, or because the call was dropped.
    fn attempt_ended(&self, attempt: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
        let _ = (attempt, end);
    }

    /// A wait begins.
    fn wait_started(&self, call: &CallInfo<'_>, wait: &WaitInfo) {
        let _ = (call, wait);
    }

    /// A response held something that this version of the crate does not know: the service has grown. Called once for each
    /// such thing and operation of a configuration and its clones, before `call_ended`.
    fn drift_found(&self, call: &CallInfo<'_>, drift: &Drift<'_>) {
        let _ = (call, drift);
    }

    /// A call has ended: its response has been read, or it failed.
    fn call_ended(&self, call: &CallInfo<'_>, end: &CallEnd) {
        let _ = (call, end);
    }
}

/// A call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallInfo<'a> {
    /// The operation, in the official SDK's spelling (`fetchTask`); `request` for raw requests.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path's template, for instance `/workspaces/{workspaceId}/tasks/{taskId}`.
    pub route: &'a str,
    /// The workspace's id.
    pub workspace: &'a str,
    /// The service's host.
    pub server_address: &'a str,
    /// The service's port.
    pub server_port: u16,
}

impl CallInfo<'_> {
    /// Whether it is a raw request, whose route is what the program wrote.
    #[cfg(feature = "metrics")]
    pub(crate) fn is_raw(&self) -> bool {
        self.operation == "request"
    }
}

/// One request of a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AttemptInfo<'a> {
    /// The call.
    pub call: CallInfo<'a>,
    /// 1 for the first.
    pub number: u32,
    /// Why the call is tried again; `None` for the first attempt.
    pub retry_reason: Option<ErrorKind>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AttemptEnd<'a> {
    /// The response's status, if there was one.
    pub status: Option<u16>,
    /// The kind of the failure, if it was one.
    pub error: Option<ErrorKind>,
    /// Whether the service may have received the request.
    pub was_sent: Sent,
    /// How long it took.
    pub elapsed: Duration,
    /// The id that the service gave the request.
    pub request_id: Option<&'a str>,
    /// What the response says of the quota.
    pub rate_limit: Option<&'a RateLimit>,
    /// How far the quota's windows are used, by what pacing counts; none without pacing.
    pub windows: &'a [WindowUsage],
    /// The call's future was dropped meanwhile.
    pub cancelled: bool,
}

/// A wait within a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitInfo {
    /// What for.
    pub reason: WaitKind,
    /// How long at least, as far as is known.
    pub wait: Duration,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitKind {
    /// The time before another attempt.
    Backoff,
    /// The end of a refusal for the quota (429).
    Refused,
    /// A free slot under pacing.
    Pacing,
    /// An access token.
    Token,
}

impl WaitKind {
    /// One word for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backoff => "backoff",
            Self::Refused => "refused",
            Self::Pacing => "pacing",
            Self::Token => "token",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallEnd {
    /// The status of the last response, if there was one.
    pub status: Option<u16>,
    /// The kind of the error, if it failed.
    pub error: Option<ErrorKind>,
    /// Whether the service may have received the request, in any attempt.
    pub was_sent: Sent,
    /// How many attempts were made.
    pub attempts: u32,
    /// How long the call took.
    pub elapsed: Duration,
    /// Where that time went; what was not finished when a call was dropped is missing.
    pub time_spent: TimeSpent,
    /// The call's future was dropped before there was a result.
    pub cancelled: bool,
}

/// The hooks of a configuration.
pub(crate) type Hooks = Watchers<dyn CallHooks>;

//! What users can see of the quota.

use std::time::{Duration, SystemTime};

use super::rules::Lane;
use super::store::WindowUsage;

/// What a configuration and its clones know of the quota at one moment; from
/// [`Configuration::quota`](crate::Configuration::quota).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaStatus {
    /// The windows under pacing, in the order of [`QuotaRules::windows`](super::QuotaRules::windows); none without.
    pub windows: Vec<WindowUsage>,
    /// How long until a call made now could be sent, at the least; zero for at once.
    pub next_free: Duration,
    /// How long the service asked to wait, if it did and the wait is not over.
    pub closed_for: Option<Duration>,
    /// Calls that wait for the quota.
    pub waiting: usize,
    /// Requests under way, as far as pacing counts them.
    pub in_flight: u32,
    /// Whether the store is away at this moment, so that calls go by the [`Fallback`](super::Fallback).
    pub store_away: bool,
    /// How often the store failed or did not respond in time.
    pub store_failures: u64,
}

/// A wait that begins; what
/// [`ConfigurationBuilder::on_quota_wait`](crate::ConfigurationBuilder::on_quota_wait) is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaWait {
    /// The operation that waits, in the official SDK's spelling.
    pub operation: &'static str,
    /// The lane in which it waits.
    pub lane: Lane,
    /// What it waits for.
    pub reason: WaitReason,
    /// How long at the least; zero when that depends on the calls ahead.
    pub wait: Duration,
    /// When that is over, by this machine's clock.
    pub ends_at: SystemTime,
    /// How many calls are ahead of it.
    pub ahead: usize,
}

/// Why a call waits for the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The service refused a request (429) and asked to wait, or calls are let through step by step after that.
    Refused,
    /// Pacing: the quota has no room for another request yet.
    Pacing,
}

impl WaitReason {
    /// One word for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Pacing => "pacing",
        }
    }
}

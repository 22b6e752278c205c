//! Strategies against the quota: this crate's engine, and common alternatives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use onehorizon::quota::{MemoryQuota, Pacing, QuotaShape};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{Configuration, Retry};
use retry_policies::policies::ExponentialBackoff;
use retry_policies::{RetryDecision, RetryPolicy};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::server::Server;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The engine with pacing; `Informed` is configured for token buckets.
    Paced,
    PacedInformed,
    /// Four processes with pacing, on one store.
    PacedShared,
    /// Four processes with pacing, each counting alone.
    PacedAlone,
    /// The engine with defaults, except for the longest wait.
    Unpaced,
    /// 500 ms doubling up to 60 s, with full jitter, until it succeeds.
    Backoff,
    /// The policy of `reqwest-retry`: three retries by its default exponential backoff, which ignores the requested wait.
    /// The job then starts the call again.
    ReqwestRetry,
    /// Each caller waits as long as the message asks, and tries again.
    Message,
}

/// The engine's transport to the server in virtual time.
pub struct Link(pub Arc<Server>);

impl Transport for Link {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async {
            let (status, body) = match self.0.request().await {
                Ok(()) => (StatusCode::OK, Bytes::from_static(b"{}")),
                Err(seconds) => {
                    let words = format!("standard rate limit exceeded, retry in {seconds} seconds");
                    (StatusCode::TOO_MANY_REQUESTS, format!(r#"{{"code":429,"message":"{words}"}}"#).into())
                }
            };
            Ok(TransportResponse::new(status, HeaderMap::new(), body))
        })
    }
}

impl Strategy {
    /// Makes `calls` calls with `callers` concurrent callers.
    pub async fn run(self, server: &Arc<Server>, callers: usize, calls: usize) {
        let engines = self.engines(server);
        let left = Arc::new(AtomicUsize::new(calls));
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let engine = engines.get(caller % engines.len().max(1)).cloned();
            let (server, left) = (Arc::clone(server), Arc::clone(&left));
            tasks.spawn(async move {
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    match &engine {
                        Some(engine) => call_with(engine).await,
                        None => self.call(&server).await,
                    }
                }
            });
        }
        tasks.join_all().await;
    }

    /// A configuration per process; none where this crate is not used.
    fn engines(self, server: &Arc<Server>) -> Vec<Configuration> {
        let documented = Pacing::documented();
        let (processes, pacing) = match self {
            Self::Paced => (1, Some(documented)),
            Self::PacedInformed => (1, Some(documented.shape(QuotaShape::TokenBucket))),
            Self::PacedShared => (4, Some(documented.store(Arc::new(MemoryQuota::new())))),
            Self::PacedAlone => (4, Some(documented)),
            Self::Unpaced => (1, None),
            Self::Backoff | Self::ReqwestRetry | Self::Message => (0, None),
        };
        let engine = || {
            let builder = Configuration::builder()
                .api_key("key")
                .transport(Link(Arc::clone(server)))
                .retry(Retry::default().max_wait(Duration::from_secs(3600)));
            match &pacing {
                Some(pacing) => builder.pacing(pacing.clone()),
                None => builder,
            }
            .build()
            .unwrap()
        };
        (0..processes).map(|_| engine()).collect()
    }

    /// One call without the engine, until it succeeds.
    async fn call(self, server: &Server) {
        let mut refusals: u32 = 0;
        while let Err(seconds) = server.request().await {
            match self {
                Self::Message => sleep(Duration::from_secs(seconds)).await,
                Self::ReqwestRetry => {
                    let policy = ExponentialBackoff::builder().build_with_max_retries(3);
                    let now = SystemTime::now();
                    if let RetryDecision::Retry { execute_after } = policy.should_retry(now, refusals % 4) {
                        sleep(execute_after.duration_since(now).unwrap_or_default()).await;
                    }
                }
                _ => {
                    let ceiling = Duration::from_millis(500 << refusals.min(7)).min(Duration::from_secs(60));
                    sleep(ceiling.mul_f64(fastrand::f64())).await;
                }
            }
            refusals += 1;
        }
    }
}

/// One call with the engine, repeated when it gives up.
async fn call_with(engine: &Configuration) {
    while let Err(error) = engine.request("POST", "/workspaces/{workspaceId}/tasks").json(&()).await {
        assert!(error.is_rate_limited(), "{error}");
    }
}

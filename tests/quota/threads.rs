//! Many threads at the gate and the pacer: nobody is forgotten in the line, and the order of events does not matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use onehorizon::quota::Pacing;
use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{Clock, Configuration, ConfigurationBuilder};
use support::step_clock::step_clock;
use tokio::task::JoinSet;

/// Refuses every seventh request, breaks every eleventh, and lets the other threads run in between.
#[derive(Clone, Default)]
struct Rough(Arc<AtomicU32>);

impl Transport for Rough {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            for _ in 0..number % 5 {
                tokio::task::yield_now().await;
            }
            let (status, body) = match number {
                _ if number % 7 == 6 => (StatusCode::TOO_MANY_REQUESTS, r#"{"message":"retry in 1 second"}"#),
                _ if number % 11 == 10 => return Err(Failure::Interrupted.into()),
                _ => (StatusCode::OK, "{}"),
            };
            Ok(TransportResponse::new(status, HeaderMap::new(), Bytes::from_static(body.as_bytes())))
        })
    }
}

/// 64 tasks that make 50 calls each; every tenth call is dropped while it is somewhere on its way.
async fn rush(builder: ConfigurationBuilder) {
    let clock = step_clock();
    let configuration = builder.api_key("key").transport(Rough::default()).clock(clock.clone()).build().unwrap();
    let mut set = JoinSet::new();
    for task in 0..64_u32 {
        let configuration = configuration.clone();
        set.spawn(async move {
            for call in 0..50_u32 {
                let request = configuration.request("GET", "/read").attempts(1_000).into_future();
                if (task + call) % 10 == 0 {
                    let request = tokio::spawn(request);
                    for _ in 0..call {
                        tokio::task::yield_now().await;
                    }
                    request.abort();
                } else {
                    // Only the shared budget of retries can end a call.
                    drop(request.await);
                }
            }
        });
    }
    let all = async { while set.join_next().await.transpose().unwrap().is_some() {} };
    let end = tokio::time::timeout(Duration::from_secs(60), all).await;
    assert!(end.is_ok(), "somebody still waits: {:?} after {:?}", configuration.quota(), clock.now());
    assert_eq!((configuration.quota().waiting, configuration.quota().in_flight), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_at_the_gate() {
    rush(Configuration::builder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_by_the_pacer() {
    rush(Configuration::builder().pacing(Pacing::new().window(10, Duration::from_secs(5)))).await;
}

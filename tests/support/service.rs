//! A service with the documented quota behind a slow and uneven link, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use tokio::time::{Instant, sleep};

use crate::windows::{Counters, Model};

/// How long a request takes to arrive and its response to come back.
pub type Latency = Box<dyn FnMut() -> (Duration, Duration) + Send>;

#[derive(Clone)]
pub struct Service {
    start: Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    counters: Counters,
    latency: Latency,
    served: usize,
    refused: usize,
    last_response: Duration,
}

impl Service {
    pub fn new(model: Model, latency: impl FnMut() -> (Duration, Duration) + Send + 'static) -> Self {
        let state = State {
            counters: Counters::new(model),
            latency: Box::new(latency),
            served: 0,
            refused: 0,
            last_response: Duration::ZERO,
        };
        Self { start: Instant::now(), state: Arc::new(Mutex::new(state)) }
    }

    /// Requests that came, those among them that were refused, and when the last response was sent.
    pub fn account(&self) -> (usize, usize, Duration) {
        let state = self.state.lock().unwrap();
        (state.served, state.refused, state.last_response)
    }

    /// Somebody else uses the quota.
    pub fn used_by_a_stranger(&self, requests: usize) {
        let mut state = self.state.lock().unwrap();
        let now = self.start.elapsed();
        for _ in 0..requests {
            let _ = state.counters.admit(now);
        }
    }

    fn arrive(&self) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap();
        let verdict = state.counters.admit(self.start.elapsed());
        match verdict {
            Ok(()) => state.served += 1,
            Err(_) => state.refused += 1,
        }
        verdict
    }
}

impl Transport for Service {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async {
            let (there, back) = (self.state.lock().unwrap().latency)();
            // What was sent arrives, even if nobody waits for it any more.
            let service = self.clone();
            let arrival = tokio::spawn(async move {
                sleep(there).await;
                service.arrive()
            });
            let verdict = arrival.await.unwrap();
            sleep(back).await;
            self.state.lock().unwrap().last_response = self.start.elapsed();
            let (status, body) = match verdict {
                Ok(()) => (StatusCode::OK, "{}".to_owned()),
                Err(wait) => {
                    let words = format!("standard rate limit exceeded, retry in {} seconds", wait.as_secs() + 1);
                    (StatusCode::TOO_MANY_REQUESTS, format!(r#"{{"code":429,"message":"{words}"}}"#))
                }
            };
            Ok(TransportResponse::new(status, HeaderMap::new(), Bytes::from(body)))
        })
    }
}

//! A service that enforces the documented quota in one of three ways, behind a link with latency.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::windows::{Counters, Model};

/// Latency of a request to the service, and of its response back.
pub const ONE_WAY: Duration = Duration::from_millis(25);

/// The service in virtual time.
#[derive(Debug)]
pub struct Server {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    counters: Counters,
    /// The time of each request, and whether it was served.
    log: Vec<(Duration, bool)>,
    last_response: Duration,
}

impl Server {
    pub fn start(model: Model) -> Self {
        let state = State { counters: Counters::new(model), log: Vec::new(), last_response: Duration::ZERO };
        Self { start: Instant::now(), state: Mutex::new(state) }
    }

    /// One request and its response. A refusal reports whole seconds, rounded up, as the documented message does.
    pub async fn request(&self) -> Result<(), u64> {
        sleep(ONE_WAY).await;
        let admitted = {
            let mut state = self.state.lock().unwrap();
            let now = self.start.elapsed();
            let admitted = state.counters.admit(now);
            state.log.push((now, admitted.is_ok()));
            admitted
        };
        sleep(ONE_WAY).await;
        if admitted.is_ok() {
            self.state.lock().unwrap().last_response = self.start.elapsed();
        }
        admitted.map_err(|wait| wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    }

    /// Requests served, requests refused, and the time of the last response.
    pub fn totals(&self) -> (u64, u64, Duration) {
        let state = self.state.lock().unwrap();
        let served = state.log.iter().filter(|(_, served)| *served).count() as u64;
        (served, state.log.len() as u64 - served, state.last_response)
    }

    /// The time of each request, and whether it was served.
    pub fn log(&self) -> Vec<(Duration, bool)> {
        self.state.lock().unwrap().log.clone()
    }
}

//! A service that keeps to the documented quota in one of three ways, behind a link with a latency.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::windows::{Counters, Model};

/// The way of a request to the service, and of its answer back.
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
    served: u64,
    refused: u64,
    last_answer: Duration,
}

impl Server {
    pub fn start(model: Model) -> Self {
        let state = State { counters: Counters::new(model), served: 0, refused: 0, last_answer: Duration::ZERO };
        Self { start: Instant::now(), state: Mutex::new(state) }
    }

    /// One request, there and back; a refusal tells whole seconds, rounded up, as the documented message does.
    pub async fn request(&self) -> Result<(), u64> {
        sleep(ONE_WAY).await;
        let verdict = {
            let mut state = self.state.lock().unwrap();
            let verdict = state.counters.admit(self.start.elapsed());
            match verdict {
                Ok(()) => state.served += 1,
                Err(_) => state.refused += 1,
            }
            verdict
        };
        sleep(ONE_WAY).await;
        if verdict.is_ok() {
            self.state.lock().unwrap().last_answer = self.start.elapsed();
        }
        verdict.map_err(|wait| wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    }

    /// Requests served, requests refused, and when the last answer came.
    pub fn account(&self) -> (u64, u64, Duration) {
        let state = self.state.lock().unwrap();
        (state.served, state.refused, state.last_answer)
    }
}

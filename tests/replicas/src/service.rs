//! The service as far as the quota sees it: counts requests by a model, its windows shortened, and refuses what is too many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::windows::{Counters, Model};

/// From a request to its response.
const LATENCY: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    url: String,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    scale: u32,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    counters: Counters,
    began: Option<Instant>,
    served: BTreeMap<String, Vec<Duration>>,
    refused: Vec<Duration>,
}

/// What the service has seen; times are since the first request.
#[derive(Clone, Debug)]
pub struct Totals {
    /// By the caller's key, in order of time.
    pub served: BTreeMap<String, Vec<Duration>>,
    pub refused: Vec<Duration>,
}

impl Totals {
    pub fn calls(&self) -> usize {
        self.served.values().map(Vec::len).sum()
    }

    pub fn makespan(&self) -> Duration {
        self.served.values().filter_map(|times| times.last().copied()).max().unwrap_or_default()
    }
}

impl Service {
    /// The documented windows, shortened by `scale`.
    pub async fn start(model: Model, scale: u32) -> Self {
        let seen = Seen { counters: Counters::new(model), began: None, served: BTreeMap::new(), refused: Vec::new() };
        let shared = Arc::new(Shared { scale, seen: Mutex::new(seen) });
        let app = Router::new().route("/workspaces/current/tasks/{id}", get(task)).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { shared, url, task }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn totals(&self) -> Totals {
        let seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Totals { served: seen.served.clone(), refused: seen.refused.clone() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn task(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    tokio::time::sleep(LATENCY / 2).await;
    let caller = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let caller = caller.trim_start_matches("Bearer ").to_owned();
    let admitted = shared.admit(&caller);
    tokio::time::sleep(LATENCY / 2).await;
    if caller.ends_with("-hangs") {
        // Its process is killed before this ends.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    match admitted {
        Ok(()) => {
            let body = r#"{"taskId":"tsk_1","workspaceId":"w_1","title":"A task","status":"planned"}"#;
            (json, body).into_response()
        }
        Err(wait) => {
            let seconds = wait.as_millis().div_ceil(1000);
            let message = format!("standard rate limit exceeded, retry in {seconds} seconds");
            let body = format!(r#"{{"code":429,"message":"{message}"}}"#);
            (StatusCode::TOO_MANY_REQUESTS, json, body).into_response()
        }
    }
}

impl Shared {
    fn admit(&self, caller: &str) -> Result<(), Duration> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = seen.began.get_or_insert_with(Instant::now).elapsed();
        let admitted = seen.counters.admit(now * self.scale).map_err(|wait| wait / self.scale);
        match admitted {
            Ok(()) => seen.served.entry(caller.to_owned()).or_default().push(now),
            Err(_) => seen.refused.push(now),
        }
        admitted
    }
}

/// The earliest end of so many calls for one who sees the service's counters.
pub fn optimum(model: Model, scale: u32, calls: usize) -> Duration {
    let (mut counters, mut now) = (Counters::new(model), Duration::ZERO);
    for _ in 0..calls {
        while let Err(wait) = counters.admit(now) {
            now += wait;
        }
    }
    now / scale
}

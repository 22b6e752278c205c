//! Concurrent calls of one client.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use onehorizon::{Configuration, TasksApi};

use crate::stats::cpu_time;
use crate::{hand, responses};

/// A client that can be measured.
pub trait Calls {
    /// Makes one call.
    fn call(&self, operation: Operation) -> impl Future<Output = ()>;
}

/// The clients measured.
#[derive(Debug)]
pub enum Caller {
    /// This crate's client.
    Sdk(TasksApi),
    /// A client written by hand.
    Hand(hand::Client),
}

/// The operation called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// One task.
    Fetch,
    /// A list.
    List,
}

impl Caller {
    /// This crate's client, with its defaults.
    #[must_use]
    pub fn sdk(base_url: &str) -> Self {
        let configuration =
            Configuration::builder().api_key(responses::API_KEY).base_url(base_url).build().expect("a configuration");
        Self::Sdk(TasksApi::new(&configuration))
    }

    /// The peer.
    #[must_use]
    pub fn hand(base_url: &str) -> Self {
        Self::Hand(hand::Client::new(base_url, responses::API_KEY))
    }
}

impl Calls for Caller {
    async fn call(&self, operation: Operation) {
        let found = match (self, operation) {
            (Self::Sdk(tasks), Operation::Fetch) => {
                usize::from(tasks.fetch_task("tsk_00000007").await.expect("a response").task_id == "tsk_00000007")
            }
            (Self::Sdk(tasks), Operation::List) => tasks.list_tasks().all(true).await.expect("a response").tasks.len(),
            (Self::Hand(tasks), Operation::Fetch) => {
                usize::from(tasks.fetch_task("tsk_00000007").await.expect("a response").task_id == "tsk_00000007")
            }
            (Self::Hand(tasks), Operation::List) => tasks.list_tasks().await.expect("a response").tasks.len(),
        };
        assert!(found > 0);
    }
}

/// The cost of a round of calls.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Calls made.
    pub calls: usize,
    /// Wall time.
    pub wall: Duration,
    /// CPU time of this process.
    pub cpu: Duration,
    /// Seconds of each call.
    pub latencies: Vec<f64>,
}

impl Round {
    /// Seconds of wall time per call.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn wall_per_call(&self) -> f64 {
        self.wall.as_secs_f64() / self.calls as f64
    }

    /// Seconds of CPU time per call.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn cpu_per_call(&self) -> f64 {
        self.cpu.as_secs_f64() / self.calls as f64
    }
}

/// Makes `calls` calls, `concurrency` at a time, on the runtime's thread.
pub fn round<C: Calls + 'static>(
    runtime: &tokio::runtime::Runtime,
    caller: &Rc<C>,
    operation: Operation,
    calls: usize,
    concurrency: usize,
) -> Round {
    let left = Rc::new(Cell::new(calls));
    let set = tokio::task::LocalSet::new();
    let (started, cpu) = (Instant::now(), cpu_time());
    let latencies = set.block_on(runtime, async {
        let workers: Vec<_> = (0..concurrency)
            .map(|_| {
                let (left, caller) = (Rc::clone(&left), Rc::clone(caller));
                tokio::task::spawn_local(async move {
                    let mut latencies = Vec::with_capacity(calls / concurrency + 1);
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let started = Instant::now();
                        caller.call(operation).await;
                        latencies.push(started.elapsed().as_secs_f64());
                    }
                    latencies
                })
            })
            .collect();
        let mut all = Vec::with_capacity(calls);
        for worker in workers {
            all.append(&mut worker.await.expect("a worker"));
        }
        all
    });
    Round { calls, wall: started.elapsed(), cpu: cpu_time().saturating_sub(cpu), latencies }
}

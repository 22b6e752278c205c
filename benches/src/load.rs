//! Calls of one client, so many at a time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use onehorizon::{Configuration, TasksApi};

use crate::stats::cpu_time;
use crate::{answers, hand};

/// Something that can be called.
pub trait Calls {
    /// One call.
    fn call(&self, what: What) -> impl Future<Output = ()>;
}

/// Who calls.
#[derive(Debug)]
pub enum Caller {
    /// This crate's client.
    Sdk(TasksApi),
    /// What a user writes by hand.
    Hand(hand::Client),
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
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
            Configuration::builder().api_key(answers::API_KEY).base_url(base_url).build().expect("a configuration");
        Self::Sdk(TasksApi::new(&configuration))
    }

    /// The peer.
    #[must_use]
    pub fn hand(base_url: &str) -> Self {
        Self::Hand(hand::Client::new(base_url, answers::API_KEY))
    }
}

impl Calls for Caller {
    async fn call(&self, what: What) {
        let found = match (self, what) {
            (Self::Sdk(tasks), What::Fetch) => {
                usize::from(tasks.fetch_task("tsk_00000007").await.expect("an answer").task_id == "tsk_00000007")
            }
            (Self::Sdk(tasks), What::List) => tasks.list_tasks().all(true).await.expect("an answer").tasks.len(),
            (Self::Hand(tasks), What::Fetch) => {
                usize::from(tasks.fetch_task("tsk_00000007").await.expect("an answer").task_id == "tsk_00000007")
            }
            (Self::Hand(tasks), What::List) => tasks.list_tasks().await.expect("an answer").tasks.len(),
        };
        assert!(found > 0);
    }
}

/// What a round of calls took.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Calls made.
    pub calls: usize,
    /// Wall time.
    pub wall: Duration,
    /// Processor time of this process.
    pub cpu: Duration,
    /// Seconds of each call.
    pub latencies: Vec<f64>,
}

impl Round {
    /// Seconds of wall time a call.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn wall_per_call(&self) -> f64 {
        self.wall.as_secs_f64() / self.calls as f64
    }

    /// Seconds of processor time a call.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn cpu_per_call(&self) -> f64 {
        self.cpu.as_secs_f64() / self.calls as f64
    }
}

/// Makes `calls` calls, `at_once` at a time, on the thread of the runtime.
pub fn round<C: Calls + 'static>(
    runtime: &tokio::runtime::Runtime,
    caller: &Rc<C>,
    what: What,
    calls: usize,
    at_once: usize,
) -> Round {
    let left = Rc::new(Cell::new(calls));
    let set = tokio::task::LocalSet::new();
    let (started, cpu) = (Instant::now(), cpu_time());
    let latencies = set.block_on(runtime, async {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let (left, caller) = (Rc::clone(&left), Rc::clone(caller));
                tokio::task::spawn_local(async move {
                    let mut latencies = Vec::with_capacity(calls / at_once + 1);
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let started = Instant::now();
                        caller.call(what).await;
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

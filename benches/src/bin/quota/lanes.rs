//! A person's calls beside a bulk job: how long they wait, and what the share that is kept for them costs the job.

use std::sync::Arc;
use std::time::Duration;

use onehorizon::Configuration;
use onehorizon::quota::{Lane, Pacing};
use tokio::time::{Instant, sleep};

use crate::server::{ONE_WAY, Server};
use crate::strategies::Link;
use crate::windows::Model;

const BULK: usize = 1000;
const CALLERS: usize = 16;
/// Between two interactive calls.
const EVERY: Duration = Duration::from_secs(30);
const SHARE: f64 = 0.2;
/// The most that an interactive call may take at the 99th percentile.
const P99: Duration = Duration::from_secs(1);

pub struct Lanes {
    /// Of the interactive calls.
    pub p99: Duration,
    /// Until the last of the job's calls.
    pub makespan: Duration,
    pub refused: u64,
}

/// All calls under one pacing; those of a person in `lane`.
pub fn measure(lane: Lane, share: f64) -> Lanes {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let server = Arc::new(Server::start(Model::Sliding));
        let pacing = Pacing::documented().interactive_share(share);
        let transport = Link(Arc::clone(&server));
        let config = Configuration::builder().api_key("key").transport(transport).pacing(pacing).build().unwrap();
        let began = Instant::now();
        let person = tokio::spawn({
            let config = config.clone();
            async move {
                let mut times = Vec::new();
                loop {
                    let asked = Instant::now();
                    let call = config.request("POST", "/workspaces/{workspaceId}/tasks").lane(lane);
                    if call.json(&()).await.is_err() || times.len() >= 120 {
                        return times;
                    }
                    times.push(asked.elapsed());
                    sleep(EVERY).await;
                }
            }
        });
        let mut job = tokio::task::JoinSet::new();
        for caller in 0..CALLERS {
            let config = config.clone();
            job.spawn(async move {
                for _ in 0..BULK / CALLERS + usize::from(caller < BULK % CALLERS) {
                    let call = config.request("POST", "/workspaces/{workspaceId}/tasks");
                    call.json(&()).await.unwrap();
                }
            });
        }
        job.join_all().await;
        let makespan = began.elapsed();
        let mut times = person.await.unwrap();
        times.sort();
        let p99 = times.get(times.len() * 99 / 100).or(times.last()).copied().unwrap_or_default();
        Lanes { p99, makespan, refused: server.totals().1 }
    })
}

/// Prints the comparison; what misses its target.
pub fn report() -> Vec<String> {
    println!("A job of {BULK} calls, and a person's call every {} s:", EVERY.as_secs());
    let mut missed = Vec::new();
    for (name, lane, share, target) in [
        ("one lane", Lane::Normal, 0.0, None),
        ("interactive lane", Lane::Interactive, 0.0, None),
        ("interactive lane, a fifth kept for it", Lane::Interactive, SHARE, Some(P99)),
    ] {
        let Lanes { p99, makespan, refused } = measure(lane, share);
        println!(
            "  {name:<38} p99 of the person's calls {:>8.2} s, job done after {:>7.0} s, {refused} refusals",
            p99.as_secs_f64(),
            makespan.as_secs_f64()
        );
        if refused > 0 || target.is_some_and(|most| p99 > most + 2 * ONE_WAY) {
            missed.push(format!("lanes: {name}: p99 {:.2} s, {refused} refusals", p99.as_secs_f64()));
        }
    }
    println!();
    missed
}

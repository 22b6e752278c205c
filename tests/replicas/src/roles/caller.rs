//! One of several processes that make calls under one quota.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use onehorizon::quota::{Pacing, QuotaStore};
use onehorizon::{Configuration, ErrorKind, TasksApi};
use onehorizon_postgres::Postgres;
use onehorizon_redis::Redis;
use serde_json::json;

use super::{Input, end_with};

pub struct Job<'a> {
    pub service: &'a str,
    pub name: &'a str,
    /// `none`, `memory`, `quarter`, or the URL of a server.
    pub store: &'a str,
    pub scale: &'a str,
    pub calls: &'a str,
    pub callers: &'a str,
}

pub async fn run(mut input: Input, job: &Job<'_>) {
    let (scale, calls): (u32, usize) = (job.scale.parse().unwrap(), job.calls.parse().unwrap());
    let share = if job.store == "quarter" { 4 } else { 1 };
    let mut pacing = Pacing::new()
        .window(200 / share, Duration::from_secs(900) / scale)
        .window(40 / share, Duration::from_secs(60) / scale);
    if let Some(store) = store(job.store) {
        pacing = pacing.store(store);
    }
    // The lease of a slot.
    let timeout = Duration::from_secs(if job.name.ends_with("-hangs") { 1 } else { 5 });
    let mut builder = Configuration::builder().api_key(job.name).base_url(job.service).timeout(timeout);
    if job.store != "none" {
        builder = builder.pacing(pacing);
    }
    let configuration = builder.build().unwrap();
    println!("ready");
    // All processes begin together.
    let _ = input.next_line().await;
    let _end = end_with(input);

    let (tasks, began) = (TasksApi::new(&configuration), Instant::now());
    let left = Arc::new(AtomicUsize::new(calls));
    let callers: Vec<_> = (0..job.callers.parse().unwrap())
        .map(|_| {
            let (tasks, left) = (tasks.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let (mut done, mut failed) = (0, Vec::new());
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    loop {
                        match tasks.fetch_task("tsk_1").max_wait(Duration::from_secs(1000)).await {
                            Ok(_) => done += 1,
                            // What a job without a shared quota does.
                            Err(error) if error.kind() == ErrorKind::RateLimited => continue,
                            Err(error) => failed.push(error.to_string()),
                        }
                        break;
                    }
                }
                (done, failed)
            })
        })
        .collect();
    let (mut done, mut failed) = (0, Vec::new());
    for caller in callers {
        let (more, errors): (usize, Vec<String>) = caller.await.unwrap();
        done += more;
        failed.extend(errors);
    }
    let seconds = began.elapsed().as_secs_f64();
    let flushed = configuration.flush_quota().await.is_ok();
    let status = configuration.quota();
    println!(
        "{}",
        json!({ "done": done, "failed": failed, "seconds": seconds, "flushed": flushed, "away": status.store_failures })
    );
}

fn store(of: &str) -> Option<Arc<dyn QuotaStore>> {
    if of.starts_with("redis:") {
        Some(Redis::open(of, "quota").unwrap().quota())
    } else if of.starts_with("postgres:") {
        Some(Postgres::open(of, "quota").unwrap().quota())
    } else {
        None
    }
}

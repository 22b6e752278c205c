//! What happens to several processes that share a quota, deliveries and logins, on real servers that this program starts,
//! stops and kills. Run by `.ci/stores`.
//!
//!     replicas all            every scenario; exits with 1 when a target is missed
//!     replicas quota …        the named ones
//!
//! Each scenario prints what it measured and has a time limit of its own. It needs `redis-server`, PostgreSQL's programs
//! (in the folder named by `ONEHORIZON_POSTGRES_BIN`), `node`, and in the folder named by `ONEHORIZON_NODE` the scripts of
//! `node/` beside the packages that they import.

mod chart;
mod deliver;
mod events;
mod process;
mod quota;
mod receivers;
mod refreshes;
mod report;
mod roles;
mod rows;
mod servers;
mod service;
mod stopped;
#[path = "../../support/windows.rs"]
mod windows;

use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use report::Report;
use tokio::signal::unix::{SignalKind, signal};

type Scenario = fn(&mut Report) -> Pin<Box<dyn Future<Output = ()> + '_>>;

/// Name, time limit in seconds, scenario.
const SCENARIOS: &[(&str, u64, Scenario)] = &[
    ("quota", 150, |report| Box::pin(quota::run(report))),
    ("events", 360, |report| Box::pin(events::run(report))),
    ("stopped", 90, |report| Box::pin(stopped::run(report))),
    ("refreshes", 300, |report| Box::pin(refreshes::run(report))),
    ("receivers", 150, |report| Box::pin(receivers::run(report))),
    ("rows", 240, |report| Box::pin(rows::run(report))),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "role"
    {
        return roles::run(rest);
    }
    let known = |name: &str| SCENARIOS.iter().find(|(known, ..)| *known == name).copied();
    let chosen: Vec<_> = match arguments.first().map(String::as_str) {
        Some("all") => SCENARIOS.to_vec(),
        _ => arguments.iter().filter_map(|name| known(name)).collect(),
    };
    if chosen.is_empty() || arguments.iter().any(|name| name != "all" && known(name).is_none()) {
        let names: Vec<&str> = SCENARIOS.iter().map(|(name, ..)| *name).collect();
        eprintln!("usage: replicas all | {}", names.join(" | "));
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        // What was started is stopped when this ends, so it has to end by itself.
        let mut terminated = signal(SignalKind::terminate()).expect("a signal handler");
        tokio::select! {
            code = all(&chosen) => code,
            _ = terminated.recv() => ExitCode::from(143),
            _ = tokio::signal::ctrl_c() => ExitCode::from(130),
        }
    })
}

async fn all(chosen: &[(&str, u64, Scenario)]) -> ExitCode {
    let mut missed = Vec::new();
    for (name, limit, scenario) in chosen {
        println!("== {name}");
        let (began, mut report) = (Instant::now(), Report::default());
        if tokio::time::timeout(Duration::from_secs(*limit), scenario(&mut report)).await.is_err() {
            report.miss(format!("stopped after {limit} s"));
        }
        println!("   {:.0} s\n", began.elapsed().as_secs_f64());
        missed.extend(report.missed().iter().map(|target| format!("{name}: {target}")));
    }
    for target in &missed {
        println!("MISSED {target}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

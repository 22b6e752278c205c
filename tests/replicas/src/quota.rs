//! Four processes, one quota: how long they take beside the optimum, and how often the service refuses them.
//!
//! All variants run at the same time: they wait nearly always.

use std::time::Duration;

use onehorizon_postgres::Postgres as Schema;
use serde_json::Value;

use crate::chart::{Row, svg};
use crate::process::Role;
use crate::report::Report;
use crate::servers::{Postgres, Redis};
use crate::service::{Service, Totals, optimum};
use crate::windows::Model;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Store {
    None,
    Memory,
    /// A quarter of the quota for each, counted in memory.
    Quarter,
    Redis,
    Postgres,
}

/// What happens on the way: after so long, for so long.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Kill(Duration, Duration),
    Stop(Duration, Duration),
    Forget(Duration, Duration),
    /// The first process is killed while its requests hang.
    Caller(Duration),
}

#[derive(Clone, Copy, Debug)]
struct Variant {
    name: &'static str,
    store: Store,
    /// The documented windows are divided by this.
    scale: u32,
    calls: [usize; 4],
    fault: Fault,
    /// The most that makespan / optimum may be; without it, it is shown for comparison.
    most: Option<f64>,
    /// Each process makes as many of the first 400 calls as the others, within 10 %.
    fair: bool,
}

const EQUAL: [usize; 4] = [125; 4];
const SKEWED: [usize; 4] = [185, 5, 5, 5];
/// Between two bursts, with 120 of 200 used.
const MIDDLE: Duration = Duration::from_secs(5);
/// In each process: more than its share of a window, so that all processes always have callers that wait.
const CALLERS: &str = "16";
const AWAY: Duration = Duration::from_secs(4);

/// A variant with the usual load and nothing on the way.
const PLAIN: Variant = Variant {
    name: "",
    store: Store::Redis,
    scale: 30,
    calls: EQUAL,
    fault: Fault::None,
    most: Some(1.02),
    fair: false,
};
const ON_REDIS: Variant = PLAIN;
const ON_POSTGRES: Variant = Variant { store: Store::Postgres, ..PLAIN };
const LOST: Fault = Fault::Forget(Duration::from_secs(10), Duration::from_millis(200));

const VARIANTS: [Variant; 14] = [
    Variant { name: "Redis", fair: true, ..ON_REDIS },
    Variant { name: "PostgreSQL", fair: true, ..ON_POSTGRES },
    Variant { name: "Redis, skewed load", scale: 15, calls: SKEWED, most: Some(1.05), ..ON_REDIS },
    Variant { name: "PostgreSQL, skewed load", scale: 15, calls: SKEWED, most: Some(1.05), ..ON_POSTGRES },
    Variant { name: "Redis killed, back after 4 s", fault: Fault::Kill(MIDDLE, AWAY), ..ON_REDIS },
    Variant { name: "PostgreSQL killed, back after 4 s", fault: Fault::Kill(MIDDLE, AWAY), ..ON_POSTGRES },
    Variant { name: "Redis stopped for 4 s", fault: Fault::Stop(MIDDLE, AWAY), ..ON_REDIS },
    Variant { name: "PostgreSQL stopped for 4 s", fault: Fault::Stop(MIDDLE, AWAY), ..ON_POSTGRES },
    Variant { name: "Redis loses its memory, 200 used", fault: LOST, ..ON_REDIS },
    Variant { name: "Redis loses its memory, 4 s away", fault: Fault::Forget(MIDDLE, AWAY), ..ON_REDIS },
    Variant { name: "Redis, process killed with 8 slots", fault: HANGS, calls: [8, 164, 164, 164], ..ON_REDIS },
    Variant { name: "memory, each the whole quota", store: Store::Memory, most: None, ..PLAIN },
    Variant { name: "no pacing", store: Store::None, most: None, ..PLAIN },
    Variant { name: "memory, a quarter each, skewed load", scale: 60, ..QUARTERS },
];
const HANGS: Fault = Fault::Caller(Duration::from_millis(700));
const QUARTERS: Variant = Variant { store: Store::Quarter, calls: SKEWED, most: None, ..PLAIN };

pub async fn run(report: &mut Report) {
    let running: Vec<_> = VARIANTS.iter().map(|variant| tokio::spawn(measure(*variant))).collect();
    let mut rows = Vec::new();
    println!("   makespan / optimum of 4 processes; 429s; calls of each among the first 400");
    for (variant, running) in VARIANTS.iter().zip(running) {
        let Ok(outcome) = running.await else {
            report.miss(format!("{}: it did not run to its end", variant.name));
            continue;
        };
        let mut targets = vec![(outcome.errors.is_empty(), format!("errors: {:?}", outcome.errors))];
        if let Some(most) = variant.most {
            targets.push((outcome.ratio <= most, format!("makespan <= {most} x optimum")));
            targets.push((outcome.refused == 0, "no refusal".to_owned()));
        }
        if variant.fair {
            let fair = outcome.shares.iter().all(|share| (90..=110).contains(share));
            targets.push((fair, "each within 10 % of its share".to_owned()));
        }
        let Outcome { ratio, seconds, refused, shares, .. } = &outcome;
        let line = format!("{:<40} {ratio:>6.3} ({seconds:.1} s) {refused:>4}  {shares:?}", variant.name);
        report.line(line, &targets);
        rows.push((variant.name, *ratio, *refused));
    }
    write(&rows);
}

/// The chart of `docs/replicas.md`.
fn write(rows: &[Row<'_>]) {
    let written = std::fs::create_dir_all("target/replicas").and_then(|()| std::fs::write(CHART, svg(rows)));
    written.expect(CHART);
    println!("   chart: {CHART}");
}

const CHART: &str = "target/replicas/quota.svg";

struct Outcome {
    ratio: f64,
    seconds: f64,
    refused: usize,
    shares: Vec<usize>,
    errors: Vec<String>,
}

enum Server {
    None,
    Redis(Redis),
    Postgres(Postgres),
}

impl Server {
    async fn start(store: Store) -> Self {
        match store {
            Store::Redis => Self::Redis(Redis::start().await),
            Store::Postgres => {
                let server = Postgres::start().await;
                Schema::open(&server.url(), "quota").expect("an address").migrate().await.expect("a schema");
                Self::Postgres(server)
            }
            Store::None | Store::Memory | Store::Quarter => Self::None,
        }
    }

    fn signal(&self, name: &str) {
        match self {
            Self::Redis(redis) => redis.signal(name),
            Self::Postgres(postgres) => postgres.signal(name),
            Self::None => {}
        }
    }

    async fn kill(&mut self) {
        match self {
            Self::Redis(redis) => redis.kill().await,
            Self::Postgres(postgres) => postgres.kill().await,
            Self::None => {}
        }
    }

    async fn start_again(&mut self) {
        match self {
            Self::Redis(redis) => redis.start_again().await,
            Self::Postgres(postgres) => postgres.start_again().await,
            Self::None => {}
        }
    }
}

async fn measure(variant: Variant) -> Outcome {
    let mut server = Server::start(variant.store).await;
    let store = match (&server, variant.store) {
        (Server::Redis(redis), _) => redis.url(),
        (Server::Postgres(postgres), _) => postgres.url(),
        (_, Store::Quarter) => "quarter".to_owned(),
        (_, Store::Memory) => "memory".to_owned(),
        _ => "none".to_owned(),
    };
    let service = Service::start(Model::Sliding, variant.scale).await;
    let mut callers = start(&variant, &service, &store).await;
    for caller in &mut callers {
        caller.say("go").await;
    }
    strike(&variant, &mut server, &mut callers).await;

    let (mut done, mut errors) = (0, Vec::new());
    for (caller, calls) in callers.iter_mut().zip(variant.calls) {
        match caller.line().await.and_then(|line| serde_json::from_str::<Value>(&line).ok()) {
            Some(result) => {
                done += calls;
                if result["done"] != calls {
                    errors.push(result["failed"].to_string());
                }
            }
            None if matches!(variant.fault, Fault::Caller(_)) => {}
            None => errors.push("a process ended".to_owned()),
        }
    }
    let totals = service.totals();
    if totals.calls() < done {
        errors.push(format!("{} of {done} calls were served", totals.calls()));
    }
    let (makespan, optimum) = (totals.makespan(), optimum(Model::Sliding, variant.scale, totals.calls()));
    let ratio = makespan.as_secs_f64() / optimum.as_secs_f64();
    Outcome { ratio, seconds: makespan.as_secs_f64(), refused: totals.refused.len(), shares: shares(&totals), errors }
}

async fn start(variant: &Variant, service: &Service, store: &str) -> Vec<Role> {
    let scale = variant.scale.to_string();
    let mut callers: Vec<Role> = (0..4)
        .map(|number| {
            let hangs = number == 0 && matches!(variant.fault, Fault::Caller(_));
            let name = format!("caller-{number}{}", if hangs { "-hangs" } else { "" });
            let calls = variant.calls[number].to_string();
            Role::start("caller", &[service.url(), &name, store, &scale, &calls, CALLERS])
        })
        .collect();
    for caller in &mut callers {
        let _ = caller.line().await;
    }
    callers
}

/// Does what the variant says on the way.
async fn strike(variant: &Variant, server: &mut Server, callers: &mut [Role]) {
    match variant.fault {
        Fault::None => {}
        Fault::Kill(after, time) | Fault::Forget(after, time) => {
            tokio::time::sleep(after).await;
            server.kill().await;
            if let (Fault::Forget(..), Server::Redis(redis)) = (variant.fault, &*server) {
                redis.forget();
            }
            tokio::time::sleep(time).await;
            server.start_again().await;
        }
        Fault::Stop(after, time) => {
            tokio::time::sleep(after).await;
            server.signal("STOP");
            tokio::time::sleep(time).await;
            server.signal("CONT");
        }
        Fault::Caller(after) => {
            tokio::time::sleep(after).await;
            callers[0].kill().await;
        }
    }
}

/// How many of the first 400 calls each process has made.
fn shares(totals: &Totals) -> Vec<usize> {
    let mut all: Vec<Duration> = totals.served.values().flatten().copied().collect();
    all.sort();
    let end = all.get(399).or(all.last()).copied().unwrap_or_default();
    totals.served.values().map(|times| times.iter().filter(|time| **time <= end).count()).collect()
}

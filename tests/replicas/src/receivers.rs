//! Deliveries a second with 32 senders to two replicas, and how long they take at 500 a second, for each store.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use onehorizon_postgres::Postgres as Schema;
use tokio::process::Command;

use crate::deliver::{Plan, Port, Sent, deliver};
use crate::process::Role;
use crate::report::Report;
use crate::servers::{Postgres, Redis, folder};

const SENDERS: usize = 32;
const FLAT_OUT: usize = 6000;
const RATE: f64 = 500.0;
const AT_RATE: usize = 2000;
/// Milliseconds.
const MOST: f64 = 1000.0;

const STORES: [&str; 8] =
    ["memory", "redis", "postgres", "postgres-transaction", "postgres-inbox", "sqlite", "sqlite-inbox", "node"];

pub async fn run(report: &mut Report) {
    println!("   two replicas, {SENDERS} senders: deliveries/s and p99 flat out; p99 at {RATE} deliveries/s");
    let (redis, postgres, folder) = (Redis::start().await, Postgres::start().await, folder());
    Schema::open(&postgres.url(), "events").expect("an address").migrate().await.expect("a schema");
    let client = postgres.client().await.expect("a connection");
    client.batch_execute("CREATE TABLE effects (event text)").await.expect("a table");
    for store in STORES {
        let path = folder.path().join(format!("{store}.db"));
        let at = match store {
            "redis" => redis.url(),
            "memory" => "-".to_owned(),
            sqlite if sqlite.starts_with("sqlite") => path.to_string_lossy().into_owned(),
            _ => postgres.url(),
        };
        let mut replicas = [replica(store, &at), replica(store, &at)];
        let mut ports: Vec<Port> = Vec::new();
        for replica in &mut replicas {
            let port = replica.line().await.and_then(|line| line.parse().ok()).expect("a port");
            ports.push(Arc::new(AtomicU16::new(port)));
        }
        let ports: [Port; 2] = ports.try_into().expect("two ports");
        assert!(ports.iter().all(|port| port.load(Ordering::SeqCst) > 0));
        let fast = send(store, "fast", FLAT_OUT, None, &ports).await;
        let paced = send(store, "paced", AT_RATE, Some(RATE), &ports).await;
        let line = format!(
            "{store:<22} {:>6.0}/s, p50 {:>5.1} ms, p99 {:>5.1} ms; at {RATE}/s: p50 {:>4.1} ms, p99 {:>5.1} ms",
            fast.per_second(),
            fast.quantile(0.5),
            fast.quantile(0.99),
            paced.quantile(0.5),
            paced.quantile(0.99)
        );
        let mut targets = Vec::new();
        if store != "node" {
            targets.push((paced.quantile(0.99) < MOST, format!("p99 < {MOST} ms at {RATE}/s")));
            let kept_up = paced.per_second() > 0.95 * RATE;
            targets.push((kept_up, format!("{:.0}/s instead of {RATE}/s", paced.per_second())));
            let confirmed = [&fast, &paced].iter().all(|sent| sent.statuses.keys().all(|status| *status == 200));
            targets.push((confirmed, format!("replies {:?} {:?}", fast.statuses, paced.statuses)));
        }
        report.line(line, &targets);
    }
}

fn replica(store: &str, at: &str) -> Role {
    if store != "node" {
        return Role::start("receiver", &[store, at, "-", "0"]);
    }
    Role::of(Command::new("node").arg(node("receiver.mjs")).arg(at))
}

/// A script beside Node's packages, where Node looks for them.
pub fn node(script: &str) -> PathBuf {
    let folder =
        PathBuf::from(std::env::var("ONEHORIZON_NODE").expect("ONEHORIZON_NODE names a folder with node_modules"));
    folder.join(script)
}

async fn send(store: &str, phase: &str, events: usize, rate: Option<f64>, ports: &[Port; 2]) -> Sent {
    let plan = Plan { run: format!("{store}-{phase}"), events, senders: SENDERS, twice: false, rate };
    deliver(plan, ports.clone()).await
}

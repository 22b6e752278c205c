//! 5,000 events, each to two replicas at once, while replicas, workers and the server are killed: what is lost, what is
//! handled twice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use onehorizon_postgres::Postgres as Schema;
use onehorizon_sqlite::rusqlite;

use crate::deliver::{Plan, Port, Sent, deliver};
use crate::process::Role;
use crate::report::Report;
use crate::roles::worker::is_poison;
use crate::servers::{Postgres, Redis, folder};

const EVENTS: usize = 5000;
const SENDERS: usize = 16;
/// Milliseconds before an effect; half of them after it.
const WORK: &str = "6";
const LEAST_KILLS: usize = 20;
/// Events a second, so that there is time for the kills.
const RATE: f64 = 500.0;
const KILLS_OF_SERVER: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Effects {
    /// Lines in a file, beside the store.
    File,
    Postgres,
    Sqlite,
}

#[derive(Clone, Copy, Debug)]
struct Variant {
    name: &'static str,
    store: &'static str,
    effects: Effects,
    /// Whether an effect may happen twice.
    once: bool,
}

const VARIANTS: [Variant; 6] = [
    Variant {
        name: "PostgreSQL, in the transaction",
        store: "postgres-transaction",
        effects: Effects::Postgres,
        once: true,
    },
    Variant { name: "PostgreSQL, inbox", store: "postgres-inbox", effects: Effects::Postgres, once: true },
    Variant { name: "SQLite, inbox", store: "sqlite-inbox", effects: Effects::Sqlite, once: true },
    Variant { name: "Redis, beside the work", store: "redis", effects: Effects::File, once: false },
    Variant { name: "PostgreSQL, beside the work", store: "postgres", effects: Effects::File, once: false },
    Variant { name: "SQLite, beside the work", store: "sqlite", effects: Effects::File, once: false },
];

pub async fn run(report: &mut Report) {
    println!("   {EVENTS} events, each to two replicas at once");
    for variant in VARIANTS {
        let mut stage = Stage::start(variant).await;
        let (sent, kills) = stage.deliver().await;
        let dead = stage.drain().await;
        let counts = stage.effects().await;
        let (mut lost, mut twice) = (0, 0);
        let mut poison = 0;
        for number in 0..EVENTS {
            let id = format!("evt_{}_{number}", variant.store);
            if stage.has_workers() && is_poison(&id) {
                poison += 1;
                continue;
            }
            match counts.get(&id).copied().unwrap_or(0) {
                0 => lost += 1,
                1 => {}
                _ => twice += 1,
            }
        }
        let mut targets = vec![
            (lost == 0, "nothing lost".to_owned()),
            (kills.all() >= LEAST_KILLS, format!("at least {LEAST_KILLS} kills")),
            (dead == poison, format!("{poison} dead events")),
        ];
        if variant.once {
            targets.push((twice == 0, "nothing twice".to_owned()));
        }
        let Kills { replicas, workers, server } = kills;
        let line = format!(
            "{:<32} lost {lost}, twice {twice}, dead {dead}; {:.0} s, kills: {replicas} of replicas, {workers} of workers, {server} of \
             the server; replies {:?}",
            variant.name, sent.seconds, sent.statuses
        );
        report.line(line, &targets);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Kills {
    replicas: usize,
    workers: usize,
    server: usize,
}

impl Kills {
    fn all(self) -> usize {
        self.replicas + self.workers + self.server
    }
}

enum Server {
    None,
    Redis(Redis),
    Postgres(Postgres),
}

struct Stage {
    variant: Variant,
    folder: tempfile::TempDir,
    server: Server,
    at: String,
    replicas: Vec<Role>,
    workers: Vec<Role>,
    ports: [Port; 2],
}

impl Stage {
    async fn start(variant: Variant) -> Self {
        let folder = folder();
        let (server, at) = if variant.store == "redis" {
            let redis = Redis::start().await;
            let at = redis.url();
            (Server::Redis(redis), at)
        } else if variant.store.starts_with("postgres") {
            let postgres = Postgres::start().await;
            Schema::open(&postgres.url(), "events").expect("an address").migrate().await.expect("a schema");
            let client = postgres.client().await.expect("a connection");
            client.batch_execute("CREATE TABLE effects (event text)").await.expect("a table");
            let at = postgres.url();
            (Server::Postgres(postgres), at)
        } else {
            let path = folder.path().join("events.db");
            let at = path.to_string_lossy().into_owned();
            drop(onehorizon_sqlite::Sqlite::open(&path, "events").expect("a file"));
            let made = sqlite(&path).execute("CREATE TABLE effects (event text)", []);
            made.expect("a table");
            (Server::None, at)
        };
        let ports = [(); 2].map(|()| Arc::new(AtomicU16::new(0)));
        let mut stage = Self { variant, folder, server, at, replicas: Vec::new(), workers: Vec::new(), ports };
        for number in 0..2 {
            let replica = stage.replica(number).await;
            stage.replicas.push(replica);
            if stage.has_workers() {
                let worker = stage.worker().await;
                stage.workers.push(worker);
            }
        }
        stage
    }

    fn has_workers(&self) -> bool {
        self.variant.store.ends_with("-inbox")
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("effects")
    }

    async fn replica(&self, number: usize) -> Role {
        let effects = self.file();
        let mut replica = Role::start("receiver", &[self.variant.store, &self.at, &effects.to_string_lossy(), WORK]);
        let port = replica.line().await.and_then(|line| line.parse().ok()).expect("a port");
        self.ports[number].store(port, Ordering::SeqCst);
        replica
    }

    async fn worker(&self) -> Role {
        let mut worker = Role::start("worker", &[self.variant.store, &self.at, WORK, "1000"]);
        let _ = worker.line().await;
        worker
    }

    /// Delivers all events and kills meanwhile; goes on until there were enough kills.
    async fn deliver(&mut self) -> (Sent, Kills) {
        let plan = Plan {
            run: self.variant.store.to_owned(),
            events: EVENTS,
            senders: SENDERS,
            twice: true,
            rate: Some(RATE),
        };
        let sending = tokio::spawn(deliver(plan, self.ports.clone()));
        let (mut kills, mut round) = (Kills::default(), 0_u32);
        while !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(100..300))).await;
            round += 1;
            let number = fastrand::usize(..2);
            if round % 10 == 5 && kills.server < KILLS_OF_SERVER && !matches!(self.server, Server::None) {
                self.kill_server().await;
                kills.server += 1;
            } else if self.has_workers() && round.is_multiple_of(2) {
                self.workers[number].kill().await;
                self.workers[number] = self.worker().await;
                kills.workers += 1;
            } else {
                self.replicas[number].kill().await;
                self.replicas[number] = self.replica(number).await;
                kills.replicas += 1;
            }
        }
        (sending.await.expect("the sender"), kills)
    }

    async fn kill_server(&mut self) {
        match &mut self.server {
            Server::Redis(redis) => {
                redis.kill().await;
                redis.start_again().await;
            }
            Server::Postgres(postgres) => {
                postgres.kill().await;
                postgres.start_again().await;
            }
            Server::None => {}
        }
    }

    /// Waits until the workers have nothing to do; returns how many events are dead.
    async fn drain(&self) -> usize {
        loop {
            let (open, dead) = match self.variant.store {
                "postgres-inbox" => {
                    let stats =
                        Schema::open(&self.at, "events").expect("an address").inbox().stats().await.expect("counts");
                    (stats.due + stats.waiting, stats.dead)
                }
                "sqlite-inbox" => {
                    let inbox = onehorizon_sqlite::Sqlite::open(&self.at, "events").expect("the file").inbox();
                    // The file may be busy.
                    inbox.stats().await.map_or((1, 0), |stats| (stats.due + stats.waiting, stats.dead))
                }
                _ => return 0,
            };
            if open == 0 {
                return usize::try_from(dead).unwrap_or(usize::MAX);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How often each event took effect.
    async fn effects(&self) -> HashMap<String, usize> {
        let ids: Vec<String> = match (self.variant.effects, &self.server) {
            (Effects::Postgres, Server::Postgres(postgres)) => {
                let client = postgres.client().await.expect("a connection");
                let rows = client.query("SELECT event FROM effects", &[]).await.expect("effects");
                rows.iter().map(|row| row.get(0)).collect()
            }
            (Effects::Sqlite, _) => {
                let connection = sqlite(Path::new(&self.at));
                let mut select = connection.prepare("SELECT event FROM effects").expect("a statement");
                let rows = select.query_map([], |row| row.get(0)).expect("effects");
                rows.map(|id| id.expect("an id")).collect()
            }
            _ => std::fs::read_to_string(self.file()).unwrap_or_default().lines().map(str::to_owned).collect(),
        };
        let mut counts = HashMap::new();
        for id in ids {
            *counts.entry(id).or_default() += 1;
        }
        counts
    }
}

pub fn sqlite(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).expect("the file");
    connection.busy_timeout(Duration::from_secs(10)).expect("a setting");
    connection
}

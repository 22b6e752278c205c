//! A million finished events: how long claims take beside them, and while they are cleaned away in batches.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit};
use onehorizon_postgres::{Postgres as Store, PostgresClaims, PostgresInbox};
use onehorizon_sqlite::{Sqlite, SqliteClaims, SqliteInbox, rusqlite};

use crate::report::Report;
use crate::servers::{Postgres, folder};

const ROWS: u64 = 1_000_000;
/// So many are removed at a time.
const BATCH: u32 = 2_000;
/// Between two batches, so that others get their turn.
const PAUSE: Duration = Duration::from_millis(5);
const CLAIMS: usize = 500;
const MINUTE: Duration = Duration::from_secs(60);
/// Milliseconds, of what a receiver has for its store.
const MOST: f64 = 800.0;

#[derive(Clone)]
enum Stores {
    Postgres(Arc<PostgresClaims>, PostgresInbox),
    Sqlite(Arc<SqliteClaims>, SqliteInbox),
}

impl Stores {
    fn claims(&self) -> &dyn ClaimStore {
        match self {
            Self::Postgres(claims, _) => &**claims,
            Self::Sqlite(claims, _) => &**claims,
        }
    }

    /// How many of each were removed.
    async fn clean(&self) -> (u64, u64) {
        match self {
            Self::Postgres(claims, inbox) => (
                claims.clean(MINUTE, BATCH).await.expect("cleaned"),
                inbox.clean(MINUTE, BATCH).await.expect("cleaned"),
            ),
            Self::Sqlite(claims, inbox) => (
                claims.clean(MINUTE, BATCH).await.expect("cleaned"),
                inbox.clean(MINUTE, BATCH).await.expect("cleaned"),
            ),
        }
    }
}

pub async fn run(report: &mut Report) {
    println!("   {ROWS} finished events in the claims and as many in the inbox; claims and commits in ms");
    let (server, folder) = (Postgres::start().await, folder());
    let postgres = Store::open(&server.url(), "acme").expect("an address");
    postgres.migrate().await.expect("a schema");
    let fill = format!(
        "INSERT INTO onehorizon.event SELECT 'acme', 'evt_' || n, repeat('0', 32), now() - interval '1 day',
            now() - interval '1 day' FROM generate_series(1, {ROWS}) n;
         INSERT INTO onehorizon.inbox (scope, event_id, event_type, state, done_at)
            SELECT 'acme', 'evt_' || n, 'task.updated', 1, now() - interval '1 day' FROM generate_series(1, {ROWS}) n;"
    );
    server.client().await.expect("a connection").batch_execute(&fill).await.expect("filled");
    measure(report, "PostgreSQL", &Stores::Postgres(postgres.claims(), postgres.inbox())).await;

    let path = folder.path().join("rows.db");
    let sqlite = Sqlite::open(&path, "acme").expect("a file");
    let fill = format!(
        "BEGIN;
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
         INSERT INTO onehorizon_event SELECT 'acme', 'evt_' || n, zeroblob(16), 0, 1 FROM n;
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
         INSERT INTO onehorizon_inbox (scope, event_id, state, visible_at, received_at, done_at)
            SELECT 'acme', 'evt_' || n, 1, 0, 0, 1 FROM n;
         COMMIT;"
    );
    rusqlite::Connection::open(&path).and_then(|connection| connection.execute_batch(&fill)).expect("filled");
    measure(report, "SQLite", &Stores::Sqlite(sqlite.claims(), sqlite.inbox())).await;
}

async fn measure(report: &mut Report, name: &str, stores: &Stores) {
    let beside = claims(stores, "beside", Duration::ZERO).await;
    let cleaning = {
        let stores = stores.clone();
        tokio::spawn(async move {
            let (began, mut gone) = (Instant::now(), (0, 0));
            loop {
                let (claims, inbox) = stores.clean().await;
                gone = (gone.0 + claims, gone.1 + inbox);
                if claims + inbox == 0 {
                    return (began.elapsed(), gone);
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
    };
    let meanwhile = claims(stores, "meanwhile", Duration::from_millis(10)).await;
    let (took, gone) = cleaning.await.expect("cleaned");
    let line = format!(
        "{name:<10} p50 {:.1}, p99 {:.1}; while {} + {} rows were removed in {:.0} s: p50 {:.1}, p99 {:.1}",
        quantile(&beside, 0.5),
        quantile(&beside, 0.99),
        gone.0,
        gone.1,
        took.as_secs_f64(),
        quantile(&meanwhile, 0.5),
        quantile(&meanwhile, 0.99),
    );
    report.line(
        line,
        &[
            (gone == (ROWS, ROWS), format!("{ROWS} of each removed, and nothing else")),
            (quantile(&beside, 0.99) < MOST, format!("p99 < {MOST} ms beside a million rows")),
            (quantile(&meanwhile, 0.99) < MOST, format!("p99 < {MOST} ms while they are removed")),
        ],
    );
}

/// How long claims with their commits take, in milliseconds, in order.
async fn claims(stores: &Stores, name: &str, pause: Duration) -> Vec<f64> {
    let mut times = Vec::new();
    for number in 0..CLAIMS {
        let (id, began) = (format!("{name}_{number}"), Instant::now());
        let claim = stores.claims().claim(&id, SystemTime::now(), MINUTE).await.expect("claimed");
        let Claim::Fresh(lease) = claim else { panic!("a new event is fresh") };
        let commit = stores.claims().commit(&lease, SystemTime::now()).await.expect("committed");
        assert_eq!(commit, Commit::Recorded);
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(pause).await;
    }
    times.sort_by(f64::total_cmp);
    times
}

fn quantile(times: &[f64], share: f64) -> f64 {
    times[((times.len() - 1) as f64 * share) as usize]
}

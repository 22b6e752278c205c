//! One thread with the connection. It runs all statements that wait in one transaction, so that they share one wait for the
//! disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::{AtRest, Encryption, check_setting};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tokio::sync::oneshot;

use crate::Durability;
use crate::error::Error;

/// How long to wait for another process that writes: less than the second that the SDK waits for a store.
const BUSY: Duration = Duration::from_millis(800);

/// How long to wait for them when the file is opened.
const BUSY_AT_START: Duration = Duration::from_secs(5);

/// The version of the tables, and the oldest version of this crate's tables whose users may go on.
const VERSION: (i64, i64) = (1, 1);

/// So many operations go into one transaction.
const MOST_OPERATIONS: usize = 512;

/// The most of a scope's name.
const LONGEST_SCOPE: usize = 100;

/// Runs in the transaction, if there is one, and returns what is to be done once that is committed, or is not.
type Operation = Box<dyn FnOnce(Option<&Connection>) -> Finish + Send>;
type Finish = Box<dyn FnOnce(Result<(), String>)>;

/// A file, a scope in it, and the thread that writes.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    path: PathBuf,
    scope: String,
    durability: Durability,
    operations: Sender<Operation>,
    at_rest: AtRest,
}

impl Database {
    pub(crate) fn open(path: &Path, scope: &str, durability: Durability) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if scope.is_empty() || scope.len() > LONGEST_SCOPE || !scope.bytes().all(fits) {
            return Err(Error::Scope);
        }
        check_path(path)?;
        let mut connection = connect(path, durability, BUSY_AT_START)?;
        if connection.is_readonly("main")? {
            return Err(Error::ReadOnly);
        }
        migrate(&mut connection)?;
        connection.busy_timeout(BUSY)?;
        let (operations, queue) = channel();
        std::thread::Builder::new()
            .name("onehorizon-sqlite".to_owned())
            .spawn(move || work(connection, &queue))
            .map_err(|_| Error::Ended)?;
        let (path, scope) = (path.to_owned(), scope.to_owned());
        Ok(Self(Arc::new(Inner { path, scope, durability, operations, at_rest: AtRest::default() })))
    }

    pub(crate) fn encrypted(&self, encryption: impl Encryption) -> Self {
        let Inner { path, scope, operations, .. } = &*self.0;
        let (path, scope, operations) = (path.clone(), scope.clone(), operations.clone());
        let at_rest = AtRest::encrypted(encryption);
        Self(Arc::new(Inner { path, scope, durability: self.0.durability, operations, at_rest }))
    }

    pub(crate) fn at_rest(&self) -> &AtRest {
        &self.0.at_rest
    }

    pub(crate) fn scope(&self) -> &str {
        &self.0.scope
    }

    /// Another connection to the same file.
    pub(crate) fn connect(&self) -> Result<Connection, Error> {
        connect(&self.0.path, self.0.durability, BUSY)
    }

    /// Runs the operation; when this returns, it is committed.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        let scope = self.0.scope.clone();
        self.send(Box::new(move |connection| {
            let result = connection.map(|connection| operation(connection, &scope));
            Box::new(move |committed: Result<(), String>| {
                // A caller that stopped waiting for it does not want it.
                let _ = reply.send(match (result, committed) {
                    (Some(Ok(value)), Ok(())) => Ok(value),
                    (Some(Err(fault)), _) => Err(Error::Sqlite(fault)),
                    (_, Err(fault)) => Err(Error::Batch(fault)),
                    (None, Ok(())) => Err(Error::Ended),
                });
            })
        }))?;
        result.await.map_err(|_| Error::Ended)?
    }

    /// As [`run`](Self::run), where nothing can be awaited and nobody wants to know.
    pub(crate) fn run_later(&self, operation: impl FnOnce(&Connection, &str) -> rusqlite::Result<()> + Send + 'static) {
        let scope = self.0.scope.clone();
        let _ = self.send(Box::new(move |connection| {
            let _ = connection.map(|connection| operation(connection, &scope));
            Box::new(|_| {})
        }));
    }

    fn send(&self, operation: Operation) -> Result<(), Error> {
        self.0.operations.send(operation).map_err(|_| Error::Ended)
    }
}

/// A database in memory is another one for each connection, and gone with it.
fn check_path(path: &Path) -> Result<(), Error> {
    let text = path.to_string_lossy();
    check_setting("the path of the SQLite file", &text)
        .map_err(|fault| Error::Setting(fault.as_error().to_string()))?;
    if text == ":memory:" || text.starts_with("file:") && (text.contains(":memory:") || text.contains("mode=memory")) {
        let words =
            "the path names a database in memory, which keeps nothing: name a file, or use the SDK's stores in memory";
        return Err(Error::Setting(words.to_owned()));
    }
    Ok(())
}

fn connect(path: &Path, durability: Durability, busy: Duration) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy)?;
    // The file remembers it, and setting it waits for nobody.
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        connection.pragma_update(None, "journal_mode", "WAL")?;
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), Error> {
    // Only one process at a time gets past this.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    let found: Option<(i64, i64)> = transaction
        .query_row("SELECT version, oldest_user FROM onehorizon_version", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((found, oldest_user)) if oldest_user > VERSION.0 => return Err(Error::Newer { found, known: VERSION.0 }),
        Some((found, _)) if found >= VERSION.0 => {}
        _ => {
            transaction.execute("DELETE FROM onehorizon_version", [])?;
            transaction.execute("INSERT INTO onehorizon_version VALUES (?1, ?2)", VERSION)?;
        }
    }
    Ok(transaction.commit()?)
}

fn work(mut connection: Connection, queue: &Receiver<Operation>) {
    while let Ok(first) = queue.recv() {
        let batch: Vec<Operation> = std::iter::once(first).chain(queue.try_iter().take(MOST_OPERATIONS - 1)).collect();
        let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(fault) => {
                refuse(batch, &fault.to_string());
                continue;
            }
        };
        let (mut finishes, mut batch) = (Vec::new(), batch.into_iter());
        // Some faults, such as a full disk, end the transaction at once: what comes after would not be in it.
        while !transaction.is_autocommit()
            && let Some(operation) = batch.next()
        {
            finishes.push(operation(Some(&transaction)));
        }
        let committed = if transaction.is_autocommit() {
            Err("another statement of the same transaction failed, for instance because the disk is full".to_owned())
        } else {
            transaction.commit().map_err(|fault| fault.to_string())
        };
        for finish in finishes {
            finish(committed.clone());
        }
        if let Err(fault) = committed {
            refuse(batch.collect(), &fault);
        }
    }
}

/// Lets them fail without running them.
fn refuse(batch: Vec<Operation>, fault: &str) {
    for operation in batch {
        operation(None)(Err(fault.to_owned()));
    }
}

pub(crate) fn micros(at: SystemTime) -> i64 {
    i64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn length(time: Duration) -> i64 {
    // Adding it to a time of today cannot overflow.
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX).min(1 << 60)
}

/// A lease that ends later than this was made before the clock was set back; the latest of this moment would end at `until`.
pub(crate) fn too_late(now: i64, until: i64) -> i64 {
    now.saturating_add(until.saturating_sub(now).saturating_mul(4))
}

pub(crate) fn random_token() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_a_full_disk_what_was_confirmed_is_there_and_the_rest_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("full.db"), "acme", Durability::Normal).unwrap();
        // SQLite's own limit on the file stands in for the end of the disk.
        let room: i64 = database.run(|db, _| db.query_row("PRAGMA page_count", [], |row| row.get(0))).await.unwrap();
        database.run(move |db, _| db.pragma_update(None, "max_page_count", room + 30)).await.unwrap();
        let insert = "INSERT INTO onehorizon_inbox (scope, event_id, body, visible_at, received_at) VALUES ('acme', ?1, ?2, 0, 0)";
        let mut running = tokio::task::JoinSet::new();
        for number in 0..200 {
            let database = database.clone();
            running.spawn(async move {
                let body = "x".repeat(1_000);
                database.run(move |db, _| db.execute(insert, [number.to_string(), body]).map(|_| number)).await
            });
        }
        let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
        for result in running.join_all().await {
            match result {
                Ok(number) => confirmed.push(number.to_string()),
                Err(error) => refused.push(error.to_string()),
            }
        }
        assert!(refused.iter().all(|error| error.contains("full")) && !refused.is_empty(), "{:?}", refused.first());
        confirmed.sort();
        let select = "SELECT event_id FROM onehorizon_inbox ORDER BY event_id";
        let stored = database.run(move |db, _| {
            db.prepare(select)?.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(stored.await.unwrap(), confirmed);

        // With room again, the store goes on.
        database.run(move |db, _| db.pragma_update(None, "max_page_count", room + 3_000)).await.unwrap();
        database.run(move |db, _| db.execute(insert, ["again", "x"])).await.unwrap();
    }
}

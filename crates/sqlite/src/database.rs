//! One thread with the connection. It runs all statements that wait in one transaction, so that they share one wait for the
//! disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Runs in the transaction, and returns what is to be done once that is committed, or is not.
type Operation = Box<dyn FnOnce(&Connection) -> Finish + Send>;
type Finish = Box<dyn FnOnce(Result<(), String>)>;

/// A file, a scope in it, and the thread that writes.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    path: PathBuf,
    scope: String,
    durability: Durability,
    operations: Sender<Operation>,
}

impl Database {
    pub(crate) fn open(path: &Path, scope: &str, durability: Durability) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if scope.is_empty() || scope.len() > LONGEST_SCOPE || !scope.bytes().all(fits) {
            return Err(Error::Scope);
        }
        let mut connection = connect(path, durability, BUSY_AT_START)?;
        migrate(&mut connection)?;
        connection.busy_timeout(BUSY)?;
        let (operations, queue) = channel();
        std::thread::Builder::new()
            .name("onehorizon-sqlite".to_owned())
            .spawn(move || work(connection, &queue))
            .map_err(|_| Error::Ended)?;
        Ok(Self(Arc::new(Inner { path: path.to_owned(), scope: scope.to_owned(), durability, operations })))
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
            let result = operation(connection, &scope);
            Box::new(move |committed: Result<(), String>| {
                // A caller that stopped waiting for it does not want it.
                let _ = reply.send(match committed {
                    Ok(()) => result.map_err(Error::Sqlite),
                    Err(fault) => Err(Error::Batch(fault)),
                });
            })
        }))?;
        result.await.map_err(|_| Error::Ended)?
    }

    /// As [`run`](Self::run), where nothing can be awaited and nobody wants to know.
    pub(crate) fn run_later(&self, operation: impl FnOnce(&Connection, &str) -> rusqlite::Result<()> + Send + 'static) {
        let scope = self.0.scope.clone();
        let _ = self.send(Box::new(move |connection| {
            let _ = operation(connection, &scope);
            Box::new(|_| {})
        }));
    }

    fn send(&self, operation: Operation) -> Result<(), Error> {
        self.0.operations.send(operation).map_err(|_| Error::Ended)
    }
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
                refuse(batch, &fault);
                continue;
            }
        };
        let finishes: Vec<Finish> = batch.into_iter().map(|operation| operation(&transaction)).collect();
        let committed = transaction.commit().map_err(|fault| fault.to_string());
        for finish in finishes {
            finish(committed.clone());
        }
    }
}

/// Lets them fail without an effect: they run against an empty database in memory, whose results nobody gets.
fn refuse(batch: Vec<Operation>, fault: &rusqlite::Error) {
    let Ok(nowhere) = Connection::open_in_memory() else { return };
    for operation in batch {
        operation(&nowhere)(Err(fault.to_string()));
    }
}

pub(crate) fn micros(at: SystemTime) -> i64 {
    i64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn length(time: Duration) -> i64 {
    // Adding it to a time of today cannot overflow.
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX).min(1 << 60)
}

pub(crate) fn random_token() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

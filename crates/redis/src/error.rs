//! The errors of this crate, and what a check of the server's settings reports.

use redis::RedisError;

/// The server cannot be used as it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one of a Redis server.
    #[error("the address is not one of a Redis server (redis://host:port/db; rediss:// needs the feature `rustls`)")]
    Address(#[source] RedisError),
    /// The address or path is empty, quoted, of several lines, or has a placeholder in it.
    #[error("{0}")]
    Setting(String),
    /// The scope cannot be used.
    #[error("the scope must be 1 to 100 characters of A-Z a-z 0-9 . _ - : it names the workspace")]
    Scope,
    /// The server cannot be reached, or refuses.
    #[error("Redis returned an error or cannot be reached: {0}")]
    Server(#[from] RedisError),
    /// The server cannot be written to.
    #[error("the Redis server is a read-only replica: use the address of the primary")]
    ReadOnly,
    /// It was called outside a tokio runtime.
    #[error("the connection needs a tokio runtime: call it inside one")]
    NoRuntime,
}

/// What the server may lose as it is set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// When its memory is full it drops keys: events would be handled twice.
    #[error("its maxmemory-policy is {0}: when memory is full, events are forgotten and handled again; set noeviction")]
    Evicts(String),
    /// Nothing is written to disk: a restart forgets all events.
    #[error(
        "it writes nothing to disk: after a restart, events of the last minutes may be handled again; set appendonly yes"
    )]
    NoPersistence,
    /// Its settings cannot be seen.
    #[error("its settings cannot be read ({0}): make sure that maxmemory-policy is noeviction and appendonly is yes")]
    Unknown(String),
}

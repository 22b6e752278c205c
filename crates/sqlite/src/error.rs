//! The errors of this crate.

use onehorizon::StoreError;

/// The file cannot be used as it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address or path is empty, quoted, of several lines, or has a placeholder in it.
    #[error("{0}")]
    Setting(String),
    /// The scope cannot be used.
    #[error("the scope must be 1 to 100 characters of A-Z a-z 0-9 . _ - : it names the workspace")]
    Scope,
    /// A newer version of this crate has changed the tables so that this one cannot use them.
    #[error(
        "the tables in the file are of version {found}, which this version of onehorizon-sqlite (up to {known}) cannot use: update the crate"
    )]
    Newer {
        /// Their version.
        found: i64,
        /// The latest that this crate knows.
        known: i64,
    },
    /// The file cannot be written to.
    #[error("the SQLite file is read-only here: the service must be able to write to it and to its directory")]
    ReadOnly,
    /// SQLite refused: the file cannot be opened, is locked or damaged, or the disk is full.
    #[error("SQLite returned an error: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The same, for one of several statements that were committed together.
    #[error("SQLite returned an error: {0}")]
    Batch(String),
    /// The thread that owns the connection has ended or could not be started.
    #[error("the thread of the SQLite store has ended; open the store again")]
    Ended,
    /// The [`Encryption`](onehorizon::Encryption) refused; nothing was written.
    #[error("could not encrypt what is to be kept: {0}")]
    Encryption(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gave no random numbers.
    #[error("could not obtain random numbers from the operating system")]
    Random(#[from] getrandom::Error),
}

impl Error {
    pub(crate) fn encryption(error: StoreError) -> Self {
        Self::Encryption(error.into())
    }
}

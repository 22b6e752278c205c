//! The errors of this crate.

use deadpool_postgres::PoolError;
use onehorizon::StoreError;
use tokio_postgres::error::SqlState;

/// The database cannot be used as it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one of a PostgreSQL server.
    #[error("the address is not one of a PostgreSQL server (postgres://user@host:port/database)")]
    Address(#[source] tokio_postgres::Error),
    /// The address or path is empty, quoted, of several lines, or has a placeholder in it.
    #[error("{0}")]
    Setting(String),
    /// The scope cannot be used.
    #[error("the scope must be 1 to 100 characters of A-Z a-z 0-9 . _ - : it names the workspace")]
    Scope,
    /// The schema's name cannot be used.
    #[error("the schema must be a name of a-z 0-9 _ that begins with a letter")]
    Schema,
    /// The tables are missing or older than this crate needs.
    #[error(
        "the schema `{schema}` lacks what this version of onehorizon-postgres needs: call migrate() once after an update"
    )]
    NotMigrated {
        /// The schema.
        schema: String,
    },
    /// A newer version of this crate has changed the tables so that this one cannot use them.
    #[error(
        "the schema `{schema}` is of version {found}, which this version of onehorizon-postgres (up to {known}) cannot use: update the crate"
    )]
    Newer {
        /// The schema.
        schema: String,
        /// Its version.
        found: i32,
        /// The latest that this crate knows.
        known: i32,
    },
    /// The server cannot be written to.
    #[error("PostgreSQL is read-only here, as a replica is: use the address of the primary, and a user who may write")]
    ReadOnly,
    /// Could not obtain a connection, in time or at all.
    #[error("could not connect to PostgreSQL: {}; {}", root_cause(.0), remedy(.0))]
    Connect(#[source] PoolError),
    /// The server refused a statement.
    #[error("PostgreSQL returned an error: {}", root_cause(.0))]
    Server(#[source] tokio_postgres::Error),
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

    /// Of a statement: what a missing table or function means is said.
    pub(crate) fn of(error: tokio_postgres::Error, schema: &str) -> Self {
        match error.code() {
            Some(code)
                if [SqlState::UNDEFINED_FUNCTION, SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME]
                    .contains(code) =>
            {
                Self::NotMigrated { schema: schema.trim_matches('"').to_owned() }
            }
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Self::ReadOnly,
            _ => Self::Server(error),
        }
    }
}

/// What to do when a connection could not be made.
fn remedy(error: &PoolError) -> &'static str {
    let PoolError::Backend(error) = error else { return "check the address and that the server runs" };
    let wants_tls = |text: &str| text.contains("no encryption") || text.contains("SSL off");
    match error.as_db_error() {
        Some(refusal) if wants_tls(refusal.message()) => "the server wants TLS: use with_pool and a pool with TLS",
        Some(refusal) if refusal.code().code().starts_with("28") => "check the user and the password in the address",
        Some(refusal) if refusal.code() == &SqlState::INVALID_CATALOG_NAME => "check the database in the address",
        Some(refusal) if refusal.code() == &SqlState::TOO_MANY_CONNECTIONS => {
            "let the processes share fewer connections, or raise the server's max_connections"
        }
        Some(_) => "see the server's log",
        None if root_cause(error).contains("TLS") => {
            "the address asks for TLS, which open() cannot do: use with_pool and a pool with TLS"
        }
        None => "check the address and that the server runs",
    }
}

/// The words of the error that caused the others: those around it say little.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

//! The connection pool, the names of schema and scope, and the check of the schema's version.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use onehorizon::{AtRest, Encryption, check_setting};
use tokio_postgres::config::Host;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, NoTls, Row};

use crate::error::Error;

/// How long to wait for a connection: less than the second that the SDK waits for a store.
const WAIT: Duration = Duration::from_millis(800);

/// How many connections a pool of our own has.
const CONNECTIONS: usize = 8;

/// The most of a scope's name.
const LONGEST_SCOPE: usize = 100;

/// The version of the tables and functions, and the oldest version of this crate's schema whose users may go on.
const VERSION: (i32, i32) = (1, 1);

/// Serialises migrations: the first eight bytes of "onehorizon".
const LOCK: i64 = 0x6f6e_6568_6f72_697a;

const PARTS: [&str; 4] = [
    include_str!("sql/claims.sql"),
    include_str!("sql/quota.sql"),
    include_str!("sql/inbox.sql"),
    include_str!("sql/tokens.sql"),
];

#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    pool: Pool,
    scope: String,
    /// Quoted.
    schema: String,
    at_rest: AtRest,
}

pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Connection {
    pub(crate) fn new(pool: Pool, scope: &str, schema: &str, at_rest: AtRest) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if scope.is_empty() || scope.len() > LONGEST_SCOPE || !scope.bytes().all(fits) {
            return Err(Error::Scope);
        }
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !schema.starts_with(|first: char| first.is_ascii_lowercase())
            || schema.len() > 63
            || !schema.bytes().all(named)
        {
            return Err(Error::Schema);
        }
        Ok(Self(Arc::new(Inner { pool, scope: scope.to_owned(), schema: format!("\"{schema}\""), at_rest })))
    }

    pub(crate) fn pool_of(address: &str) -> Result<Pool, Error> {
        let check = |what: &str, text: &str| {
            check_setting(what, text).map_err(|fault| Error::Setting(fault.as_error().to_string()))
        };
        check("the address of PostgreSQL", address)?;
        let mut config: Config = address.parse().map_err(Error::Address)?;
        // Each part as well: an address may be `host=… password=…`.
        for host in config.get_hosts() {
            if let Host::Tcp(host) = host {
                check("the host of PostgreSQL", host)?;
            }
        }
        let password = config.get_password().map(String::from_utf8_lossy);
        let parts = [
            ("the user of PostgreSQL", config.get_user()),
            ("the password of PostgreSQL", password.as_deref()),
            ("the database of PostgreSQL", config.get_dbname()),
        ];
        for (what, text) in parts.into_iter().filter_map(|(what, text)| Some((what, text?))) {
            check(what, text)?;
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(WAIT);
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycling))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT));
        // It fails without a runtime only, and one is set.
        pool.build().map_err(|_| Error::Schema)
    }

    pub(crate) fn in_schema(&self, schema: &str) -> Result<Self, Error> {
        Self::new(self.0.pool.clone(), &self.0.scope, schema, self.0.at_rest.clone())
    }

    pub(crate) fn encrypted(&self, encryption: impl Encryption) -> Self {
        let Inner { pool, scope, schema, .. } = &*self.0;
        let at_rest = AtRest::encrypted(encryption);
        Self(Arc::new(Inner { pool: pool.clone(), scope: scope.clone(), schema: schema.clone(), at_rest }))
    }

    pub(crate) fn at_rest(&self) -> &AtRest {
        &self.0.at_rest
    }

    /// As a parameter of a statement.
    pub(crate) fn scope_ref(&self) -> &String {
        &self.0.scope
    }

    pub(crate) fn scope(&self) -> &str {
        &self.0.scope
    }

    /// Quoted.
    pub(crate) fn schema(&self) -> &str {
        &self.0.schema
    }

    pub(crate) async fn client(&self) -> Result<Object, Error> {
        self.0.pool.get().await.map_err(Error::Connect)
    }

    /// Runs a statement that returns one row, in one round trip and without a named statement, so that poolers between
    /// need not keep sessions.
    pub(crate) async fn one(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row, Error> {
        let rows = self.rows(sql, parameters).await?;
        // Each of our functions returns one.
        rows.into_iter().next().ok_or_else(|| self.not_migrated())
    }

    pub(crate) async fn rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let parameters: Vec<_> = parameters.iter().map(|(value, of)| (*value, of.clone())).collect();
        client.query_typed(sql, &parameters).await.map_err(|error| Error::of(error, self.schema()))
    }

    fn not_migrated(&self) -> Error {
        Error::NotMigrated { schema: self.schema().trim_matches('"').to_owned() }
    }

    /// Makes or updates tables and functions; several processes may call it at the same time.
    pub(crate) async fn migrate(&self) -> Result<(), Error> {
        let schema = self.schema();
        let mut client = self.client().await?;
        let of = |error| Error::of(error, schema);
        let transaction = client.transaction().await.map_err(of)?;
        transaction.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await.map_err(of)?;
        transaction
            .batch_execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE IF NOT EXISTS {schema}.version (version int NOT NULL, oldest_user int NOT NULL);"
            ))
            .await
            .map_err(of)?;
        let found = transaction
            .query_typed(&format!("SELECT version, oldest_user FROM {schema}.version"), &[])
            .await
            .map_err(of)?;
        if let Some(row) = found.first() {
            let (version, oldest_user): (i32, i32) = (row.get(0), row.get(1));
            self.usable(version, oldest_user)?;
            if version >= VERSION.0 {
                return transaction.commit().await.map_err(of);
            }
        }
        for part in PARTS {
            transaction.batch_execute(&part.replace("{s}", schema)).await.map_err(of)?;
        }
        let (version, oldest_user) = VERSION;
        transaction
            .batch_execute(&format!(
                "DELETE FROM {schema}.version; INSERT INTO {schema}.version VALUES ({version}, {oldest_user});"
            ))
            .await
            .map_err(of)?;
        transaction.commit().await.map_err(of)
    }

    /// A later version leaves the functions of earlier ones in place as long as it can: a rolling update has both.
    fn usable(&self, version: i32, oldest_user: i32) -> Result<(), Error> {
        if oldest_user > VERSION.0 {
            let schema = self.schema().trim_matches('"').to_owned();
            return Err(Error::Newer { schema, found: version, known: VERSION.0 });
        }
        Ok(())
    }

    pub(crate) async fn check(&self) -> Result<(), Error> {
        let sql = format!(
            "SELECT version, oldest_user, current_setting('transaction_read_only') = 'on' FROM {}.version",
            self.schema()
        );
        let row = self.one(&sql, &[]).await?;
        let (version, oldest_user, read_only): (i32, i32, bool) = (row.get(0), row.get(1), row.get(2));
        if read_only {
            return Err(Error::ReadOnly);
        }
        if version < VERSION.0 {
            return Err(self.not_migrated());
        }
        self.usable(version, oldest_user)
    }
}

pub(crate) fn random_token() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

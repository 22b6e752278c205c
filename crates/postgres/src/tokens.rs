//! The tokens of one login: one row, one function a step, the server's clock.

use std::fmt;
use std::time::{Duration, SystemTime};

use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::{StoreError, StoreFuture, retry_later};
use tokio::sync::oneshot;
use tokio_postgres::types::Type;

use crate::claims::hex;
use crate::connection::{Connection, Parameter, random_token};
use crate::error::Error;

/// The tokens of one login of a scope; from [`Postgres::tokens`](crate::Postgres::tokens). Cheap to clone.
#[derive(Clone)]
pub struct PostgresTokens {
    connection: Connection,
    login: String,
}

/// What a function returned: a number that says what happened, a version, tokens.
type Reply = (i32, i64, String);

impl PostgresTokens {
    pub(crate) fn new(connection: Connection, login: &str) -> Self {
        Self { connection, login: login.to_owned() }
    }

    fn purpose(&self) -> String {
        format!("tokens/{}/{}", self.connection.scope(), self.login)
    }

    fn write(&self, tokens: &Tokens) -> Result<String, StoreError> {
        self.connection.at_rest().write_value(&self.purpose(), tokens)
    }

    fn stored(&self, version: i64, kept: &str) -> Result<StoredTokens, StoreError> {
        let tokens = self.connection.at_rest().read_value(&self.purpose(), kept)?;
        Ok(StoredTokens::new(tokens, version.unsigned_abs()))
    }

    fn login(&self) -> [Parameter<'_>; 2] {
        [(self.connection.scope_ref() as _, Type::TEXT), (&self.login as _, Type::TEXT)]
    }

    async fn call(&self, call: &str, more: Vec<Parameter<'_>>) -> Result<Reply, Error> {
        let sql = format!("SELECT what, version, tokens FROM {}.{call}", self.connection.schema());
        let parameters: Vec<_> = self.login().into_iter().chain(more).collect();
        let row = self.connection.one(&sql, &parameters).await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    }

    async fn begin_now(&self, known: i64, token: u128, lease: Duration) -> Result<Reply, Error> {
        let (token, lease) = (hex(token), lease.as_secs_f64());
        let more = vec![(&known as _, Type::INT8), (&token as _, Type::TEXT), (&lease as _, Type::FLOAT8)];
        self.call("token_begin_v1($1, $2, $3, $4, $5)", more).await
    }

    async fn release_token(&self, token: u128) -> Result<(), Error> {
        let token = hex(token);
        let sql = format!("SELECT {}.token_release_v1($1, $2, $3)", self.connection.schema());
        let [scope, login] = self.login();
        self.connection.one(&sql, &[scope, login, (&token as _, Type::TEXT)]).await.map(drop)
    }

    fn release_later(&self, token: u128) {
        let store = self.clone();
        retry_later(move || {
            let store = store.clone();
            async move { store.release_token(token).await }
        });
    }
}

impl fmt::Debug for PostgresTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTokens").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

impl TokenStore for PostgresTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT version, tokens FROM {}.token WHERE scope = $1 AND login = $2 AND tokens IS NOT NULL",
                self.connection.schema()
            );
            let rows = self.connection.rows(&sql, &self.login()).await?;
            rows.first().map(|row| self.stored(row.get(0), row.get(1))).transpose()
        })
    }

    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let kept = self.write(tokens)?;
            let sql = format!("SELECT {}.token_put_v1($1, $2, $3)", self.connection.schema());
            let [scope, login] = self.login();
            let row = self.connection.one(&sql, &[scope, login, (&kept as _, Type::TEXT)]).await?;
            Ok(row.get::<_, i64>(0).unsigned_abs())
        })
    }

    fn begin(&self, known: u64, _: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            let (token, known) = (random_token()?, i64::try_from(known).unwrap_or(-1));
            // In a task of its own: a statement that was begun is finished although nobody waits for it any more, and
            // the guard that it holds is released.
            let (reply, result) = oneshot::channel();
            let store = self.clone();
            tokio::spawn(async move {
                let begun = store.begin_now(known, token, lease).await;
                let (held, in_doubt) = (matches!(begun, Ok((3.., ..))), matches!(begun, Err(Error::Server(_))));
                if reply.send(begun).is_err() && held || in_doubt {
                    store.release_later(token);
                }
            });
            let (what, version, tokens) = result.await??;
            Ok(match what {
                0 => Begin::Empty,
                1 => Begin::Newer(self.stored(version, &tokens)?),
                2 => Begin::Busy,
                3 => Begin::Refresh(RefreshGuard::new(token, self.stored(version, &tokens)?)),
                _ => Begin::Refresh(RefreshGuard::new(token, self.stored(version, &tokens)?).after_interruption()),
            })
        })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            let (kept, token) = (self.write(tokens)?, hex(guard.token()));
            let known = i64::try_from(guard.version()).unwrap_or(-1);
            let more = vec![(&known as _, Type::INT8), (&token as _, Type::TEXT), (&kept as _, Type::TEXT)];
            let (what, version, tokens) = self.call("token_save_v1($1, $2, $3, $4, $5)", more).await?;
            Ok(match what {
                0 => Save::Superseded(None),
                1 => Save::Superseded(Some(self.stored(version, &tokens)?)),
                _ => Save::Saved(version.unsigned_abs()),
            })
        })
    }

    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        Box::pin(async move { Ok(self.release_token(guard.token()).await?) })
    }

    fn abandon(&self, guard: &RefreshGuard) {
        self.release_later(guard.token());
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let sql = format!("SELECT {}.token_clear_v1($1, $2)", self.connection.schema());
            self.connection.one(&sql, &self.login()).await?;
            Ok(())
        })
    }
}

//! The tokens of one login, in one row.

use std::fmt;
use std::time::{Duration, SystemTime};

use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::{StoreError, StoreFuture};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::{Database, length, micros, random_token, too_late};

/// The tokens of one login of a scope; from [`Sqlite::tokens`](crate::Sqlite::tokens). Cheap to clone.
#[derive(Clone)]
pub struct SqliteTokens {
    database: Database,
    login: String,
}

/// A row. One without tokens was cleared: its version goes on counting.
struct Row {
    version: i64,
    tokens: Option<String>,
    guard: Option<[u8; 16]>,
    guard_until: Option<i64>,
    saved_by: Option<[u8; 16]>,
    interrupted: bool,
}

/// What a step found, with the version and the tokens.
enum Found {
    Nothing,
    Other(i64, String),
    Busy,
    Begun { version: i64, tokens: String, interrupted: bool },
    Saved(i64),
}

impl SqliteTokens {
    pub(crate) fn new(database: Database, login: &str) -> Self {
        Self { database, login: login.to_owned() }
    }

    fn purpose(&self) -> String {
        format!("tokens/{}/{}", self.database.scope(), self.login)
    }

    fn write(&self, tokens: &Tokens) -> Result<String, StoreError> {
        self.database.at_rest().write_value(&self.purpose(), tokens)
    }

    fn stored(&self, version: i64, kept: &str) -> Result<StoredTokens, StoreError> {
        let tokens = self.database.at_rest().read_value(&self.purpose(), kept)?;
        Ok(StoredTokens::new(tokens, version.unsigned_abs()))
    }

    fn release_later(&self, token: u128) {
        let login = self.login.clone();
        self.database.run_later(move |connection, scope| release(connection, scope, &login, token));
    }
}

impl fmt::Debug for SqliteTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTokens").field("scope", &self.database.scope()).finish_non_exhaustive()
    }
}

/// A guard that may be held although nobody waits for the response.
struct Doubt<'a> {
    store: &'a SqliteTokens,
    token: Option<u128>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            // It follows the step in the thread's queue.
            self.store.release_later(token);
        }
    }
}

impl TokenStore for SqliteTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(async move {
            let login = self.login.clone();
            let row = self.database.run(move |connection, scope| row(connection, scope, &login)).await?;
            row.and_then(|row| Some((row.version, row.tokens?)))
                .map(|(version, tokens)| self.stored(version, &tokens))
                .transpose()
        })
    }

    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let (login, kept) = (self.login.clone(), self.write(tokens)?);
            let version =
                self.database.run(move |connection, scope| replace(connection, scope, &login, Some(&kept), None));
            Ok(version.await?.unsigned_abs())
        })
    }

    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            let token = random_token()?;
            let mut doubt = Doubt { store: self, token: Some(token) };
            let (login, known) = (self.login.clone(), i64::try_from(known).unwrap_or(-1));
            let (now, until) = (micros(now), micros(now).saturating_add(length(lease)));
            let found =
                self.database.run(move |connection, scope| begin(connection, scope, &login, known, token, now, until));
            let begun = match found.await? {
                Found::Other(version, tokens) => Begin::Newer(self.stored(version, &tokens)?),
                Found::Busy => Begin::Busy,
                Found::Begun { version, tokens, interrupted } => {
                    let guard = RefreshGuard::new(token, self.stored(version, &tokens)?);
                    Begin::Refresh(if interrupted { guard.after_interruption() } else { guard })
                }
                Found::Nothing | Found::Saved(_) => Begin::Empty,
            };
            doubt.token = None;
            Ok(begun)
        })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            let (login, kept, token) = (self.login.clone(), self.write(tokens)?, guard.token());
            let known = i64::try_from(guard.version()).unwrap_or(-1);
            let found =
                self.database.run(move |connection, scope| save(connection, scope, &login, known, token, &kept));
            Ok(match found.await? {
                Found::Saved(version) => Save::Saved(version.unsigned_abs()),
                Found::Other(version, tokens) => Save::Superseded(Some(self.stored(version, &tokens)?)),
                _ => Save::Superseded(None),
            })
        })
    }

    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (login, token) = (self.login.clone(), guard.token());
            Ok(self.database.run(move |connection, scope| release(connection, scope, &login, token)).await?)
        })
    }

    fn abandon(&self, guard: &RefreshGuard) {
        self.release_later(guard.token());
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let login = self.login.clone();
            self.database.run(move |connection, scope| replace(connection, scope, &login, None, None)).await?;
            Ok(())
        })
    }
}

fn row(db: &Connection, scope: &str, login: &str) -> rusqlite::Result<Option<Row>> {
    db.prepare(
        "SELECT version, tokens, guard, guard_until, saved_by, interrupted FROM onehorizon_token WHERE scope = ?1 AND login = ?2",
    )?
    .query_row([scope, login], |row| {
        Ok(Row {
            version: row.get(0)?,
            tokens: row.get(1)?,
            guard: row.get(2)?,
            guard_until: row.get(3)?,
            saved_by: row.get(4)?,
            interrupted: row.get(5)?,
        })
    })
    .optional()
}

fn replace(
    db: &Connection,
    scope: &str,
    login: &str,
    tokens: Option<&str>,
    saved_by: Option<u128>,
) -> rusqlite::Result<i64> {
    db.prepare(
        "INSERT INTO onehorizon_token (scope, login, version, tokens, saved_by) VALUES (?1, ?2, 1, ?3, ?4)
         ON CONFLICT (scope, login) DO UPDATE SET version = version + 1, tokens = ?3, saved_by = ?4,
            guard = NULL, guard_until = NULL, interrupted = 0
         RETURNING version",
    )?
    .query_row(params![scope, login, tokens, saved_by.map(u128::to_be_bytes)], |row| row.get(0))
}

fn begin(
    db: &Connection,
    scope: &str,
    login: &str,
    known: i64,
    token: u128,
    now: i64,
    until: i64,
) -> rusqlite::Result<Found> {
    let Some(Row { version, tokens: Some(tokens), guard, guard_until, interrupted, .. }) = row(db, scope, login)?
    else {
        return Ok(Found::Nothing);
    };
    if version != known {
        return Ok(Found::Other(version, tokens));
    }
    if guard_until.is_some_and(|end| now < end && end <= too_late(now, until)) {
        return Ok(Found::Busy);
    }
    let interrupted = interrupted || guard.is_some();
    db.prepare(
        "UPDATE onehorizon_token SET guard = ?3, guard_until = ?4, interrupted = ?5 WHERE scope = ?1 AND login = ?2",
    )?
    .execute(params![scope, login, token.to_be_bytes(), until, interrupted])?;
    Ok(Found::Begun { version, tokens, interrupted })
}

fn save(db: &Connection, scope: &str, login: &str, known: i64, token: u128, kept: &str) -> rusqlite::Result<Found> {
    let Some(Row { version, tokens: Some(tokens), saved_by, .. }) = row(db, scope, login)? else {
        return Ok(Found::Nothing);
    };
    if version == known {
        return replace(db, scope, login, Some(kept), Some(token)).map(Found::Saved);
    }
    if saved_by == Some(token.to_be_bytes()) {
        return Ok(Found::Saved(version));
    }
    Ok(Found::Other(version, tokens))
}

fn release(db: &Connection, scope: &str, login: &str, token: u128) -> rusqlite::Result<()> {
    db.prepare(
        "UPDATE onehorizon_token SET guard = NULL, guard_until = NULL WHERE scope = ?1 AND login = ?2 AND guard = ?3",
    )?
    .execute(params![scope, login, token.to_be_bytes()])
    .map(drop)
}

//! The tokens of one login: one hash, one script a step, the server's clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::{StoreError, StoreFuture, retry_later};
use redis::{FromRedisValue, Script, ScriptInvocation};

use crate::claims::{hex, micros, random_token};
use crate::connection::Connection;
use crate::error::Error;

// v: version, t: tokens as JSON, g: guard under way, u: end of its lease (microseconds of the server), i: a guard of this
// version ended with its lease, s: the guard that saved this version.
const PUT: &str = r"
local version = redis.call('HINCRBY', KEYS[1], 'v', 1)
redis.call('HDEL', KEYS[1], 'g', 'u', 'i', 's')
redis.call('HSET', KEYS[1], 't', ARGV[1])
return version
";
const CLEAR: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'v', 1)
  redis.call('HDEL', KEYS[1], 't', 'g', 'u', 'i', 's')
end
return 0
";
// What: 0 empty, 1 another version, 2 busy, 3 begun, 4 begun after an interruption; then version and tokens.
const BEGIN: &str = r"
local h = redis.call('HMGET', KEYS[1], 'v', 't', 'g', 'u', 'i')
if not h[2] then return { 0, 0, '' } end
local version = tonumber(h[1])
if h[1] ~= ARGV[1] then return { 1, version, h[2] } end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left = h[3] and h[3] ~= ARGV[2] and tonumber(h[4]) - now or 0
-- A lease that ends so late was made before the clock was set back.
if left > 0 and left <= 4 * ARGV[3] then return { 2, 0, '' } end
redis.call('HSET', KEYS[1], 'g', ARGV[2], 'u', string.format('%.0f', now + ARGV[3]))
local interrupted = h[5] or (h[3] and h[3] ~= ARGV[2])
if interrupted then redis.call('HSET', KEYS[1], 'i', '1') end
return { interrupted and 4 or 3, version, h[2] }
";
// What: 0 superseded by nothing, 1 superseded, 2 saved; then version and tokens.
const SAVE: &str = r"
local h = redis.call('HMGET', KEYS[1], 'v', 't', 's')
if h[2] and h[1] == ARGV[1] then
  local version = redis.call('HINCRBY', KEYS[1], 'v', 1)
  redis.call('HDEL', KEYS[1], 'g', 'u', 'i')
  redis.call('HSET', KEYS[1], 't', ARGV[3], 's', ARGV[2])
  return { 2, version, '' }
end
if h[2] and h[3] == ARGV[2] then return { 2, tonumber(h[1]), '' } end
if h[2] then return { 1, tonumber(h[1]), h[2] } end
return { 0, 0, '' }
";
const RELEASE: &str = r"
if redis.call('HGET', KEYS[1], 'g') == ARGV[1] then redis.call('HDEL', KEYS[1], 'g', 'u') end
return 0
";

/// The tokens of one login of a scope; from [`Redis::tokens`](crate::Redis::tokens). Cheap to clone.
#[derive(Clone)]
pub struct RedisTokens {
    connection: Connection,
    key: String,
    /// Of the encryption.
    purpose: String,
    scripts: Arc<Scripts>,
}

struct Scripts {
    put: Script,
    clear: Script,
    begin: Script,
    save: Script,
    release: Script,
}

impl RedisTokens {
    pub(crate) fn new(connection: Connection, login: &str) -> Self {
        let key = connection.key(&format!("tokens:{login}"));
        let scripts = Scripts {
            put: Script::new(PUT),
            clear: Script::new(CLEAR),
            begin: Script::new(BEGIN),
            save: Script::new(SAVE),
            release: Script::new(RELEASE),
        };
        let purpose = format!("tokens/{}/{login}", connection.scope());
        Self { connection, key, purpose, scripts: Arc::new(scripts) }
    }

    fn write(&self, tokens: &Tokens) -> Result<String, StoreError> {
        self.connection.at_rest().write_value(&self.purpose, tokens)
    }

    fn stored(&self, version: u64, kept: &str) -> Result<StoredTokens, StoreError> {
        Ok(StoredTokens::new(self.connection.at_rest().read_value(&self.purpose, kept)?, version))
    }

    async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, Error> {
        let mut manager = self.connection.manager()?;
        Ok(call.invoke_async(&mut manager).await?)
    }

    async fn release_token(&self, token: u128) -> Result<(), Error> {
        self.run::<i64>(self.scripts.release.key(&self.key).arg(hex(token))).await.map(drop)
    }

    fn release_later(&self, token: u128) {
        let store = self.clone();
        retry_later(move || {
            let store = store.clone();
            async move { store.release_token(token).await }
        });
    }
}

impl fmt::Debug for RedisTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTokens").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

/// A guard that may be held although nobody waits for the response.
struct Doubt<'a> {
    store: &'a RedisTokens,
    token: Option<u128>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.store.release_later(token);
        }
    }
}

impl TokenStore for RedisTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(async move {
            let mut manager = self.connection.manager()?;
            let (version, tokens): (Option<u64>, Option<String>) =
                redis::cmd("HMGET").arg(&self.key).arg("v").arg("t").query_async(&mut manager).await?;
            version.zip(tokens).map(|(version, tokens)| self.stored(version, &tokens)).transpose()
        })
    }

    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let kept = self.write(tokens)?;
            Ok(self.run(self.scripts.put.key(&self.key).arg(kept)).await?)
        })
    }

    fn begin(&self, known: u64, _: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            let token = random_token()?;
            let mut call = self.scripts.begin.key(&self.key);
            call.arg(known).arg(hex(token)).arg(micros(lease));
            let mut doubt = Doubt { store: self, token: Some(token) };
            let (what, version, tokens): (u8, u64, String) = self.run(&call).await?;
            let begun = match what {
                0 => Begin::Empty,
                1 => Begin::Newer(self.stored(version, &tokens)?),
                2 => Begin::Busy,
                3 => Begin::Refresh(RefreshGuard::new(token, self.stored(version, &tokens)?)),
                _ => Begin::Refresh(RefreshGuard::new(token, self.stored(version, &tokens)?).after_interruption()),
            };
            doubt.token = None;
            Ok(begun)
        })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            let kept = self.write(tokens)?;
            let mut call = self.scripts.save.key(&self.key);
            call.arg(guard.version()).arg(hex(guard.token())).arg(kept);
            let (what, version, tokens): (u8, u64, String) = self.run(&call).await?;
            Ok(match what {
                0 => Save::Superseded(None),
                1 => Save::Superseded(Some(self.stored(version, &tokens)?)),
                _ => Save::Saved(version),
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
            self.run::<i64>(&self.scripts.clear.key(&self.key)).await?;
            Ok(())
        })
    }
}

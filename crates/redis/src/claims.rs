//! Claims and commits: one hash for each event, three scripts, the server's clock, one round trip a step.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreFuture};
use onehorizon::{StoreError, retry_later};
use redis::Script;

use crate::connection::Connection;
use crate::error::Error;

// t: token of the latest claim, u: end of its lease (microseconds of the server), d: done.
const CLAIM: &str = r"
local h = redis.call('HMGET', KEYS[1], 't', 'u', 'd')
if h[3] then return 2 end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left = h[1] and h[1] ~= ARGV[1] and tonumber(h[2]) - now or 0
-- A lease that ends so late was made before the clock was set back.
if left > 0 and left <= 4 * ARGV[2] then return 1 end
redis.call('HSET', KEYS[1], 't', ARGV[1], 'u', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
";
const COMMIT: &str = r"
local h = redis.call('HMGET', KEYS[1], 't', 'd')
if h[1] ~= ARGV[1] then return 0 end
if not h[2] then
  redis.call('HSET', KEYS[1], 'd', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
";
const RELEASE: &str = r"
local h = redis.call('HMGET', KEYS[1], 't', 'd')
if h[1] == ARGV[1] and not h[2] then redis.call('DEL', KEYS[1]) end
return 0
";

/// The events of a scope; from [`Redis::claims`](crate::Redis::claims).
#[derive(Clone)]
pub struct RedisClaims {
    connection: Connection,
    remembered: Duration,
    scripts: Arc<Scripts>,
}

struct Scripts {
    claim: Script,
    commit: Script,
    release: Script,
}

impl RedisClaims {
    pub(crate) fn new(connection: Connection, remembered: Duration) -> Self {
        let scripts = Scripts { claim: Script::new(CLAIM), commit: Script::new(COMMIT), release: Script::new(RELEASE) };
        Self { connection, remembered, scripts: Arc::new(scripts) }
    }

    fn key(&self, event_id: &str) -> String {
        self.connection.key(&format!("event:{event_id}"))
    }

    async fn give_back(&self, key: String, token: u128) -> Result<(), Error> {
        let mut manager = self.connection.manager()?;
        self.scripts.release.key(key).arg(hex(token)).invoke_async::<i64>(&mut manager).await?;
        Ok(())
    }

    fn give_back_later(&self, key: String, token: u128) {
        let store = self.clone();
        retry_later(move || {
            let (store, key) = (store.clone(), key.clone());
            async move { store.give_back(key, token).await }
        });
    }
}

impl std::fmt::Debug for RedisClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisClaims").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

/// A claim that may have reached the server although nobody waits for the response.
struct Doubt<'a> {
    store: &'a RedisClaims,
    event_id: &'a str,
    token: u128,
    settled: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.store.give_back_later(self.store.key(self.event_id), self.token);
        }
    }
}

impl ClaimStore for RedisClaims {
    fn claim<'a>(&'a self, event_id: &'a str, _: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let token = random_token()?;
            let mut manager = self.connection.manager()?;
            let mut call = self.scripts.claim.key(self.key(event_id));
            call.arg(hex(token)).arg(micros(lease)).arg(millis(self.remembered.max(lease * 2)));
            let mut doubt = Doubt { store: self, event_id, token, settled: false };
            // After an error it is open whether the claim is there.
            let reply = call.invoke_async::<i64>(&mut manager).await?;
            doubt.settled = true;
            Ok(match reply {
                0 => Claim::Fresh(Lease::new(event_id, token)),
                1 => Claim::Running,
                _ => Claim::Done,
            })
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, _: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            let mut manager = self.connection.manager()?;
            let mut call = self.scripts.commit.key(self.key(lease.event_id()));
            call.arg(hex(lease.token())).arg(millis(self.remembered));
            let recorded = call.invoke_async::<i64>(&mut manager).await? == 1;
            Ok(if recorded { Commit::Recorded } else { Commit::Superseded })
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move { Ok(self.give_back(self.key(lease.event_id()), lease.token()).await?) })
    }

    fn abandon(&self, lease: &Lease) {
        self.give_back_later(self.key(lease.event_id()), lease.token());
    }
}

pub(crate) fn random_token() -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

pub(crate) fn hex(token: u128) -> String {
    format!("{token:032x}")
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(1 << 50)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(1 << 50)
}

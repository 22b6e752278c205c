//! One quota, every webhook event once, one login: stores on Redis or Valkey for services that run as several processes.
//!
//! ```no_run
//! use onehorizon::Configuration;
//! use onehorizon::quota::Pacing;
//! use onehorizon::webhook::{Receiver, Verifier};
//! use onehorizon_redis::Redis;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let redis = Redis::open("redis://127.0.0.1", "acme")?;
//! for warning in redis.check().await? {
//!     eprintln!("redis: {warning}");
//! }
//!
//! // All processes together keep to the workspace's 200 requests in 15 minutes, 40 in a minute.
//! let pacing = Pacing::documented().store(redis.quota());
//! let config = Configuration::builder().api_key("the-key").pacing(pacing).build()?;
//!
//! // Whichever of them gets a delivery, each event is handled once.
//! let receiver = Receiver::builder(Verifier::from_env()?).store(redis.claims()).build();
//! # let _ = (config, receiver); Ok(()) }
//! ```
//!
//! **The scope** names what is shared: one for each workspace. Processes with several API keys of one workspace use the
//! same scope, since the service counts by workspace; two workspaces on one server use two.
//!
//! **What is kept.** Numbers of requests and their times, for the longest window (15 minutes) and an hour more. Ids of
//! webhook events, for a day ([`Redis::remember_events`]), about 200 bytes each. The tokens of logins ([`Redis::tokens`]), without an end. No payload of an event. All keys
//! begin with `{onehorizon:<scope>}:`, so that a cluster keeps them on one node.
//!
//! **The server.** Redis 7 or Valkey, or what speaks their protocol with Lua scripts. Times are the server's. It must
//! not evict keys (`maxmemory-policy noeviction`). With `appendonly yes` a restart forgets at most the last second; an
//! event whose commit is among that may be handled again. A quota that was lost is restored by the processes that use it. A
//! failover to a replica can lose the last writes in the same way.
//!
//! **While it is away** calls go by [`Fallback`](onehorizon::quota::Fallback): by default each process keeps to its
//! share. Deliveries get a 500 and come again.
//!
//! Minimum Rust version: 1.89.

mod claims;
mod connection;
mod error;
mod quota;
mod tokens;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onehorizon::quota::remote::RemoteQuota;
use onehorizon::{Encryption, SystemClock, check_setting};
use redis::aio::ConnectionManager;
use redis::{Client, ConnectionAddr, IntoConnectionInfo};

pub use claims::RedisClaims;
pub use error::{Error, Warning};
pub use tokens::RedisTokens;

use connection::Connection;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// How long a finished event is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A Redis server, and the scope of what is kept there. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Redis {
    connection: Connection,
    remembered: Duration,
}

impl Redis {
    /// The server at this address (`redis://`, `rediss://` with the feature `rustls`), and the scope: a name for the
    /// workspace.
    ///
    /// Connects when it is first used, and again whenever the connection is lost.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Address`] or [`Error::Scope`].
    pub fn open(address: impl IntoConnectionInfo, scope: &str) -> Result<Self, Error> {
        let client = Client::open(address).map_err(Error::Address)?;
        let info = client.get_connection_info();
        let host = match info.addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host.as_str()),
            _ => None,
        };
        let settings = info.redis_settings();
        let parts = [
            ("the host of Redis", host),
            ("the user of Redis", settings.username()),
            ("the password of Redis", settings.password()),
        ];
        for (what, text) in parts.into_iter().filter_map(|(what, text)| Some((what, text?))) {
            check_setting(what, text).map_err(|fault| Error::Setting(fault.as_error().to_string()))?;
        }
        Ok(Self { connection: Connection::new(Some(client), OnceLock::new(), scope)?, remembered: REMEMBERED })
    }

    /// A server to which the program has a connection already.
    ///
    /// # Errors
    /// [`Error::Scope`].
    pub fn with_connection(manager: ConnectionManager, scope: &str) -> Result<Self, Error> {
        Ok(Self { connection: Connection::new(None, OnceLock::from(manager), scope)?, remembered: REMEMBERED })
    }

    /// Encrypts tokens. Their purpose is `tokens/<scope>/<login>`.
    ///
    /// All processes need the same encryption. What was written before can still be read.
    #[must_use]
    pub fn encrypted(mut self, encryption: impl Encryption) -> Self {
        self.connection = self.connection.encrypted(encryption);
        self
    }

    /// For how long finished events are remembered, ten minutes at the least: for longer than the service repeats
    /// deliveries. A day by default.
    #[must_use]
    pub fn remember_events(mut self, time: Duration) -> Self {
        self.remembered = time.max(Duration::from_secs(10 * 60));
        self
    }

    /// Connects, and looks at how the server is set up: what comes back says what it may lose.
    ///
    /// # Errors
    /// [`Error::Server`] if it cannot be reached, refuses, or cannot be written to.
    pub async fn check(&self) -> Result<Vec<Warning>, Error> {
        self.connection.check().await
    }

    /// The quota of the scope; for [`Pacing::store`](onehorizon::quota::Pacing::store). Call it once in a process and
    /// share what it returns.
    ///
    /// # Panics
    /// Outside a tokio runtime. The task that does the store's work ends with the runtime; calls go by the fallback then.
    #[must_use]
    pub fn quota(&self) -> Arc<RemoteQuota> {
        let (quota, work) = RemoteQuota::new(quota::Ledger::new(self.connection.clone()), Arc::new(SystemClock));
        tokio::spawn(work);
        Arc::new(quota)
    }

    /// The events of the scope; for `Receiver::builder(..).store(..)`.
    #[must_use]
    pub fn claims(&self) -> Arc<RedisClaims> {
        Arc::new(RedisClaims::new(self.connection.clone(), self.remembered))
    }

    /// The tokens of one login of the scope, by a name of your choice (a user's id, `app`); for
    /// [`RefreshingBuilder::token_store`](onehorizon::oauth::RefreshingBuilder::token_store). They are kept as JSON, with
    /// their secrets, until they are replaced or cleared.
    #[must_use]
    pub fn tokens(&self, login: &str) -> RedisTokens {
        RedisTokens::new(self.connection.clone(), login)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

//! A server that is not as it should be. These tests start servers of their own, where `ONEHORIZON_TEST_REDIS` says that
//! there is one to start.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "a real server keeps its own time")]
#![allow(missing_docs, reason = "a test")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use onehorizon::oauth::token_store::Begin;
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::quota::{Pacing, QuotaStore, Slot, SlotRequest, Take};
use onehorizon::webhook::claims::{Claim, ClaimStore};
use onehorizon::{Encryption, StoreError};
use onehorizon_redis::{Error, Redis, Warning};
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

const MINUTE: Duration = Duration::from_secs(60);
/// What a receiver has for its store.
const SOON: Duration = Duration::from_millis(1_500);

/// A server of a test's own; stopped when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// None where no script has installed the server.
    async fn start(settings: &[&str]) -> Option<Self> {
        if std::env::var("ONEHORIZON_TEST_REDIS").is_err() {
            eprintln!("skipped: ONEHORIZON_TEST_REDIS names no server");
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]).args(settings);
        let child = command.arg("--dir").arg(folder.path()).stdout(Stdio::null()).spawn().unwrap();
        let server = Self { child, port, folder };
        timeout(MINUTE, async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        Some(server)
    }

    fn at(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    fn open(&self) -> Redis {
        Redis::open(self.at(""), "acme").unwrap()
    }

    async fn connection(&self) -> MultiplexedConnection {
        redis::Client::open(self.at("")).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    async fn run(&self, words: &[&str]) -> redis::Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut self.connection().await).await.unwrap()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.folder.path();
    }
}

#[tokio::test]
async fn a_refused_login_is_an_error_without_the_password() {
    let Some(server) = Server::start(&[]).await else { return };
    server.run(&["ACL", "SETUSER", "app", "on", ">right", "~*", "+@all"]).await;
    server.run(&["ACL", "SETUSER", "reader", "on", ">right", "~*", "+@read"]).await;
    for (user, words) in [("app:mistaken@", "WRONGPASS"), ("reader:right@", "NOPERM")] {
        let redis = Redis::open(server.at(user), "acme").unwrap();
        let error = timeout(SOON, redis.check()).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Server(_)), "{error:?}");
        let claims = redis.claims();
        let refused = timeout(SOON, claims.claim("evt_1", SystemTime::now(), MINUTE)).await.unwrap().unwrap_err();
        for error in [format!("{error} {error:?}"), format!("{refused} {refused:?}")] {
            assert!(error.to_lowercase().contains(&words.to_lowercase()) || error.contains("uthentication"), "{error}");
            assert!(!error.contains("mistaken"), "a password is shown: {error}");
        }
    }
    assert!(Redis::open(server.at("app:right@"), "acme").unwrap().check().await.is_ok());
}

#[tokio::test]
async fn what_a_server_may_lose_is_said_at_the_start() {
    let Some(server) = Server::start(&["--appendonly", "yes"]).await else { return };
    assert_eq!(server.open().check().await.unwrap(), []);
    server.run(&["CONFIG", "SET", "maxmemory", "100mb"]).await;
    server.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    server.run(&["CONFIG", "SET", "appendonly", "no"]).await;
    let warnings = server.open().check().await.unwrap();
    assert_eq!(warnings, [Warning::Evicts("allkeys-lru".to_owned()), Warning::NoPersistence]);
    let words = warnings.iter().map(ToString::to_string).collect::<String>();
    assert!(words.contains("noeviction") && words.contains("appendonly yes"), "{words}");
}

#[tokio::test]
async fn a_replica_and_a_full_memory_claim_nothing_and_say_so() {
    let Some(server) = Server::start(&[]).await else { return };
    let (redis, now) = (server.open(), SystemTime::now());
    server.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = redis.claims().claim("evt_1", now, MINUTE).await.unwrap_err();
    assert!(error.to_string().contains("OOM"), "{error}");
    assert!(redis.check().await.is_err());
    server.run(&["CONFIG", "SET", "maxmemory", "0"]).await;

    server.run(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert!(matches!(redis.check().await, Err(Error::ReadOnly)));
    let error = redis.claims().claim("evt_1", now, MINUTE).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("read"), "{error}");
    server.run(&["REPLICAOF", "NO", "ONE"]).await;
    assert!(matches!(redis.claims().claim("evt_1", now, MINUTE).await.unwrap(), Claim::Fresh(_)));
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_within_the_receivers_time_and_is_used_again_afterwards() {
    let Some(server) = Server::start(&[]).await else { return };
    let (claims, now) = (server.open().claims(), SystemTime::now());
    assert!(matches!(claims.claim("evt_1", now, MINUTE).await.unwrap(), Claim::Fresh(_)));
    server.signal("-STOP");
    for _ in 0..2 {
        assert!(timeout(SOON, claims.claim("evt_2", now, MINUTE)).await.unwrap().is_err());
    }
    server.signal("-CONT");
    let claimed = timeout(MINUTE, async {
        loop {
            // What was sent while it hung is given back: nobody waits for the lease.
            if let Ok(Claim::Fresh(lease)) = claims.claim("evt_2", now, MINUTE).await {
                return lease;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    claimed.await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_no_event_no_login_and_no_quota() {
    let Some(server) = Server::start(&[]).await else { return };
    let (redis, now) = (server.open(), SystemTime::now());
    let (claims, tokens, quota) = (redis.claims(), redis.tokens("app"), redis.quota());
    let pacing = Pacing::new().window(2, MINUTE);
    let take = async |number| quota.take(pacing.rules(), SlotRequest::new(Slot::new(number), MINUTE)).await.unwrap();
    assert!(matches!(claims.claim("evt_1", now, MINUTE).await.unwrap(), Claim::Fresh(_)));
    let version = tokens.put(&Tokens::new("at_1")).await.unwrap();
    assert!(matches!(tokens.begin(version, now, MINUTE).await.unwrap(), Begin::Refresh(_)));
    assert_eq!((take(1).await, take(2).await), (Take::Granted, Take::Granted));

    // What an hour less on the clock makes of what is kept.
    let later = r"
        for _, key in ipairs(redis.call('KEYS', '*')) do
            if string.find(key, ':quota:running') then
                local all = redis.call('ZRANGE', key, 0, -1)
                for _, slot in ipairs(all) do redis.call('ZINCRBY', key, 3600000000, slot) end
            elseif string.find(key, ':quota:meta') then redis.call('HINCRBY', key, 'seen', 3600000000)
            elseif string.find(key, ':event:') or string.find(key, ':tokens:') then
                redis.call('HINCRBY', key, 'u', 3600000000)
            end
        end
        return #redis.call('KEYS', '*:quota:running')";
    assert_eq!(server.run(&["EVAL", later, "0"]).await, redis::Value::Int(1));

    assert!(matches!(claims.claim("evt_1", now, MINUTE).await.unwrap(), Claim::Fresh(_)));
    assert!(matches!(tokens.begin(version, now, MINUTE).await.unwrap(), Begin::Refresh(_)));
    // Both slots are under way, as this process says again: their leases are a minute.
    let Take::Wait(wait) = take(3).await else { panic!("two slots are under way") };
    assert!(wait <= 2 * MINUTE + SOON, "{wait:?}");
}

/// Enough to see where it is applied.
struct Flipped;

impl Encryption for Flipped {
    fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        assert_eq!(purpose, "tokens/acme/app");
        Ok(plain.iter().map(|byte| !byte).collect())
    }

    fn decrypt(&self, _: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(kept.iter().map(|byte| !byte).collect())
    }
}

#[tokio::test]
async fn tokens_can_be_encrypted() {
    let Some(server) = Server::start(&[]).await else { return };
    let (plain, encrypted) = (server.open(), server.open().encrypted(Flipped));
    plain.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    let before = encrypted.tokens("app").load().await.unwrap().unwrap();
    assert_eq!(before.tokens.access_token.expose(), "hush", "what was written before is read");
    encrypted.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    let kept = format!("{:?}", server.run(&["HGET", "{onehorizon:acme}:tokens:app", "t"]).await);
    assert!(kept.contains("encrypted:") && !kept.contains("hush"), "{kept}");
    let error = plain.tokens("app").load().await.unwrap_err();
    assert!(error.to_string().contains("set the encryption"), "{error}");
    assert_eq!(encrypted.tokens("app").load().await.unwrap().unwrap().tokens.access_token.expose(), "hush");
}

#[tokio::test]
async fn scopes_share_nothing() {
    let Some(server) = Server::start(&[]).await else { return };
    let pacing = Pacing::new().window(1, MINUTE);
    for scope in ["one", "two"] {
        let redis = Redis::open(server.at(""), scope).unwrap();
        let claim = redis.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap();
        assert!(matches!(claim, Claim::Fresh(_)), "{scope}: {claim:?}");
        assert!(redis.tokens("app").load().await.unwrap().is_none(), "{scope}");
        redis.tokens("app").put(&Tokens::new(scope)).await.unwrap();
        let taken = redis.quota().take(pacing.rules(), SlotRequest::new(Slot::new(1), MINUTE)).await.unwrap();
        assert_eq!(taken, Take::Granted, "{scope}");
    }
}

#[test]
fn tls_without_the_feature_names_it() {
    if !cfg!(feature = "rustls") {
        let error = Redis::open("rediss://127.0.0.1", "acme").unwrap_err();
        assert!(error.to_string().contains("rustls"), "{error}");
    }
}

//! A file, a disk or a clock that is not as it should be.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "the file's only clock is this machine's")]
#![allow(missing_docs, reason = "a test")]

use std::time::{Duration, SystemTime};

use onehorizon::oauth::token_store::Begin;
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit};
use onehorizon::{Encryption, StoreError};
use onehorizon_sqlite::{Error, Sqlite, rusqlite};
use onehorizon_testing::NewEvent;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_path_that_keeps_nothing_or_that_nobody_meant_is_refused() {
    for (path, words) in [
        ("", "empty"),
        (" ", "empty"),
        (":memory:", "in memory"),
        ("file::memory:?cache=shared", "in memory"),
        ("file:x.db?mode=memory", "in memory"),
        ("${DB}", "placeholder"),
        ("\"x.db\"", "quotes"),
        ("x.db\n", "line end"),
    ] {
        let error = Sqlite::open(path, "acme").unwrap_err();
        assert!(matches!(error, Error::Setting(_)) && error.to_string().contains(words), "{path:?}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_read_only_says_so_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reader.db");
    drop(Sqlite::open(&path, "acme").unwrap());
    // Permissions do not hold for every user who runs tests; this does.
    let address = format!("file:{}?mode=ro", path.display());
    let error = Sqlite::open(&address, "acme").unwrap_err();
    assert!(matches!(error, Error::ReadOnly) && error.to_string().contains("write to it"), "{error}");
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_no_event_and_no_login() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("clock.db"), "acme").unwrap();
    let (claims, tokens) = (sqlite.claims(), sqlite.tokens("app"));
    let (before, now) = (SystemTime::now() + HOUR, SystemTime::now());
    assert!(matches!(claims.claim("evt_1", before, MINUTE).await.unwrap(), Claim::Fresh(_)));
    let version = tokens.put(&Tokens::new("at_1")).await.unwrap();
    assert!(matches!(tokens.begin(version, before, MINUTE).await.unwrap(), Begin::Refresh(_)));
    assert!(matches!(claims.claim("evt_1", now, MINUTE).await.unwrap(), Claim::Fresh(_)));
    assert!(matches!(tokens.begin(version, now, MINUTE).await.unwrap(), Begin::Refresh(_)));
    // A lease that is only longer than others is kept.
    assert_eq!(claims.claim("evt_1", now, MINUTE / 3).await.unwrap(), Claim::Running);
}

#[tokio::test]
async fn long_ids_and_large_bodies_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("large.db"), "acme").unwrap();
    let (inbox, claims) = (sqlite.inbox(), sqlite.claims());
    let (id, text) = ("e".repeat(512), "é".repeat(128 * 1024));
    let event = NewEvent::new("task.updated", &id).field("note", &text).build().unwrap();
    assert!(event.as_json().len() >= 256 * 1024);
    assert!(inbox.put_event(&event, None).await.unwrap());
    let kept = event.as_json().to_owned();
    let worked = inbox.run_due(move |job, _| {
        assert_eq!(job.event.as_json(), kept);
        Ok(())
    });
    assert_eq!(worked.await.unwrap().done, 1);
    let Claim::Fresh(lease) = claims.claim(&id, SystemTime::now(), MINUTE).await.unwrap() else {
        panic!("a new event is fresh");
    };
    assert_eq!(claims.commit(&lease, SystemTime::now()).await.unwrap(), Commit::Recorded);
}

/// Enough to see where it is applied.
struct Flipped;

impl Encryption for Flipped {
    fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        assert!(["tokens/acme/app", "inbox/acme/evt_1"].contains(&purpose), "{purpose}");
        Ok(plain.iter().map(|byte| !byte).collect())
    }

    fn decrypt(&self, _: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(kept.iter().map(|byte| !byte).collect())
    }
}

#[tokio::test]
async fn tokens_and_payloads_can_be_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encrypted.db");
    let plain = Sqlite::open(&path, "acme").unwrap();
    let encrypted = plain.clone().encrypted(Flipped);
    let event = NewEvent::new("task.updated", "evt_1").field("note", "hush").build().unwrap();

    plain.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    let before = encrypted.tokens("app").load().await.unwrap().unwrap();
    assert_eq!(before.tokens.access_token.expose(), "hush", "what was written before is read");
    encrypted.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    assert!(encrypted.inbox().put_event(&event, None).await.unwrap());

    let reader = rusqlite::Connection::open(&path).unwrap();
    for select in ["SELECT tokens FROM onehorizon_token", "SELECT body FROM onehorizon_inbox"] {
        let kept: String = reader.query_row(select, [], |row| row.get(0)).unwrap();
        assert!(kept.starts_with("encrypted:") && !kept.contains("hush"), "{kept}");
    }
    let error = plain.tokens("app").load().await.unwrap_err();
    assert!(error.to_string().contains("set the encryption"), "{error}");
    assert_eq!(encrypted.tokens("app").load().await.unwrap().unwrap().tokens.access_token.expose(), "hush");

    // A worker without the key leaves the event to one that has it.
    let inbox = plain.inbox().backoff(Duration::ZERO..Duration::ZERO).dead_after(1);
    assert_eq!(inbox.run_due(|_, _| Ok(())).await.unwrap().done, 0);
    let dead = encrypted.inbox().dead(10).await.unwrap();
    assert!(dead[0].body.contains("hush") && dead[0].error.contains("set the encryption"), "{dead:?}");
    assert!(inbox.dead(10).await.unwrap()[0].body.starts_with("encrypted:"));
    assert!(encrypted.inbox().requeue("evt_1").await.unwrap());
    assert_eq!(encrypted.inbox().run_due(|_, _| Ok(())).await.unwrap().done, 1);
}

#[tokio::test]
async fn scopes_share_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scopes.db");
    for scope in ["one", "two"] {
        let sqlite = Sqlite::open(&path, scope).unwrap();
        let claim = sqlite.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap();
        assert!(matches!(claim, Claim::Fresh(_)), "{scope}: {claim:?}");
        assert!(sqlite.tokens("app").load().await.unwrap().is_none(), "{scope}");
        sqlite.tokens("app").put(&Tokens::new(scope)).await.unwrap();
        let event = NewEvent::new("task.updated", "evt_1").build().unwrap();
        assert!(sqlite.inbox().put_event(&event, None).await.unwrap(), "{scope}");
    }
}

//! The stores in a file.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "a real server keeps its own time")]
#![allow(missing_docs, reason = "a test")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use onehorizon::webhook::claims::{Claim, ClaimStore};
use onehorizon_sqlite::{Durability, Error, Sqlite, rusqlite};
use onehorizon_testing::conformance::{claims, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn the_claims_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::Full, Durability::Normal] {
        let path = folder.path().join(format!("{durability:?}.db"));
        // Each opening has a connection and a thread of its own, as another process would.
        let open = |scope: String| {
            let sqlite = Sqlite::open_with(&path, &scope, durability).unwrap();
            async move { Ok(sqlite.claims()) }
        };
        claims::Conformance::new(open).check().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.db");
    let open = |scope: String| {
        let sqlite = Sqlite::open(&path, &scope).unwrap();
        async move { Ok(Arc::new(sqlite.tokens("app"))) }
    };
    tokens::Conformance::new(open).check().await.unwrap();
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_an_error_within_a_second_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.db");
    let claims = Sqlite::open(&path, "acme").unwrap().claims();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let error = claims.claim("evt_1", SystemTime::now(), Duration::from_secs(30)).await.unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    let claim = claims.claim("evt_1", SystemTime::now(), Duration::from_secs(30)).await.unwrap();
    assert!(matches!(claim, Claim::Fresh(_)), "{claim:?}");
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for scope in ["", "a b", "a:b", "ü", &"x".repeat(101)] {
        assert!(matches!(Sqlite::open(folder.path().join("a.db"), scope), Err(Error::Scope)), "{scope:?}");
    }
    let error = Sqlite::open(folder.path().join("no/such/folder.db"), "acme").unwrap_err();
    assert!(error.to_string().contains("unable to open"), "{error}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to be looked at as one".repeat(100)).unwrap();
    assert!(Sqlite::open(&text, "acme").unwrap_err().to_string().contains("not a database"));

    let newer = folder.path().join("newer.db");
    drop(Sqlite::open(&newer, "acme").unwrap());
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.execute("UPDATE onehorizon_version SET version = 8", []).unwrap();
    drop(Sqlite::open(&newer, "acme").unwrap());
    connection.execute("UPDATE onehorizon_version SET version = 9, oldest_user = 9", []).unwrap();
    assert!(matches!(Sqlite::open(&newer, "acme"), Err(Error::Newer { found: 9, known: 1 })));
}

#[tokio::test]
async fn cleaning_removes_what_is_old_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let claims = Sqlite::open(folder.path().join("a.db"), "acme").unwrap().claims();
    let hour = Duration::from_secs(60 * 60);
    let old = SystemTime::now() - 2 * hour;
    for number in 0..50 {
        let Claim::Fresh(lease) = claims.claim(&format!("old_{number}"), old, Duration::from_secs(1)).await.unwrap()
        else {
            panic!("a new event is fresh");
        };
        assert_eq!(claims.commit(&lease, old).await.unwrap(), onehorizon::webhook::claims::Commit::Recorded);
    }
    claims.claim("new", SystemTime::now(), hour).await.unwrap();
    assert_eq!((claims.clean(hour, 30).await.unwrap(), claims.clean(hour, 30).await.unwrap()), (30, 20));
    assert_eq!(claims.clean(Duration::ZERO, 30).await.unwrap(), 0, "ten minutes are kept in any case");
    assert_eq!(claims.claim("new", SystemTime::now(), hour).await.unwrap(), Claim::Running);
}

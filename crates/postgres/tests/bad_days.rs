//! A database that is not as it should be: `ONEHORIZON_TEST_POSTGRES=postgres://… cargo test -p onehorizon-postgres`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "a real server keeps its own time")]
#![allow(missing_docs, reason = "a test")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::oauth::token_store::Begin;
use onehorizon::oauth::{TokenStore, Tokens};
use onehorizon::quota::{Pacing, QuotaStore, Slot, SlotRequest, Take};
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit};
use onehorizon::{Encryption, StoreError};
use onehorizon_postgres::{Error, Postgres, tokio_postgres};
use onehorizon_testing::NewEvent;
use tokio::time::timeout;

const MINUTE: Duration = Duration::from_secs(60);
/// What a receiver has for its store.
const SOON: Duration = Duration::from_millis(1_500);

/// The server that a script started; without one these tests say so and do nothing.
fn server() -> Option<String> {
    let address = std::env::var("ONEHORIZON_TEST_POSTGRES").ok();
    if address.is_none() {
        eprintln!("skipped: ONEHORIZON_TEST_POSTGRES names no server");
    }
    address
}

/// Runs statements as the owner of the server.
async fn run(address: &str, statements: &str) {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    timeout(MINUTE, client.batch_execute(statements)).await.unwrap().unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

/// A schema or scope that no other test uses.
fn fresh(name: &str) -> String {
    format!("{name}_{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

async fn migrated(address: &str, schema: &str) -> Postgres {
    let postgres = Postgres::open(address, "acme").unwrap().in_schema(schema).unwrap();
    postgres.migrate().await.unwrap();
    postgres
}

#[tokio::test]
async fn a_refused_connection_names_the_setting_to_look_at() {
    let Some(address) = server() else { return };
    for user in ["onehorizon_password", "onehorizon_tls"] {
        let role = format!(
            "DO $$ BEGIN CREATE ROLE {user} LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN END $$"
        );
        run(&address, &role).await;
    }
    let of = |user: &str| address.replace("postgres@", user);
    for (address, words) in [
        (of("onehorizon_password:wrong@"), "check the user and the password"),
        (of("onehorizon_password@"), "password"),
        (of("onehorizon_tls:right@"), "the server wants TLS: use with_pool"),
        (format!("{address}?sslmode=require"), "which open() cannot do: use with_pool"),
        (format!("{}no_such_database", address.trim_end_matches("postgres")), "check the database"),
    ] {
        let postgres = Postgres::open(&address, "acme").unwrap();
        let error = timeout(SOON, postgres.check()).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Connect(_)) && error.to_string().contains(words), "{error}");
        let claims = postgres.claims();
        let error = timeout(SOON, claims.claim("evt_1", SystemTime::now(), MINUTE)).await.unwrap().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong"), "a password is shown: {error:?}");
    }
    let checked = Postgres::open(&of("onehorizon_password:right@"), "acme").unwrap().check().await;
    assert!(!matches!(checked, Err(Error::Connect(_))), "{checked:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_never_responds_is_an_error_within_the_receivers_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("postgres://app@{}/app", silent.local_addr().unwrap());
    let postgres = Postgres::open(&address, "acme").unwrap();
    let claims = postgres.claims();
    let claimed = timeout(SOON, claims.claim("evt_1", SystemTime::now(), MINUTE)).await.unwrap();
    assert!(claimed.unwrap_err().to_string().contains("could not connect"));
    assert!(matches!(timeout(SOON, postgres.migrate()).await.unwrap(), Err(Error::Connect(_))));
}

#[tokio::test]
async fn a_database_that_is_read_only_says_so_and_claims_nothing() {
    let Some(address) = server() else { return };
    let schema = fresh("readonly");
    let postgres = migrated(&address, &schema).await;
    let reader = Postgres::open(&format!("{address}?options=-c%20default_transaction_read_only%3Don"), "acme");
    let reader = reader.unwrap().in_schema(&schema).unwrap();
    assert!(matches!(reader.check().await, Err(Error::ReadOnly)));
    let error = reader.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    let error = reader.tokens("app").put(&Tokens::new("at_1")).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    let event = NewEvent::new("task.updated", "evt_1").build().unwrap();
    assert!(matches!(reader.inbox().put_event(&event, None).await, Err(Error::ReadOnly)));
    let claim = postgres.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap();
    assert!(matches!(claim, Claim::Fresh(_)), "{claim:?}");
}

#[tokio::test]
async fn an_older_schema_names_migrate_and_a_newer_one_is_used_as_long_as_it_allows() {
    let Some(address) = server() else { return };
    let schema = fresh("versions");
    let postgres = migrated(&address, &schema).await;
    let version = async |set: &str| run(&address, &format!("UPDATE {schema}.version SET {set}")).await;

    version("version = 0, oldest_user = 0").await;
    let error = postgres.check().await.unwrap_err();
    assert!(matches!(error, Error::NotMigrated { .. }) && error.to_string().contains("migrate()"), "{error}");
    postgres.migrate().await.unwrap();
    postgres.check().await.unwrap();

    // A rolling update: the other half of the processes has migrated already.
    version("version = 8, oldest_user = 1").await;
    postgres.check().await.unwrap();
    postgres.migrate().await.unwrap();
    assert!(matches!(postgres.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap(), Claim::Fresh(_)));

    version("version = 9, oldest_user = 9").await;
    for refused in [postgres.check().await, postgres.migrate().await] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Newer { found: 9, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("update the crate"), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_no_event_no_login_and_no_quota() {
    let Some(address) = server() else { return };
    let schema = fresh("clock");
    let postgres = migrated(&address, &schema).await;
    let (claims, tokens, quota) = (postgres.claims(), postgres.tokens("app"), postgres.quota());
    let pacing = Pacing::new().window(2, MINUTE);
    let take = async |number| quota.take(pacing.rules(), SlotRequest::new(Slot::new(number), MINUTE)).await.unwrap();

    assert!(matches!(claims.claim("evt_1", SystemTime::now(), MINUTE).await.unwrap(), Claim::Fresh(_)));
    let version = tokens.put(&Tokens::new("at_1")).await.unwrap();
    assert!(matches!(tokens.begin(version, SystemTime::now(), MINUTE).await.unwrap(), Begin::Refresh(_)));
    assert_eq!((take(1).await, take(2).await), (Take::Granted, Take::Granted));

    // What an hour less on the clock makes of what is kept.
    run(
        &address,
        &format!(
            "UPDATE {schema}.event SET leased_until = leased_until + interval '1 hour';
             UPDATE {schema}.token SET guard_until = guard_until + interval '1 hour';
             UPDATE {schema}.quota SET seen = seen + 3600000000;
             UPDATE {schema}.quota_slot SET leased_until = leased_until + 3600000000, used_from = used_from + 3600000000"
        ),
    )
    .await;

    assert!(matches!(claims.claim("evt_1", SystemTime::now(), MINUTE).await.unwrap(), Claim::Fresh(_)));
    assert!(matches!(tokens.begin(version, SystemTime::now(), MINUTE).await.unwrap(), Begin::Refresh(_)));
    // Both slots are under way, as this process says again: their leases are a minute.
    let Take::Wait(wait) = take(3).await else { panic!("two slots are under way") };
    assert!(wait <= 2 * MINUTE + SOON, "{wait:?}");
}

#[tokio::test]
async fn long_ids_and_large_bodies_are_kept_whole() {
    let Some(address) = server() else { return };
    let postgres = migrated(&address, "onehorizon_test").await;
    let inbox = Postgres::open(&address, &fresh("large")).unwrap().in_schema("onehorizon_test").unwrap().inbox();
    let (id, text) = ("e".repeat(512), "é".repeat(128 * 1024));
    let event = NewEvent::new("task.updated", &id).field("note", &text).build().unwrap();
    assert!(event.as_json().len() >= 256 * 1024);
    assert!(inbox.put_event(&event, None).await.unwrap());
    let kept = event.as_json().to_owned();
    let worked = inbox.run_due(move |job, _| {
        assert_eq!(job.event.as_json(), kept);
        Box::pin(async { Ok(()) })
    });
    assert_eq!(worked.await.unwrap().done, 1);
    let claims = postgres.claims();
    let Claim::Fresh(lease) = claims.claim(&fresh(&id[..480]), SystemTime::now(), MINUTE).await.unwrap() else {
        panic!("a new event is fresh");
    };
    assert_eq!(claims.commit(&lease, SystemTime::now()).await.unwrap(), Commit::Recorded);
}

/// Enough to see where it is applied.
struct Flipped;

impl Encryption for Flipped {
    fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        assert!(purpose.starts_with("tokens/") || purpose.starts_with("inbox/"), "{purpose}");
        Ok(plain.iter().map(|byte| !byte).collect())
    }

    fn decrypt(&self, _: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(kept.iter().map(|byte| !byte).collect())
    }
}

#[tokio::test]
async fn tokens_and_payloads_can_be_encrypted() {
    let Some(address) = server() else { return };
    let schema = fresh("encrypted");
    let plain = migrated(&address, &schema).await;
    let encrypted = plain.clone().encrypted(Flipped);
    let (id, event) = ("evt_1", NewEvent::new("task.updated", "evt_1").field("note", "hush").build().unwrap());

    plain.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    let before = encrypted.tokens("app").load().await.unwrap().unwrap();
    assert_eq!(before.tokens.access_token.expose(), "hush", "what was written before is read");
    encrypted.tokens("app").put(&Tokens::new("hush")).await.unwrap();
    assert!(encrypted.inbox().put_event(&event, None).await.unwrap());

    let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for column in ["tokens FROM", "body FROM"] {
        let table = if column.starts_with("tokens") { "token" } else { "inbox" };
        let kept: String = client.query_one(&format!("SELECT {column} {schema}.{table}"), &[]).await.unwrap().get(0);
        assert!(kept.starts_with("encrypted:") && !kept.contains("hush"), "{kept}");
    }
    let error = plain.tokens("app").load().await.unwrap_err();
    assert!(error.to_string().contains("set the encryption"), "{error}");
    assert_eq!(encrypted.tokens("app").load().await.unwrap().unwrap().tokens.access_token.expose(), "hush");

    // A worker without the key leaves the event to one that has it.
    let inbox = plain.inbox().backoff(Duration::ZERO..Duration::ZERO).dead_after(1);
    assert_eq!(inbox.run_due(|_, _| Box::pin(async { Ok(()) })).await.unwrap().done, 0);
    let dead = encrypted.inbox().dead(10).await.unwrap();
    assert!(dead[0].body.contains("hush") && dead[0].error.contains("set the encryption"), "{dead:?}");
    assert!(inbox.dead(10).await.unwrap()[0].body.starts_with("encrypted:"));
    assert!(encrypted.inbox().requeue(id).await.unwrap());
    assert_eq!(encrypted.inbox().run_due(|_, _| Box::pin(async { Ok(()) })).await.unwrap().done, 1);
}

#[tokio::test]
async fn scopes_share_nothing() {
    let Some(address) = server() else { return };
    let schema = fresh("scopes");
    migrated(&address, &schema).await;
    let pacing = Pacing::new().window(1, MINUTE);
    for scope in ["one", "two"] {
        let postgres = Postgres::open(&address, scope).unwrap().in_schema(&schema).unwrap();
        let claim = postgres.claims().claim("evt_1", SystemTime::now(), MINUTE).await.unwrap();
        assert!(matches!(claim, Claim::Fresh(_)), "{scope}: {claim:?}");
        assert!(postgres.tokens("app").load().await.unwrap().is_none(), "{scope}");
        postgres.tokens("app").put(&Tokens::new(scope)).await.unwrap();
        let taken = postgres.quota().take(pacing.rules(), SlotRequest::new(Slot::new(1), MINUTE)).await.unwrap();
        assert_eq!(taken, Take::Granted, "{scope}");
        let event = NewEvent::new("task.updated", "evt_1").build().unwrap();
        assert!(postgres.inbox().put_event(&event, None).await.unwrap(), "{scope}");
    }
}

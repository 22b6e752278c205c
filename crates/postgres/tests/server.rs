//! The stores against a real server: `ONEHORIZON_TEST_POSTGRES=postgres://… cargo test -p onehorizon-postgres`.
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
use std::time::Duration;

use onehorizon_postgres::{Error, Postgres};
use onehorizon_testing::conformance::{claims, quota, tokens};

/// The server that a script started; without one these tests say so and do nothing.
fn server() -> Option<String> {
    let address = std::env::var("ONEHORIZON_TEST_POSTGRES").ok();
    if address.is_none() {
        eprintln!("skipped: ONEHORIZON_TEST_POSTGRES names no server");
    }
    address
}

async fn migrated(address: &str, scope: &str) -> Postgres {
    let postgres = Postgres::open(address, scope).unwrap().in_schema("onehorizon_test").unwrap();
    postgres.migrate().await.unwrap();
    postgres
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_keeps_the_contract() {
    let Some(address) = server() else { return };
    let open = async |name: String| Ok(migrated(&address, &name).await.quota());
    quota::Conformance::new(open).unit(Duration::from_millis(250)).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claims_keep_the_contract() {
    let Some(address) = server() else { return };
    let open = async |name: String| Ok(migrated(&address, &name).await.claims());
    claims::Conformance::new(open).server_time(Duration::from_millis(600)).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_keep_the_contract() {
    let Some(address) = server() else { return };
    let open = async |name: String| Ok(Arc::new(migrated(&address, &name).await.tokens("app")));
    tokens::Conformance::new(open).server_time(Duration::from_millis(600)).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_the_same_time_get_along() {
    let Some(address) = server() else { return };
    let schema = format!("m{}", std::process::id());
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let postgres = Postgres::open(&address, "acme").unwrap().in_schema(&schema).unwrap();
            tokio::spawn(async move { postgres.migrate().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let postgres = Postgres::open(&address, "acme").unwrap().in_schema(&schema).unwrap();
    postgres.check().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_missing_names_migrate() {
    let Some(address) = server() else { return };
    let postgres = Postgres::open(&address, "acme").unwrap().in_schema("never_made").unwrap();
    let error = postgres.check().await.unwrap_err();
    assert!(error.to_string().contains("migrate()"), "{error}");
    assert!(matches!(error, Error::NotMigrated { schema } if schema == "never_made"));
    let error = postgres.claims().clean(Duration::ZERO, 10).await.unwrap_err();
    assert!(error.to_string().contains("migrate()"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_within_a_second() {
    let postgres = Postgres::open("postgres://app@127.0.0.1:1/app", "acme").unwrap();
    let checked = tokio::time::timeout(Duration::from_secs(1), postgres.check()).await.unwrap();
    assert!(matches!(checked, Err(Error::Connect(_))), "{checked:?}");
}

#[test]
fn names_that_could_reach_further_are_refused() {
    for scope in ["", "a b", "a'", "a:b", "ü", &"x".repeat(101)] {
        assert!(matches!(Postgres::open("postgres://localhost", scope), Err(Error::Scope)), "{scope:?}");
    }
    for schema in ["", "A", "1a", "a\"", "a-b", "a.b"] {
        let postgres = Postgres::open("postgres://localhost", "acme").unwrap();
        assert!(matches!(postgres.in_schema(schema), Err(Error::Schema)), "{schema:?}");
    }
    assert!(matches!(Postgres::open("http://localhost", "acme"), Err(Error::Address(_))));
    for address in [
        "",
        " ",
        "${DATABASE_URL}",
        "\"postgres://localhost/x\"",
        "postgres://localhost/x\n",
        "postgres://$HOST/x",
        "postgres://u@$PGHOST:5432/x",
        "postgres://{HOST}/x",
        "postgres://localhost/$DB",
        "postgres://$USER@localhost/x",
        "postgres://u:$PASSWORD@localhost/x",
        "postgres://u:%24PASSWORD@localhost/x",
        "postgres://u:changeme@localhost/x",
        "host=$HOST dbname=x",
        "host=localhost,%HOST% dbname=x",
        "host=localhost user=$USER",
        "host=localhost user=u password=$PASSWORD",
        "host=localhost dbname=undefined",
    ] {
        assert!(matches!(Postgres::open(address, "acme"), Err(Error::Setting(_))), "{address:?}");
    }
    for address in ["postgres://u:pa$$word%25@db.example:5432/x", "host=db.example user=u password='a b' dbname=x"] {
        Postgres::open(address, "acme").unwrap();
    }
}

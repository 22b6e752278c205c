//! The stores against a real server: `ONEHORIZON_TEST_REDIS=redis://127.0.0.1:6379 cargo test -p onehorizon-redis`.
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

use onehorizon_redis::{Error, Redis};
use onehorizon_testing::conformance::{claims, quota, tokens};

/// The server that a script started; without one these tests say so and do nothing.
fn server() -> Option<String> {
    let address = std::env::var("ONEHORIZON_TEST_REDIS").ok();
    if address.is_none() {
        eprintln!("skipped: ONEHORIZON_TEST_REDIS names no server");
    }
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_keeps_the_contract() {
    let Some(address) = server() else { return };
    let open = |name: String| {
        let redis = Redis::open(address.as_str(), &name).unwrap();
        async move { Ok(redis.quota()) }
    };
    quota::Conformance::new(open).unit(Duration::from_millis(200)).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claims_keep_the_contract() {
    let Some(address) = server() else { return };
    let open = |name: String| {
        let redis = Redis::open(address.as_str(), &name).unwrap();
        async move { Ok(redis.claims()) }
    };
    claims::Conformance::new(open).server_time(Duration::from_millis(500)).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_keep_the_contract() {
    let Some(address) = server() else { return };
    let open = |name: String| {
        let redis = Redis::open(address.as_str(), &name).unwrap();
        async move { Ok(Arc::new(redis.tokens("app"))) }
    };
    tokens::Conformance::new(open).server_time(Duration::from_millis(500)).check().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_within_a_second() {
    let redis = Redis::open("redis://127.0.0.1:1", "acme").unwrap();
    let checked = tokio::time::timeout(Duration::from_secs(1), redis.check()).await.unwrap();
    assert!(matches!(checked, Err(Error::Server(_))), "{checked:?}");
}

#[test]
fn a_scope_that_could_reach_into_another_is_refused() {
    for scope in ["", "a b", "a}", "{a", "a:b", "ü", "x\n", &"x".repeat(101)] {
        assert!(matches!(Redis::open("redis://127.0.0.1", scope), Err(Error::Scope)), "{scope:?}");
    }
    assert!(matches!(Redis::open("http://127.0.0.1", "acme"), Err(Error::Address(_))));
    assert!(matches!(Redis::open("", "acme"), Err(Error::Address(_))));
    for address in [
        "redis://$HOST:6379",
        "redis://:$PASSWORD@127.0.0.1",
        "redis://$USER:x@127.0.0.1",
        "redis://:changeme@127.0.0.1",
    ] {
        assert!(matches!(Redis::open(address, "acme"), Err(Error::Setting(_))), "{address:?}");
    }
    Redis::open("redis://user:pa$$word@127.0.0.1", "acme").unwrap();
    Redis::open("redis://127.0.0.1", "Acme-1.prod_eu").unwrap();
}

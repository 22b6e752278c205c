//! The receivers over HTTP, as One Horizon and its *Verify* button meet them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, MemoryClaims, StoreError, StoreFuture};
use onehorizon::webhook::{Event, Receiver, Verified, Verifier, axum_routes::route};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use support::delivery;

use support::delivery::{CONTENT_TYPE, Delivery, KEY};
use support::example::Example;

const MAX: usize = 256 * 1024;

fn start(name: &str) -> Example {
    Example::start(name, &[("ONE_WEBHOOK_KEY", KEY)])
}

/// What every receiver has to reply, whatever it is built on.
async fn conforms(host: &str) {
    probes(host).await;
    deliveries(host).await;
    refusals(host).await;
    bodies(host).await;
}

async fn probes(host: &str) {
    for method in ["HEAD", "GET"] {
        let response = Delivery::new().without("content-type").method(method).send(host).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""), "{method}");
    }
}

async fn deliveries(host: &str) {
    let first = Delivery::event("evt_1").send(host).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.json(), json!({"ok": true, "id": "evt_1", "type": "task.created"}));
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("cache-control"), Some("no-store"));

    let again = Delivery::event("evt_1").header("x-one-retry-num", "1").send(host).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json(), json!({"ok": true, "duplicate": true, "id": "evt_1", "type": "task.created"}));

    for sample in ["task-created", "comment-created"] {
        let body = std::fs::read(format!("{}/fixtures/webhook/{sample}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let id = format!("evt_{sample}");
        let kind = sample.replace('-', ".");
        let request = Delivery::new().header("x-one-event-id", &id).header("x-one-event-type", &kind).body(body);
        let response = request.send(host).await;
        assert_eq!((response.status, response.json()["id"].as_str()), (200, Some(id.as_str())), "{sample}");
    }
}

async fn refusals(host: &str) {
    for method in ["HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS"] {
        let request = Delivery::event("evt_refused").method(method);
        for refused in [request.clone().without("x-one-webhook-key"), request.header("x-one-webhook-key", "wrong")] {
            let response = refused.send(host).await;
            assert_eq!(response.status, 401, "{method}");
            assert_eq!(response.body.is_empty(), method == "HEAD");
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let response = Delivery::event("evt_method").method(method).send(host).await;
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD, POST")), "{method}");
    }
    for media_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        let response = Delivery::event("evt_media").header("content-type", media_type).send(host).await;
        assert_eq!(response.status, 415, "{media_type}");
    }
    assert_eq!(Delivery::event("evt_media").without("content-type").send(host).await.status, 415);
    assert_eq!(
        Delivery::event("evt_media").header("content-type", &CONTENT_TYPE.to_uppercase()).send(host).await.status,
        200
    );
}

async fn bodies(host: &str) {
    for length in [MAX + 1, 10_000_000_000] {
        let response = Delivery::new().announce(host, length).await;
        assert_eq!(response.status, 413, "refused though not a byte of the body was sent");
        assert_eq!(response.json()["code"], "too_large");
    }
    let event = delivery::event("evt_large").to_string();
    let fits = format!("{event}{}", " ".repeat(MAX - event.len()));
    assert_eq!(Delivery::new().body(fits).send(host).await.status, 200);

    for (body, code) in
        [("", "empty"), ("  ", "empty"), ("{", "invalid_json"), ("{}x", "invalid_json"), ("[]", "not_an_object")]
    {
        let response = Delivery::new().body(body).send(host).await;
        assert_eq!((response.status, response.json()["code"].as_str()), (400, Some(code)), "{body:?}");
    }
    let attributes = ["specversion", "id", "type", "source", "time", "datacontenttype", "workspaceid", "data"];
    for attribute in attributes {
        let mut event = delivery::event("evt_incomplete");
        event.as_object_mut().unwrap().remove(attribute);
        names(host, &event, attribute).await;
        event[attribute] = json!("");
        names(host, &event, attribute).await;
    }
    for (attribute, value) in [("specversion", "0.3"), ("datacontenttype", "text/xml")] {
        let mut event = delivery::event("evt_unsupported");
        event[attribute] = value.into();
        names(host, &event, attribute).await;
    }
    let mut event = delivery::event("evt_incomplete");
    event["data"] = json!({"task": {}});
    names(host, &event, "data.resource").await;
}

/// The event is refused and the reply names the attribute.
async fn names(host: &str, event: &Value, attribute: &str) {
    let response = Delivery::new().json(event).send(host).await;
    assert_eq!(response.status, 400, "{attribute}");
    let text = response.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains(&format!("`{attribute}`")), "{attribute} in {text}");
}

#[tokio::test]
async fn the_axum_example_conforms() {
    let example = start("webhook_receiver");
    conforms(&example.host).await;
}

#[tokio::test]
async fn the_example_without_a_framework_conforms() {
    let example = start("webhook_lambda_style");
    conforms(&example.host).await;
}

#[tokio::test]
async fn a_stream_without_end_is_cut_at_the_cap() {
    let example = start("webhook_receiver");
    let response = Delivery::new().stream(&example.host, 300, &[b' '; 1024]).await;
    assert_eq!(response.status, 413);
    let refused = Delivery::new().header("x-one-webhook-key", "wrong").stream(&example.host, 1, b"x").await;
    assert_eq!(refused.status, 401, "nothing of a stranger's body is waited for");
}

#[tokio::test]
async fn the_axum_example_prints_one_line_an_event_and_stops_gracefully() {
    let mut example = start("webhook_receiver");
    Delivery::event("evt_1").send(&example.host).await;
    Delivery::event("evt_1").send(&example.host).await;
    Delivery::event("evt_2").header("x-one-retry-num", "2").send(&example.host).await;
    assert!(example.terminate());
    assert_eq!(
        example.rest(),
        [
            "event task.created evt_1 workspace=w_1 task=tsk_1 key=key retry=0",
            "event task.created evt_2 workspace=w_1 task=tsk_1 key=key retry=2",
            "stopped",
        ]
    );
}

/// On two threads, since the fake has to respond while this one waits for the example's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_axum_example_fetches_the_task_when_it_has_an_api_key() {
    let fake = onehorizon_testing::FakeOneHorizon::start().await.unwrap();
    let variables = [("ONE_WEBHOOK_KEY", KEY), ("ONE_API_KEY", fake.api_key()), ("ONE_HORIZON_BASE_URL", &fake.url())];
    let mut example = Example::start("webhook_receiver", &variables);
    let mut event = delivery::event("evt_1");
    event["data"]["resource"]["id"] = "tsk_1001".into();
    assert_eq!(Delivery::new().json(&event).send(&example.host).await.status, 200);
    assert!(example.terminate());
    let printed = example.rest();
    assert!(printed.iter().any(|line| line.starts_with("task tsk_1001 ")), "{printed:?}");
}

#[test]
fn without_a_key_the_examples_do_not_start() {
    for name in ["webhook_receiver", "webhook_lambda_style"] {
        let started = std::panic::catch_unwind(|| Example::start(name, &[("ONE_WEBHOOK_KEY", " ")]));
        assert!(started.is_err(), "{name}");
    }
}

/// Serves a receiver until the test ends.
async fn serve<H, F>(store: impl ClaimStore + 'static, handler: H) -> String
where
    H: Fn(Verified<Event>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    let receiver = Receiver::builder(Verifier::key(KEY).unwrap()).store(store).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let app = axum::Router::new().route("/webhook", route(receiver, handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    host
}

#[tokio::test]
async fn a_handler_that_fails_is_a_500_and_the_retry_succeeds() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let host = serve(MemoryClaims::new(), move |_| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err("not yet") } else { Ok(()) } }
    })
    .await;
    let failed = Delivery::event("evt_1").send(&host).await;
    assert_eq!((failed.status, failed.json()["code"].as_str()), (500, Some("handler_failed")));
    assert_eq!(
        Delivery::event("evt_1").send(&host).await.json(),
        json!({"ok": true, "id": "evt_1", "type": "task.created"})
    );
    assert_eq!(Delivery::event("evt_1").send(&host).await.json()["duplicate"], true);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_event_that_is_still_running_is_a_503() {
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (announce, wait) = (started.clone(), finish.clone());
    let host = serve(MemoryClaims::new(), move |_| {
        let (announce, wait) = (announce.clone(), wait.clone());
        async move {
            announce.notify_one();
            wait.notified().await;
            Ok(())
        }
    })
    .await;
    let slow = tokio::spawn({
        let host = host.clone();
        async move { Delivery::event("evt_1").send(&host).await.status }
    });
    tokio::time::timeout(Duration::from_secs(10), started.notified()).await.expect("the handler starts");
    let replies = (0..5).map(|_| {
        tokio::spawn({
            let host = host.clone();
            async move { Delivery::event("evt_1").send(&host).await.status }
        })
    });
    for response in replies.collect::<Vec<_>>() {
        assert_eq!(response.await.unwrap(), 503);
    }
    finish.notify_one();
    assert_eq!(slow.await.unwrap(), 200);
    assert_eq!(Delivery::event("evt_1").send(&host).await.json()["duplicate"], true);
}

/// A store that cannot be reached.
struct Unreachable;

impl ClaimStore for Unreachable {
    fn claim<'a>(&'a self, _: &'a str, _: SystemTime, _: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async { Err(StoreError::new("connection refused")) })
    }

    fn commit<'a>(&'a self, _: &'a Lease, _: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async { Err(StoreError::new("connection refused")) })
    }

    fn release<'a>(&'a self, _: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async { Err(StoreError::new("connection refused")) })
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_500() {
    let host = serve(Unreachable, |_| async { Ok(()) }).await;
    let response = Delivery::event("evt_1").send(&host).await;
    assert_eq!((response.status, response.json()["code"].as_str()), (500, Some("store_failed")));
    assert!(!response.body.contains("refused"), "{}", response.body);
}

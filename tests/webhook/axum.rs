//! Webhooks on an axum router: mounting, limits, the extractor, and clients that go away.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Path, State};
use axum::routing::post;
use onehorizon::webhook::axum_routes::{on, route, route_claimed, route_with};
use onehorizon::webhook::claims::Lease;
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use support::delivery;

use support::delivery::{Delivery, KEY};

fn receiver() -> Receiver {
    Receiver::new(Verifier::key(KEY).unwrap())
}

async fn accept(_: Verified<Event>) -> Result<(), std::convert::Infallible> {
    Ok(())
}

/// Serves an application until the test ends.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    host
}

#[tokio::test]
async fn the_route_works_at_any_path_and_behind_nested_routers() {
    let inner = Router::new().route("/one-horizon/{tenant}", route(receiver(), accept));
    let with_state: Router<Arc<str>> = Router::new().route("/", route(receiver(), accept));
    let app = Router::new()
        .nest("/api/v1/hooks", inner)
        .nest_service("/service", Router::new().route("/hook", route(receiver(), accept)))
        .nest("/stateful", with_state.with_state(Arc::from("state")));
    let host = serve(app).await;
    for path in ["/api/v1/hooks/one-horizon/acme", "/service/hook", "/stateful"] {
        let request = Delivery::event("evt_1").path(path);
        assert_eq!(request.send(&host).await.status, 200, "{path}");
        assert_eq!(request.send(&host).await.json()["duplicate"], true, "{path}");
        assert_eq!(request.clone().method("HEAD").send(&host).await.status, 204, "{path}");
        assert_eq!(request.method("DELETE").send(&host).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn clones_of_a_receiver_share_what_was_processed() {
    let receiver = receiver();
    let app = Router::new().route("/a", route(receiver.clone(), accept)).route("/b", route(receiver, accept));
    let host = serve(app).await;
    assert_eq!(Delivery::event("evt_1").path("/a").send(&host).await.status, 200);
    assert_eq!(Delivery::event("evt_1").path("/b").send(&host).await.json()["duplicate"], true);
}

#[tokio::test]
async fn the_lower_of_both_body_limits_counts() {
    let hook = || Router::new().route("/webhook", route(receiver(), accept));
    let lower = serve(hook().layer(DefaultBodyLimit::max(1_000))).await;
    let padded = |size: usize| {
        let event = delivery::event("evt_1").to_string();
        let padding = " ".repeat(size - event.len());
        Delivery::new().body(event + &padding)
    };
    let refused = padded(1_001).send(&lower).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (413, Some("too_large")));
    assert_eq!(padded(1_000).send(&lower).await.status, 200);

    let disabled = serve(hook().layer(DefaultBodyLimit::disable())).await;
    assert_eq!(padded(256 * 1024 + 1).send(&disabled).await.status, 413);
    assert_eq!(Delivery::new().stream(&disabled, 300, &[b' '; 1024]).await.status, 413);
}

#[derive(Clone)]
struct App {
    verifier: Verifier,
    greeting: &'static str,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

async fn extracted() -> String {
    let verifier = Verifier::builder().key("new", "other-key").key("old", KEY).build().unwrap();
    let handler = async |Path(tenant): Path<String>, event: Verified<Event>| {
        json!({"tenant": tenant, "event": event.id().as_str(), "label": event.label()}).to_string()
    };
    let app = App { verifier, greeting: "hello" };
    serve(Router::new().route("/{tenant}/hook", post(handler)).with_state(app)).await
}

#[tokio::test]
async fn a_verified_event_is_an_extractor() {
    let host = extracted().await;
    let response = Delivery::event("evt_1").path("/acme/hook").send(&host).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.json(), json!({"tenant": "acme", "event": "evt_1", "label": "old"}));
}

#[tokio::test]
async fn the_extractor_refuses_in_json() {
    let host = extracted().await;
    let good = Delivery::event("evt_1").path("/acme/hook");
    let mut incomplete = delivery::event("evt_1");
    incomplete["workspaceid"] = Value::Null;
    for (request, status, code) in [
        (good.clone().without("x-one-webhook-key"), 401, "unauthorized"),
        (good.clone().header("x-one-webhook-key", "wrong"), 401, "unauthorized"),
        (good.clone().header("content-type", "application/json"), 415, "unsupported_media_type"),
        (good.clone().body(""), 400, "empty"),
        (good.clone().body("{"), 400, "invalid_json"),
        (good.clone().json(&incomplete), 400, "missing_attribute"),
        (good.clone().body(" ".repeat(256 * 1024 + 1)), 413, "too_large"),
    ] {
        let response = request.send(&host).await;
        assert_eq!((response.status, response.json()["code"].as_str()), (status, Some(code)));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    assert_eq!(good.announce(&host, 256 * 1024 + 1).await.status, 413);
    assert_eq!(good.header("x-one-webhook-key", "wrong").announce(&host, 1_000).await.status, 401);
}

#[tokio::test]
async fn a_client_that_goes_away_gives_the_event_back() {
    let (started, held) = (Arc::new(Notify::new()), Arc::new(Mutex::new(())));
    let (announce, lock) = (started.clone(), held.clone());
    let patient = move |event: Verified<Event>| {
        let (announce, lock) = (announce.clone(), lock.clone());
        async move {
            if event.retry().is_none() {
                // Freed when the handler is dropped.
                let _guard: OwnedMutexGuard<()> = lock.lock_owned().await;
                announce.notify_one();
                std::future::pending::<()>().await;
            }
            Ok::<_, std::convert::Infallible>(())
        }
    };
    let host = serve(Router::new().route("/webhook", route(receiver(), patient))).await;

    let body = delivery::event("evt_1").to_string();
    let request = format!(
        "POST /webhook HTTP/1.1\r\nhost: {host}\r\nx-one-webhook-key: {KEY}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
        delivery::CONTENT_TYPE,
        body.len()
    );
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all((request + &body).as_bytes()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), started.notified()).await.expect("the handler starts");
    let retry = Delivery::event("evt_1").header("x-one-retry-num", "1");
    assert_eq!(retry.send(&host).await.status, 503);
    drop(stream);
    let _dropped = tokio::time::timeout(Duration::from_secs(10), held.lock()).await.expect("the handler is dropped");
    assert_eq!(retry.send(&host).await.status, 200);
}

#[tokio::test]
async fn a_body_that_stops_is_not_waited_for_longer_than_its_time_limit() {
    let limited = || Verifier::builder().key("key", KEY).body_timeout(Duration::from_millis(100)).build().unwrap();
    let hook = async |event: Verified<Event>| event.id().to_string();
    let app = Router::new()
        .route("/webhook", route(Receiver::new(limited()), accept))
        .route("/extractor", post(hook).with_state(limited()));
    let host = serve(app).await;
    for path in ["/webhook", "/extractor"] {
        let request = Delivery::event("evt_1").path(path);
        let response = request.announce(&host, 1_000).await;
        assert_eq!((response.status, response.json()["code"].as_str()), (408, Some("body_timeout")), "{path}");
        assert_eq!(request.stream(&host, 1, b"{").await.status, 408, "{path}");
        assert_eq!(request.send(&host).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_signature_in_several_lines_is_read_whole() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let host =
        serve(Router::new().route("/webhook", route(Receiver::new(Verifier::signed(secret).unwrap()), accept))).await;
    let body = delivery::event("evt_1").to_string();
    let signer = onehorizon::webhook::Signer::new(secret).unwrap();
    let [id, time, signature] = signer.headers("msg_1", std::time::SystemTime::now(), body.as_bytes()).map(|(_, v)| v);
    let request = Delivery::new().body(body).header("webhook-id", &id).header("webhook-timestamp", &time);
    // The second line of the header is smuggled in with the first.
    let lines = format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=\r\nwebhook-signature: {signature}");
    assert_eq!(request.header("webhook-signature", &lines).send(&host).await.status, 200);
}

#[tokio::test]
async fn a_handler_of_ones_own_replies_to_the_probe_as_well() {
    let verifier = Verifier::builder().key("new", "other-key").key("old", KEY).build().unwrap();
    let app = App { verifier, greeting: "hello" };
    let hook = async |State(app): State<App>, event: Verified<Event>| format!("{} {}", app.greeting, event.id());
    let host = serve(Router::new().route("/webhook", on(hook)).with_state(app)).await;
    let request = Delivery::event("evt_1");
    let response = request.send(&host).await;
    assert_eq!((response.status, response.body.as_str()), (200, "hello evt_1"));
    for (method, with_key, without) in [("HEAD", 204, 401), ("GET", 204, 401), ("PUT", 405, 401)] {
        let probe = request.clone().method(method);
        assert_eq!(probe.send(&host).await.status, with_key, "{method}");
        assert_eq!(probe.without("x-one-webhook-key").send(&host).await.status, without, "{method}");
    }
}

#[tokio::test]
async fn a_route_hands_over_the_claim_or_lets_a_function_reply() {
    let claimed = async |event: Verified<Event>, lease: Lease| {
        if lease.event_id() == event.id().as_str() { Ok(()) } else { Err("another event's claim") }
    };
    let queued = async |event: Verified<Event>| Reply::queued(&event);
    let app = Router::new()
        .route("/claimed", route_claimed(receiver(), claimed))
        .route("/queued", route_with(receiver(), queued));
    let host = serve(app).await;
    for (path, duplicate) in [("/claimed", true), ("/queued", false)] {
        let request = Delivery::event("evt_1").path(path);
        assert_eq!(request.send(&host).await.status, 200, "{path}");
        assert_eq!(request.send(&host).await.json()["duplicate"] == true, duplicate, "{path}");
        assert_eq!(request.clone().method("HEAD").send(&host).await.status, 204, "{path}");
        assert_eq!(request.without("x-one-webhook-key").send(&host).await.status, 401, "{path}");
    }
}

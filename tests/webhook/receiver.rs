//! From a request to a reply: what the service gets, and that an event is processed once.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, MemoryClaims, StoreError, StoreFuture};
use onehorizon::webhook::{AuthFailure, Event, Outcome, Receiver, Signer, Verified, Verifier, WebhookError};
use support::moment::Moment;

use support::bench::{Bench, HEADERS, KEY, Outcomes, body, find, json, poll_once};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn an_event_is_handed_to_the_handler_and_confirmed() {
    let bench = Bench::new();
    let reply = bench.post("evt_1").await;
    assert_eq!(reply.status(), 200);
    assert!(matches!(reply.outcome(), Outcome::Handled));
    assert_eq!(reply.body(), r#"{"ok":true,"id":"evt_1","type":"task.created"}"#);
    let headers: Vec<_> = reply.headers().collect();
    for header in
        [("content-type", "application/json"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
    {
        assert!(headers.contains(&header), "{headers:?}");
    }
    assert_eq!(bench.runs(), 1);
}

#[tokio::test]
async fn the_handler_gets_the_verified_event() {
    let bench = Bench::new();
    let seen = Mutex::new(None);
    let handler = async |event: Verified<Event>| {
        *seen.lock().unwrap() = Some((event.label().map(str::to_owned), event.id().clone()));
        Ok::<_, std::io::Error>(())
    };
    bench.receiver.receive("POST", find(&HEADERS), body("evt_1").as_bytes(), handler).await;
    let (label, id) = seen.into_inner().unwrap().unwrap();
    assert_eq!(label.as_deref(), Some("key"));
    assert_eq!(id, "evt_1");
}

#[tokio::test]
async fn a_duplicate_is_confirmed_without_the_handler() {
    let bench = Bench::new();
    bench.post("evt_1").await;
    let reply = bench.post("evt_1").await;
    assert_eq!(reply.status(), 200);
    assert!(matches!(reply.outcome(), Outcome::Duplicate));
    assert_eq!((json(&reply)["duplicate"].as_bool(), json(&reply)["id"].as_str()), (Some(true), Some("evt_1")));
    assert_eq!(bench.runs(), 1);
}

#[tokio::test]
async fn the_id_in_the_header_decides_what_is_a_duplicate() {
    let bench = Bench::new();
    let headers = [HEADERS[0], HEADERS[1], ("x-one-event-id", "evt_header")];
    bench.request("POST", &headers, &body("evt_1"), Ok(())).await;
    let again = bench.request("POST", &headers, &body("evt_2"), Ok(())).await;
    assert!(matches!(again.outcome(), Outcome::Duplicate));
    assert_eq!(json(&again)["id"], "evt_header");
    assert_eq!(bench.post("evt_1").await.status(), 200);
    assert_eq!(bench.runs(), 2);
}

#[tokio::test]
async fn a_failed_handler_gets_the_event_again() {
    let bench = Bench::new();
    let reply = bench.request("POST", &HEADERS, &body("evt_1"), Err("the database is at 10.0.0.7")).await;
    assert_eq!(reply.status(), 500);
    assert_eq!(json(&reply)["code"], "handler_failed");
    assert!(!reply.body().contains("10.0.0.7"), "the sender learns nothing of the inside: {}", reply.body());
    match reply.outcome() {
        Outcome::HandlerFailed(error) => assert_eq!(error.to_string(), "the database is at 10.0.0.7"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.post("evt_1").await.status(), 200);
    assert_eq!(bench.runs(), 2);
}

#[tokio::test]
async fn deliveries_side_by_side_run_the_handler_once() {
    let bench = Bench::new();
    let text = body("evt_1");
    let mut first = Box::pin(bench.hang(&text));
    assert!(poll_once(&mut first).await.is_none());
    let second = bench.post("evt_1").await;
    assert_eq!(second.status(), 503);
    assert!(matches!(second.outcome(), Outcome::Running));
    assert_eq!(json(&second)["code"], "running");
    assert_eq!(bench.runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_repeated_deliveries_runs_the_handler_once_an_event() {
    const EVENTS: usize = 20;
    let bench = Arc::new(Bench::new());
    let deliveries: Vec<_> = (0..EVENTS * 10)
        .map(|number| {
            let bench = bench.clone();
            tokio::spawn(async move {
                let text = body(&format!("evt_{}", number % EVENTS));
                let handler = async |_: Verified<Event>| {
                    bench.runs.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Outcomes::Ok(())
                };
                let reply = bench.receiver.receive("POST", find(&HEADERS), text.as_bytes(), handler).await;
                assert!([200, 503].contains(&reply.status()), "{reply:?}");
            })
        })
        .collect();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(bench.runs(), EVENTS);
}

#[tokio::test]
async fn a_delivery_that_is_dropped_gives_the_event_back() {
    let bench = Bench::new();
    let text = body("evt_1");
    let mut first = Box::pin(bench.hang(&text));
    assert!(poll_once(&mut first).await.is_none());
    drop(first);
    assert_eq!(bench.post("evt_1").await.status(), 200);
}

#[tokio::test]
async fn a_handler_that_panics_gives_the_event_back() {
    let bench = Arc::new(Bench::new());
    let crashing = bench.clone();
    let panicked = tokio::spawn(async move {
        let handler = async |_: Verified<Event>| -> Outcomes { panic!("on purpose") };
        crashing.receiver.receive("POST", find(&HEADERS), body("evt_1").as_bytes(), handler).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(bench.post("evt_1").await.status(), 200);
}

#[tokio::test]
async fn a_lease_that_ends_lets_the_next_delivery_in() {
    let bench = Bench::new();
    let text = body("evt_1");
    let mut first = Box::pin(bench.hang(&text));
    assert!(poll_once(&mut first).await.is_none());
    bench.pass(29);
    assert_eq!(bench.post("evt_1").await.status(), 503);
    bench.pass(1);
    assert_eq!(bench.post("evt_1").await.status(), 200);
}

#[tokio::test]
async fn a_handler_that_outlives_its_lease_is_reported() {
    let bench = Bench::new();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let handler = async move |_: Verified<Event>| finished.await;
    let text = body("evt_1");
    let mut slow = pin!(bench.receiver.receive("POST", find(&HEADERS), text.as_bytes(), handler));
    assert!(poll_once(&mut slow).await.is_none());
    bench.pass(30);
    let mut second = Box::pin(bench.hang(&text));
    assert!(poll_once(&mut second).await.is_none());
    finish.send(()).unwrap();
    let late = slow.await;
    assert_eq!(late.status(), 200);
    assert!(matches!(late.outcome(), Outcome::HandledLate));
    assert_eq!(bench.post("evt_1").await.status(), 503, "the second handler still runs");
}

#[tokio::test]
async fn probes_get_204_when_they_carry_the_key() {
    let bench = Bench::new();
    for method in ["GET", "HEAD"] {
        let reply = bench.request(method, &HEADERS[..1], "", Ok(())).await;
        assert_eq!((reply.status(), reply.body()), (204, ""));
        assert!(matches!(reply.outcome(), Outcome::Probe));
        assert!(reply.headers().all(|(name, _)| name != "content-type"));
    }
    assert_eq!(bench.runs(), 0);
}

#[tokio::test]
async fn without_the_right_key_every_method_is_refused() {
    let bench = Bench::new();
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        for key in [None, Some("wrong")] {
            let mut headers = vec![HEADERS[1]];
            headers.extend(key.map(|key| ("x-one-webhook-key", key)));
            let reply = bench.request(method, &headers, &body("evt_1"), Ok(())).await;
            assert_eq!(reply.status(), 401, "{method}");
            assert!(matches!(reply.outcome(), Outcome::Refused(WebhookError::Unauthorized(_))));
            assert_eq!(reply.body().is_empty(), method == "HEAD", "a HEAD has no body, others say why");
        }
    }
    assert_eq!(bench.runs(), 0);
}

#[tokio::test]
async fn a_missing_key_is_explained_and_an_expired_one_is_not() {
    let verifier = Verifier::builder().key_until("old", KEY, UNIX_EPOCH).build().unwrap();
    let receiver = Receiver::new(verifier);
    let refusal = |key: Option<&'static str>| {
        let headers: Vec<_> = key.map(|key| ("x-one-webhook-key", key)).into_iter().collect();
        receiver.begin("POST", find(&headers)).unwrap_err()
    };
    assert!(json(&refusal(None))["error"].as_str().unwrap().contains("x-one-webhook-key"));
    let expired = refusal(Some(KEY));
    assert_eq!(expired.body(), refusal(Some("wrong")).body(), "the sender does not learn that the key was once right");
    assert!(matches!(
        expired.outcome(),
        Outcome::Refused(WebhookError::Unauthorized(AuthFailure::Expired { label })) if label == "old"
    ));
}

#[tokio::test]
async fn another_method_learns_which_are_allowed() {
    let bench = Bench::new();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let reply = bench.request(method, &HEADERS, "", Ok(())).await;
        assert_eq!(reply.status(), 405);
        assert!(reply.headers().any(|header| header == ("allow", "GET, HEAD, POST")), "{method}");
    }
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let bench = Bench::new();
    for media_type in
        ["application/json", "text/plain", "", "application/cloudevents-batch+json", "application/cloudevents"]
    {
        let reply = bench.request("POST", &[HEADERS[0], ("content-type", media_type)], &body("evt_1"), Ok(())).await;
        assert_eq!(reply.status(), 415, "{media_type}");
    }
    assert_eq!(bench.request("POST", &HEADERS[..1], &body("evt_1"), Ok(())).await.status(), 415);
    let shouted = [HEADERS[0], ("content-type", " Application/CloudEvents+JSON ;charset=UTF-8")];
    assert_eq!(bench.request("POST", &shouted, &body("evt_1"), Ok(())).await.status(), 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let bench = Bench::new();
    let without = body("evt_1").replace("workspaceid", "workspace");
    for (text, status, needle) in [
        ("", 400, "empty"),
        ("{", 400, "line 1, column 1"),
        ("[]", 400, "object"),
        (without.as_str(), 400, "workspaceid"),
        (&body(&"x".repeat(513)), 400, "`id`"),
        (&body(&"x".repeat(512)), 200, "ok"),
    ] {
        let reply = bench.request("POST", &HEADERS, text, Ok(())).await;
        assert_eq!(reply.status(), status, "{}", reply.body());
        assert!(reply.body().contains(needle), "{needle}: {}", reply.body());
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_before_anything_else() {
    let bench = Bench::new();
    let large = " ".repeat(256 * 1024 + 1);
    assert_eq!(bench.request("POST", &[], &large, Ok(())).await.status(), 413);
    let just_fits = format!("{}{}", body("evt_1"), " ".repeat(256 * 1024 - body("evt_1").len()));
    assert_eq!(bench.request("POST", &HEADERS, &just_fits, Ok(())).await.status(), 200);
}

#[test]
fn the_head_alone_decides_where_it_can() {
    let bench = Bench::new();
    let begin =
        |method: &str, headers: &[(&str, &str)]| bench.receiver.begin(method, find(headers)).map_err(|r| r.status());
    assert_eq!(begin("HEAD", &HEADERS).unwrap_err(), 204);
    assert_eq!(begin("PUT", &HEADERS).unwrap_err(), 405);
    assert_eq!(begin("POST", &HEADERS[1..]).unwrap_err(), 401);
    for (length, expected) in
        [("262144", None), ("262145", Some(413)), ("99999999999999999999999", Some(413)), ("soon", None)]
    {
        let result = begin("POST", &[HEADERS[0], ("content-length", length)]);
        assert_eq!(result.err(), expected, "{length}");
    }
    let mut collector = begin("POST", &HEADERS).unwrap();
    let chunk = vec![b'x'; 100_000];
    assert!(collector.push(&chunk).is_ok() && collector.push(&chunk).is_ok());
    let error = collector.push(&chunk).unwrap_err();
    assert!(collector.as_slice().len() <= 256 * 1024, "never more than the cap is held");
    assert_eq!(bench.receiver.refuse(error).status(), 413);
}

#[tokio::test]
async fn signed_deliveries_are_received_and_their_probe_can_be_opened() {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let verifier = Verifier::builder().signed("relay", SECRET).clock(Moment(move || now)).build().unwrap();
    let signer = Signer::new(SECRET).unwrap();
    let text = body("evt_1");
    let proof = signer.headers("evt_1", now, text.as_bytes());
    let mut headers: Vec<(&str, &str)> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(HEADERS[1]);

    let receiver = Receiver::new(verifier.clone());
    assert!(receiver.begin("POST", find(&headers)).is_ok());
    let handler = async |event: Verified<Event>| if event.is_body_signed() { Ok(()) } else { Err("unsigned") };
    assert_eq!(receiver.receive("POST", find(&headers), text.as_bytes(), handler).await.status(), 200);
    let tampered = text.replace("tsk_1", "tsk_2");
    assert_eq!(receiver.receive("POST", find(&headers), tampered.as_bytes(), handler).await.status(), 401);

    assert_eq!(receiver.begin("GET", find(&[])).unwrap_err().status(), 401);
    let open = Receiver::builder(verifier).open_probe(true).build();
    assert_eq!(open.begin("GET", find(&[])).unwrap_err().status(), 204);
    assert_eq!(open.begin("PUT", find(&[])).unwrap_err().status(), 401, "open for probes only");
}

#[tokio::test]
async fn each_reply_is_shown_to_the_observer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let receiver = Receiver::builder(Verifier::key(KEY).unwrap())
        .on_reply(move |reply| log.lock().unwrap().push((reply.status(), format!("{:?}", reply.outcome()))))
        .build();
    let text = body("evt_1");
    let handler = async |_: Verified<Event>| Ok::<_, std::io::Error>(());
    receiver.receive("POST", find(&HEADERS), text.as_bytes(), handler).await;
    receiver.receive("POST", find(&[]), text.as_bytes(), handler).await;
    let _ = receiver.begin("HEAD", find(&HEADERS));
    let seen = seen.lock().unwrap();
    let statuses: Vec<u16> = seen.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 401, 204]);
    assert!(seen[1].1.contains("x-one-webhook-key"), "the log can say what is wrong: {}", seen[1].1);
}

/// A store that is down, from a given method on.
struct Broken {
    inner: MemoryClaims,
    method: &'static str,
}

impl Broken {
    fn check(&self, method: &str) -> Result<(), StoreError> {
        if self.method == method { Err(StoreError::new("connection refused by 10.0.0.7")) } else { Ok(()) }
    }
}

impl ClaimStore for Broken {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            self.check("claim")?;
            self.inner.claim(event_id, now, lease).await
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            self.check("commit")?;
            self.inner.commit(lease, now).await
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.check("release")?;
            self.inner.release(lease).await
        })
    }
}

#[tokio::test]
async fn a_store_that_cannot_claim_is_a_500_without_the_handler() {
    let bench = Bench::with_store(Broken { inner: MemoryClaims::new(), method: "claim" });
    let reply = bench.post("evt_1").await;
    assert_eq!(reply.status(), 500);
    assert_eq!(json(&reply)["code"], "store_failed");
    assert!(!reply.body().contains("10.0.0.7"));
    match reply.outcome() {
        Outcome::StoreFailed(error) => assert!(error.to_string().contains("10.0.0.7")),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.runs(), 0);
}

#[tokio::test]
async fn a_store_that_cannot_commit_is_a_500_so_that_the_event_comes_again() {
    let bench = Bench::with_store(Broken { inner: MemoryClaims::new(), method: "commit" });
    assert_eq!(bench.post("evt_1").await.status(), 500);
    assert_eq!(bench.post("evt_1").await.status(), 503, "the lease still runs");
    bench.pass(30);
    bench.post("evt_1").await;
    assert_eq!(bench.runs(), 2);
}

#[tokio::test]
async fn a_store_that_cannot_release_lets_the_lease_end() {
    let bench = Bench::with_store(Broken { inner: MemoryClaims::new(), method: "release" });
    assert_eq!(bench.request("POST", &HEADERS, &body("evt_1"), Err("no")).await.status(), 500);
    assert_eq!(bench.post("evt_1").await.status(), 503);
    bench.pass(30);
    assert_eq!(bench.post("evt_1").await.status(), 200);
}

#[tokio::test]
async fn nothing_private_shows_in_debug_output() {
    let bench = Bench::new();
    let reply = bench.request("POST", &HEADERS, &body("evt_1"), Err("user secret")).await;
    let shown = format!("{:?} {:?} {:?}", bench.receiver, reply, Receiver::builder(Verifier::key(KEY).unwrap()));
    assert!(!shown.contains(KEY) && !shown.contains("user secret"), "{shown}");
}

//! Handlers that get their claim, receivers of another kind, and stores that hang.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use onehorizon::webhook::claims::StoreFuture;
use onehorizon::webhook::claims::{Claim, Commit, Lease, Superseded};
use onehorizon::webhook::{
    ClaimStore, Event, MemoryClaims, Outcome, Receiver, Reply, Verified, Verifier, WebhookError,
};
use support::bench::{Bench, HEADERS, KEY, body, json, poll_once};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type MakeReply = fn(&Event) -> Reply;

fn shared(store: &Arc<MemoryClaims>) -> Receiver {
    Receiver::builder(Verifier::key(KEY).unwrap()).store(store.clone()).build()
}

#[tokio::test]
async fn a_handler_gets_its_claim_and_may_commit_it_itself() {
    let store = Arc::new(MemoryClaims::new());
    let receiver = shared(&store);
    let text = body("evt_1");
    let handler = async |event: Verified<Event>, lease: Lease| {
        assert_eq!(lease.event_id(), event.id().as_str());
        store.commit(&lease, SystemTime::now()).await?.or_superseded()?;
        Ok::<_, Failure>(())
    };
    let reply = receiver.receive_claimed("POST", &HEADERS, text.as_bytes(), handler).await;
    assert!(matches!(reply.outcome(), Outcome::Handled));
    let again = receiver.receive_claimed("POST", &HEADERS, text.as_bytes(), handler).await;
    assert!(matches!(again.outcome(), Outcome::Duplicate));
}

#[tokio::test]
async fn a_claim_that_the_handler_does_not_commit_is_committed_for_it() {
    let receiver = shared(&Arc::new(MemoryClaims::new()));
    let text = body("evt_1");
    let handler = async |_: Verified<Event>, _: Lease| Ok::<_, Failure>(());
    assert_eq!(receiver.receive_claimed("POST", &HEADERS, text.as_bytes(), handler).await.status(), 200);
    let again = receiver.receive_claimed("POST", &HEADERS, text.as_bytes(), handler).await;
    assert!(matches!(again.outcome(), Outcome::Duplicate));
}

#[tokio::test]
async fn a_claim_superseded_inside_the_transaction_is_a_500_and_the_other_delivery_keeps_the_event() {
    for commits_itself in [true, false] {
        let store = Arc::new(MemoryClaims::new());
        let receiver = shared(&store);
        let other = Mutex::new(None);
        let handler = async |_: Verified<Event>, lease: Lease| {
            store.release(&lease).await?;
            let Claim::Fresh(newer) = store.claim("evt_1", SystemTime::now(), Duration::from_secs(30)).await? else {
                panic!("the event is free")
            };
            *other.lock().unwrap() = Some(newer);
            if commits_itself {
                store.commit(&lease, SystemTime::now()).await?.or_superseded()?;
            }
            Ok::<_, Failure>(())
        };
        let reply = receiver.receive_claimed("POST", &HEADERS, body("evt_1").as_bytes(), handler).await;
        assert_eq!(reply.status(), 500, "commits itself: {commits_itself}");
        match reply.outcome() {
            Outcome::HandlerFailed(error) => assert!(error.is::<Superseded>(), "{error}"),
            outcome => panic!("{outcome:?}"),
        }
        let newer = other.into_inner().unwrap().unwrap();
        assert_eq!(store.commit(&newer, SystemTime::now()).await.unwrap(), Commit::Recorded);
    }
}

#[tokio::test]
async fn a_receiver_of_another_kind_gives_the_same_replies() {
    let receiver = Receiver::new(Verifier::key(KEY).unwrap());
    let text = body("evt_1");
    let replies: [(MakeReply, u16, &str); 6] = [
        (Reply::handled, 200, r#"{"ok":true,"id":"evt_1","type":"task.created"}"#),
        (Reply::queued, 200, r#"{"ok":true,"id":"evt_1","type":"task.created"}"#),
        (Reply::duplicate, 200, r#"{"ok":true,"duplicate":true,"id":"evt_1","type":"task.created"}"#),
        (|_| Reply::running(), 503, "running"),
        (|_| Reply::handler_failed("no"), 500, "handler_failed"),
        (|_| Reply::store_failed(std::io::Error::other("secret host")), 500, "store_failed"),
    ];
    for (make, status, says) in replies {
        let reply = receiver.receive_with("POST", &HEADERS, text.as_bytes(), async |event| make(&event)).await;
        assert_eq!(reply.status(), status);
        assert!(reply.body().contains(says) && !reply.body().contains("secret host"), "{}", reply.body());
    }
    let refused =
        receiver.receive_with("POST", &[("x-one-webhook-key", "no")], b"", async |_| panic!("unchecked")).await;
    assert_eq!(refused.status(), 401);
    let probe = receiver.receive_with("HEAD", &HEADERS, b"", async |_| panic!("no event")).await;
    assert_eq!((probe.status(), probe.body()), (204, ""));
}

/// A store of which one method never ends.
struct Hanging(MemoryClaims, &'static str);

impl Hanging {
    async fn maybe(&self, method: &str) {
        if self.1 == method {
            pending::<()>().await;
        }
    }
}

impl ClaimStore for Hanging {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            self.maybe("claim").await;
            self.0.claim(event_id, now, lease).await
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            self.maybe("commit").await;
            self.0.commit(lease, now).await
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.maybe("release").await;
            self.0.release(lease).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_waited_for_one_second() {
    for (method, handled) in [("claim", Ok(())), ("commit", Ok(())), ("release", Err("no"))] {
        let receiver =
            Receiver::builder(Verifier::key(KEY).unwrap()).store(Hanging(MemoryClaims::new(), method)).build();
        let began = tokio::time::Instant::now();
        let text = body("evt_1");
        let reply = receiver.receive("POST", &HEADERS, text.as_bytes(), async |_: Verified<Event>| handled).await;
        assert_eq!((reply.status(), began.elapsed().as_secs()), (500, 1), "{method}");
        if let Outcome::StoreFailed(error) = reply.outcome() {
            assert!(error.to_string().contains("no response within 1 s"), "{error}");
        }
        assert_eq!(matches!(reply.outcome(), Outcome::StoreFailed(_)), handled.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_the_store_can_be_set() {
    let receiver = Receiver::builder(Verifier::key(KEY).unwrap())
        .store(Hanging(MemoryClaims::new(), "claim"))
        .store_timeout(Duration::from_millis(200))
        .build();
    let began = tokio::time::Instant::now();
    let text = body("evt_1");
    receiver.receive("POST", &HEADERS, text.as_bytes(), async |_: Verified<Event>| Ok::<_, Failure>(())).await;
    assert_eq!(began.elapsed().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_a_time_limit_is_dropped_and_the_event_is_free_again() {
    let receiver = Receiver::builder(Verifier::key(KEY).unwrap()).handler_timeout(Duration::from_millis(2_500)).build();
    let text = body("evt_1");
    let began = tokio::time::Instant::now();
    let hanging = async |_: Verified<Event>| pending::<Result<(), Failure>>().await;
    let reply = receiver.receive("POST", &HEADERS, text.as_bytes(), hanging).await;
    assert_eq!((reply.status(), began.elapsed().as_millis()), (500, 2_500));
    match reply.outcome() {
        Outcome::HandlerFailed(error) => assert!(error.to_string().contains("2.5 s"), "{error}"),
        other => panic!("{other:?}"),
    }
    let quick = async |_: Verified<Event>| Ok::<_, Failure>(());
    let reply = receiver.receive("POST", &HEADERS, text.as_bytes(), quick).await;
    assert!(matches!(reply.outcome(), Outcome::Handled));
}

#[test]
fn without_a_runtime_a_receiver_works_and_a_waiting_store_does_not_panic() {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let text = body("evt_1");
    let handler = async |_: Verified<Event>| Ok::<_, Failure>(());
    let receiver = Receiver::new(Verifier::key(KEY).unwrap());
    let mut ready = Box::pin(receiver.receive("POST", &HEADERS, text.as_bytes(), handler));
    assert!(ready.as_mut().poll(&mut context).is_ready());
    let receiver = Receiver::builder(Verifier::key(KEY).unwrap()).store(Hanging(MemoryClaims::new(), "claim")).build();
    let mut waiting = Box::pin(receiver.receive("POST", &HEADERS, text.as_bytes(), handler));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
}

#[tokio::test]
async fn a_delivery_dropped_while_its_handler_runs_is_free_at_once() {
    let bench = Bench::new();
    let text = body("evt_1");
    let handler = async |_: Verified<Event>, _: Lease| pending::<Result<(), Failure>>().await;
    let mut first = Box::pin(bench.receiver.receive_claimed("POST", &HEADERS, text.as_bytes(), handler));
    assert!(poll_once(&mut first).await.is_none());
    drop(first);
    let reply = bench.post("evt_1").await;
    assert!(matches!(reply.outcome(), Outcome::Handled), "{}", json(&reply));
}

#[test]
fn a_refusal_can_be_made_into_a_reply() {
    let reply = Reply::from(WebhookError::UnsupportedEncoding);
    assert_eq!((reply.status(), json(&reply)["code"].as_str()), (415, Some("unsupported_encoding")));
}

//! Replies word by word, and receivers that share a store.

use std::sync::Arc;
use std::time::Duration;

use onehorizon::webhook::claims::MemoryClaims;
use onehorizon::webhook::{Event, Outcome, Receiver, Reply, Verified, Verifier};

use support::delivery;

const KEY: &str = "the-key";

fn verifier() -> Verifier {
    Verifier::key(KEY).unwrap()
}

async fn post(receiver: &Receiver, id: &str, fails: bool) -> Reply {
    let find = |name: &str| match name {
        "content-type" => Some(delivery::CONTENT_TYPE.as_bytes()),
        "x-one-webhook-key" => Some(KEY.as_bytes()),
        _ => None,
    };
    let handler =
        |_: Verified<Event>| std::future::ready(if fails { Err(std::io::Error::other("disk full")) } else { Ok(()) });
    receiver.receive("POST", find, delivery::event(id).to_string().as_bytes(), handler).await
}

#[tokio::test]
async fn each_reply_says_in_json_what_became_of_the_event() {
    let receiver = Receiver::new(verifier());
    for (id, fails, status, body) in [
        ("evt_1", true, 500, r#"{"error":"the event could not be processed","code":"handler_failed"}"#),
        ("evt_1", false, 200, r#"{"ok":true,"id":"evt_1","type":"task.created"}"#),
        ("evt_1", false, 200, r#"{"ok":true,"duplicate":true,"id":"evt_1","type":"task.created"}"#),
    ] {
        let reply = post(&receiver, id, fails).await;
        assert_eq!((reply.status(), reply.body()), (status, body));
        assert_eq!(reply.into_body(), body);
    }
    let failed = post(&receiver, "evt_2", true).await;
    assert!(matches!(failed.outcome(), Outcome::HandlerFailed(error) if error.to_string() == "disk full"));
}

#[tokio::test]
async fn receivers_of_one_store_process_an_event_once() {
    let store = Arc::new(MemoryClaims::new());
    let build = || Receiver::builder(verifier()).store(store.clone()).lease(Duration::from_secs(5)).build();
    let (one, other) = (build(), build());
    assert!(matches!(post(&one, "evt_1", false).await.outcome(), Outcome::Handled));
    assert!(matches!(post(&other, "evt_1", false).await.outcome(), Outcome::Duplicate));
    assert_eq!((store.len(), store.is_empty()), (1, false));
    assert!(MemoryClaims::new().is_empty());
}

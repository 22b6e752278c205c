//! Hooks: what they see of deliveries, in which order, and that they break nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::webhook::{
    DeliveryEnd, DeliveryHooks, DeliveryInfo, Event, Receiver, ReceiverBuilder, Reply, Verified, Verifier, WebhookError,
};
use support::bench::{HEADERS, KEY, body, poll_once};

/// Writes down what it is called with.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl DeliveryHooks for Log {
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        let DeliveryInfo { event_id, event_type, workspace, label, retry_number, traceparent, .. } = *delivery;
        let line = format!("received {event_id} {event_type} {workspace} {label:?} {retry_number:?} {traceparent:?}");
        self.note(line);
    }

    fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
        let seconds = end.elapsed.as_secs();
        let DeliveryEnd { status, outcome, cancelled, .. } = *end;
        self.note(format!("ended {} {status:?} {outcome} {seconds} s {cancelled}", delivery.event_id));
    }

    fn refused(&self, error: &WebhookError) {
        self.note(format!("refused {}", error.code()));
    }
}

fn builder() -> ReceiverBuilder {
    Receiver::builder(Verifier::builder().key("old", KEY).build().unwrap())
}

async fn post(receiver: &Receiver, text: &str, outcome: Result<(), &'static str>) -> Reply {
    let handler = async |_: Verified<Event>| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        outcome
    };
    receiver.receive("POST", &HEADERS, text.as_bytes(), handler).await
}

#[tokio::test(start_paused = true)]
async fn each_delivery_is_reported_when_it_is_received_and_when_it_ends() {
    let log = Log::default();
    // A clock that the test moves, as the paused runtime does.
    let verifier = Verifier::builder().key("old", KEY).clock(onehorizon::SystemClock).build().unwrap();
    let receiver = Receiver::builder(verifier).hooks(log.clone()).build();
    let text = body("evt_1").replacen('{', r#"{"traceparent":"00-ab-cd-01","#, 1);
    post(&receiver, &text, Err("no")).await;
    post(&receiver, &text, Ok(())).await;
    post(&receiver, &text, Ok(())).await;
    let received = r#"received evt_1 task.created w_1 Some("old") None Some("00-ab-cd-01")"#;
    assert_eq!(
        log.take(),
        [
            received,
            "ended evt_1 Some(500) handler_failed 2 s false",
            received,
            "ended evt_1 Some(200) handled 2 s false",
            received,
            "ended evt_1 Some(200) duplicate 0 s false",
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_refused_or_carries_no_event_is_no_delivery() {
    let log = Log::default();
    let receiver = builder().hooks(log.clone()).build();
    receiver.receive("POST", &[("x-one-webhook-key", "no")], b"", async |_| Ok::<_, &str>(())).await;
    receiver.receive("POST", &HEADERS, b"{", async |_| Ok::<_, &str>(())).await;
    receiver.receive("GET", &HEADERS, b"", async |_| Ok::<_, &str>(())).await;
    let _ = receiver.begin("PUT", &HEADERS);
    assert_eq!(log.take(), ["refused unauthorized", "refused invalid_json", "refused method_not_allowed"]);
}

#[tokio::test]
async fn a_delivery_whose_sender_hangs_up_ends_as_cancelled() {
    let log = Log::default();
    let receiver = builder().hooks(log.clone()).build();
    let text = body("evt_1");
    let hanging = async |_: Verified<Event>| std::future::pending::<Result<(), &str>>().await;
    let mut delivery = Box::pin(receiver.receive("POST", &HEADERS, text.as_bytes(), hanging));
    assert!(poll_once(&mut delivery).await.is_none());
    log.take();
    drop(delivery);
    assert_eq!(log.take(), ["ended evt_1 None cancelled 0 s true"]);
}

#[tokio::test(start_paused = true)]
async fn several_hooks_work_side_by_side_and_one_that_panics_disturbs_nobody() {
    struct Panicking;
    impl DeliveryHooks for Panicking {
        fn received(&self, _: &DeliveryInfo<'_>) {
            panic!("on purpose");
        }
        fn ended(&self, _: &DeliveryInfo<'_>, _: &DeliveryEnd) {
            panic!("on purpose");
        }
    }
    let (first, last) = (Log::default(), Log::default());
    let receiver = builder().hooks(first.clone()).hooks(Panicking).hooks(last.clone()).build();
    let reply = post(&receiver, &body("evt_1"), Ok(())).await;
    assert_eq!((reply.status(), receiver.hook_panics()), (200, 2));
    assert_eq!(first.take().len(), 2);
    assert_eq!(last.take().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn hooks_get_no_secret_and_nothing_of_the_payload() {
    let log = Log::default();
    let receiver = builder().hooks(log.clone()).build();
    let text = body("evt_1").replace("tsk_1", "payload-canary");
    post(&receiver, &text, Err("handler-canary")).await;
    let seen = log.take().join("\n");
    assert!(!seen.contains(KEY) && !seen.contains("canary"), "{seen}");
}

//! Hooks: what they see of deliveries, in which order, and that they break nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::webhook::{
    DeliveryEnd, DeliveryHooks, DeliveryInfo, Drift, Event, Receiver, ReceiverBuilder, Reply, Verified, Verifier,
    WebhookError,
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

    fn drift_found(&self, delivery: &DeliveryInfo<'_>, drift: &Drift<'_>) {
        let value = drift.value.map(|value| format!(" = {value}")).unwrap_or_default();
        self.note(format!("drift {} {} {}{value}", delivery.event_id, drift.kind.as_str(), drift.path));
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

/// An event with these fields of `data` beside a task's resource, and attributes of its own.
fn event(id: &str, kind: &str, attributes: &str, data: &str) -> String {
    let resource = r#""resource":{"type":"task","id":"tsk_1"}"#;
    let base = body(id).replace("task.created", kind);
    let start = base.find(r#""data""#).unwrap();
    format!(r#"{}{attributes}"data":{{{resource},{data}}}}}"#, &base[..start])
}

/// The drift that a receiver reports of an event, in order of its path.
async fn drift(receiver: &Receiver, log: &Log, text: &str) -> Vec<String> {
    assert_eq!(post(receiver, text, Ok(())).await.status(), 200, "{text}");
    let lines = log.take();
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert!(first.starts_with("received") && last.starts_with("ended"), "{lines:?}");
    let mut drift = lines[1..lines.len() - 1].to_vec();
    drift.sort();
    drift
}

#[tokio::test(start_paused = true)]
async fn what_this_version_does_not_know_of_an_event_is_reported_once_between_receipt_and_end() {
    let log = Log::default();
    let receiver = builder().hooks(log.clone()).build();
    let task = r#"{"taskId":"t","status":"parked","mood":1,"topic":7,"contributors":[{"userId":"u","role":1},{"userId":"v","role":2},9]}"#;
    let attributes = r#""region":"eu","traceparent":"00-ab-cd-01","tracestate":"a=b","#;
    let data = format!(r#""actor":{{"type":"robot","id":"r"}},"task":{task},"shape":"round""#);
    let expected = [
        "drift 1 unknown_field data.shape",
        "drift 1 unknown_field data.task.contributors[].role",
        "drift 1 unknown_field data.task.mood",
        "drift 1 unknown_field region",
        "drift 1 unknown_value data.actor.type = robot",
        "drift 1 unknown_value data.task.status = parked",
        "drift 1 unknown_value type = task.exploded",
        "drift 1 unreadable data.task.contributors[]",
        "drift 1 unreadable data.task.topic",
    ];
    assert_eq!(drift(&receiver, &log, &event("1", "task.exploded", attributes, &data)).await, expected);
    assert_eq!(drift(&receiver.clone(), &log, &event("2", "task.exploded", attributes, &data)).await, [""; 0]);
    let more =
        drift(&receiver, &log, &event("3", "task.created", "", r#""task":{"taskId":"t","status":"asleep"}"#)).await;
    assert_eq!(more, ["drift 3 unknown_value data.task.status = asleep"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_this_version_knows_has_no_drift() {
    for data in [
        r#""task":{"taskId":"t","title":"T","status":"planned","topic":null}"#,
        r#""task":{"task":{"taskId":"t","title":"wrapped once more"}}"#,
        r#""actor":{"type":"user","id":"u"},"taskIds":null"#,
    ] {
        let log = Log::default();
        let receiver = builder().hooks(log.clone()).build();
        let found = drift(&receiver, &log, &event("1", "task.created", "", data)).await;
        assert!(found.iter().all(|line| line.ends_with("data.taskIds")), "{data}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_found_in_events_of_an_unexpected_shape() {
    for (from, to, expected) in [
        (r#""task":{"task":{"#, r#""task":{"task":{"mood":1,"#, vec!["unknown_field data.task.mood"]),
        (r#"{"task":{"taskId":"t"}}"#, "[1]", vec!["unreadable data.task"]),
        (r#"{"task":{"taskId":"t"}}"#, r#"{"title":"no id"}"#, vec!["unreadable data.task"]),
        (r#""type":"task","id""#, r#""id""#, vec!["unreadable data.resource"]),
        (r#""type":"task","#, r#""type":"moon","#, vec!["unknown_value data.resource.type = moon"]),
        (r#""id":"tsk_1""#, r#""id":1"#, vec!["unreadable data.resource.id"]),
        (r#""task":{"task":{"taskId":"t"}}"#, r#""moon":{"phase":1}"#, vec!["unknown_field data.moon"]),
    ] {
        let log = Log::default();
        let receiver = builder().hooks(log.clone()).build();
        let known = event("1", "task.created", "", r#""task":{"task":{"taskId":"t"}}"#);
        assert!(known.contains(from), "{from} in {known}");
        let found = drift(&receiver, &log, &known.replace(from, to)).await;
        let expected: Vec<_> = expected.iter().map(|line| format!("drift 1 {line}")).collect();
        assert_eq!(found, expected, "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn drift_of_events_has_an_end() {
    let log = Log::default();
    let receiver = builder().hooks(log.clone()).build();
    let long = "x".repeat(10_000);
    let mut reported = Vec::new();
    for turn in 0..3 {
        let many: String = (0..200).map(|number| format!(r#","field_{turn}_{number}":1"#)).collect();
        let task = format!(r#""task":{{"taskId":"t","{long}{turn}":1,"status":"{long}"{many}}}"#);
        reported.extend(drift(&receiver, &log, &event(&format!("e{turn}"), "task.created", "", &task)).await);
    }
    assert_eq!(reported.len(), 256);
    assert!(reported.iter().all(|line| line.len() < 400));
}

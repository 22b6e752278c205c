//! The sender that plays One Horizon, and the events of the fake.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::routing::any;
use onehorizon::models::{NewTask, TaskStatus};
use onehorizon::transport::Failure;
use onehorizon::webhook::{Event, Payload, Receiver, Verified, Verifier, axum_routes::route};
use onehorizon::{Configuration, TasksApi};
use onehorizon_testing::{
    FakeOneHorizon, NewEvent, Reply, ScriptedTransport, SenderError, WebhookFailure, WebhookSender,
    WebhookSenderBuilder,
};
use tokio::net::TcpListener;

const KEY: &str = "the-key";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn event() -> Event {
    NewEvent::new("task.created", "evt_1").resource("task", "tsk_1").build().unwrap()
}

/// Serves an application until the test ends; returns its address.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// One request as a receiver saw it.
struct Seen {
    method: Method,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A receiver that responds with these statuses in turn, and what it saw.
async fn scripted(statuses: &'static [u16]) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let respond = move |request: Request| {
        let log = log.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
            let mut log = log.lock().unwrap();
            log.push(Seen { method: parts.method, headers: parts.headers, body });
            let status = StatusCode::from_u16(statuses[log.len() - 1]).unwrap();
            Response::builder().status(status).header("x-reply", log.len()).body(Body::from("reply")).unwrap()
        }
    };
    (serve(Router::new().route("/webhook", any(respond))).await, seen)
}

/// The waits that a sender asks for, without waiting.
fn without_waiting(builder: WebhookSenderBuilder) -> (WebhookSenderBuilder, Arc<Mutex<Vec<Duration>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let log = waits.clone();
    let builder = builder.sleep(move |time| {
        log.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    });
    (builder, waits)
}

#[tokio::test]
async fn a_delivery_looks_like_the_services() {
    let (url, seen) = scripted(&[200]).await;
    let report = WebhookSender::new(&url, KEY).unwrap().deliver(&event()).await;
    assert!(report.is_delivered());
    assert_eq!(*report.event_id(), "evt_1");
    let attempt = &report.attempts()[0];
    assert_eq!((attempt.status(), attempt.body(), attempt.header("x-reply")), (Some(200), &b"reply"[..], Some("1")));

    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].method, Method::POST);
    for (name, value) in [
        ("content-type", Some("application/cloudevents+json; charset=utf-8")),
        ("x-one-webhook-key", Some(KEY)),
        ("x-one-event-id", Some("evt_1")),
        ("x-one-event-type", Some("task.created")),
        ("x-one-retry-num", None),
        ("x-one-retry-reason", None),
    ] {
        assert_eq!(seen[0].header(name), value, "{name}");
    }
    assert_eq!(seen[0].body, event().as_json().as_bytes());
}

#[tokio::test]
async fn an_event_is_delivered_four_times_and_then_given_up() {
    let (url, seen) = scripted(&[500, 503, 404, 302]).await;
    let (builder, waits) = without_waiting(WebhookSender::builder(&url).key(KEY));
    let report = builder.build().unwrap().deliver(&event()).await;
    assert!(!report.is_delivered());
    assert_eq!(report.statuses(), [Some(500), Some(503), Some(404), Some(302)]);
    assert_eq!(*waits.lock().unwrap(), [0, 60, 300].map(Duration::from_secs));

    let seen = seen.lock().unwrap();
    let retries: Vec<_> =
        seen.iter().map(|one| (one.header("x-one-retry-num"), one.header("x-one-retry-reason"))).collect();
    assert_eq!(
        retries,
        [(None, None), (Some("1"), Some("http_500")), (Some("2"), Some("http_503")), (Some("3"), Some("http_404"))]
    );
    assert!(seen.iter().all(|one| one.header("x-one-event-id") == Some("evt_1") && one.body == seen[0].body));
}

#[tokio::test]
async fn retries_end_with_the_first_2xx_and_their_waits_can_be_scaled() {
    let (url, _) = scripted(&[500, 500, 202]).await;
    let (builder, waits) = without_waiting(WebhookSender::builder(&url).time_scale(0.001));
    let report = builder.build().unwrap().deliver(&event()).await;
    assert!(report.is_delivered());
    assert_eq!(report.statuses(), [Some(500), Some(500), Some(202)]);
    assert_eq!(*waits.lock().unwrap(), [Duration::ZERO, Duration::from_millis(60)]);
}

#[tokio::test]
async fn a_probe_is_head_and_then_get_where_head_is_not_allowed() {
    for (statuses, methods, verified) in [
        (&[204][..], &["HEAD"][..], true),
        (&[405, 204], &["HEAD", "GET"], true),
        (&[405, 401], &["HEAD", "GET"], false),
        (&[401], &["HEAD"], false),
    ] {
        let (url, seen) = scripted(Box::leak(statuses.into())).await;
        let probe = WebhookSender::new(&url, KEY).unwrap().probe().await;
        assert_eq!(probe.is_verified(), verified, "{statuses:?}");
        assert_eq!(probe.attempts().len(), methods.len());
        let seen = seen.lock().unwrap();
        assert_eq!(seen.iter().map(|one| one.method.as_str()).collect::<Vec<_>>(), methods);
        assert!(seen.iter().all(|one| one.header("x-one-webhook-key") == Some(KEY) && one.body.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_must_come_within_three_seconds() {
    let began = tokio::time::Instant::now();
    let sender = WebhookSender::builder("http://receiver.invalid/")
        .transport(ScriptedTransport::from_fn(|_| Reply::never()))
        .build()
        .unwrap();
    let attempt = sender.deliver_once(&event(), 0).await;
    assert_eq!((attempt.status(), attempt.failure()), (None, Some(WebhookFailure::TimedOut)));
    assert_eq!(began.elapsed(), Duration::from_secs(3));

    let report = sender.deliver(&event()).await;
    assert_eq!(report.statuses(), [None; 4]);
    assert_eq!(began.elapsed(), Duration::from_secs(3 + 4 * 3 + 60 + 300));
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_reported_as_such() {
    for (failure, expected) in [
        (Failure::Connect, WebhookFailure::Unreachable),
        (Failure::ConnectTimeout, WebhookFailure::TimedOut),
        (Failure::Interrupted, WebhookFailure::Interrupted),
    ] {
        let sender = WebhookSender::builder("http://receiver.invalid/")
            .transport(ScriptedTransport::from_fn(move |_| Reply::fail(failure)))
            .build()
            .unwrap();
        assert_eq!(sender.deliver_once(&event(), 0).await.failure(), Some(expected));
    }
}

#[test]
fn a_sender_that_cannot_work_is_a_constructor_error_without_secrets() {
    assert!(matches!(WebhookSender::new("nowhere", KEY), Err(SenderError::Url(_))));
    assert!(matches!(WebhookSender::new("http://localhost/", "two\nlines"), Err(SenderError::Key)));
    let bad = WebhookSender::builder("http://localhost/").signed("whsec_hidden!").build().unwrap_err();
    assert!(matches!(bad, SenderError::Secret(_)) && !bad.to_string().contains("hidden"));
    let sender = WebhookSender::builder("http://localhost/").key(KEY).signed(SECRET).build().unwrap();
    assert!(!format!("{sender:?}").contains(KEY));
    let builder = WebhookSender::builder("http://user:pass@localhost:9/hook?token=hidden");
    let shown = format!("{builder:?}");
    assert!(shown.contains("http://localhost:9/hook"), "{shown}");
    assert!(!shown.contains("hidden") && !shown.contains("pass"), "{shown}");
}

#[tokio::test]
async fn the_crates_own_receiver_takes_what_is_sent() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let handler = move |event: Verified<Event>| {
        let failed = counter.fetch_add(1, Ordering::SeqCst) == 0;
        let retry = event.retry().and_then(|retry| retry.number);
        async move {
            match (failed, retry) {
                (true, None) => Err("not yet"),
                (false, Some(1)) => Ok(()),
                other => panic!("{other:?}"),
            }
        }
    };
    let verifier = Verifier::builder().key("key", KEY).signed("relay", SECRET).build().unwrap();
    let url = serve(Router::new().route("/webhook", route(Receiver::new(verifier), handler))).await;

    let (builder, _) = without_waiting(WebhookSender::builder(&url).signed(SECRET));
    let signing = builder.build().unwrap();
    assert!(signing.probe().await.is_verified());
    assert_eq!(signing.deliver(&event()).await.statuses(), [Some(500), Some(200)]);
    let with_key = WebhookSender::new(&url, KEY).unwrap();
    assert!(with_key.probe().await.is_verified());
    let again = with_key.deliver(&event()).await;
    assert!(String::from_utf8_lossy(again.attempts()[0].body()).contains("\"duplicate\":true"));
    assert!(!WebhookSender::new(&url, "wrong").unwrap().probe().await.is_verified());
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_fake_delivers_events_of_its_own_changes() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = received.clone();
    let handler = move |event: Verified<Event>| {
        log.lock().unwrap().push(event.into_inner());
        async { Ok::<_, std::convert::Infallible>(()) }
    };
    let app = Router::new().route("/webhook", route(Receiver::new(Verifier::key(KEY).unwrap()), handler));
    let sender = WebhookSender::new(&serve(app).await, KEY).unwrap();

    let fake = FakeOneHorizon::start().await.unwrap();
    let configuration = Configuration::builder().base_url(fake.url()).api_key(fake.api_key()).build().unwrap();
    let tasks = TasksApi::new(&configuration);
    tasks.create_task(NewTask::new("Before anyone listens")).await.unwrap();
    assert_eq!(fake.events().len(), 1);

    let webhook = fake.register_webhook(sender).unwrap();
    let task = tasks.create_task(NewTask::new("Recap is late")).await.unwrap();
    let created = webhook.settled().await;
    assert!(created.iter().all(onehorizon_testing::WebhookReport::is_delivered), "{created:?}");
    tasks.edit_task(&task.task_id, |task| task.status = TaskStatus::Review).await.unwrap();
    assert_eq!(webhook.settled().await.len(), 2);

    {
        let received = received.lock().unwrap();
        assert_eq!(
            received.iter().map(|e| e.event_type().as_str()).collect::<Vec<_>>(),
            ["task.created", "task.updated"]
        );
        for event in received.iter() {
            assert_eq!(event.task_id(), Some(&task.task_id));
            assert_eq!(*event.workspace_id(), fake.workspace_id());
            assert!(event.actor().is_some());
        }
        let Payload::Task(updated) = received[1].payload() else { panic!("{:?}", received[1]) };
        assert_eq!(updated.status, TaskStatus::Review);
        assert_eq!(updated.extra.raw("origin"), fake.task(task.task_id.as_str()).unwrap().raw("origin"));
    }
    drop(webhook);
    tasks.create_task(NewTask::new("After it")).await.unwrap();
    assert_eq!((fake.events().len(), received.lock().unwrap().len()), (4, 2));
}

#[test]
fn a_webhook_needs_a_runtime_to_be_delivered_on() {
    let fake = FakeOneHorizon::builder().clock(std::time::Instant::now).in_process();
    let sender = WebhookSender::builder("http://receiver.invalid/")
        .transport(ScriptedTransport::from_fn(|_| Reply::never()))
        .build()
        .unwrap();
    assert!(fake.register_webhook(sender).is_err());
}

//! The feature `tracing`: one span for each call, and nothing secret in it.

mod log;
mod table;

use support::wire;

use std::sync::{Arc, Mutex};

use self::log::{Reader, logged, value};
use onehorizon::BoxFuture;
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::{DeliveryHooks, DeliveryInfo, Receiver, Verified, Verifier};
use support::bench::{HEADERS, KEY};
use support::wire::{Wire, limited, status};
use tracing::span::{Id, Record};
use tracing::subscriber::Subscriber;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[test]
fn a_call_is_one_span_with_operation_attempts_status_and_wait_reason() {
    let log = logged(|| async {
        let wire = Wire::new([status(500), limited(2)]);
        wire::read(&wire.configuration()).await.unwrap();
    });
    let log = log.0.lock().unwrap();
    assert_eq!(log.spans.iter().filter(|span| span.name == "call").count(), 1);
    let span = &log.spans[0];
    assert_eq!((span.name, span.closed), ("call", true));
    assert_eq!(value(span, "operation"), Some("request"));
    assert_eq!((value(span, "attempt"), value(span, "status"), value(span, "error")), (Some("3"), Some("200"), None));
    let waits: Vec<_> =
        span.history.iter().filter(|(name, _)| name == "wait").map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(waits, ["backoff", "refused"]);
    let seconds: Vec<_> = log.events.iter().map(|event| event["seconds"].as_str()).collect();
    assert_eq!(seconds, ["1.0", "2.0"]);
}

#[test]
fn each_attempt_is_a_span_by_the_conventions_for_http_clients() {
    let log = logged(|| async {
        let failed = onehorizon_testing::Reply::fail(onehorizon::transport::Failure::Connect);
        let wire = Wire::new([failed, status(503)]);
        wire::read(&wire.builder().base_url("https://one.example:8443/api").build().unwrap()).await.unwrap();
    });
    let log = log.0.lock().unwrap();
    let attempts: Vec<_> = log.spans.iter().filter(|span| span.name == "attempt").collect();
    assert_eq!(attempts.len(), 3);
    for (attempt, (resends, status, error)) in attempts.iter().zip([
        (None, None, Some("Connect")),
        (Some("1"), Some("503"), Some("503")),
        (Some("2"), Some("200"), None),
    ]) {
        assert!(attempt.closed);
        for (name, expected) in [
            ("otel.kind", Some("client")),
            ("http.request.method", Some("GET")),
            ("server.address", Some("one.example")),
            ("server.port", Some("8443")),
            ("url.template", Some("/read")),
            ("http.request.resend_count", resends),
            ("http.response.status_code", status),
            ("error.type", error),
            ("otel.name", Some("GET /read")),
            ("otel.status_code", error.map(|_| "ERROR")),
        ] {
            assert_eq!(value(attempt, name), expected, "{name}");
        }
    }
}

async fn deliver(receiver: &Receiver, event: &str, result: Result<(), &'static str>) {
    let text = support::bench::body(event).replacen('{', r#"{"traceparent":"00-ab-cd-01","#, 1);
    let handler = async |_: Verified<onehorizon::webhook::Event>| {
        if result.is_err() {
            tracing::info!(target: "onehorizon", "the handler fails");
        }
        result
    };
    receiver.receive("POST", &HEADERS, text.as_bytes(), handler).await;
}

#[test]
fn a_delivery_is_a_span_by_the_conventions_for_cloud_events() {
    /// Writes into the span before it is entered, as `set_parent` has to.
    struct Parent;
    impl DeliveryHooks for Parent {
        fn received(&self, delivery: &DeliveryInfo<'_>) {
            assert_eq!(delivery.traceparent, Some("00-ab-cd-01"));
            assert!(!delivery.span.is_disabled());
            delivery.span.record("outcome", "received");
        }
    }
    let log = logged(|| async {
        let verifier = Verifier::builder().key("old", KEY).build().unwrap();
        let receiver = Receiver::builder(verifier).hooks(Parent).build();
        deliver(&receiver, "evt_1", Ok(())).await;
        deliver(&receiver, "evt_2", Err("canary")).await;
    });
    let log = log.0.lock().unwrap();
    let spans: Vec<_> = log.spans.iter().filter(|span| span.name == "delivery").collect();
    let expected = [("evt_1", "handled", "200", None), ("evt_2", "handler_failed", "500", Some("handler_failed"))];
    assert_eq!(spans.len(), expected.len());
    for (span, (id, outcome, status, error)) in spans.iter().zip(expected) {
        assert!(span.closed);
        assert_eq!(span.history.iter().filter(|(name, _)| name == "outcome").count(), 2, "the hook's and the last");
        for (name, expected) in [
            ("otel.kind", Some("consumer")),
            ("otel.name", Some("CloudEvents Process task.created")),
            ("otel.status_code", error.map(|_| "ERROR")),
            ("cloudevents.event_id", Some(id)),
            ("cloudevents.event_spec_version", Some("1.0")),
            ("cloudevents.event_type", Some("task.created")),
            ("key_label", Some("old")),
            ("outcome", Some(outcome)),
            ("status", Some(status)),
            ("error.type", error),
        ] {
            assert_eq!(value(span, name), expected, "{name}");
        }
        assert!(!format!("{:?}", span.history).contains("canary"));
    }
    assert_eq!(log.events[0]["in"], "delivery 2", "the handler runs in the span");
}

/// Looks at the current span when it is called, as a layer that sends a trace context does.
struct Current(Arc<dyn Transport>);

impl Transport for Current {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        tracing::info!(target: "onehorizon", "called");
        self.0.send(request)
    }
}

#[test]
fn a_layer_is_called_in_the_span_of_the_attempt() {
    let log = logged(|| async {
        let configuration = Wire::new([status(500)]).builder().layer(Current).build().unwrap();
        wire::read(&configuration).await.unwrap();
    });
    let log = log.0.lock().unwrap();
    let called = log.events.iter().filter(|event| event["message"] == "called");
    let spans: Vec<_> = called.map(|event| event["in"].as_str()).collect();
    assert_eq!(spans, ["attempt 2", "attempt 3"]);
}

#[test]
fn what_is_dropped_is_cancelled() {
    let log = logged(|| async {
        let configuration = Wire::new([onehorizon_testing::Reply::never()]).configuration();
        let second = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(second, wire::read(&configuration).into_future()).await.is_err());
        let receiver = Receiver::new(Verifier::key(KEY).unwrap());
        let text = support::bench::body("evt_1");
        let hanging = async |_: Verified<_>| std::future::pending::<Result<(), &str>>().await;
        let delivery = Box::pin(receiver.receive("POST", &HEADERS, text.as_bytes(), hanging));
        assert!(tokio::time::timeout(second, delivery).await.is_err());
    });
    let log = log.0.lock().unwrap();
    let [call, attempt, delivery] = &log.spans[..] else { panic!("three spans") };
    assert!(call.closed && attempt.closed && delivery.closed);
    assert_eq!(value(attempt, "error.type"), Some("cancelled"));
    assert_eq!((value(delivery, "error.type"), value(delivery, "outcome")), (Some("cancelled"), Some("cancelled")));
}

#[test]
fn a_response_that_cannot_be_read_fails_the_span_of_the_call_and_not_of_the_attempt() {
    let log = logged(|| async {
        let wire = Wire::new([wire::plain(200, "<html>")]);
        onehorizon::TasksApi::new(&wire.configuration()).fetch_task("tsk_1").await.unwrap_err();
    });
    let log = log.0.lock().unwrap();
    let [call, attempt] = &log.spans[..] else { panic!("two spans") };
    assert_eq!((value(call, "error"), value(call, "otel.status_code")), (Some("Decode"), Some("ERROR")));
    assert_eq!(value(call, "otel.name"), Some("fetchTask"));
    assert_eq!((value(attempt, "error.type"), value(attempt, "otel.status_code")), (None, None));
    assert_eq!(value(attempt, "otel.name"), Some("GET /workspaces/{workspaceId}/tasks/{taskId}"));
}

#[test]
fn a_failed_call_records_the_kind_of_its_error() {
    let log = logged(|| async {
        let wire = Wire::new([status(404)]);
        wire::read(&wire.configuration()).await.unwrap_err();
    });
    let log = log.0.lock().unwrap();
    assert_eq!(value(&log.spans[0], "error"), Some("NotFound"));
    assert_eq!(value(&log.spans[0], "status"), Some("404"));
}

#[test]
fn nothing_secret_and_nothing_of_the_users_is_recorded() {
    let log = logged(|| async {
        let wire = Wire::new([wire::refused("key-of-the-user retry in 1 second body-text"), status(422)]);
        let configuration = wire.builder().api_key("key-of-the-user").workspace("workspace-name").build().unwrap();
        let request = configuration.request("POST", "/workspaces/{workspaceId}/{path}?q=query-text");
        let request = request.path("path", "path-of-the-user");
        let request = request.query("q", "query-text").json(&"body-text").header("x-header", "header-text");
        request.await.unwrap_err();
    });
    let log = log.0.lock().unwrap();
    let recorded: Vec<_> = log.spans.iter().flat_map(|span| &span.history).map(|(_, value)| value.clone()).collect();
    let recorded = format!("{recorded:?} {:?}", log.events);
    assert!(recorded.contains("Invalid"), "{recorded}");
    for secret in ["key-of-the-user", "workspace-name", "path-of", "query-text", "body-text", "header-text", "Bearer"] {
        assert!(!recorded.contains(secret), "{secret} in {recorded}");
    }
}

#[test]
fn calls_at_the_same_time_have_their_own_spans() {
    let log = logged(|| async {
        let wire = Wire::rule(|request, _| {
            let response = if request.method == "GET" { status(404) } else { wire::ok() };
            response.after(std::time::Duration::from_millis(10))
        });
        let configuration = wire.configuration();
        let (read, write) =
            tokio::join!(wire::read(&configuration).into_future(), wire::unsafe_write(&configuration).into_future());
        assert!(read.is_err() && write.is_ok());
    });
    let log = log.0.lock().unwrap();
    let calls = log.spans.iter().filter(|span| span.name == "call");
    let statuses: Vec<_> = calls.map(|span| value(span, "status")).collect();
    assert_eq!(statuses, [Some("404"), Some("200")]);
}

/// What is written into the spans of the user's program.
#[derive(Clone, Default)]
struct Program(Arc<Mutex<Vec<(String, String)>>>);

impl<S: Subscriber> Layer<S> for Program {
    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Reader(&mut self.0.lock().unwrap()));
    }
}

#[test]
fn where_this_crates_spans_are_filtered_out_nothing_is_written_into_the_users() {
    let program = Program::default();
    let only_the_program = filter_fn(|metadata| metadata.target() == "program");
    let subscriber = tracing_subscriber::registry().with(program.clone()).with(only_the_program);
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!(target: "program", "job", attempt = 0, status = 0, wait = "", error = "");
        let work = async {
            let wire = Wire::new([status(500), limited(2), status(404)]);
            wire::read(&wire.configuration()).await.unwrap_err();
            tracing::Span::current().record("wait", "the program's own");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(tracing::Instrument::instrument(work, span));
    });
    assert_eq!(*program.0.lock().unwrap(), [("wait".to_owned(), "the program's own".to_owned())]);
}

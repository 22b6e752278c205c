//! The feature `tracing`: one span for each call, and nothing secret in it.

use support::wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use onehorizon::quota::{Lane, MemoryQuota, Outcome, Pacing, QuotaRules, QuotaStore, Slot, SlotRequest, Take, Usage};
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::{DeliveryHooks, DeliveryInfo, Receiver, Verified, Verifier};
use onehorizon::{BoxFuture, RateLimit, StoreError};
use support::bench::{HEADERS, KEY};
use support::wire::{Wire, limited, status};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Keeps spans and events of this crate as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    spans: Vec<Span>,
    events: Vec<Values>,
    open: Vec<u64>,
}

#[derive(Default)]
struct Span {
    name: &'static str,
    values: Values,
    /// Every value that a field ever had.
    history: Vec<(String, String)>,
    closed: bool,
}

type Values = BTreeMap<String, String>;

struct Reader<'a>(&'a mut Vec<(String, String)>);

impl Visit for Reader<'_> {
    fn record_u64(&mut self, field: &Field, _: u64) {
        panic!("{field} is unsigned: exporters to OpenTelemetry write that as a string");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned()));
    }
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == "onehorizon" { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "onehorizon" && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut history = Vec::new();
        span.record(&mut Reader(&mut history));
        let mut log = self.0.lock().unwrap();
        let values = history.iter().cloned().collect();
        log.spans.push(Span { name: span.metadata().name(), values, history, closed: false });
        Id::from_u64(log.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut read = Vec::new();
        values.record(&mut Reader(&mut read));
        let span = &mut self.0.lock().unwrap().spans[index(span)];
        span.values.extend(read.iter().cloned());
        span.history.extend(read);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut read = Vec::new();
        event.record(&mut Reader(&mut read));
        let mut log = self.0.lock().unwrap();
        assert!(!log.open.is_empty(), "an event belongs to its call");
        let open = log.open.last().map(|id| format!("{} {id}", log.spans[usize::try_from(*id).unwrap() - 1].name));
        let mut values: Values = read.into_iter().collect();
        values.insert("in".to_owned(), open.unwrap());
        log.events.push(values);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().open.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        self.0.lock().unwrap().open.retain(|open| *open != span.into_u64());
    }

    fn try_close(&self, span: Id) -> bool {
        self.0.lock().unwrap().spans[index(&span)].closed = true;
        true
    }
}

fn index(span: &Id) -> usize {
    usize::try_from(span.into_u64()).unwrap() - 1
}

/// Runs with a log that is this thread's alone.
fn logged<F: Future>(work: impl FnOnce() -> F) -> Log {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { work().await })
    });
    log
}

fn value<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.values.get(name).map(String::as_str)
}

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

/// The table of spans and events in `docs/observability.md`: name, then fields.
fn documented() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| name | kind | level |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let fields = cells[3].split(", ").filter(|field| !field.is_empty());
            let fields = fields.map(|field| field.trim_matches('`').to_owned());
            (cells[0].trim_matches('`').to_owned(), fields.collect())
        })
        .collect()
}

/// Keeps the names of fields that spans and events are declared with.
#[derive(Clone, Default)]
struct Declared(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl<S: Subscriber> Layer<S> for Declared {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == "onehorizon" && metadata.is_span() {
            let fields = metadata.fields().iter().map(|field| field.name().to_owned()).collect();
            self.0.lock().unwrap().insert(metadata.name().to_owned(), fields);
        }
        Interest::always()
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "onehorizon" {
            let mut read = Vec::new();
            event.record(&mut Reader(&mut read));
            let message = read.iter().find(|(name, _)| name == "message").unwrap().1.clone();
            let fields = read.into_iter().map(|(name, _)| name).filter(|name| name != "message").collect();
            self.0.lock().unwrap().insert(message, fields);
        }
    }
}

/// A store that is away.
struct Away(MemoryQuota);

impl QuotaStore for Away {
    fn take<'a>(&'a self, _: &'a QuotaRules, _: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        Box::pin(async { Err(StoreError::new("the store is away")) })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        self.0.settle(rules, slot, outcome);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        self.0.learn(rules, reported);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        self.0.usage(rules, lane, ahead)
    }
}

#[test]
fn the_table_of_spans_and_events_is_what_is_emitted() {
    let declared = Declared::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(declared.clone()), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let wire = Wire::new([status(500)]);
            wire::read(&wire.configuration()).await.unwrap();
            let away = Away(MemoryQuota::new(Arc::new(onehorizon::SystemClock)));
            let pacing = Pacing::documented().store(Arc::new(away));
            wire::read(&Wire::new([]).builder().pacing(pacing).build().unwrap()).await.unwrap();
            let tasks = onehorizon::TasksApi::new(&wire.configuration());
            let _ = tasks.edit_task("tsk_1", |_| {}).await;
            let receiver = Receiver::new(Verifier::key(KEY).unwrap());
            deliver(&receiver, "evt_1", Ok(())).await;
        });
    });
    assert_eq!(*declared.0.lock().unwrap(), documented());
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

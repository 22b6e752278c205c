//! What both programs share: the trace context of requests and events, and some work to watch.
#![allow(clippy::disallowed_methods, reason = "a program, not the library")]

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::{DeliveryHooks, DeliveryInfo, Event, Receiver, Verified};
use onehorizon::{BoxFuture, Configuration, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, NewEvent, Wait};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, propagation::TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A layer that sends the trace context of each attempt: `Configuration::builder().layer(TraceContext)`.
pub struct TraceContext(pub Arc<dyn Transport>);

impl Transport for TraceContext {
    fn send(&self, mut request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let mut context = HashMap::new();
        TraceContextPropagator::new().inject_context(&tracing::Span::current().context(), &mut context);
        let header = context.get("traceparent").and_then(|value| HeaderValue::try_from(value).ok());
        if let Some(header) = header {
            request.headers.insert("traceparent", header);
        }
        self.0.send(request)
    }
}

/// Hooks that make a delivery part of the trace that its event names: `Receiver::builder(…).hooks(ContinueTrace)`.
pub struct ContinueTrace;

impl DeliveryHooks for ContinueTrace {
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        let Some(traceparent) = delivery.traceparent else { return };
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        if context.span().span_context().is_valid() {
            // Fails where nobody collects spans.
            let _ = delivery.span.set_parent(context);
        }
    }
}

/// The webhook key of the deliveries.
pub const WEBHOOK_KEY: &str = "secret-webhook-key";

/// The trace that the delivered events name.
pub const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Calls that succeed, are repeated, refused or fail, and deliveries that are handled, repeated, fail or are refused.
pub async fn work(fake: &FakeOneHorizon, configuration: &Configuration, receiver: &Receiver, round: usize) {
    let tasks = TasksApi::new(configuration);
    let Ok(list) = tasks.list_tasks().all(true).await else { return };
    let Some(first) = list.tasks.first().map(|task| task.task_id.clone()) else { return };
    fake.fail_next(Fault::status(503));
    let _ = tasks.fetch_task(&first).await;
    fake.fail_next(Fault::rate_limited(Wait::Message(1)));
    let _ = tasks.fetch_task(&first).await;
    let _ = tasks.fetch_task("tsk_of_nobody").await;
    let _ = tasks.edit_task(&first, |task| task.title = format!("Round {round}")).await;
    let _ = configuration.request("GET", "/workspaces/{workspaceId}/rockets/{id}").path("id", "secret-id").await;
    fake.fail_next(Fault::hang());
    let _ = tokio::time::timeout(Duration::from_millis(50), tasks.fetch_task(&first).into_future()).await;
    // A call that waited for the quota meanwhile did not come to meet it.
    fake.clear_script();

    for (id, works) in [("a", true), ("a", true), ("b", false)] {
        deliver(receiver, WEBHOOK_KEY, &format!("evt_{round}_{id}"), works).await;
    }
    deliver(receiver, "another-secret-key", "evt_refused", true).await;
}

async fn deliver(receiver: &Receiver, key: &str, id: &str, works: bool) {
    // The region is something that this version of the crate does not know.
    let event = NewEvent::new("task.created", id).attribute("traceparent", TRACEPARENT).attribute("region", "eu");
    let event = event.build().expect("a valid event");
    let headers = [("content-type", "application/cloudevents+json"), ("x-one-webhook-key", key)];
    let handler = async |_: Verified<Event>| if works { Ok(()) } else { Err("on purpose") };
    receiver.receive("POST", &headers, event.as_json().as_bytes(), handler).await;
}

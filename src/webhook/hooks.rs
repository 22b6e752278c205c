//! Watching deliveries from outside: what is called when one begins and ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::WebhookError;
use super::event::Event;
use super::trace::DeliverySpan;
use super::verifier::{Scheme, Verified};
use crate::clock::Clock;
use crate::drift::Reported;
pub use crate::drift::{Drift, DriftKind};
use crate::watchers::Watchers;

/// Called at the steps of every delivery; every method does nothing unless it is implemented.
///
/// `received` is called when an event has been verified, and `ended` when its reply is made, also when the delivery's
/// future is dropped. A request that is refused has no event and calls `refused` alone. Hooks run within the delivery: keep
/// them short. A hook that panics is contained and counted ([`Receiver::hook_panics`](super::Receiver::hook_panics)). What
/// hooks get has no secret in it, and nothing of the payload but names of fields and enum values that are not known.
///
/// ```
/// use onehorizon::webhook::{DeliveryEnd, DeliveryHooks, DeliveryInfo, Receiver, Verifier};
///
/// struct Log;
///
/// impl DeliveryHooks for Log {
///     fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
///         println!("{} {}: {} in {:?}", delivery.event_type, delivery.event_id, end.outcome, end.elapsed);
///     }
/// }
/// # fn main() -> Result<(), onehorizon::webhook::VerifierError> {
/// let receiver = Receiver::builder(Verifier::key("the key from Settings > Apps")?).hooks(Log).build();
/// # Ok(()) }
/// ```
pub trait DeliveryHooks: Send + Sync + 'static {
    /// An event has been verified; it is about to be claimed.
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        let _ = delivery;
    }

    /// The event held something that this version of the crate does not know: the service has grown. Called once for each
    /// such thing of a receiver and its clones, after `received`. A type of event that is not known is one: the contract names
    /// few of them.
    fn drift_found(&self, delivery: &DeliveryInfo<'_>, drift: &Drift<'_>) {
        let _ = (delivery, drift);
    }

    /// The reply to an event has been made, or the sender has hung up.
    fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
        let _ = (delivery, end);
    }

    /// A request was refused.
    fn refused(&self, error: &WebhookError) {
        let _ = error;
    }
}

/// A delivery of an event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeliveryInfo<'a> {
    /// The event's id: one of very many, so a label of logs and spans and never of metrics.
    pub event_id: &'a str,
    /// The event's type, for instance `task.created`.
    pub event_type: &'a str,
    /// The workspace's id.
    pub workspace: &'a str,
    /// How the sender was verified.
    pub scheme: Scheme,
    /// The label of the key or secret that matched.
    pub label: Option<&'a str>,
    /// The value of `X-One-Retry-Num`, which no signature covers.
    pub retry_number: Option<u32>,
    /// The event's trace context (`CloudEvents`' extension `traceparent`), if it has one.
    pub traceparent: Option<&'a str>,
    /// The delivery's span, disabled where nobody collects it. In `received` nothing has been done in it yet: the moment to
    /// make it a child of `traceparent`, by `OpenTelemetrySpanExt::set_parent` of `tracing-opentelemetry`.
    #[cfg(feature = "tracing")]
    pub span: &'a tracing::Span,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryEnd {
    /// The status of the reply; `None` when the sender hung up before there was one.
    pub status: Option<u16>,
    /// One word for logs and labels: [`Outcome::as_str`](super::Outcome::as_str), or `cancelled`.
    pub outcome: &'static str,
    /// How long it took from the verified event to the reply.
    pub elapsed: Duration,
    /// The delivery's future was dropped before there was a reply.
    pub cancelled: bool,
}

/// The hooks of a receiver.
pub(super) type Hooks = Watchers<dyn DeliveryHooks>;

/// Reports an event as received; what is returned reports its end. Nothing is made without hooks.
pub(super) fn watch(
    hooks: &Hooks,
    reported: &Reported,
    event: &Verified<Event>,
    span: &DeliverySpan,
    clock: Arc<dyn Clock>,
) -> Option<Watched> {
    if hooks.is_empty() {
        return None;
    }
    let known = Known::of(event, span);
    let watched = Watched { hooks: hooks.clone(), known, began: clock.now(), clock, ended: false };
    hooks.each(|hooks| hooks.received(&watched.known.info()));
    reported.report("", event.drift(), str::to_owned, |drift| {
        hooks.each(|hooks| hooks.drift_found(&watched.known.info(), drift));
    });
    Some(watched)
}

/// What hooks get of an event: the handler takes the event itself.
struct Known {
    id: String,
    kind: String,
    workspace: String,
    scheme: Scheme,
    label: Option<String>,
    retry_number: Option<u32>,
    traceparent: Option<String>,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Known {
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "there is no span"))]
    fn of(event: &Verified<Event>, span: &DeliverySpan) -> Self {
        Self {
            id: event.id().as_str().to_owned(),
            kind: event.event_type().as_str().to_owned(),
            workspace: event.workspace_id().as_str().to_owned(),
            scheme: event.scheme(),
            label: event.label().map(str::to_owned),
            retry_number: event.retry().and_then(|retry| retry.number),
            traceparent: event.attribute("traceparent").and_then(|json| json.decode().ok()),
            #[cfg(feature = "tracing")]
            span: span.span().clone(),
        }
    }

    fn info(&self) -> DeliveryInfo<'_> {
        DeliveryInfo {
            event_id: &self.id,
            event_type: &self.kind,
            workspace: &self.workspace,
            scheme: self.scheme,
            label: self.label.as_deref(),
            retry_number: self.retry_number,
            traceparent: self.traceparent.as_deref(),
            #[cfg(feature = "tracing")]
            span: &self.span,
        }
    }
}

/// A delivery whose end is reported, at the latest when it is dropped.
pub(super) struct Watched {
    hooks: Hooks,
    known: Known,
    clock: Arc<dyn Clock>,
    began: Instant,
    ended: bool,
}

impl Watched {
    pub(super) fn end(mut self, status: u16, outcome: &'static str) {
        self.report(Some(status), outcome);
    }

    fn report(&mut self, status: Option<u16>, outcome: &'static str) {
        self.ended = true;
        let elapsed = self.clock.now().saturating_duration_since(self.began);
        let end = DeliveryEnd { status, outcome, elapsed, cancelled: status.is_none() };
        self.hooks.each(|hooks| hooks.ended(&self.known.info(), &end));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.report(None, "cancelled");
        }
    }
}

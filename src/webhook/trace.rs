//! The span of a delivery, by the semantic conventions for `CloudEvents`. Without the feature `tracing` it is nothing.

#[cfg(feature = "tracing")]
pub(super) use on::DeliverySpan;

#[cfg(not(feature = "tracing"))]
pub(super) use off::DeliverySpan;

#[cfg(feature = "tracing")]
mod on {
    use std::pin::Pin;

    use tracing::{Instrument, Span, field};

    use crate::webhook::event::Event;
    use crate::webhook::verifier::Verified;

    pub(in crate::webhook) struct DeliverySpan {
        span: Span,
        open: bool,
    }

    impl DeliverySpan {
        pub(in crate::webhook) fn new(event: &Verified<Event>) -> Self {
            let kind = event.event_type().as_str();
            let span = tracing::info_span!(
                target: "onehorizon",
                "delivery",
                otel.kind = "consumer",
                otel.name = field::display(format_args!("CloudEvents Process {kind}")),
                otel.status_code = field::Empty,
                cloudevents.event_id = event.id().as_str(),
                cloudevents.event_source = event.source(),
                cloudevents.event_spec_version = "1.0",
                cloudevents.event_subject = event.subject(),
                cloudevents.event_type = kind,
                key_label = event.label(),
                retry_number = event.retry().and_then(|retry| retry.number).map(i64::from),
                outcome = field::Empty,
                status = field::Empty,
                error.r#type = field::Empty,
            );
            Self { span, open: true }
        }

        /// The span itself, before anything is done in it.
        pub(in crate::webhook) fn span(&self) -> &Span {
            &self.span
        }

        /// What is done while a future is made is in the span, too.
        pub(in crate::webhook) fn enter<T>(&self, begin: impl FnOnce() -> T) -> T {
            self.span.in_scope(begin)
        }

        /// The future is pinned by the caller, since an async function that takes one by value holds it twice.
        pub(in crate::webhook) async fn run<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> T {
            work.instrument(self.span.clone()).await
        }

        pub(in crate::webhook) fn ended(mut self, status: u16, outcome: &'static str) {
            self.open = false;
            self.span.record("outcome", outcome);
            self.span.record("status", i64::from(status));
            if status >= 500 {
                self.span.record("error.type", outcome);
                self.span.record("otel.status_code", "ERROR");
            }
        }
    }

    impl Drop for DeliverySpan {
        /// The sender has hung up.
        fn drop(&mut self) {
            if self.open {
                self.span.record("outcome", "cancelled");
                self.span.record("error.type", "cancelled");
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::pin::Pin;

    use crate::webhook::event::Event;
    use crate::webhook::verifier::Verified;

    pub(in crate::webhook) struct DeliverySpan;

    impl DeliverySpan {
        pub(in crate::webhook) fn new(_: &Verified<Event>) -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(in crate::webhook) fn enter<T>(&self, begin: impl FnOnce() -> T) -> T {
            begin()
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(in crate::webhook) async fn run<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> T {
            work.await
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(in crate::webhook) fn ended(self, _: u16, _: &'static str) {}
    }
}

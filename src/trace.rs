//! One span for each call; nothing in it is secret. Without the feature `tracing` all of this is nothing.

#[cfg(feature = "tracing")]
mod on {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::mem;
    use std::pin::{Pin, pin};
    use std::time::Duration;

    use tracing::{Instrument, Span, field};

    thread_local! {
        /// The span of the call that is being polled. `Span::current()` would not do: where this span is filtered out it
        /// is the user's own, and not every subscriber knows it.
        static CALL: RefCell<Span> = const { RefCell::new(Span::none()) };
    }

    fn span() -> Span {
        CALL.with_borrow(Span::clone)
    }

    /// Runs a call in its span.
    pub(crate) async fn call<T>(operation: &'static str, work: Pin<&mut impl Future<Output = T>>) -> T {
        let mut span = tracing::info_span!(
            target: "onehorizon",
            "call",
            operation,
            attempt = field::Empty,
            status = field::Empty,
            wait = field::Empty,
            error = field::Empty,
        );
        let mut work = pin!(work.instrument(span.clone()));
        poll_fn(|context| {
            let outer = CALL.replace(mem::replace(&mut span, Span::none()));
            let result = work.as_mut().poll(context);
            span = CALL.replace(outer);
            result
        })
        .await
    }

    pub(crate) fn attempt(number: u32) {
        span().record("attempt", number);
    }

    pub(crate) fn status(status: u16) {
        span().record("status", status);
    }

    pub(crate) fn waits(reason: &'static str, wait: Duration) {
        let seconds = wait.as_secs_f64();
        span().record("wait", reason);
        tracing::debug!(target: "onehorizon", reason = reason, seconds, "waits");
    }

    /// The kind alone: a message may quote the user's data.
    pub(crate) fn failed(error: &crate::error::Error) {
        span().record("error", field::debug(error.kind()));
    }

    pub(crate) fn store_failed() {
        tracing::warn!(target: "onehorizon", "the quota store failed; calls go by the fallback");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::pin::Pin;
    use std::time::Duration;

    pub(crate) async fn call<T>(_: &'static str, work: Pin<&mut impl Future<Output = T>>) -> T {
        work.await
    }

    pub(crate) fn attempt(_: u32) {}

    pub(crate) fn status(_: u16) {}

    pub(crate) fn waits(_: &'static str, _: Duration) {}

    pub(crate) fn failed(_: &crate::error::Error) {}

    pub(crate) fn store_failed() {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) use off::*;
#[cfg(feature = "tracing")]
pub(crate) use on::*;

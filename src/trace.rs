//! Spans: one for each call, one for each attempt in it, one around what consists of several calls. Nothing in them is
//! secret. Numbers are `i64`: exporters to OpenTelemetry write unsigned ones as strings. Without the feature `tracing` all of
//! this is nothing.
//!
//! `docs/observability.md` has the table of spans, fields and events; a test keeps it true.

/// What the span of an attempt says of its request.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "only spans read it"))]
pub(crate) struct Sending<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) route: &'a str,
    /// 1 for the first attempt.
    pub(crate) number: u32,
}

#[cfg(feature = "tracing")]
mod on {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::mem;
    use std::pin::{Pin, pin};
    use std::time::Duration;

    use tracing::{Instrument, Span, field};

    use super::Sending;

    thread_local! {
        /// The span of the call that is being polled. `Span::current()` would not do: where this span is filtered out it
        /// is the user's own, and not every subscriber knows it.
        static CALL: RefCell<Span> = const { RefCell::new(Span::none()) };
    }

    fn span() -> Span {
        CALL.with_borrow(Span::clone)
    }

    /// Runs a call in its span.
    pub(crate) async fn call<'a, T>(
        operation: &'static str,
        route: impl FnOnce() -> &'a str,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        let mut span = tracing::info_span!(
            target: "onehorizon",
            "call",
            otel.name = operation,
            otel.status_code = field::Empty,
            operation,
            url.template = route(),
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

    /// Runs what makes several calls in a span of its own.
    pub(crate) async fn several<T>(operation: &'static str, work: impl Future<Output = T>) -> T {
        let span = tracing::info_span!(target: "onehorizon", "calls", otel.name = operation, operation);
        work.instrument(span).await
    }

    /// The span of one attempt, by the semantic conventions for HTTP clients.
    pub(crate) struct AttemptSpan {
        span: Span,
        open: bool,
    }

    impl AttemptSpan {
        pub(crate) fn new<'a>(sending: impl FnOnce() -> Sending<'a>) -> Self {
            let sending = sending();
            let span = tracing::info_span!(
                target: "onehorizon",
                "attempt",
                otel.kind = "client",
                otel.name = field::display(format_args!("{} {}", sending.method, sending.route)),
                otel.status_code = field::Empty,
                http.request.method = sending.method,
                server.address = sending.host,
                server.port = i64::from(sending.port),
                url.template = sending.route,
                http.request.resend_count = field::Empty,
                http.response.status_code = field::Empty,
                error.r#type = field::Empty,
            );
            if sending.number > 1 {
                span.record("http.request.resend_count", i64::from(sending.number - 1));
            }
            Self { span, open: true }
        }

        /// What is done while a future is made is in the span, too.
        pub(crate) fn enter<T>(&self, begin: impl FnOnce() -> T) -> T {
            self.span.in_scope(begin)
        }

        pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
            work.instrument(self.span.clone()).await
        }

        /// The attempt brought a response or failed; a failure has the status or, without one, the kind of the error.
        pub(crate) fn ended(mut self, status: Option<u16>, error: Option<&crate::error::Error>) {
            self.open = false;
            if let Some(status) = status {
                self.span.record("http.response.status_code", i64::from(status));
            }
            if let Some(error) = error {
                self.span.record("otel.status_code", "ERROR");
                match status {
                    Some(status) => self.span.record("error.type", field::display(status)),
                    None => self.span.record("error.type", field::debug(error.kind())),
                };
            }
        }
    }

    impl Drop for AttemptSpan {
        /// The call was dropped meanwhile.
        fn drop(&mut self) {
            if self.open {
                self.span.record("error.type", "cancelled");
            }
        }
    }

    pub(crate) fn attempt(number: u32) {
        span().record("attempt", i64::from(number));
    }

    pub(crate) fn status(status: u16) {
        span().record("status", i64::from(status));
    }

    pub(crate) fn waits(reason: &'static str, wait: Duration) {
        let seconds = wait.as_secs_f64();
        span().record("wait", reason);
        tracing::debug!(target: "onehorizon", reason, seconds, "waits");
    }

    /// The kind alone: a message may quote the user's data.
    pub(crate) fn failed(error: &crate::error::Error) {
        let span = span();
        span.record("error", field::debug(error.kind()));
        span.record("otel.status_code", "ERROR");
    }

    pub(crate) fn store_failed() {
        tracing::warn!(target: "onehorizon", "the quota store failed; calls go by the fallback");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::pin::Pin;
    use std::time::Duration;

    use super::Sending;

    pub(crate) async fn call<'a, T>(
        _: &'static str,
        _: impl FnOnce() -> &'a str,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        work.await
    }

    pub(crate) async fn several<T>(_: &'static str, work: impl Future<Output = T>) -> T {
        work.await
    }

    pub(crate) struct AttemptSpan;

    impl AttemptSpan {
        pub(crate) fn new<'a>(_: impl FnOnce() -> Sending<'a>) -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(crate) fn enter<T>(&self, begin: impl FnOnce() -> T) -> T {
            begin()
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
            work.await
        }

        #[allow(clippy::unused_self, reason = "as with spans")]
        pub(crate) fn ended(self, _: Option<u16>, _: Option<&crate::error::Error>) {}
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

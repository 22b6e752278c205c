//! Runs what the user plugs in so that its panic ends nothing but itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// `None` when the work panicked. What it was called on is used again: what that promises after a panic is its own affair.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same for a callback that returns a future: a panic counts in the call as well as in each poll.
#[cfg(feature = "client")]
pub(crate) async fn contained_future<F: Future + Unpin>(make: impl FnOnce() -> F) -> Option<F::Output> {
    use std::pin::Pin;
    use std::task::Poll;

    let mut work = contained(make)?;
    std::future::poll_fn(|context| match contained(|| Pin::new(&mut work).poll(context)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

//! A time limit for what the user plugs in: a transport, a store, a callback.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::clock::Clock;

/// Work that its time limit cut off.
pub(crate) struct OutOfTime;

/// Runs the work, for `limit` at the most, and drops it then.
///
/// The clock is asked only when the work has to wait: work that is done at once needs no timer and no async runtime.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, OutOfTime> {
    let mut work = pin!(work);
    let mut end = None;
    poll_fn(|context| {
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        let end = end.get_or_insert_with(|| clock.sleep(limit));
        end.as_mut().poll(context).map(|()| Err(OutOfTime))
    })
    .await
}

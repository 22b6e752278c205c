//! Work of stores that nobody waits for.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock::{Clock, SystemClock};

/// For how long it is tried again: a lease has ended by then.
const PERSISTENT: Duration = Duration::from_secs(60);

/// Runs an action in a task of its own until it succeeds, for a minute at most: gives back what a server that hung or restarts
/// may still have granted although nobody waits for it. For those who write stores.
///
/// Without a Tokio runtime it does nothing: the end of a lease does the same.
pub fn retry_later<F, E>(action: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = Result<(), E>> + Send,
{
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        let (mut pause, mut waited) = (Duration::from_millis(100), Duration::ZERO);
        while action().await.is_err() && waited < PERSISTENT {
            SystemClock.sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    });
}

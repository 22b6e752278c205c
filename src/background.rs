//! A Tokio runtime on a thread of its own, for callers that have none.
//!
//! The thread drives connections and timers. What is called is polled on the caller's thread, so that it need not be
//! `'static`, and so that a caller inside another runtime only blocks and does not panic.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime that ends when this is dropped, wherever that is.
pub(crate) struct Background {
    handle: Handle,
    /// The thread waits for its end.
    _alive: oneshot::Sender<()>,
}

impl Background {
    /// Starts the thread; the error is one line for the user.
    pub(crate) fn start() -> Result<Self, String> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|fault| format!("the runtime of the blocking clients could not be made: {fault}"))?;
        let handle = runtime.handle().clone();
        let (alive, dropped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("onehorizon-blocking".to_owned())
            .spawn(move || {
                // An error, since nothing is ever sent: the sender is gone.
                let _ = runtime.block_on(dropped);
                // A name that is still being looked up must not keep the thread.
                runtime.shutdown_background();
            })
            .map_err(|fault| format!("the thread of the blocking clients could not be started: {fault}"))?;
        Ok(Self { handle, _alive: alive })
    }

    /// Polls the work on this thread until it is done.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let _entered = self.handle.enter();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
                return value;
            }
            thread::park();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

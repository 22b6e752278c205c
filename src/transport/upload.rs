//! Sends a large body in pieces, so that a server that refuses it at once is heard.
//!
//! A server that finds a body too large by its announced length responds and closes the connection. What is still being written then
//! breaks the connection, and the HTTP library gives it up without looking for the response. So there is a short pause after the first
//! piece of a large body, and between all pieces a look at the socket.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::{Clock, SystemClock};
use crate::future::BoxFuture;

/// Bodies up to this size are sent whole: the limits of usual servers begin here.
const LARGE: usize = 1024 * 1024;

const PIECE: usize = 64 * 1024;

/// How long a large body waits after its first piece. A response that comes meanwhile ends the wait.
const PAUSE: Duration = Duration::from_millis(200);

/// The body for `reqwest`.
pub(super) fn body(bytes: Bytes) -> ::reqwest::Body {
    if bytes.len() <= LARGE {
        return bytes.into();
    }
    ::reqwest::Body::wrap(Pieces { rest: bytes, is_first: true, wait: Mutex::new(None) })
}

struct Pieces {
    rest: Bytes,
    is_first: bool,
    /// What is waited for before the next piece. Never locked: a body has to be `Sync`.
    wait: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let wait = self.wait.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(future) = wait {
            ready!(future.as_mut().poll(context));
            *wait = None;
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        // Connections run on tokio's own tasks, where this lets the runtime look at the socket.
        let wait: BoxFuture<'static, ()> =
            if self.is_first { SystemClock.sleep(PAUSE) } else { Box::pin(tokio::task::yield_now()) };
        self.is_first = false;
        *self.wait.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(wait);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}

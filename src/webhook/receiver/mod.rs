//! From a request to a reply, without a framework.

mod body;
mod builder;
mod reply;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::body::BodyCollector;
pub use self::builder::ReceiverBuilder;
use self::reply::Accepted;
pub use self::reply::{Outcome, Reply};
use crate::webhook::error::WebhookError;
use crate::webhook::event::Event;
use crate::webhook::replay::{Claim, Commit, Lease, ReplayStore};
use crate::webhook::verifier::{Verified, Verifier};

/// The longest event id that is claimed, in bytes; an event with a longer one is refused.
pub const MAX_EVENT_ID_BYTES: usize = 512;

/// Answers webhook requests: verifies them, runs a handler once an event, and says so in a way that makes the service
/// retry what failed.
///
/// | request | answer |
/// |---|---|
/// | GET, HEAD (the *Verify* button) | 204 |
/// | POST with a new event, handler succeeds | 200 |
/// | … handler fails | 500, and the next delivery runs it again |
/// | … of an event that was processed before | 200 with `"duplicate":true`, without the handler |
/// | … of an event that is being processed | 503 |
/// | no or a wrong key or signature, on any method | 401 |
/// | another method | 405 |
/// | another content type | 415 |
/// | a body over 256 KiB | 413 |
/// | an empty or unreadable body, or an event without a required attribute | 400 |
/// | the replay store fails | 500 |
///
/// The service waits 3 seconds. A handler that may take longer should put the event into a queue that survives
/// and return; most servers drop a request's future when its client has gone, and with it the handler.
///
/// Cloning is cheap, and clones share the store.
///
/// ```
/// use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::new(Verifier::key("the key from Settings > Apps")?);
///
/// // From whatever receives the request:
/// let (method, headers, body) = ("POST", vec![("x-one-webhook-key", "…")], b"{}");
/// let find = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
/// let reply = receiver
///     .receive(method, find, body, async |event: Verified<Event>| {
///         println!("{} {}", event.event_type(), event.id());
///         Ok::<_, std::io::Error>(())
///     })
///     .await;
/// println!("{} {}", reply.status(), reply.body());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    store: Arc<dyn ReplayStore>,
    lease: Duration,
    open_probe: bool,
    observer: Option<Observer>,
}

type Observer = Arc<dyn Fn(&Reply) + Send + Sync>;

impl Receiver {
    /// Looks at a request before its body is read.
    ///
    /// Feed the body to the collector, then call [`receive`](Self::receive); a chunk that it refuses is answered by
    /// [`refuse`](Self::refuse). Whoever has the whole body anyway can call `receive` at once.
    ///
    /// # Errors
    /// The answer, where the body does not matter: a probe, another method, a wrong key, an announced length over
    /// the cap.
    pub fn begin<'h>(&self, method: &str, headers: impl Fn(&str) -> Option<&'h [u8]>) -> Result<BodyCollector, Reply> {
        self.check_head(method, &headers).map_err(|reply| self.answer(method, reply))
    }

    /// Answers a request whose body has been read.
    ///
    /// The checks are made when this is called, the rest when the future is awaited. The handler's error is
    /// not shown to the sender; it is in the reply's [`outcome`](Reply::outcome).
    pub fn receive<'h, H, F, E>(
        &self,
        method: &str,
        headers: impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
        handler: H,
    ) -> impl Future<Output = Reply>
    where
        H: FnOnce(Verified<Event>) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let checked = self.check(method, &headers, body);
        async move {
            let reply = match checked {
                Ok(event) => self.process(event, handler).await,
                Err(reply) => reply,
            };
            self.answer(method, reply)
        }
    }

    /// The answer to a request whose body could not be collected.
    #[must_use]
    pub fn refuse(&self, error: WebhookError) -> Reply {
        self.answer("POST", Reply::from(error))
    }

    /// What checks the requests.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    fn check_head<'h>(
        &self,
        method: &str,
        headers: &impl Fn(&str) -> Option<&'h [u8]>,
    ) -> Result<BodyCollector, Reply> {
        let verifier = self.verifier();
        if !method.eq_ignore_ascii_case("POST") {
            return Err(self.check_other(method, headers));
        }
        let body = BodyCollector::announced(verifier.max_body_bytes(), headers("content-length"))?;
        verifier.check_head(headers)?;
        Ok(body)
    }

    /// The answer to any method but POST: it carries no event, but has to prove its sender all the same.
    fn check_other<'h>(&self, method: &str, headers: &impl Fn(&str) -> Option<&'h [u8]>) -> Reply {
        let is_probe = method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD");
        if !(is_probe && self.inner.open_probe)
            && let Err(error) = self.verifier().prove(headers, b"")
        {
            return error.into();
        }
        if is_probe { Reply::probe() } else { WebhookError::MethodNotAllowed.into() }
    }

    fn check<'h>(
        &self,
        method: &str,
        headers: &impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
    ) -> Result<Verified<Event>, Reply> {
        if !method.eq_ignore_ascii_case("POST") {
            return Err(self.check_other(method, headers));
        }
        let event = self.verifier().event(headers, body)?;
        if event.id().as_str().len() > MAX_EVENT_ID_BYTES {
            return Err(WebhookError::UnsupportedAttribute { attribute: "id", expected: "at most 512 bytes" }.into());
        }
        Ok(event)
    }

    async fn process<H, F, E>(&self, event: Verified<Event>, handler: H) -> Reply
    where
        H: FnOnce(Verified<Event>) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let store = &*self.inner.store;
        let accepted = Accepted::of(&event);
        let lease = match store.claim(accepted.id(), self.verifier().now(), self.inner.lease).await {
            Ok(Claim::Fresh(lease)) => lease,
            Ok(Claim::Running) => return Reply::running(),
            Ok(Claim::Done) => return Reply::accepted(&accepted, Outcome::Duplicate),
            Err(error) => return Reply::store_failed(error),
        };
        let mut held = Held { store, lease: &lease, unfinished: true };
        if let Err(error) = handler(event).await {
            let error = error.into();
            // A store that cannot release leaves the event to the end of its lease.
            let _ = store.release(&lease).await;
            held.unfinished = false;
            return Reply::handler_failed(error);
        }
        // The work is done: from here on a dropped future must not give the event away.
        held.unfinished = false;
        match store.commit(&lease, self.verifier().now()).await {
            Ok(Commit::Recorded) => Reply::accepted(&accepted, Outcome::Handled),
            Ok(Commit::Superseded) => Reply::accepted(&accepted, Outcome::HandledLate),
            // A store that commits the handler's own work may have lost it, so the event has to come again.
            Err(error) => Reply::store_failed(error),
        }
    }

    fn answer(&self, method: &str, reply: Reply) -> Reply {
        let reply = if method.eq_ignore_ascii_case("HEAD") { reply.without_body() } else { reply };
        if let Some(observer) = &self.inner.observer {
            observer(&reply);
        }
        reply
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("verifier", &self.inner.verifier)
            .field("lease", &self.inner.lease)
            .field("open_probe", &self.inner.open_probe)
            .finish_non_exhaustive()
    }
}

/// Gives a claim back when the handler panics or its future is dropped.
struct Held<'a> {
    store: &'a dyn ReplayStore,
    lease: &'a Lease,
    unfinished: bool,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.unfinished {
            self.store.abandon(self.lease);
        }
    }
}

//! Turns a request into a reply, without a framework.

mod body;
mod builder;
mod process;
mod reply;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::body::BodyCollector;
pub use self::builder::ReceiverBuilder;
use self::process::Late;
pub use self::reply::{Outcome, Reply};
use crate::drift::Reported;
use crate::webhook::claims::{ClaimStore, Lease};
use crate::webhook::error::WebhookError;
use crate::webhook::event::Event;
use crate::webhook::headers::Headers;
use crate::webhook::hooks::{self, Hooks};
use crate::webhook::router::HandlesEvent;
use crate::webhook::trace::DeliverySpan;
use crate::webhook::verifier::{Verified, Verifier};

/// The longest event id that is claimed, in bytes; an event with a longer one is refused.
pub const MAX_EVENT_ID_BYTES: usize = 512;

/// Replies to webhook requests: verifies them, runs a handler once for each event, and replies in a way that makes the
/// service retry what failed.
///
/// | request | reply |
/// |---|---|
/// | GET, HEAD (the *Verify* button) | 204 |
/// | POST with a new event, handler succeeds | 200 |
/// | … handler fails | 500, and the next delivery runs it again |
/// | … of an event that was processed before | 200 with `"duplicate":true`, without the handler |
/// | … of an event that is being processed | 503 |
/// | no or a wrong key or signature, on any method | 401 |
/// | another method | 405 |
/// | another content type, an encoded body | 415 |
/// | a body over 256 KiB | 413 |
/// | a body that does not arrive in time | 408 |
/// | an empty or unreadable body, an event without a required attribute, a header that contradicts a signed body | 400 |
/// | the claim store fails, or takes longer than its time limit | 500 |
///
/// The service waits 3 seconds. A handler that may take longer should put the event into a queue that survives
/// and return; most servers drop a request's future when its client has gone, and with it the handler.
///
/// Cloning is cheap, and clones share the store. Headers are taken in any framework's form, see [`Headers`].
///
/// ```
/// use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::new(Verifier::key("the key from Settings > Apps")?);
///
/// // From whatever receives the request:
/// let (method, headers, body) = ("POST", [("x-one-webhook-key", "…")], b"{}");
/// let reply = receiver
///     .receive(method, &headers, body, async |event: Verified<Event>| {
///         println!("{} {}", event.event_type(), event.id());
///         Ok::<_, std::io::Error>(())
///     })
///     .await;
/// println!("{} {}", reply.status(), reply.body());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "Webhook")]
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    store: Arc<dyn ClaimStore>,
    lease: Duration,
    store_timeout: Duration,
    handler_timeout: Option<Duration>,
    open_probe: bool,
    track_task_states: bool,
    observer: Option<Observer>,
    hooks: Hooks,
    reported: Reported,
}

type Observer = Arc<dyn Fn(&Reply) + Send + Sync>;

#[allow(clippy::needless_pass_by_value, reason = "headers are references or closures")]
impl Receiver {
    /// Checks a request before its body is read.
    ///
    /// Feed the body to the collector, then call [`receive`](Self::receive); for a chunk that it refuses the reply is
    /// [`refuse`](Self::refuse). With the whole body at hand, call `receive` at once.
    ///
    /// # Errors
    /// The reply, where the body does not matter: a probe, another method, a wrong key, an announced length over
    /// the cap.
    pub fn begin<'h>(&self, method: &str, headers: impl Headers<'h>) -> Result<BodyCollector, Reply> {
        self.check_head(method, &headers).map_err(|reply| self.finish(method, reply))
    }

    /// Replies to a request whose body has been read.
    ///
    /// The checks are made when this is called, the rest when the future is awaited. The handler's error is
    /// not sent; it is in the reply's [`outcome`](Reply::outcome).
    pub fn receive<'h, H, F, E>(
        &self,
        method: &str,
        headers: impl Headers<'h>,
        body: &[u8],
        handler: H,
    ) -> impl Future<Output = Reply>
    where
        H: HandlesEvent<Verified<Event>, F>,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.receive_with(method, headers, body, move |event| async move {
            self.process(event, Late::Counts, |event, _| handler(event)).await
        })
    }

    /// As [`receive`](Self::receive), for a handler that commits the claim itself, in the transaction that does its work.
    ///
    /// The handler writes the commit of its [`Lease`] in its own transaction, by the store's `commit_in` or by hand. Where
    /// the commit finds the claim superseded, it rolls back and returns an error, for which there is
    /// [`Commit::or_superseded`](crate::webhook::claims::Commit::or_superseded): the sender gets 500, since the delivery that has the event now may still fail. The
    /// receiver's own commit afterwards finds the event recorded; should it find the claim superseded, that is 500, too.
    ///
    /// ```
    /// # use onehorizon::webhook::{Event, Receiver, Verified, claims::{Commit, Lease}};
    /// # struct Pool; struct Transaction;
    /// # impl Pool { async fn begin(&self) -> std::io::Result<Transaction> { Ok(Transaction) } }
    /// # impl Transaction { async fn commit(self) -> std::io::Result<()> { Ok(()) } }
    /// # async fn apply(_: &Event, _: &Transaction) -> std::io::Result<()> { Ok(()) }
    /// # async fn commit_in(_: &Transaction, _: &Lease) -> std::io::Result<Commit> { Ok(Commit::Recorded) }
    /// # async fn example(receiver: Receiver, pool: Pool, headers: Vec<(String, String)>, body: &[u8]) {
    /// let reply = receiver
    ///     .receive_claimed("POST", &headers, body, async |event: Verified<Event>, lease: Lease| {
    ///         let transaction = pool.begin().await?;
    ///         apply(&event, &transaction).await?;
    ///         commit_in(&transaction, &lease).await?.or_superseded()?;
    ///         transaction.commit().await?;
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    ///     })
    ///     .await;
    /// # let _ = reply;
    /// # }
    /// ```
    pub fn receive_claimed<'h, H, F, E>(
        &self,
        method: &str,
        headers: impl Headers<'h>,
        body: &[u8],
        handler: H,
    ) -> impl Future<Output = Reply>
    where
        H: FnOnce(Verified<Event>, Lease) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.receive_with(
            method,
            headers,
            body,
            move |event| async move { self.process(event, Late::Fails, handler).await },
        )
    }

    /// Checks a request and lets `respond` make the reply for its event: for receivers that keep events in another way, such
    /// as an inbox. Nothing is claimed.
    ///
    /// ```
    /// # use onehorizon::webhook::{Event, Receiver, Reply, Verified};
    /// # async fn put(_: &Event) -> Result<bool, std::io::Error> { Ok(true) }
    /// # async fn example(receiver: Receiver, headers: Vec<(String, String)>, body: &[u8]) {
    /// let reply = receiver
    ///     .receive_with("POST", &headers, body, async |event: Verified<Event>| match put(&event).await {
    ///         Ok(true) => Reply::queued(&event),
    ///         Ok(false) => Reply::duplicate(&event),
    ///         Err(error) => Reply::store_failed(error),
    ///     })
    ///     .await;
    /// # let _ = reply;
    /// # }
    /// ```
    pub fn receive_with<'h, A, F>(
        &self,
        method: &str,
        headers: impl Headers<'h>,
        body: &[u8],
        respond: A,
    ) -> impl Future<Output = Reply>
    where
        A: FnOnce(Verified<Event>) -> F,
        F: Future<Output = Reply>,
    {
        let checked = self.check(method, &headers, body);
        async move {
            let reply = match checked {
                Ok(event) => self.watched(event, respond).await,
                Err(reply) => reply,
            };
            self.finish(method, reply)
        }
    }

    /// The reply to a request whose body could not be collected.
    #[must_use]
    pub fn refuse(&self, error: WebhookError) -> Reply {
        self.finish("POST", Reply::from(error))
    }

    /// How many [hooks](ReceiverBuilder::hooks) have panicked so far.
    #[must_use]
    pub fn hook_panics(&self) -> u64 {
        self.inner.hooks.panics()
    }

    /// What checks the requests.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    fn check_head<'h>(&self, method: &str, headers: &impl Headers<'h>) -> Result<BodyCollector, Reply> {
        let verifier = self.verifier();
        if !method.eq_ignore_ascii_case("POST") {
            return Err(self.check_other(method, headers));
        }
        let body = BodyCollector::announced(verifier.max_body_bytes(), headers.get("content-length"))?;
        verifier.check_head(headers)?;
        Ok(body)
    }

    /// The reply to any method but POST: it carries no event, but has to prove its sender all the same.
    fn check_other<'h>(&self, method: &str, headers: &impl Headers<'h>) -> Reply {
        let is_probe = method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD");
        if !(is_probe && self.inner.open_probe)
            && let Err(error) = self.verifier().check_empty(headers)
        {
            return error.into();
        }
        if is_probe { Reply::probe() } else { WebhookError::MethodNotAllowed.into() }
    }

    fn check<'h>(&self, method: &str, headers: &impl Headers<'h>, body: &[u8]) -> Result<Verified<Event>, Reply> {
        if !method.eq_ignore_ascii_case("POST") {
            return Err(self.check_other(method, headers));
        }
        let event = self.verifier().checked_event(headers, body)?;
        if event.id().as_str().len() > MAX_EVENT_ID_BYTES {
            return Err(WebhookError::UnsupportedAttribute { attribute: "id", expected: "at most 512 bytes" }.into());
        }
        Ok(event)
    }

    /// Whether it remembers which states of tasks have been handled, see
    /// [`track_task_states`](ReceiverBuilder::track_task_states).
    #[must_use]
    pub fn tracks_task_states(&self) -> bool {
        self.inner.track_task_states
    }

    #[cfg(feature = "client")]
    pub(crate) fn time_of_day(&self) -> std::time::SystemTime {
        self.verifier().clock().time_of_day()
    }

    /// Claims, handles and commits an event that nobody delivered.
    #[cfg(feature = "client")]
    pub(crate) async fn process_reconciled<H, F, E>(&self, event: Event, claimed: bool, handler: H) -> Reply
    where
        H: FnOnce(Verified<Event>, Lease) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let late = if claimed { Late::Fails } else { Late::Counts };
        self.watched(Verified::reconciled(event), |event| self.process(event, late, handler)).await
    }

    /// Makes the reply to an event, in its span and before the hooks.
    async fn watched<A, F>(&self, event: Verified<Event>, respond: A) -> Reply
    where
        A: FnOnce(Verified<Event>) -> F,
        F: Future<Output = Reply>,
    {
        let span = DeliverySpan::new(&event);
        let watched = hooks::watch(&self.inner.hooks, &self.inner.reported, &event, &span, self.verifier().clock());
        let work = pin!(span.enter(|| respond(event)));
        let reply = span.run(work).await;
        span.ended(reply.status(), reply.outcome().as_str());
        if let Some(watched) = watched {
            watched.end(reply.status(), reply.outcome().as_str());
        }
        reply
    }

    fn finish(&self, method: &str, reply: Reply) -> Reply {
        let reply = if method.eq_ignore_ascii_case("HEAD") { reply.without_body() } else { reply };
        if let Outcome::Refused(error) = reply.outcome() {
            self.inner.hooks.each(|hooks| hooks.refused(error));
        }
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

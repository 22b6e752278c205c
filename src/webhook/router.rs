//! Handlers by what an event is about.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::event::{Event, Payload};
use super::verifier::Verified;
use crate::future::BoxFuture;
use crate::generated::payload::for_each_payload;
use crate::models;

/// What a handler may return so that `?` in it takes every error: end it with `HandlerResult::Ok(())`.
///
/// ```
/// use onehorizon::webhook::{EventRouter, HandlerResult};
/// let router = EventRouter::builder()
///     .on_task(|_, task| async move {
///         let number: u32 = task.title.parse()?;
///         println!("{number}");
///         HandlerResult::Ok(())
///     })
///     .fallback(|_| async { HandlerResult::Ok(()) });
/// ```
pub type HandlerResult = Result<(), Box<dyn Error + Send + Sync>>;

/// What a handler returns, boxed.
type Handled = BoxFuture<'static, HandlerResult>;
type Handler<V> = Arc<dyn Fn(V) -> Handled + Send + Sync>;

/// Sends each event to the handler for what it is about.
///
/// A handler for the event's exact type comes first, then the one for what it carries, then the fallback: that gets the
/// events without a payload, and those whose payload has another shape than this version expects, as well. Without a fallback
/// there is no router, since the service may send events that this version does not know:
///
/// ```compile_fail,E0277
/// # use onehorizon::webhook::{EventRouter, Receiver};
/// # fn route(receiver: Receiver) {
/// let router = EventRouter::builder().on_task(async |_, task| Ok::<_, std::io::Error>(println!("{}", task.title)));
/// onehorizon::webhook::axum_routes::route::<(), _, _, _>(receiver, router.handler());
/// # }
/// ```
///
/// Each handler has an error type of its own, which has to be named once: [`HandlerResult`] takes every error. A router is not
/// a handler itself: pass [`router.handler()`](Self::handler).
///
/// ```
/// use onehorizon::webhook::{EventRouter, Receiver, Verifier};
/// # async fn example(headers: Vec<(String, String)>, body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let router = EventRouter::builder()
///     .on_task(async |event, task| {
///         println!("{}: {}", event.event_type(), task.title);
///         Ok::<_, std::io::Error>(())
///     })
///     .on("galaxy.exploded", async |event| Err(format!("what now, {}?", event.workspace_id())))
///     .fallback(async |event| {
///         println!("not handled: {}", event.event_type());
///         Ok::<_, std::io::Error>(())
///     });
/// let receiver = Receiver::new(Verifier::from_env()?);
/// let reply = receiver.receive("POST", &headers, body, router.handler()).await;
/// # let _ = reply;
/// # Ok(())
/// # }
/// ```
///
/// State that all handlers share is cloned for each event and comes first:
///
/// ```
/// use std::sync::Arc;
/// # use onehorizon::webhook::EventRouter;
/// # struct Database;
/// # impl Database { async fn save(&self, _: &str) -> std::io::Result<()> { Ok(()) } }
/// let router = EventRouter::with_state(Arc::new(Database))
///     .on_task(async |database, _, task| database.save(task.task_id.as_str()).await)
///     .fallback(async |_, _| Ok::<_, std::io::Error>(()));
/// ```
pub struct EventRouter<V = Verified<Event>> {
    routes: Arc<Routes<V>>,
    fallback: Handler<V>,
}

struct Routes<V> {
    by_type: HashMap<String, Handler<V>>,
    by_payload: HashMap<&'static str, Handler<V>>,
}

impl EventRouter {
    /// A router for the events that a [`Receiver`](super::Receiver) hands over.
    pub fn builder() -> EventRouterBuilder {
        EventRouterBuilder::new()
    }

    /// As [`builder`](Self::builder): a router is there once it has a fallback.
    #[allow(clippy::new_ret_no_self, reason = "what people write first")]
    pub fn new() -> EventRouterBuilder {
        Self::builder()
    }

    /// As [`builder`](Self::builder), with state that each handler gets a clone of.
    pub fn with_state<S: Clone + Send + Sync + 'static>(state: S) -> StatefulRouterBuilder<S> {
        StatefulRouterBuilder { state, inner: EventRouterBuilder::new() }
    }
}

impl<V: AsRef<Event> + Send + 'static> EventRouter<V> {
    /// Calls the handler for an event.
    ///
    /// # Errors
    /// The handler's.
    pub fn handle(&self, event: V) -> BoxFuture<'static, Result<(), Box<dyn Error + Send + Sync>>> {
        let about = event.as_ref();
        let by_type = self.routes.by_type.get(about.event_type().as_str());
        let by_payload = || match about.payload() {
            Payload::Undecoded(_) => None,
            known => self.routes.by_payload.get(known.field()?),
        };
        let handler = by_type.or_else(by_payload).unwrap_or(&self.fallback);
        handler(event)
    }

    /// The router as a handler, for [`Receiver::receive`](super::Receiver::receive), an axum route or an inbox.
    pub fn handler(
        &self,
    ) -> impl Fn(V) -> BoxFuture<'static, Result<(), Box<dyn Error + Send + Sync>>> + Clone + use<V> {
        let router = self.clone();
        move |event| router.handle(event)
    }
}

impl<V> Clone for EventRouter<V> {
    fn clone(&self) -> Self {
        Self { routes: Arc::clone(&self.routes), fallback: Arc::clone(&self.fallback) }
    }
}

impl<V> fmt::Debug for EventRouter<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.routes.fmt(f)
    }
}

impl<V> fmt::Debug for Routes<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRouter")
            .field("types", &self.by_type.keys())
            .field("payloads", &self.by_payload.keys())
            .finish_non_exhaustive()
    }
}

/// Builds an [`EventRouter`] for events in the form `V`: whatever has an [`Event`] in it.
///
/// Of two handlers for the same type or payload the later one counts.
#[must_use = "a router needs a fallback"]
pub struct EventRouterBuilder<V = Verified<Event>> {
    routes: Routes<V>,
}

/// Builds an [`EventRouter`] whose handlers get a clone of common state first.
#[must_use = "a router needs a fallback"]
pub struct StatefulRouterBuilder<S, V = Verified<Event>> {
    state: S,
    inner: EventRouterBuilder<V>,
}

impl<V: AsRef<Event> + Send + 'static> EventRouterBuilder<V> {
    /// A router without handlers, for events in a form of yours, such as the jobs of an inbox.
    pub fn new() -> Self {
        Self { routes: Routes { by_type: HashMap::new(), by_payload: HashMap::new() } }
    }

    /// As [`new`](Self::new), with state that each handler gets a clone of.
    pub fn with_state<S: Clone + Send + Sync + 'static>(state: S) -> StatefulRouterBuilder<S, V> {
        StatefulRouterBuilder { state, inner: Self::new() }
    }

    /// The handler for events of exactly this type, such as `task.deleted`, whatever they carry.
    pub fn on<F, E>(mut self, event_type: impl AsRef<str>, handler: impl Fn(V) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.routes.by_type.insert(event_type.as_ref().to_owned(), boxed(handler));
        self
    }

    /// The handler for all other events, and the router.
    pub fn fallback<F, E>(self, handler: impl Fn(V) -> F + Send + Sync + 'static) -> EventRouter<V>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        EventRouter { routes: Arc::new(self.routes), fallback: boxed(handler) }
    }
}

impl<V: AsRef<Event> + Send + 'static> Default for EventRouterBuilder<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// A function of an event, as a trait of its own for the compiler's message: a router is none, since only functions are `Fn`.
macro_rules! handles {
    ($(#[$condition:meta])* $name:ident: $function:ident) => {
        $(#[$condition])*
        #[doc(hidden)]
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is not a handler of events",
            label = "expected a function `async fn(Verified<Event>) -> Result<(), E>`",
            note = "an `EventRouter` is passed as `router.handler()`"
        )]
        pub trait $name<V, F>: $function(V) -> F {}

        $(#[$condition])*
        #[diagnostic::do_not_recommend]
        impl<V, F, H: $function(V) -> F> $name<V, F> for H {}
    };
}

handles!(HandlesEvent: FnOnce);
handles!(
    #[cfg(feature = "axum")]
    HandlesEvents: Fn
);

/// What a builder would need to be a router; none has it. It is here for the compiler's message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this router has no fallback yet",
    label = "end the builder with `.fallback(async |event| …)` first, which makes the router",
    note = "the service may send events that this version does not know: the fallback gets them"
)]
pub trait HasFallback<V> {
    fn handler(&self) -> fn(V) -> BoxFuture<'static, HandlerResult>;
}

impl<V> EventRouterBuilder<V> {
    #[doc(hidden)]
    #[must_use]
    pub fn handler(&self) -> fn(V) -> BoxFuture<'static, HandlerResult>
    where
        Self: HasFallback<V>,
    {
        HasFallback::handler(self)
    }
}

impl<S, V> StatefulRouterBuilder<S, V> {
    #[doc(hidden)]
    #[must_use]
    pub fn handler(&self) -> fn(V) -> BoxFuture<'static, HandlerResult>
    where
        Self: HasFallback<V>,
    {
        HasFallback::handler(self)
    }
}

impl<S, V> StatefulRouterBuilder<S, V>
where
    S: Clone + Send + Sync + 'static,
    V: AsRef<Event> + Send + 'static,
{
    /// As [`EventRouterBuilder::on`].
    pub fn on<F, E>(self, event_type: impl AsRef<str>, handler: impl Fn(S, V) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let Self { state, inner } = self;
        let own = state.clone();
        Self { state, inner: inner.on(event_type, move |event| handler(own.clone(), event)) }
    }

    /// As [`EventRouterBuilder::fallback`].
    pub fn fallback<F, E>(self, handler: impl Fn(S, V) -> F + Send + Sync + 'static) -> EventRouter<V>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let state = self.state;
        self.inner.fallback(move |event| handler(state.clone(), event))
    }
}

macro_rules! payload_handlers {
    ($($(#[$meta:meta])* $family:ident($type:ident) = $field:literal $method:ident,)*) => {
        impl<V: AsRef<Event> + Send + 'static> EventRouterBuilder<V> {$(
            #[doc = concat!("The handler for events that carry a [`", stringify!($type), "`](models::", stringify!($type), "), of whatever type.")]
            pub fn $method<F, E>(mut self, handler: impl Fn(V, models::$type) -> F + Send + Sync + 'static) -> Self
            where
                F: Future<Output = Result<(), E>> + Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                let handler: Handler<V> = Arc::new(move |event: V| match event.as_ref().payload() {
                    Payload::$family(payload) => {
                        let payload = (**payload).clone();
                        let handled = handler(event, payload);
                        Box::pin(async move { handled.await.map_err(Into::into) })
                    }
                    // Chosen by the payload, so that this cannot be.
                    _ => Box::pin(std::future::ready(Err(concat!("no ", $field, " in the event").into()))),
                });
                self.routes.by_payload.insert($field, handler);
                self
            }
        )*}

        impl<S, V> StatefulRouterBuilder<S, V>
        where
            S: Clone + Send + Sync + 'static,
            V: AsRef<Event> + Send + 'static,
        {$(
            #[doc = concat!("The handler for events that carry a [`", stringify!($type), "`](models::", stringify!($type), "), of whatever type.")]
            pub fn $method<F, E>(self, handler: impl Fn(S, V, models::$type) -> F + Send + Sync + 'static) -> Self
            where
                F: Future<Output = Result<(), E>> + Send + 'static,
                E: Into<Box<dyn Error + Send + Sync>>,
            {
                let Self { state, inner } = self;
                let own = state.clone();
                Self { state, inner: inner.$method(move |event, payload| handler(own.clone(), event, payload)) }
            }
        )*}
    };
}

for_each_payload!(payload_handlers);

impl<V> fmt::Debug for EventRouterBuilder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.routes.fmt(f)
    }
}

impl<S, V> fmt::Debug for StatefulRouterBuilder<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn boxed<V: 'static, F, E>(handler: impl Fn(V) -> F + Send + Sync + 'static) -> Handler<V>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Arc::new(move |event| {
        let work = handler(event);
        Box::pin(async move { work.await.map_err(Into::into) })
    })
}

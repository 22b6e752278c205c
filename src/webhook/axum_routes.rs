//! Webhooks on an `axum` router.
//!
//! ```
//! use onehorizon::webhook::{Event, Receiver, Verified, Verifier, axum_routes::route};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::new(Verifier::key("the key from Settings > Apps")?);
//! let app: axum::Router = axum::Router::new().route(
//!     "/webhook",
//!     route(receiver, async |event: Verified<Event>| {
//!         println!("{} {}", event.event_type(), event.id());
//!         Ok::<_, std::io::Error>(())
//!     }),
//! );
//! # Ok(())
//! # }
//! ```
//!
//! - [`route`] runs a handler once for each event. An [`EventRouter`](super::EventRouter) is passed as `router.handler()`.
//! - [`route_claimed`] hands the claim over as well, for handlers that commit it in a transaction of their own.
//! - [`route_with`] lets a function make the reply, for receivers of another kind such as an inbox.
//! - [`Verified<Event>`](Verified) is an extractor for handlers of your own, for any state that has a [`Verifier`]
//!   ([`FromRef`]). It checks the delivery; processing an event once is up to you then. Mount such a handler with [`on`],
//!   so that the probe of the *Verify* button gets its reply as well.

use std::error::Error;
use std::future::Future;

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, post};
use http::HeaderValue;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError};

use super::claims::Lease;
use super::error::WebhookError;
use super::event::Event;
use super::receiver::{BodyCollector, Receiver, Reply};
use super::router::HandlesEvents;
use super::verifier::{Verified, Verifier};
use crate::time_limit::{OutOfTime, within};

/// A route for all methods that replies to webhook requests and runs the handler once for each event.
///
/// It can be mounted at any path, nested routers included. The body is read up to the verifier's cap and within its
/// [time limit](super::VerifierBuilder::body_timeout), and no further than `axum`'s own body limit where that is lower.
///
/// When the sender closes the connection, which the service does after 3 seconds, most servers drop the request's
/// future and the handler with it; the event is then free for the next delivery.
pub fn route<S, H, F, E>(receiver: Receiver, handler: H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: HandlesEvents<Verified<Event>, F> + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    collected(receiver, move |receiver, parts, body| {
        let handler = handler.clone();
        async move { receiver.receive(parts.method.as_str(), &parts.headers, &body, handler).await }
    })
}

/// As [`route`], for a handler that commits its claim in a transaction of its own; see [`Receiver::receive_claimed`].
pub fn route_claimed<S, H, F, E>(receiver: Receiver, handler: H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Fn(Verified<Event>, Lease) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    collected(receiver, move |receiver, parts, body| {
        let handler = handler.clone();
        async move { receiver.receive_claimed(parts.method.as_str(), &parts.headers, &body, handler).await }
    })
}

/// As [`route`], with a function that makes the reply for an event; see [`Receiver::receive_with`].
pub fn route_with<S, A, F>(receiver: Receiver, respond: A) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    A: Fn(Verified<Event>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    collected(receiver, move |receiver, parts, body| {
        let respond = respond.clone();
        async move { receiver.receive_with(parts.method.as_str(), &parts.headers, &body, respond).await }
    })
}

/// A route for all methods that collects a request and lets `receive` make the reply.
fn collected<S, R, F>(receiver: Receiver, receive: R) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    R: Fn(Receiver, Parts, Vec<u8>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    any(move |request: Request| {
        let (receiver, receive) = (receiver.clone(), receive.clone());
        async move {
            match collect(&receiver, request).await {
                Ok((parts, body)) => receive(receiver, parts, body).await,
                Err(reply) => reply,
            }
        }
    })
}

/// A route for a handler that takes [`Verified<Event>`](Verified): POST goes to the handler, and the GET and HEAD of the
/// *Verify* button are checked and get their reply, which `axum::routing::post` would refuse with 405.
///
/// ```
/// use axum::{Router, extract::{FromRef, State}};
/// use onehorizon::webhook::{Event, Verified, Verifier, axum_routes::on};
///
/// #[derive(Clone)]
/// struct App {
///     verifier: Verifier,
///     greeting: &'static str,
/// }
/// impl FromRef<App> for Verifier {
///     fn from_ref(app: &App) -> Self {
///         app.verifier.clone()
///     }
/// }
///
/// async fn hook(State(app): State<App>, event: Verified<Event>) -> String {
///     format!("{} {}", app.greeting, event.id())
/// }
///
/// # fn main() -> Result<(), onehorizon::webhook::VerifierError> {
/// let app = App { verifier: Verifier::key("the key from Settings > Apps")?, greeting: "hello" };
/// let router: Router = Router::new().route("/webhook", on(hook)).with_state(app);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "post")]
pub fn on<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
    Verifier: FromRef<S>,
{
    post(handler).fallback(async |State(verifier): State<Verifier>, request: Request| {
        let (parts, _) = request.into_parts();
        match Receiver::new(verifier).begin(parts.method.as_str(), &parts.headers) {
            Err(reply) => reply,
            Ok(_) => Reply::from(WebhookError::MethodNotAllowed),
        }
    })
}

/// Reads a request's body, or says why not.
async fn collect(receiver: &Receiver, request: Request) -> Result<(Parts, Vec<u8>), Reply> {
    let (parts, body) = request.with_limited_body().into_parts();
    let collector = receiver.begin(parts.method.as_str(), &parts.headers)?;
    match read(receiver.verifier(), collector, body).await {
        Ok(bytes) => Ok((parts, bytes)),
        Err(error) => Err(receiver.refuse(error)),
    }
}

/// Checks the delivery with the [`Verifier`] in the state.
impl<S> FromRequest<S> for Verified<Event>
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Reply;

    async fn from_request(request: Request, state: &S) -> Result<Self, Reply> {
        let verifier = Verifier::from_ref(state);
        let (parts, body) = request.with_limited_body().into_parts();
        let headers = &parts.headers;
        let length = headers.get("content-length").map(HeaderValue::as_bytes);
        let collector = BodyCollector::announced(verifier.max_body_bytes(), length)?;
        verifier.check_head(&headers)?;
        let bytes = read(&verifier, collector, body).await?;
        Ok(verifier.event(headers, &bytes)?)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        self.into()
    }
}

/// Reads the body to its end, to the cap, or until its time is up.
async fn read(verifier: &Verifier, mut collector: BodyCollector, mut body: Body) -> Result<Vec<u8>, WebhookError> {
    let limit = verifier.body_timeout();
    let whole = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| read_error(&error, collector.limit()))?;
            if let Some(chunk) = frame.data_ref() {
                collector.push(chunk)?;
            }
        }
        Ok::<_, WebhookError>(())
    };
    match within(&*verifier.clock(), limit, whole).await {
        Ok(result) => result?,
        Err(OutOfTime) => return Err(WebhookError::BodyTimeout { limit }),
    }
    Ok(collector.into_bytes())
}

/// A limit of the application's own is a body too large as well.
fn read_error(error: &(dyn Error + 'static), limit: usize) -> WebhookError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return WebhookError::TooLarge { limit };
        }
        cause = error.source();
    }
    WebhookError::Unreadable
}

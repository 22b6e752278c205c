//! Webhooks on an `axum` router.
//!
//! ```
//! use onehorizon::webhook::{Event, Receiver, Verified, Verifier, axum::route};
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
//! Where a handler of your own should answer, take [`Verified<Event>`](Verified) as an argument: it is an extractor
//! for any state that has a [`Verifier`] ([`FromRef`]). It checks the delivery; processing an event once is up to
//! you then.

use std::error::Error;
use std::future::Future;

use ::axum::RequestExt;
use ::axum::body::Body;
use ::axum::extract::{FromRef, FromRequest, Request};
use ::axum::response::{IntoResponse, Response};
use ::axum::routing::{MethodRouter, any};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};

use super::error::WebhookError;
use super::event::Event;
use super::receiver::{BodyCollector, Receiver, Reply};
use super::verifier::{Verified, Verifier};

/// A route for all methods that answers webhook requests and runs the handler once an event.
///
/// It can be mounted at any path, nested routers included. The body is read up to the verifier's cap, and
/// no further than `axum`'s own body limit where that is lower.
///
/// When the sender closes the connection, which the service does after 3 seconds, most servers drop the request's
/// future and the handler with it; the event is then free for the next delivery.
pub fn route<S, H, F, E>(receiver: Receiver, handler: H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Fn(Verified<Event>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    any(move |request: Request| {
        let (receiver, handler) = (receiver.clone(), handler.clone());
        async move { respond(&receiver, request, handler).await }
    })
}

async fn respond<H, F, E>(receiver: &Receiver, request: Request, handler: H) -> Reply
where
    H: Fn(Verified<Event>) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.with_limited_body().into_parts();
    let method = parts.method.as_str();
    let collector = match receiver.begin(method, header(&parts)) {
        Ok(collector) => collector,
        Err(reply) => return reply,
    };
    match collect(collector, body).await {
        Ok(bytes) => receiver.receive(method, header(&parts), &bytes, handler).await,
        Err(error) => receiver.refuse(error),
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
        let headers = header(&parts);
        let collector = BodyCollector::announced(verifier.max_body_bytes(), headers("content-length"))?;
        verifier.check_head(&headers)?;
        let bytes = collect(collector, body).await?;
        Ok(verifier.event(headers, &bytes)?)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = self.headers();
        let mut response = Response::new(Body::from(self.into_body()));
        *response.status_mut() = status;
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

fn header<'p>(parts: &'p Parts) -> impl Fn(&str) -> Option<&'p [u8]> {
    move |name| parts.headers.get(name).map(HeaderValue::as_bytes)
}

/// Reads the body to its end or to the cap.
async fn collect(mut collector: BodyCollector, mut body: Body) -> Result<Vec<u8>, WebhookError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| read_error(&error, collector.limit()))?;
        if let Some(chunk) = frame.data_ref() {
            collector.push(chunk)?;
        }
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

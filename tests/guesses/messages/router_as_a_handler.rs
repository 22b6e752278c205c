//! The language lets no crate add words to this error: `Fn` is not implemented for types of a crate. The documentation of
//! `EventRouter` quotes it.
//! expect: expected a `Fn(Verified<Event>)` closure, found `EventRouter`
use axum::routing::MethodRouter;
use onehorizon::webhook::{EventRouter, HandlerResult, Receiver, axum_routes};

pub fn hook(receiver: Receiver) -> MethodRouter {
    let router = EventRouter::builder().fallback(async |_| HandlerResult::Ok(()));
    axum_routes::route(receiver, router)
}

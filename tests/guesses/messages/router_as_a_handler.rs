//! expect: `EventRouter` is not a handler of events
//! expect: an `EventRouter` is passed as `router.handler()`
use axum::routing::MethodRouter;
use onehorizon::webhook::{EventRouter, HandlerResult, Receiver, axum_routes};

pub fn hook(receiver: Receiver) -> MethodRouter {
    let router = EventRouter::builder().fallback(async |_| HandlerResult::Ok(()));
    axum_routes::route(receiver, router)
}

//! expect: this router has no fallback yet
//! expect: end the builder with `.fallback(async |event| …)` first, which makes the router
use axum::routing::MethodRouter;
use onehorizon::webhook::{EventRouter, HandlerResult, Receiver, axum_routes};

pub fn hook(receiver: Receiver) -> MethodRouter {
    let router = EventRouter::builder().on_task(async |_, _| HandlerResult::Ok(()));
    axum_routes::route(receiver, router.handler())
}

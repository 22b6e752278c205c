//! expect: this router has no fallback yet
use axum::routing::MethodRouter;
use onehorizon::webhook::{EventRouter, HandlerResult, Receiver, axum_routes};

pub fn hook(receiver: Receiver) -> MethodRouter {
    let router = EventRouter::with_state("state").on_task(async |_, _, _| HandlerResult::Ok(()));
    axum_routes::route(receiver, router.handler())
}

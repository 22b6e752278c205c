//! The bound that names routers leaves the compiler's words about functions as they are.
//! expect: closure is expected to take 1 argument, but it takes 2 arguments
use axum::routing::MethodRouter;
use onehorizon::webhook::{HandlerResult, Receiver, axum_routes};

pub fn hook(receiver: Receiver) -> MethodRouter {
    axum_routes::route(receiver, |event, task| async move { HandlerResult::Ok(()) })
}

use onehorizon::webhook::*;

fn g80_route(verifier: Verifier) -> axum::Router {
    let handler = |event: Verified<Event>| async move {
        println!("{}", event.event_type());
        anyhow::Ok(())
    };
    axum::Router::new().route("/hook", axum_routes::route(Receiver::new(verifier), handler))
}

fn g81_router(verifier: Verifier) -> axum::Router {
    let router = EventRouter::builder()
        .on_task(|_, task| async move {
            println!("{}", task.title.parse::<u32>()?);
            HandlerResult::Ok(())
        })
        .fallback(|_| async { HandlerResult::Ok(()) });
    axum::Router::new().route("/hook", axum_routes::route(Receiver::new(verifier), router.handler()))
}

fn g95_router_by_new() -> EventRouter {
    EventRouter::new().on_task(async |_, _| HandlerResult::Ok(())).fallback(async |_| HandlerResult::Ok(()))
}

fn g96_closure_without_types(verifier: Verifier) -> axum::Router {
    let verified = axum_routes::route(Receiver::new(verifier), |event| async move {
        println!("{}", event.event_type());
        Ok::<_, std::io::Error>(())
    });
    axum::Router::new().route("/hook", verified)
}

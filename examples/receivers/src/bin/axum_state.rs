//! Receives webhooks on an axum router that has a state of its own, with a handler for each kind of event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use onehorizon::webhook::axum_routes::route;
use onehorizon::webhook::{EventRouter, Receiver, Verifier};

#[derive(Default)]
struct App {
    tasks: AtomicU64,
}

async fn count(State(app): State<Arc<App>>) -> String {
    format!("{} task events", app.tasks.load(Ordering::Relaxed))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Arc::new(App::default());
    let events = EventRouter::with_state(app.clone())
        .on_task(async |app, event, task| {
            app.tasks.fetch_add(1, Ordering::Relaxed);
            println!("{} {}: {}", event.event_type(), event.id(), task.title);
            Ok::<_, std::io::Error>(())
        })
        .fallback(async |_, event| {
            println!("{} {}", event.event_type(), event.id());
            Ok::<_, std::io::Error>(())
        });
    let receiver = Receiver::new(Verifier::from_env()?);
    let router =
        Router::new().route("/webhook", route(receiver, events.handler())).route("/count", get(count)).with_state(app);
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

//! Receives webhooks on axum and prints one line an event.
//!
//! `ONE_WEBHOOK_KEY=the-key cargo run --example webhook_receiver --features axum`, then for instance
//!
//! ```text
//! curl http://localhost:3000/webhook -X POST \
//!   -H "content-type: application/cloudevents+json; charset=utf-8" \
//!   -H "x-one-webhook-key: the-key" \
//!   -H "x-one-event-id: evt_task_created" -H "x-one-event-type: task.created" \
//!   --data @tests/fixtures/webhook/task-created.json
//! ```
//!
//! `PORT` (3000) and `HOST` (127.0.0.1) say where to listen; One Horizon needs a public address with TLS in front.
//! With `ONE_API_KEY` set, the task of each event is fetched and printed too.
#![allow(clippy::disallowed_methods, reason = "a program, not the library")]

use std::convert::Infallible;
use std::future::ready;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use onehorizon::models::TaskId;
use onehorizon::webhook::{Event, Outcome, Receiver, Reply, Verified, Verifier, axum_routes::route};
use onehorizon::{Configuration, TasksApi};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(Verifier::from_env()?).on_reply(complain).build();
    let (follow_up, tasks) = mpsc::channel(100);
    let worker = match std::env::var_os("ONE_API_KEY") {
        Some(_) => Some(tokio::spawn(print_tasks(TasksApi::new(&Configuration::from_env()?), tasks))),
        None => None,
    };
    let on_event = move |event: Verified<Event>| {
        handle(&event, &follow_up);
        ready(Ok::<_, Infallible>(()))
    };
    let app = Router::new().route("/webhook", route(receiver, on_event));

    let listener = TcpListener::bind((var("HOST", "127.0.0.1"), var("PORT", "3000").parse()?)).await?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop_signal()).await?;
    // The router and with it the last sender is gone: the worker prints what is left and ends.
    if let Some(worker) = worker {
        tokio::time::timeout(Duration::from_secs(10), worker).await??;
    }
    println!("stopped");
    Ok(())
}

/// Replies within the service's 3 seconds: the slow part is left to the worker.
///
/// What is in the channel is lost when the process dies. That does for a line on the screen; work that must not be lost
/// belongs into a queue that survives, or is done here.
fn handle(event: &Verified<Event>, follow_up: &mpsc::Sender<TaskId>) {
    let task = event.task_id().map_or("-", TaskId::as_str);
    let retry = event.retry().and_then(|retry| retry.number).unwrap_or_default();
    println!(
        "event {} {} workspace={} task={task} key={} retry={retry}",
        event.event_type(),
        event.id(),
        event.workspace_id(),
        event.label().unwrap_or("-"),
    );
    if let Some(task) = event.task_id() {
        // A full channel or none at all costs the follow-up, not the event.
        let _ = follow_up.try_send(task.clone());
    }
}

/// Fetches the tasks one by one; the client keeps to the workspace's quota.
async fn print_tasks(api: TasksApi, mut tasks: mpsc::Receiver<TaskId>) {
    while let Some(task_id) = tasks.recv().await {
        match api.fetch_task(&task_id).deadline(Duration::from_secs(60)).await {
            Ok(task) => println!("task {} {:?} ({})", task.task_id, task.title, task.status),
            Err(error) => eprintln!("task {task_id}: {error}"),
        }
    }
}

/// Says why a request was refused; the sender learns less.
fn complain(reply: &Reply) {
    match reply.outcome() {
        Outcome::Refused(error) => eprintln!("refused with {}: {error}", reply.status()),
        Outcome::StoreFailed(error) => eprintln!("{error}"),
        _ => {}
    }
}

fn var(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Ctrl-C, or the signal by which hosts stop a process.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
use onehorizon_testing::{NewEvent, WebhookSender};

/// Counts tasks, and fails the first time.
async fn on_event(event: Verified<Event>, seen: Arc<AtomicU32>) -> Result<(), String> {
    if seen.fetch_add(1, Ordering::SeqCst) == 0 {
        return Err("the database is not ready".to_owned());
    }
    event.task_id().map(|_| ()).ok_or_else(|| "no task".to_owned())
}

#[tokio::test]
async fn an_event_is_delivered_again_until_it_is_handled() -> Result<(), Box<dyn std::error::Error>> {
    // The handler alone.
    let seen = Arc::new(AtomicU32::new(1));
    on_event(NewEvent::task_created("tsk_1").verified()?, Arc::clone(&seen)).await?;

    // The whole receiver.
    let seen = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&seen);
    let receiver = Receiver::new(Verifier::key("a-test-key")?);
    let route = onehorizon::webhook::axum_routes::route(receiver, move |event| on_event(event, Arc::clone(&counter)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/webhook", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/webhook", route)).await });

    let sender = WebhookSender::builder(&url).key("a-test-key").time_scale(0.001).build()?;
    assert!(sender.probe().await.is_verified());
    let report = sender.deliver(&NewEvent::task_created("tsk_1").build()?).await;
    assert!(report.is_delivered(), "{report:?}");
    assert_eq!(report.attempts().len(), 2);
    assert_eq!(seen.load(Ordering::SeqCst), 2);

    let stranger = WebhookSender::new(&url, "another-key")?;
    assert_eq!(stranger.deliver_once(&NewEvent::task_created("tsk_2").build()?, 0).await.status(), Some(401));
    server.abort();
    Ok(())
}

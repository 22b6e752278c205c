//! The router: each event goes to the handler for what it is about.

use std::sync::{Arc, Mutex};

use onehorizon::webhook::axum_routes::route;
use onehorizon::webhook::{Event, EventRouter, EventRouterBuilder, Outcome, Receiver, Verified, Verifier};
use support::bench::{HEADERS, KEY};

type Seen = Arc<Mutex<Vec<String>>>;

fn event(kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"evt_{kind}","type":"{kind}","source":"onehorizon/workspaces/w_1","time":
        "2026-05-05T12:00:00Z","datacontenttype":"application/json","workspaceid":"w_1","data":{{"resource":
        {{"type":"x","id":"x_1"}}{data}}}}}"#
    )
}

fn router(seen: &Seen) -> EventRouter {
    EventRouter::with_state(seen.clone())
        .on_task(async |seen, event, task| {
            seen.lock().unwrap().push(format!("task {} {}", task.task_id, event.label().unwrap()));
            Ok::<_, std::io::Error>(())
        })
        .on_comment(async |seen, _, comment| {
            seen.lock().unwrap().push(format!("comment on {}", comment.task_id.unwrap()));
            Ok::<_, String>(())
        })
        .on("task.deleted", async |seen, event| {
            seen.lock().unwrap().push(format!("deleted by {}", event.event_type()));
            Ok::<_, String>(())
        })
        .on("galaxy.exploded", async |_, event| Err(format!("what now, {}?", event.id())))
        .fallback(async |seen, event| {
            seen.lock().unwrap().push(format!("other {}", event.event_type()));
            Ok::<_, std::convert::Infallible>(())
        })
}

async fn deliver(router: &EventRouter, text: &str) -> Handled {
    let receiver = Receiver::new(Verifier::key(KEY).unwrap());
    let reply = receiver.receive("POST", &HEADERS, text.as_bytes(), router.handler()).await;
    match reply.outcome() {
        Outcome::Handled => Ok(()),
        Outcome::HandlerFailed(error) => Err(error.to_string()),
        other => panic!("{other:?}"),
    }
}

type Handled = Result<(), String>;

#[tokio::test]
async fn an_event_goes_to_the_handler_of_its_type_then_of_what_it_carries_then_to_the_fallback() {
    let seen = Seen::default();
    let router = router(&seen);
    let task = r#","task":{"taskId":"tsk_1","title":"Fix it"}"#;
    for (kind, data, expected) in [
        ("task.created", task, "task tsk_1 key"),
        ("brand.new", task, "task tsk_1 key"),
        ("task.deleted", task, "deleted by task.deleted"),
        ("comment.created", r#","comment":{"commentId":"c_1","taskId":"tsk_2"}"#, "comment on tsk_2"),
        ("task.updated", r#","task":7"#, "other task.updated"),
        ("task.updated", "", "other task.updated"),
        ("team.created", r#","team":{"teamId":"t_1"}"#, "other team.created"),
        ("unknown.thing", r#","thing":{}"#, "other unknown.thing"),
    ] {
        deliver(&router, &event(kind, data)).await.unwrap();
        assert_eq!(seen.lock().unwrap().pop().unwrap(), expected, "{kind}");
    }
    let error = deliver(&router, &event("galaxy.exploded", "")).await.unwrap_err();
    assert_eq!(error, "what now, evt_galaxy.exploded?");
    assert!(format!("{router:?}").contains("galaxy.exploded"));
}

#[tokio::test]
async fn a_router_serves_events_in_any_form_and_an_axum_route() {
    struct Job {
        event: Event,
        attempt: u32,
    }
    impl AsRef<Event> for Job {
        fn as_ref(&self) -> &Event {
            &self.event
        }
    }
    let seen = Seen::default();
    let log = seen.clone();
    let jobs = EventRouterBuilder::<Job>::new()
        .on_task(move |job, task| {
            log.lock().unwrap().push(format!("{} at attempt {}", task.title, job.attempt));
            async { Ok::<_, std::io::Error>(()) }
        })
        .fallback(async |_| Err("no handler"));
    let event = Event::from_json(event("task.created", r#","task":{"taskId":"t","title":"Fix it"}"#)).unwrap();
    jobs.handle(Job { event, attempt: 2 }).await.unwrap();
    assert_eq!(seen.lock().unwrap().pop().unwrap(), "Fix it at attempt 2");

    let router = EventRouter::builder().fallback(async |_: Verified<Event>| Ok::<_, std::io::Error>(()));
    let _: axum::Router =
        axum::Router::new().route("/webhook", route(Receiver::new(Verifier::key(KEY).unwrap()), router.handler()));
}

#[tokio::test]
async fn of_two_handlers_for_the_same_the_later_one_counts() {
    let router = EventRouter::builder()
        .on("a.b", async |_| Err("first"))
        .on("a.b", async |_| Err("second"))
        .fallback(async |_| Ok::<_, std::io::Error>(()));
    assert_eq!(deliver(&router, &event("a.b", "")).await.unwrap_err(), "second");
}

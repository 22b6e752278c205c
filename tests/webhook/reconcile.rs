//! What was missed while the receiver was down is handled once afterwards.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::models::{TaskStatus, Timestamp};
use onehorizon::reconcile::{Checkpoint, ReconcileError, Reconciler, Unrepaired};
use onehorizon::webhook::claims::{Claim, Commit, Lease};
use onehorizon::webhook::{
    ClaimStore, Event, EventRouter, MemoryClaims, Payload, Receiver, Reply as Response, Scheme, Verified, Verifier,
};
use onehorizon::{Configuration, StoreFuture, TasksApi};
use onehorizon_testing::{ManualClock, Reply, ScriptedTransport};
use support::bench::{HEADERS, KEY};

pub(super) type Failed = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn receiver(store: &Arc<MemoryClaims>) -> Receiver {
    let verifier = Verifier::builder().key("key", KEY).clock(ManualClock::on_tokio()).build().unwrap();
    Receiver::builder(verifier).store(store.clone()).track_task_states(true).build()
}

/// The client and a receiver for lists that the test writes.
fn scripted(lists: &[&str]) -> (Reconciler, Receiver) {
    let replies = lists.iter().map(|list| Reply::json(200, format!(r#"{{"tasks":[{list}]}}"#)));
    let config = Configuration::builder().api_key("test").transport(ScriptedTransport::new(replies)).build().unwrap();
    let receiver = receiver(&Arc::new(MemoryClaims::new()));
    (Reconciler::new(&TasksApi::new(&config), &receiver), receiver)
}

fn delivery(id: &str, kind: &str, task: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"{kind}","source":"onehorizon/workspaces/w_1","time":
        "2026-06-01T09:00:00Z","datacontenttype":"application/json","workspaceid":"w_1","data":{{"resource":
        {{"type":"task","id":"tsk_1"}},"task":{task}}}}}"#
    )
}

async fn deliver(receiver: &Receiver, id: &str, kind: &str, task: &str) -> Response {
    let body = delivery(id, kind, task);
    receiver.receive("POST", &HEADERS, body.as_bytes(), async |_| Ok::<_, Failed>(())).await
}

fn start() -> Checkpoint {
    Checkpoint::at(UNIX_EPOCH + Duration::from_secs(1_780_000_000))
}

async fn ok(_: Verified<Event>) -> Result<(), Failed> {
    Ok(())
}

const EARLY: &str = r#"{"taskId":"tsk_1","title":"a","updatedAt":"2026-06-01T08:00:00Z"}"#;
const LATER: &str = r#"{"taskId":"tsk_1","title":"b","updatedAt":"2026-06-01T08:30:00.000Z"}"#;

#[tokio::test(start_paused = true)]
async fn a_late_delivery_of_a_reconciled_state_is_a_duplicate_and_one_of_an_earlier_state_is_not() {
    let (reconciler, receiver) = scripted(&[LATER]);
    let run = reconciler.run(&start(), ok).await.unwrap();
    assert_eq!(run.handled(), ["tsk_1"]);
    for (id, kind, task, outcome) in [
        // Written in another way, the time is the same.
        ("evt_1", "task.updated", LATER, "duplicate"),
        ("evt_2", "task.updated", r#"{"taskId":"tsk_1","updatedAt":"2026-06-01T10:30:00+02:00"}"#, "duplicate"),
        ("evt_2", "task.updated", r#"{"taskId":"tsk_1","updatedAt":"2026-06-01T10:30:00+02:00"}"#, "duplicate"),
        ("evt_3", "task.updated", EARLY, "handled"),
        // Not about a state, even if they carry it.
        ("evt_4", "task.deleted", LATER, "handled"),
        ("evt_5", "task.reminded", LATER, "handled"),
        ("evt_6", "comment.created", LATER, "handled"),
    ] {
        assert_eq!(deliver(&receiver, id, kind, task).await.outcome().as_str(), outcome, "{id} {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_events_of_one_change_are_both_handled() {
    let (reconciler, receiver) = scripted(&[LATER]);
    for (id, kind) in [("evt_1", "task.created"), ("evt_2", "task.updated"), ("evt_3", "task.updated")] {
        assert_eq!(deliver(&receiver, id, kind, LATER).await.outcome().as_str(), "handled", "{id}");
    }
    let run = reconciler.run(&start(), ok).await.unwrap();
    assert_eq!((run.handled().len(), run.already_handled()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_missed_task_comes_as_created_if_it_is_new_and_its_creation_was_not_handled() {
    let task =
        r#"{"taskId":"tsk_1","title":"b","createdAt":"2026-06-01T08:00:00Z","updatedAt":"2026-06-01T08:30:00Z"}"#;
    let kind = async |delivered: &str, since: SystemTime| {
        let (reconciler, receiver) = scripted(&[task]);
        if !delivered.is_empty() {
            deliver(&receiver, "evt_1", "task.created", delivered).await;
        }
        let kinds = Mutex::new(Vec::new());
        let handler = async |event: Verified<Event>| {
            kinds.lock().unwrap().push(event.event_type().to_string());
            Ok::<_, Failed>(())
        };
        let run = reconciler.run(&Checkpoint::at(since), handler).await.unwrap();
        assert_eq!(run.unfinished().len(), 0);
        kinds.into_inner().unwrap()
    };
    let time = |text: &str| Timestamp::from(text).to_system_time().unwrap();
    assert_eq!(kind("", time("2026-06-01T07:00:00Z")).await, ["task.created"]);
    assert_eq!(kind("", time("2026-06-01T08:10:00Z")).await, ["task.updated"]);
    assert_eq!(kind(EARLY, time("2026-06-01T07:00:00Z")).await, ["task.updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_reconciled_event_says_what_it_is_and_keeps_what_the_list_says() {
    let task =
        r#"{"taskId":"tsk_1","workspaceId":"w_9","title":"Ä \"b\"","updatedAt":"2026-06-01T08:30:00Z","galaxy":1e400}"#;
    let (reconciler, _) = scripted(&[task]);
    let handler = async |event: Verified<Event>| {
        assert!(event.is_reconciled() && event.scheme() == Scheme::Reconciled && event.label().is_none());
        assert!(!event.is_body_signed());
        assert_eq!(event.source(), "onehorizon/workspaces/w_9");
        assert_eq!((event.workspace_id().as_str(), event.task_id().unwrap().as_str()), ("w_9", "tsk_1"));
        assert_eq!(event.time().as_str(), "2026-06-01T08:30:00Z");
        let Payload::Task(task) = event.payload() else { panic!("a task") };
        assert_eq!(task.title, "Ä \"b\"");
        assert!(event.as_json().contains("1e400"), "unknown fields are kept");
        assert!(Event::from_json(event.as_json()).unwrap().is_reconciled(), "a stored event keeps the mark");
        Ok::<_, Failed>(())
    };
    let run = reconciler.run(&start(), handler).await.unwrap();
    assert_eq!(run.handled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_without_a_time_is_compared_by_its_content() {
    let list = r#"{"taskId":"tsk_1","title":"a","status":"planned","contributors":[{"userId":"u","type":"assignee"}],"topic":null}"#;
    // The event has the whole description, other fields, and another order.
    let event = r#"{"status":"planned","contributors":[{"type":"assignee","userId":"u"}],"title":"a","taskId":"tsk_1","description":"long","origin":1}"#;
    let changed = list.replace("planned", "completed");
    let (reconciler, receiver) = scripted(&[list, &changed, &changed, &changed]);
    deliver(&receiver, "evt_1", "task.updated", event).await;
    let run = reconciler.run(&start(), ok).await.unwrap();
    assert_eq!((run.handled().len(), run.already_handled()), (0, 1));
    let checkpoint = run.accept_gap();
    let run = reconciler.run(&checkpoint, ok).await.unwrap();
    assert_eq!(run.handled(), ["tsk_1"]);
    // The checkpoint knows it, whatever the store has forgotten by then.
    let run = reconciler.run(&run.accept_gap(), ok).await.unwrap();
    assert_eq!((run.handled().len(), run.already_handled()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_handler_fails_is_left_for_the_next_run_and_costs_the_others_nothing() {
    let other = LATER.replace("tsk_1", "tsk_2").replace("08:30", "08:40");
    let both = format!("{other},{LATER}");
    let quiet = LATER.replace("tsk_1", "tsk_3").replace("08:30", "08:59");
    let next = format!("{both},{quiet}");
    let (reconciler, _) = scripted(&[&both, &next, &next]);
    let order = Mutex::new(Vec::new());
    let handler = async |event: Verified<Event>| {
        order.lock().unwrap().push(event.task_id().unwrap().to_string());
        if event.task_id().unwrap() == "tsk_1" { Err(Failed::from("no")) } else { Ok(()) }
    };
    let run = reconciler.run(&start(), handler).await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["tsk_1", "tsk_2"], "what changed first comes first");
    assert_eq!(run.handled(), ["tsk_2"]);
    assert_eq!(run.unfinished().len(), 1);
    assert_eq!(run.unfinished()[0].task_id(), "tsk_1");
    assert_eq!(run.unfinished()[0].error().unwrap().to_string(), "no");
    let checkpoint: Checkpoint = run.accept_gap().to_string().parse().unwrap();
    let run = reconciler.run(&checkpoint, ok).await.unwrap();
    assert_eq!(run.handled(), ["tsk_1", "tsk_3"]);
    let run = reconciler.run(&run.accept_gap(), ok).await.unwrap();
    assert!(run.handled().is_empty() && run.unfinished().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_a_delivery_is_working_on_is_busy() {
    let (reconciler, receiver) = scripted(&[LATER, LATER]);
    let body = delivery("evt_1", "task.updated", LATER);
    let handler = async |_: Verified<Event>| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, Failed>(())
    };
    let ((), reply) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let run = reconciler.run(&start(), ok).await.unwrap();
            assert_eq!(run.unfinished().len(), 1);
            assert!(run.unfinished()[0].error().is_none());
        },
        receiver.receive("POST", &HEADERS, body.as_bytes(), handler)
    );
    assert_eq!(reply.outcome().as_str(), "handled");
    assert_eq!(reconciler.run(&start(), ok).await.unwrap().already_handled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_of_a_state_that_is_being_reconciled_comes_again() {
    let (reconciler, receiver) = scripted(&[LATER]);
    let handler = async |_: Verified<Event>| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, Failed>(())
    };
    let checkpoint = start();
    let (run, early) = tokio::join!(reconciler.run(&checkpoint, handler), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        deliver(&receiver, "evt_1", "task.updated", LATER).await
    });
    assert_eq!(run.unwrap().handled().len(), 1);
    assert_eq!(early.status(), 503);
    assert_eq!(deliver(&receiver, "evt_1", "task.updated", LATER).await.outcome().as_str(), "duplicate");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_or_is_dropped_gives_the_state_back() {
    let (reconciler, receiver) = scripted(&[LATER]);
    let body = delivery("evt_1", "task.updated", LATER);
    let failed = receiver.receive("POST", &HEADERS, body.as_bytes(), async |_| Err::<(), _>(Failed::from("no"))).await;
    assert_eq!(failed.status(), 500);
    let hangs = receiver.receive("POST", &HEADERS, body.as_bytes(), async |_| {
        std::future::pending::<()>().await;
        Ok::<_, Failed>(())
    });
    tokio::time::timeout(Duration::from_secs(1), hangs).await.unwrap_err();
    assert_eq!(reconciler.run(&start(), ok).await.unwrap().handled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_date_of_next_year_does_not_hide_what_changes_until_then() {
    let odd = LATER.replace("tsk_1", "tsk_9").replace("2026", "2027");
    let (first, second) = (format!("{odd},{EARLY}"), format!("{odd},{LATER}"));
    let (reconciler, _) = scripted(&[&first, &second]);
    let checkpoint = reconciler.baseline().await.unwrap();
    assert_eq!(Timestamp::from(checkpoint.time()).as_str(), "2026-06-01T08:00:00Z");
    let run = reconciler.run(&checkpoint, ok).await.unwrap();
    assert_eq!(run.handled(), ["tsk_1"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_baseline_has_seen_counts_as_handled() {
    let (reconciler, _) = scripted(&[EARLY, EARLY, LATER]);
    let checkpoint = reconciler.baseline().await.unwrap();
    let run = reconciler.run(&checkpoint, ok).await.unwrap();
    assert_eq!((run.handled().len(), run.already_handled()), (0, 0));
    assert_eq!(reconciler.run(&checkpoint, ok).await.unwrap().handled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_says_from_when_to_when_and_what_is_lost_for_good() {
    let (reconciler, _) = scripted(&[&format!("7,{LATER}")]);
    let run = reconciler.run(&start(), ok).await.unwrap();
    let gap = run.gap();
    assert_eq!(gap.since(), start().time());
    assert_eq!(Timestamp::from(gap.until()).as_str(), "2026-06-01T08:30:00Z");
    assert_eq!(
        gap.unrepaired(),
        [
            Unrepaired::IntermediateStates,
            Unrepaired::Deletions,
            Unrepaired::OtherEvents,
            Unrepaired::UnreadableTasks(1)
        ]
    );
    assert_eq!(run.to_string(), "1 tasks reconciled, 0 handled before, 0 unfinished");
    assert_eq!(run.accept_gap().time(), Timestamp::from("2026-06-01T08:30:00Z").to_system_time().unwrap());
}

#[tokio::test(start_paused = true)]
async fn tasks_on_further_pages_are_a_known_gap() {
    // Closes the list, and goes on beside it.
    let (whole, first, failed) =
        (r#"], "nextCursor": null, "a": ["#, r#"], "nextCursor": "c2", "a": ["#, r#"], "error": "timeout", "a": ["#);
    for (list, is_gap) in [(whole, false), (first, true), (failed, true)] {
        let (reconciler, _receiver) = scripted(&[list]);
        let run = reconciler.run(&start(), ok).await.unwrap();
        assert_eq!(run.gap().unrepaired().contains(&Unrepaired::FurtherPages), is_gap, "{list}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_remember_states_is_an_error_before_anything_is_sent() {
    let transport = ScriptedTransport::new([]);
    let config = Configuration::builder().api_key("test").transport(transport.clone()).build().unwrap();
    let reconciler = Reconciler::new(&TasksApi::new(&config), &Receiver::new(Verifier::key(KEY).unwrap()));
    let error = reconciler.run(&start(), ok).await.unwrap_err();
    assert!(matches!(error, ReconcileError::NotTracked) && error.to_string().contains("track_task_states(true)"));
    assert_eq!(transport.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_the_error_of_the_run() {
    let config = Configuration::builder().api_key("test").transport(ScriptedTransport::new([Reply::status(403)]));
    let receiver = receiver(&Arc::new(MemoryClaims::new()));
    let reconciler = Reconciler::new(&TasksApi::new(&config.build().unwrap()), &receiver);
    let error = reconciler.run(&start(), ok).await.unwrap_err();
    assert!(matches!(&error, ReconcileError::List(error) if error.status() == Some(403)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_listing_can_be_changed_and_a_router_handles_what_is_reconciled() {
    let transport = ScriptedTransport::new([Reply::json(200, format!(r#"{{"tasks":[{LATER}]}}"#))]);
    let config = Configuration::builder().api_key("test").transport(transport.clone()).build().unwrap();
    let reconciler = Reconciler::new(&TasksApi::new(&config), &receiver(&Arc::new(MemoryClaims::new())))
        .listing(|list| list.workspace("w_2").status([TaskStatus::Planned]));
    let titles = Arc::new(Mutex::new(Vec::new()));
    let router = EventRouter::with_state(titles.clone())
        .on_task(async |titles, _, task| {
            titles.lock().unwrap().push(task.title);
            Ok::<_, Failed>(())
        })
        .fallback(async |_, _| Err(Failed::from("not a task")));
    let run = reconciler.run(&start(), router.handler()).await.unwrap();
    assert_eq!((run.handled().len(), titles.lock().unwrap().len()), (1, 1));
    let url = transport.requests()[0].url.to_string();
    assert!(url.contains("/w_2/") && url.contains("all=true") && url.contains("status=planned"), "{url}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_commit_the_claim_of_a_reconciled_event_itself() {
    let store = Arc::new(MemoryClaims::new());
    let config = Configuration::builder()
        .api_key("test")
        .transport(ScriptedTransport::new([Reply::json(200, format!(r#"{{"tasks":[{LATER}]}}"#))]));
    let reconciler = Reconciler::new(&TasksApi::new(&config.build().unwrap()), &receiver(&store));
    let handler = async |event: Verified<Event>, lease: onehorizon::webhook::claims::Lease| {
        assert_eq!(lease.event_id(), event.id().as_str());
        store.commit(&lease, UNIX_EPOCH).await?.or_superseded()?;
        Ok::<_, Failed>(())
    };
    assert_eq!(reconciler.run_claimed(&start(), handler).await.unwrap().handled().len(), 1);
}

#[test]
fn a_checkpoint_is_text_and_what_is_none_says_so() {
    let checkpoint = start();
    assert_eq!(checkpoint.to_string().parse::<Checkpoint>().unwrap(), checkpoint);
    let json = serde_json::to_string(&checkpoint).unwrap();
    assert_eq!(serde_json::from_str::<Checkpoint>(&json).unwrap(), checkpoint);
    for text in [
        "",
        "{}",
        r#"{"version":2,"untilMs":0,"states":{},"unfinished":[]}"#,
        r#"{"version":1,"untilMs":-1,"states":{},"unfinished":[]}"#,
        r#"{"version":1,"untilMs":0,"states":{"a":1},"unfinished":[]}"#,
        r#"{"version":1,"untilMs":0,"states":{},"unfinished":[1]}"#,
        r#"{"version":1,"untilMs":0,"states":{}}"#,
    ] {
        let error = text.parse::<Checkpoint>().unwrap_err();
        assert!(error.to_string().starts_with("the checkpoint cannot be read: "), "{error}");
    }
}

/// A store that cannot give a claim back when a future is dropped.
struct WithoutAbandon(MemoryClaims);

impl ClaimStore for WithoutAbandon {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        self.0.claim(event_id, now, lease)
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        self.0.commit(lease, now)
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        self.0.release(lease)
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_meets_the_repair_of_its_state_is_free_at_once_afterwards() {
    let store = Arc::new(WithoutAbandon(MemoryClaims::new()));
    let verifier = Verifier::builder().key("key", KEY).clock(ManualClock::on_tokio()).build().unwrap();
    let receiver = Receiver::builder(verifier).store(store).track_task_states(true).build();
    let transport = ScriptedTransport::from_fn(|_| Reply::json(200, format!(r#"{{"tasks":[{LATER}]}}"#)));
    let config = Configuration::builder().api_key("test").transport(transport).build().unwrap();
    let reconciler = Reconciler::new(&TasksApi::new(&config), &receiver);
    let run = reconciler
        .run(&start(), async |_| {
            let meanwhile = Box::pin(deliver(&receiver, "evt_1", "task.updated", LATER)).await;
            assert_eq!(meanwhile.outcome().as_str(), "running");
            Err::<(), Failed>("not this time".into())
        })
        .await
        .unwrap();
    assert_eq!(run.unfinished().len(), 1);
    let again = deliver(&receiver, "evt_1", "task.updated", LATER).await;
    assert_eq!(again.outcome().as_str(), "handled", "its own claim is not held");
    let run = reconciler.run(&start(), ok).await.unwrap();
    assert_eq!((run.already_handled(), run.unfinished().len()), (1, 0), "nor is that of its state");
}

//! Editing a task: what is written, what is not, and what happens when somebody else writes.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::models::{NewTask, Task};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{Configuration, Error, ErrorKind, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, FakeTransport, Fault, Record};
use support::contract::Contract;
use support::unknowns::counted_updates;

type Hook = Arc<dyn Fn(&FakeOneHorizon, &str, u32) + Send + Sync>;

/// A fake with one task, `tsk_1`, and somebody else who may write when a request comes.
struct Stage {
    fake: Arc<FakeOneHorizon>,
    wire: Wire,
}

#[derive(Clone)]
struct Wire {
    fake: Arc<FakeOneHorizon>,
    transport: FakeTransport,
    counts: Arc<Mutex<Vec<String>>>,
    /// Is called before the n-th request of a method.
    hook: Hook,
}

impl Transport for Wire {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        // PUT, or what the official document says instead.
        let is_update = request.method.as_str() == Contract::load().operation("updateTask").1;
        let method = if is_update { "WRITE".to_owned() } else { request.method.to_string() };
        let number = {
            let mut seen = self.counts.lock().unwrap();
            seen.push(method.clone());
            u32::try_from(seen.iter().filter(|other| **other == method).count()).unwrap()
        };
        (self.hook)(&self.fake, &method, number);
        self.transport.send(request)
    }
}

impl Stage {
    fn new() -> Self {
        Self::with(|_, _, _| {})
    }

    fn with(hook: impl Fn(&FakeOneHorizon, &str, u32) + Send + Sync + 'static) -> Self {
        let fake = Arc::new(FakeOneHorizon::builder().unknowns(counted_updates()).empty().quota_off().in_process());
        fake.put_task(task("first"));
        let transport = fake.transport();
        let wire = Wire { fake: Arc::clone(&fake), transport, counts: Arc::default(), hook: Arc::new(hook) };
        Self { fake, wire }
    }

    fn tasks(&self) -> TasksApi {
        TasksApi::new(
            &Configuration::builder().api_key(self.fake.api_key()).transport(self.wire.clone()).build().unwrap(),
        )
    }

    /// The methods of the requests so far, `WRITE` for that of updates.
    fn requests(&self) -> String {
        self.wire.counts.lock().unwrap().join(" ")
    }

    fn has(&self, field: &str, value: &str) -> bool {
        self.fake.task("tsk_1").unwrap().is(field, value)
    }
}

fn task(title: &str) -> Record {
    Record::new()
        .with("taskId", &"tsk_1")
        .with("title", &title)
        .with("status", &"planned")
        .with("description", &"x".repeat(500))
        .with("mood", &"calm")
        .with("nothing", &None::<u8>)
}

fn rename(task: &mut Task) {
    "renamed".clone_into(&mut task.title);
}

#[tokio::test(start_paused = true)]
async fn the_whole_task_is_written_with_what_nobody_knows() {
    let stage = Stage::new();
    let edited = stage.tasks().edit_task("tsk_1", rename).await.unwrap();
    assert!(edited.was_written());
    assert_eq!((edited.task_id.as_str(), edited.status()), ("tsk_1", 200));
    assert_eq!(stage.requests(), "GET WRITE");
    assert!(stage.has("title", "renamed") && stage.has("mood", "calm") && stage.has("description", &"x".repeat(500)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_left_as_it_was_is_not_written() {
    let stage = Stage::new();
    let changes: [fn(&mut Task); 3] = [
        |_| {},
        |task| task.title = "first".to_owned(),
        |task| {
            let same = task.extra.raw("mood").unwrap().to_owned();
            task.extra.insert("mood", &serde_json::from_str::<String>(&same).unwrap()).unwrap();
        },
    ];
    for change in changes {
        let edited = stage.tasks().edit_task("tsk_1", change).await.unwrap();
        assert!(!edited.was_written());
    }
    assert_eq!(stage.requests(), "GET GET GET");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_ends_the_edit_with_its_error_as_the_source() {
    let stage = Stage::new();
    let failing = |task: &mut Task| {
        rename(task);
        Err::<(), _>(io::Error::other("not today"))
    };
    let error = stage.tasks().edit_task("tsk_1", failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("nothing was written: not today"), "{error}");
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<io::Error>().is_some(), "{source:?}");

    let words = "twelve";
    let parsing = stage.tasks().try_edit_task("tsk_1", |task| {
        let number: u32 = words.parse()?;
        task.title = number.to_string();
        Ok(())
    });
    assert!(parsing.await.unwrap_err().to_string().contains("invalid digit"));
    assert_eq!(stage.requests(), "GET GET");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_id_is_refused() {
    let stage = Stage::new();
    let error = stage.tasks().edit_task("tsk_1", |task| task.task_id = "tsk_2".into()).await.unwrap_err();
    assert_eq!((error.kind(), stage.requests().as_str()), (ErrorKind::Invalid, "GET"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_options_of_an_edit_are_those_of_its_calls() {
    let stage = Stage::new();
    let workspace = stage.fake.workspace_id();
    let edit = stage.tasks().edit_task("tsk_1", rename);
    edit.workspace(workspace).header("x-job", "nightly").timeout(Duration::from_secs(5)).await.unwrap();
    for request in stage.fake.requests() {
        assert!(request.path().contains(&format!("/workspaces/{workspace}/")), "{}", request.path());
        assert_eq!(request.header("x-job"), Some("nightly"));
    }
    stage.fake.fail_next(Fault::hang().on("updateTask").forever());
    let before = tokio::time::Instant::now();
    let edit = stage.tasks().edit_task("tsk_1", |task| task.title = "again".to_owned());
    let error = edit.deadline(Duration::from_secs(7)).await.unwrap_err();
    assert!(error.is_timeout() && before.elapsed() <= Duration::from_secs(7), "{error} {:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_an_edit_is_over_all_of_its_calls() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_secs(5)).on("fetchTask"));
    stage.fake.fail_next(Fault::hang().on("updateTask").forever());
    let began = tokio::time::Instant::now();
    let error = stage.tasks().edit_task("tsk_1", rename).deadline(Duration::from_secs(7)).await.unwrap_err();
    assert_eq!((error.is_deadline(), error.operation()), (true, Some("updateTask")), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(7), "what fetching took is not left for writing");
}

#[tokio::test(start_paused = true)]
async fn edits_of_one_id_in_two_workspaces_do_not_wait_for_each_other() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_secs(20)).on("fetchTask"));
    let tasks = stage.tasks();
    let first = tokio::spawn(tasks.edit_task("tsk_1", rename).into_future());
    tokio::task::yield_now().await;
    let began = tokio::time::Instant::now();
    let error = tasks.edit_task("tsk_1", rename).workspace("w_other").await.unwrap_err();
    assert!(error.status().is_some() && began.elapsed() < Duration::from_secs(1), "{error} {:?}", began.elapsed());
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn edits_of_one_task_through_clones_run_one_after_another() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_millis(50)).on("fetchTask").forever());
    let tasks = stage.tasks();
    let edits = (0..10).map(|number| {
        let tasks = tasks.clone();
        tokio::spawn(async move {
            let push = |task: &mut Task| {
                let mut seen: Vec<u32> = task.extra.get("seen").transpose().unwrap().unwrap_or_default();
                seen.push(number);
                task.extra.insert("seen", &seen).unwrap();
            };
            tasks.edit_task("tsk_1", push).await.map(drop)
        })
    });
    for edit in edits.collect::<Vec<_>>() {
        edit.await.unwrap().unwrap();
    }
    let task = tasks.fetch_task("tsk_1").await.unwrap();
    assert_eq!(task.extra.get::<Vec<u32>>("seen").unwrap().unwrap().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_while_another_edit_of_the_task_runs() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_secs(20)).on("fetchTask").forever());
    let tasks = stage.tasks();
    let first = tokio::spawn(tasks.edit_task("tsk_1", rename).into_future());
    tokio::task::yield_now().await;
    let error = tasks.edit_task("tsk_1", rename).deadline(Duration::from_secs(3)).await.unwrap_err();
    assert!(error.is_timeout() && error.message().contains("another edit"), "{error}");
    assert_eq!(error.was_sent(), Sent::No);
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn behind_an_edit_that_nobody_polls_the_next_one_ends_with_an_error_that_says_so() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_millis(50)).forever());
    let tasks = stage.tasks();
    let create = |key: &str| tasks.find_or_create(key, NewTask::new("new")).into_future();
    let mut edit = tasks.edit_task("tsk_1", rename).into_future();
    let mut found = create("ci/nightly");
    assert!(begins(&mut edit) && begins(&mut found), "they have begun");
    let began = tokio::time::Instant::now();
    let error = tasks.edit_task("tsk_1", rename).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(600));
    let found_error = create("ci/nightly").await.unwrap_err();
    for (error, what) in [(error, "another edit of the task"), (found_error, "find_or_create of the same key")] {
        assert!(error.is_timeout() && !error.is_deadline() && error.was_sent() == Sent::No, "{error}");
        assert!(error.to_string().contains(what) && error.hint().unwrap().contains("not polled"), "{error}");
    }
    tasks.edit_task("tsk_2", rename).await.unwrap_err();
    edit.await.unwrap();
    tasks.edit_task("tsk_1", |task| task.title = "free".to_owned()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_edits_that_take_their_turns_are_waited_for_as_long_as_they_take() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::slow(Duration::from_secs(29)).on("fetchTask").forever());
    let tasks = stage.tasks();
    let edits: Vec<_> = (0..30).map(|_| tokio::spawn(tasks.edit_task("tsk_1", rename).into_future())).collect();
    for edit in edits {
        edit.await.unwrap().expect("30 times 29 s are more than 10 minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn another_task_than_the_one_asked_for_is_never_written() {
    let stage = Stage::new();
    for body in [r#"{"taskId":"tsk_2","title":"other"}"#, r#"{"taskId":"TSK_1","title":"other"}"#] {
        stage.fake.fail_next(Fault::status(200).body("application/json", body).on("fetchTask"));
        let error = stage.tasks().edit_task("tsk_1", rename).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(error.message().contains("nothing was written"), "{error}");
    }
    assert_eq!(stage.requests(), "GET GET");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_response_is_lost_is_not_sent_again_when_it_arrived() {
    for lost in [Fault::drop_after(), Fault::truncate(5), Fault::slow(Duration::from_secs(300))] {
        let stage = Stage::new();
        let case = format!("{lost:?}");
        stage.fake.fail_next(lost.on("updateTask"));
        let edited = stage.tasks().edit_task("tsk_1", rename).await.unwrap();
        assert!(edited.was_written() && stage.has("title", "renamed"), "{case}");
        assert_eq!(stage.requests(), "GET WRITE GET", "{case}");
        assert_eq!(stage.fake.executed("updateTask"), 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_did_not_arrive_is_sent_again() {
    for lost in
        [Fault::drop_before(), Fault::html(502), Fault::html(504), Fault::html(408), Fault::status(500), Fault::hang()]
    {
        let stage = Stage::new();
        let case = format!("{lost:?}");
        stage.fake.fail_next(lost.on("updateTask"));
        let edited = stage.tasks().edit_task("tsk_1", rename).await.unwrap();
        assert!(edited.was_written() && stage.has("title", "renamed"), "{case}");
        assert_eq!(stage.requests(), "GET WRITE GET WRITE", "{case}");
        assert_eq!(stage.fake.executed("updateTask"), 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_the_attempts_and_says_that_the_write_may_have_been_done() {
    let stage = Stage::new();
    stage.fake.fail_next(Fault::drop_before().on("updateTask").forever());
    let error = stage.tasks().edit_task("tsk_1", rename).attempts(2).await.unwrap_err();
    assert_eq!((error.operation(), error.was_sent()), (Some("updateTask"), Sent::Maybe), "{error}");
    assert_eq!(stage.requests(), "GET WRITE GET WRITE GET");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_somebody_else_is_not_overwritten_by_a_repeated_write() {
    for lost in [Fault::drop_before(), Fault::html(502), Fault::rate_limited(onehorizon_testing::Wait::RetryAfter(3))] {
        // Somebody writes after the first write got lost, before the task is read again.
        let stage = Stage::with(|fake, method, number| {
            if (method, number) == ("GET", 2) {
                fake.put_task(task("of a colleague"));
            }
        });
        let case = format!("{lost:?}");
        stage.fake.fail_next(lost.on("updateTask"));
        let error = stage.tasks().edit_task("tsk_1", |task| drop(task.extra.insert("mood", "busy"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{case}: {error}");
        assert!(stage.has("title", "of a colleague"), "{case}");
        assert_eq!(stage.requests(), "GET WRITE GET", "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_arrived_before_somebody_changed_another_field_counts_as_done() {
    let stage = Stage::with(|fake, method, number| {
        if (method, number) == ("GET", 2) {
            fake.put_task(task("renamed").with("mood", &"of a colleague"));
        }
    });
    stage.fake.fail_next(Fault::drop_after().on("updateTask"));
    let edited = stage.tasks().edit_task("tsk_1", rename).await.unwrap();
    assert_eq!(edited.extra.get::<String>("mood").unwrap().unwrap(), "of a colleague");
    assert_eq!(stage.requests(), "GET WRITE GET");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_write_is_returned_as_it_is() {
    for status in [400, 401, 403, 404, 409, 422] {
        let stage = Stage::new();
        stage.fake.fail_next(Fault::status(status).on("updateTask"));
        let error = stage.tasks().edit_task("tsk_1", rename).await.unwrap_err();
        assert_eq!((error.status(), stage.requests().as_str()), (Some(status), "GET WRITE"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_found_before_writing_when_that_is_asked_for() {
    let colleague = |fake: &FakeOneHorizon, method: &str, number: u32| {
        if (method, number) == ("GET", 2) {
            fake.put_task(task("of a colleague"));
        }
    };
    let stage = Stage::with(colleague);
    let error = stage.tasks().edit_task("tsk_1", rename).check_conflict().await.unwrap_err();
    assert_eq!((error.kind(), stage.requests().as_str()), (ErrorKind::Conflict, "GET GET"), "{error}");
    assert!(error.is_conflict() && error.message().contains("nothing was written"), "{error}");
    assert!(stage.has("title", "of a colleague"));

    let stage = Stage::new();
    stage.tasks().edit_task("tsk_1", rename).check_conflict().await.unwrap();
    assert_eq!(stage.requests(), "GET GET WRITE");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_confirmed_by_reading_when_that_is_asked_for() {
    let stage = Stage::new();
    assert!(stage.tasks().edit_task("tsk_1", rename).confirm().await.unwrap().was_written());
    assert_eq!(stage.requests(), "GET WRITE GET");

    let stage = Stage::with(|fake, method, number| {
        if (method, number) == ("GET", 2) {
            fake.put_task(task("of a colleague"));
        }
    });
    let error = stage.tasks().edit_task("tsk_1", rename).confirm().await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Conflict, Sent::Yes), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_within_the_change_of_an_edit_of_the_same_task_is_refused_and_does_not_wait() {
    let stage = Stage::new();
    let tasks = stage.tasks();
    let inner = tasks.clone();
    let nested = |inner: &TasksApi| {
        let edit = inner.edit_task("tsk_1", rename).into_future();
        poll_once(edit).expect("it must not wait").unwrap_err()
    };
    let mut found = None;
    let outer = tasks.edit_task("tsk_1", |task| {
        found = Some(nested(&inner));
        task.topic = Some("Growth".to_owned());
    });
    assert!(outer.await.unwrap().was_written());
    let error = found.unwrap();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Invalid, None), "{error}");
    assert!(error.to_string().contains("within the change of another edit"), "{error}");
    // A change that panics leaves nothing behind.
    let panicking = tasks.edit_task("tsk_1", |_| -> Result<(), Error> { panic!("on purpose") });
    assert!(tokio::spawn(panicking.into_future()).await.unwrap_err().is_panic());
    assert!(tasks.edit_task("tsk_1", rename).await.unwrap().was_written());
}

/// Polls once; whether it has to wait.
fn begins<T>(work: &mut BoxFuture<'_, T>) -> bool {
    work.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending()
}

/// Polls once; `None` if it has to wait.
fn poll_once<T>(mut work: BoxFuture<'_, T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match work.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

//! Whether the service replaces tasks with PUT or changes them with PATCH, and whether it shows the result, is not documented: each works.

use onehorizon::models::Task;
use onehorizon::{Configuration, ErrorKind, Response, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Reply, ScriptedTransport, Unknowns, UpdateMethod, UpdateReply};
use support::contract::Contract;

fn refused(allowed: &str) -> Reply {
    Reply::status(405).header("allow", allowed)
}

fn task() -> Reply {
    Reply::json(200, r#"{"taskId":"tsk_1","title":"Recap"}"#)
}

/// The methods that an update sends to this script, and how it ends.
async fn update(attempts: u32, script: Vec<Reply>) -> (String, Result<u32, onehorizon::Error>) {
    let transport = ScriptedTransport::new(script);
    let configuration = Configuration::builder().api_key("key").transport(transport.clone()).build().unwrap();
    let call = TasksApi::new(&configuration).update_task("tsk_1", Task::new("tsk_1")).replace_whole();
    let result = call.attempts(attempts).await.map(|response| response.attempts());
    let methods: Vec<String> = transport.requests().iter().map(|request| request.method.to_string()).collect();
    (methods.join(" "), result)
}

/// A service that behaves so, and a client of it.
fn service(unknowns: Unknowns) -> (FakeOneHorizon, Configuration) {
    let fake = FakeOneHorizon::builder().unknowns(unknowns).in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
    let configuration = configuration.build().unwrap();
    (fake, configuration)
}

/// Fetches a task, gives it another title, and writes it.
async fn rename(tasks: &TasksApi) -> Response<Task> {
    let mut task = tasks.fetch_task("tsk_1001").await.unwrap().into_inner();
    "Renamed".clone_into(&mut task.title);
    tasks.update_task("tsk_1001", &task).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_service_that_wants_patch_gets_it_and_the_client_remembers() {
    let (fake, configuration) = service(Unknowns::default().update_method(UpdateMethod::Patch));
    let written = rename(&TasksApi::new(&configuration)).await;
    assert_eq!((written.title.as_str(), written.attempts()), ("Renamed", 2));
    assert!(fake.task("tsk_1001").unwrap().is("title", "Renamed"));

    // Clones know it as well.
    fake.clear_requests();
    let edited = TasksApi::new(&configuration.clone()).edit_task("tsk_1001", |task| task.title = "Again".to_owned());
    assert!(edited.await.unwrap().was_written());
    let methods: Vec<String> = fake.requests().iter().map(|request| request.method().to_string()).collect();
    assert_eq!(methods, ["GET", "PATCH"]);
    fake.assert_no_violations();
}

#[tokio::test(start_paused = true)]
async fn only_a_405_that_names_patch_and_not_put_changes_the_method() {
    assert_eq!(update(1, vec![refused("GET, PATCH"), task()]).await.0, "PUT PATCH");
    for allowed in ["", "GET", "GET, PUT, PATCH", "PATCHES", "patch"] {
        let (methods, result) = update(3, vec![refused(allowed), task()]).await;
        let error = result.unwrap_err();
        assert_eq!((methods.as_str(), error.status()), ("PUT", Some(405)), "{allowed}");
        assert!(error.hint().unwrap().contains("is deduced"), "{error}");
    }
    let (methods, result) = update(3, vec![Reply::status(404).header("allow", "PATCH"), task()]).await;
    assert_eq!((methods.as_str(), result.unwrap_err().kind()), ("PUT", ErrorKind::NotFound));
    // A service that refuses both is not asked for ever.
    let (methods, result) = update(5, vec![refused("PATCH"), refused("PATCH"), task()]).await;
    assert_eq!((methods.as_str(), result.unwrap_err().status()), ("PUT PATCH", Some(405)));
}

#[tokio::test(start_paused = true)]
async fn the_change_of_method_takes_no_attempt_away_and_says_nothing_of_what_was_done() {
    let (methods, result) = update(2, vec![refused("PATCH"), Reply::status(503), task()]).await;
    assert_eq!((methods.as_str(), result.unwrap()), ("PUT PATCH PATCH", 3));
    let lost = || Reply::fail(onehorizon::transport::Failure::Connect);
    let (methods, result) = update(1, vec![refused("PATCH"), lost()]).await;
    assert_eq!((methods.as_str(), result.unwrap_err().was_sent()), ("PUT PATCH", Sent::No));
}

#[tokio::test(start_paused = true)]
async fn a_request_of_the_callers_own_keeps_its_method() {
    let transport = ScriptedTransport::new([refused("PATCH"), task()]);
    let configuration = Configuration::builder().api_key("key").transport(transport.clone()).build().unwrap();
    let error = configuration.request("PUT", "/workspaces/{workspaceId}/tasks/tsk_1").await.unwrap_err();
    assert_eq!((error.status(), transport.count()), (Some(405), 1));
}

#[tokio::test(start_paused = true)]
async fn what_an_update_made_is_fetched_where_its_success_does_not_show_it() {
    let (fake, configuration) = service(Unknowns::default().updated(UpdateReply::NoContent));
    let tasks = TasksApi::new(&configuration);
    let written = rename(&tasks).await;
    assert_eq!((written.title.as_str(), written.status()), ("Renamed", 200));
    // It was read whole, so it may be written.
    tasks.update_task("tsk_1001", &*written).await.unwrap();
    fake.requests().of("updateTask").expect_count(2);
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_result_cannot_be_fetched_says_that_it_is_done() {
    let done = || Reply::status(204);
    for failing in
        [Reply::status(500), Reply::status(404), Reply::fail(onehorizon::transport::Failure::Connect), done()]
    {
        let (methods, result) = update(1, vec![done(), failing]).await;
        let error = result.unwrap_err();
        let expected = format!("{} GET", Contract::load().operation("updateTask").1);
        assert_eq!((methods, error.kind(), error.status()), (expected, ErrorKind::Decode, Some(204)));
        assert!(error.hint().unwrap().contains("do not repeat it"), "{error}");
    }
    let (methods, result) = update(3, vec![done(), Reply::status(503), task()]).await;
    let expected = format!("{} GET GET", Contract::load().operation("updateTask").1);
    assert_eq!(methods, expected, "the reading may be repeated, the write is not: {result:?}");
    assert!(result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_the_write_and_the_reading() {
    let second = std::time::Duration::from_secs(1);
    let transport = ScriptedTransport::new([Reply::status(204).after(2 * second), Reply::never()]);
    let configuration = Configuration::builder().api_key("key").transport(transport.clone()).build().unwrap();
    let call = TasksApi::new(&configuration).update_task("tsk_1", Task::new("tsk_1")).replace_whole();
    let started = tokio::time::Instant::now();
    let error = call.deadline(5 * second).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent(), started.elapsed()), (ErrorKind::Decode, Sent::Yes, 5 * second));
    assert_eq!(transport.count(), 2);
}

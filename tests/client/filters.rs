//! Filters of a list that run on this side, and the list as a stream.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;
use onehorizon::apis::FilteredTasks;
use onehorizon::models::{TaskKind, TaskStatus};
use onehorizon::{Configuration, ErrorKind, TasksApi, blocking};
use onehorizon_testing::{FakeOneHorizon, Fault, Record};

fn stage() -> (FakeOneHorizon, Configuration) {
    let fake = FakeOneHorizon::builder().empty().quota_off().in_process();
    for (id, kind, owner, helper, time, title) in [
        ("tsk_1", "bug", "u_1", "u_2", "2026-05-10T08:30:00Z", "Login fails"),
        ("tsk_2", "idea", "u_2", "u_1", "2026-05-10T10:30:00+02:00", "LOGIN by mail"),
        ("tsk_3", "bug", "u_2", "u_3", "2026-05-11T00:00:00Z", "Über-login"),
        ("tsk_4", "bug", "u_1", "u_3", "whenever", "Other"),
    ] {
        let helpers = serde_json::json!([{ "userId": helper, "type": "assignee" }]);
        let task = Record::new().with("taskId", &id).with("kind", &kind).with("userId", &owner).with("title", &title);
        fake.put_task(task.with("updatedAt", &time).with("contributors", &helpers).with("status", &"planned"));
    }
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    (fake, configuration)
}

async fn ids(list: FilteredTasks) -> Vec<String> {
    list.await.unwrap().tasks.iter().map(|task| task.task_id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_filter_keeps_what_it_says_and_they_add_up() {
    let (fake, configuration) = stage();
    let tasks = TasksApi::new(&configuration);
    let list = || tasks.list_tasks().all(true);
    assert_eq!(ids(list().kind([TaskKind::Bug])).await, ["tsk_1", "tsk_3", "tsk_4"]);
    assert_eq!(ids(list().kind([TaskKind::other("idea")])).await, ["tsk_2"]);
    assert_eq!(ids(list().owner("u_2")).await, ["tsk_2", "tsk_3"]);
    assert_eq!(ids(list().contributor("u_3")).await, ["tsk_3", "tsk_4"]);
    assert_eq!(ids(list().title_contains("login")).await, ["tsk_1", "tsk_2", "tsk_3"]);
    assert_eq!(ids(list().title_contains("über")).await, ["tsk_3"]);
    assert_eq!(ids(list().filter(|task| task.title.len() == 5)).await, ["tsk_4"]);
    assert_eq!(ids(list().kind([TaskKind::Bug]).owner("u_1").title_contains("fail")).await, ["tsk_1"]);
    assert_eq!(ids(tasks.list_tasks().kind([TaskKind::Bug]).all(true).status([TaskStatus::Planned])).await.len(), 3);
    assert!(fake.requests().last().unwrap().query().contains(&("all".to_owned(), "true".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_time_is_compared_as_a_time_and_an_unreadable_one_is_kept() {
    let (_fake, configuration) = stage();
    let list = || TasksApi::new(&configuration).list_tasks().all(true);
    for (since, kept) in [
        ("2026-05-10T08:30:00Z", &["tsk_1", "tsk_2", "tsk_3", "tsk_4"][..]),
        ("2026-05-10T09:30:00+01:00", &["tsk_1", "tsk_2", "tsk_3", "tsk_4"]),
        ("2026-05-10T08:30:00.001Z", &["tsk_3", "tsk_4"]),
        ("2027-01-01T00:00:00Z", &["tsk_4"]),
    ] {
        assert_eq!(ids(list().updated_since(since)).await, kept, "{since}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_none_is_refused_before_anything_is_sent() {
    let (fake, configuration) = stage();
    for since in ["yesterday", "2026-01-01", ""] {
        let error = TasksApi::new(&configuration).list_tasks().updated_since(since).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("such as 2026-05-10T08:30:00Z"), "{error}");
    }
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_the_tasks_one_by_one_or_the_error_once() {
    let (fake, configuration) = stage();
    let mut stream = pin!(TasksApi::new(&configuration).list_tasks().all(true).owner("u_1").stream());
    let mut seen = Vec::new();
    while let Some(task) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        seen.push(task.unwrap().task_id.to_string());
    }
    assert_eq!(seen, ["tsk_1", "tsk_4"]);
    fake.fail_next(Fault::status(403).on("listTasks"));
    let mut stream = pin!(TasksApi::new(&configuration).list_tasks().stream());
    assert!(poll_fn(|context| stream.as_mut().poll_next(context)).await.unwrap().unwrap_err().is_forbidden());
    assert!(poll_fn(|context| stream.as_mut().poll_next(context)).await.is_none());
}

#[test]
fn blocking_lists_have_the_same_filters() {
    let (_fake, configuration) = stage();
    let tasks = blocking::TasksApi::new(&configuration);
    let list = tasks.list_tasks().kind([TaskKind::Bug]).owner("u_1").all(true).updated_since("2026-05-10T08:30:00Z");
    assert_eq!(list.title_contains("login").attempts(1).send().unwrap().tasks.len(), 1);
}

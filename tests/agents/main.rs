//! The ten things of `AGENTS.md`, one test each, in its order and with its titles.

use std::sync::atomic::{AtomicU32, Ordering};

use onehorizon::models::{NewTask, Task, TaskStatus};
use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
use onehorizon::{Configuration, ErrorKind, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Record, Unknowns};
use support::unknowns::shortened_lists;

fn fake() -> (FakeOneHorizon, Configuration) {
    fake_of(Unknowns::from_env().unwrap())
}

fn fake_of(unknowns: Unknowns) -> (FakeOneHorizon, Configuration) {
    let fake = FakeOneHorizon::builder().unknowns(unknowns).in_process();
    let config = Configuration::builder().transport(fake.transport()).api_key(fake.api_key()).build().unwrap();
    (fake, config)
}

/// The bold titles of the numbered items.
fn titles() -> Vec<String> {
    include_str!("../../AGENTS.md")
        .lines()
        .filter_map(|line| {
            let (number, rest) = line.split_once(". **")?;
            number.parse::<u32>().ok()?;
            Some(rest.split_once(".**")?.0.replace('`', ""))
        })
        .collect()
}

#[test]
fn agents_md_has_these_ten_things_in_this_order() {
    let tested = [
        "Make one configuration per credential and clone it",
        "A call is a builder that does nothing until .await",
        "Change a task with edit_task",
        "A list contains summaries",
        "Match on error.kind(), and look at was_sent() before repeating a create",
        "A spent quota is ErrorKind::RateLimited, with the wait in retry_after()",
        "Enums are open",
        "None after a value writes null; an untouched field is written back as it arrived",
        "Let webhook::Receiver receive webhooks",
        "Test with onehorizon-testing, not with the network",
    ];
    assert_eq!(titles(), tested);
}

#[tokio::test(start_paused = true)]
async fn make_one_configuration_per_credential_and_clone_it() {
    let (fake, config) = fake();
    let clone = config.clone();
    fake.spend_quota();
    assert!(TasksApi::new(&config).fetch_task("tsk_1001").await.is_err());
    let sent = fake.requests().len();
    let error = TasksApi::new(&clone).fetch_task("tsk_1001").await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert_eq!(fake.requests().len(), sent, "the clone knows that the quota is spent and sends nothing");
}

#[tokio::test]
async fn a_call_is_a_builder_that_does_nothing_until_awaited() {
    let (fake, config) = fake();
    let call = TasksApi::new(&config).fetch_task("tsk_1001");
    assert_eq!(fake.requests().len(), 0);
    call.await.unwrap();
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn change_a_task_with_edit_task() {
    let (fake, config) = fake();
    let tasks = TasksApi::new(&config);
    let before = fake.task("tsk_1001").unwrap();
    let edited = tasks.edit_task("tsk_1001", |task| task.status = TaskStatus::Blocked).await.unwrap();
    assert_eq!(edited.status, TaskStatus::Blocked);
    let after = fake.task("tsk_1001").unwrap();
    let value = |record: &Record, name: &str| record.get::<serde_json::Value>(name);
    let changed: Vec<_> = before.names().filter(|name| value(&before, name) != value(&after, name)).collect();
    assert_eq!(changed, ["status", "updatedAt"]);

    tasks.edit_task("tsk_1001", |task| task.status = TaskStatus::Blocked).await.unwrap();
    assert_eq!(fake.executed("updateTask"), 1, "an unchanged task is not written");
}

#[tokio::test]
async fn a_list_contains_summaries() {
    let (_fake, config) = fake_of(shortened_lists());
    let tasks = TasksApi::new(&config);
    let long = "a sentence of a long description. ".repeat(40);
    let created = tasks.create_task(NewTask::new("A long one").description(long.as_str())).await.unwrap();
    let list = tasks.list_tasks().all(true).await.unwrap();
    let summary = list.tasks.iter().find(|task| task.task_id == created.task_id).unwrap();
    assert!(summary.description.as_ref().is_none_or(|text| text.len() < long.len()), "a list shortens");
    let whole: Task = summary.fetch(&tasks).await.unwrap().into_inner();
    assert_eq!(whole.description.as_deref(), Some(long.as_str()));
}

#[tokio::test(start_paused = true)]
async fn match_on_the_kind_and_look_at_was_sent_before_repeating_a_create() {
    let (fake, config) = fake();
    fake.fail_next(Fault::drop_after().on("createTask"));
    let error = TasksApi::new(&config).create_task(NewTask::new("Once")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.was_sent(), Sent::Maybe);
    assert_eq!(fake.executed("createTask"), 1, "it was executed, and not sent again");
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_is_rate_limited_with_the_wait() {
    let (fake, config) = fake();
    fake.spend_quota();
    let error = TasksApi::new(&config).fetch_task("tsk_1001").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some_and(|wait| wait.as_secs() > 30), "{error}");
}

#[test]
fn enums_are_open() {
    let task: Task = serde_json::from_str(r#"{"taskId":"tsk_1","status":"on_ice"}"#).unwrap();
    assert_eq!(task.status, TaskStatus::other("on_ice"));
    assert_ne!(task.status, TaskStatus::Planned);
    assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"taskId":"tsk_1","status":"on_ice"}"#);
    assert!("on_ice".parse::<TaskStatus>().is_err(), "what a person types is checked");
}

#[test]
fn none_after_a_value_writes_null_and_an_untouched_field_is_written_back_as_it_arrived() {
    let text = r#"{"taskId":"tsk_1","title":null,"topic":"Recap","userId":"u_1","mood":1e400}"#;
    let mut task: Task = serde_json::from_str(text).unwrap();
    assert_eq!(task.title, "");
    task.topic = None;
    let written: serde_json::Value =
        serde_json::from_str(&serde_json::to_string(&task).unwrap().replace("1e400", "1")).unwrap();
    let expected = serde_json::json!({ "taskId": "tsk_1", "title": null, "topic": null, "userId": "u_1", "mood": 1 });
    assert_eq!(written, expected);
    assert!(serde_json::to_string(&task).unwrap().contains("1e400"));
}

#[tokio::test]
async fn let_receiver_receive_webhooks() {
    let receiver = Receiver::new(Verifier::key("the-key").unwrap());
    let body = r#"{"specversion":"1.0","id":"evt_1","source":"https://onehorizon.ai/workspaces/w_1","type":"task.created",
        "datacontenttype":"application/json","time":"2026-05-11T08:15:00Z","workspaceid":"w_1",
        "data":{"resource":{"type":"task","id":"tsk_1"},"actor":{"type":"user","id":"u_1"}}}"#;
    let runs = AtomicU32::new(0);
    let deliver = async |key: &str, succeeds: bool| {
        let headers = [("content-type", "application/cloudevents+json"), ("x-one-webhook-key", key)];
        let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
        let handler = async |_: Verified<Event>| {
            runs.fetch_add(1, Ordering::Relaxed);
            if succeeds { Ok(()) } else { Err(std::io::Error::other("not now")) }
        };
        receiver.receive("POST", find, body.as_bytes(), handler).await.status()
    };
    assert_eq!(deliver("another-key", true).await, 401);
    assert_eq!(deliver("the-key", false).await, 500, "the service delivers again");
    assert_eq!(deliver("the-key", true).await, 200);
    assert_eq!(deliver("the-key", true).await, 200);
    assert_eq!(runs.into_inner(), 2, "once without success, once with; the duplicate runs nothing");
}

#[tokio::test]
async fn test_with_onehorizon_testing_not_with_the_network() {
    let (fake, config) = fake();
    let created = TasksApi::new(&config).create_task(NewTask::new("Seen by the fake")).await.unwrap();
    assert!(fake.task(created.task_id.as_str()).is_some());
    assert!(fake.violations().is_empty());

    let refused = config.request("POST", "/workspaces/{workspaceId}/tasks").json(&serde_json::json!({ "title": 7 }));
    let error = refused.send_raw().await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(fake.violations().len(), 1);
}

/// The definitions of links, by their labels.
fn links(text: &str) -> std::collections::BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    lines.filter(|(label, _)| !label.contains(['[', ']'])).collect()
}

#[test]
fn each_link_of_the_readme_leads_somewhere_outside_the_repository_too() {
    const PACKAGE: &str = "https://docs.rs/crate/onehorizon/latest/source/";
    let readme = include_str!("../../README.md");
    let (inside, outside) = (links(readme), links(include_str!("../../src/links.md")));
    assert!(inside.len() > 10 && inside.keys().eq(outside.keys()), "{inside:?} {outside:?}");
    for (label, file) in inside {
        let in_package = outside[label].strip_prefix(PACKAGE).map(|path| path.trim_end_matches('/'));
        assert!(in_package == Some(file) || outside[label].starts_with("crate::"), "{label}: {}", outside[label]);
    }
    let inline = readme.match_indices("](").map(|(at, _)| &readme[at + 2..]);
    assert_eq!(inline.filter(|target| !target.starts_with(['#', 'h'])).count(), 0, "a link without a label");
}

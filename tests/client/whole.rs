//! Only a task that was read whole from the service is written back, unless the caller says otherwise.

use std::time::Duration;

use onehorizon::apis::BulkOutcome;
use onehorizon::models::{NewTask, Task};
use onehorizon::{Configuration, ErrorKind, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Record};
use serde::ser::SerializeStruct;

fn stage() -> (FakeOneHorizon, TasksApi) {
    let fake = FakeOneHorizon::builder().empty().quota_off().in_process();
    fake.put_task(
        Record::new()
            .with("taskId", &"tsk_1")
            .with("title", &"first")
            .with("status", &"planned")
            .with("description", &"x".repeat(500)),
    );
    let builder = Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
    let tasks = TasksApi::new(&builder.build().unwrap());
    (fake, tasks)
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_created_or_written_can_be_written() {
    let (fake, tasks) = stage();
    let mut fetched = tasks.fetch_task("tsk_1").await.unwrap().into_inner();
    fetched.title = "second".to_owned();
    let written = tasks.update_task("tsk_1", &fetched).await.unwrap();
    tasks.update_task("tsk_1", &*written).await.unwrap();
    tasks.update_task("tsk_1", written.clone().into_inner().clone()).await.unwrap();
    let created = tasks.create_task(NewTask::new("new")).await.unwrap();
    tasks.update_task(&created.task_id, &*created).await.unwrap();
    assert_eq!(fake.executed("updateTask"), 4);
    assert!(fake.task("tsk_1").unwrap().is("description", &"x".repeat(500)));
}

#[tokio::test(start_paused = true)]
async fn what_came_from_elsewhere_is_refused_before_anything_is_sent() {
    let (fake, tasks) = stage();
    let fetched = tasks.fetch_task("tsk_1").await.unwrap().into_inner();
    let stored: Task = serde_json::from_str(&serde_json::to_string(&fetched).unwrap()).unwrap();
    let listed = tasks.list_tasks().all(true).await.unwrap();
    let from_the_list: Task = serde_json::from_value(serde_json::to_value(&listed.tasks[0]).unwrap()).unwrap();
    fake.clear_requests();
    for task in [stored, from_the_list, Task::new("tsk_1")] {
        let error = tasks.update_task("tsk_1", &task).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Invalid, None), "{error}");
        assert!(error.message().contains("replace_whole()"), "{error}");
        assert!(fake.requests().is_empty());
        tasks.update_task("tsk_1", &task).replace_whole().await.unwrap();
        fake.clear_requests();
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_is_not_written_under_the_id_of_another_one() {
    let (fake, tasks) = stage();
    fake.put_task(Record::new().with("taskId", &"tsk_2").with("title", &"other"));
    let other = tasks.fetch_task("tsk_2").await.unwrap();
    fake.clear_requests();
    let blocking = onehorizon::blocking::TasksApi::new(&Configuration::builder().api_key("k").build().unwrap());
    for error in [
        tasks.update_task("tsk_1", &other).await.unwrap_err(),
        tasks.update_task("tsk_1", &other).replace_whole().await.unwrap_err(),
        tasks.update_task("tsk_1", Task::new("tsk_2")).replace_whole().await.unwrap_err(),
        tasks.update_task("TSK_2", &other).await.unwrap_err(),
        blocking.update_task("tsk_1", &other).send().unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{error}");
        assert!(error.message().contains("the body is \"tsk_2\""), "{error}");
    }
    assert!(fake.requests().is_empty());
    // A copy that says so is what it says.
    let mut copy = other.into_inner();
    copy.task_id = "tsk_1".into();
    tasks.update_task("tsk_1", &copy).await.unwrap();
    assert!(fake.task("tsk_1").unwrap().is("title", "other"));
}

#[tokio::test(start_paused = true)]
async fn replacing_does_not_excuse_another_mistake() {
    let (fake, tasks) = stage();
    let call = tasks.update_task("tsk_1", Task::new("tsk_1")).header("x bad", "y").replace_whole();
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_puts_another_task_in_the_place_of_the_fetched_one_writes_nothing() {
    let (fake, tasks) = stage();
    let listed = serde_json::to_string(&tasks.list_tasks().all(true).await.unwrap().tasks[0]).unwrap();
    let made = || Task::new("tsk_1");
    let read = || serde_json::from_str::<Task>(&listed).unwrap();
    let edits = [
        tasks.edit_task("tsk_1", |task| *task = made()),
        tasks.edit_task("tsk_1", |task| *task = read()),
        tasks.edit_task("tsk_1", |task| drop(std::mem::replace(task, read()))).check_conflict().confirm(),
        tasks.try_edit_task("tsk_1", |task| {
            *task = serde_json::from_str(&listed)?;
            task.title = "changed".to_owned();
            Ok(())
        }),
    ];
    for edit in edits {
        let error = edit.header("x-job", "nightly").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Invalid, None), "{error}");
        assert!(error.to_string().contains("replace_whole()"), "{error}");
    }
    let bulk = tasks.bulk().edit_each(["tsk_1"], |task| *task = made());
    let report = bulk.edit_task(tasks.edit_task("tsk_2", |_| {})).await.unwrap();
    assert!(matches!(&report.items[0].outcome, BulkOutcome::Failed(error) if error.kind() == ErrorKind::Invalid));
    assert_eq!(fake.executed("updateTask"), 0);
    assert!(fake.task("tsk_1").unwrap().is("title", "first"));
}

#[tokio::test(start_paused = true)]
async fn an_edit_may_take_another_whole_reading_of_the_task() {
    let (fake, tasks) = stage();
    let mut whole = tasks.fetch_task("tsk_1").await.unwrap().into_inner();
    whole.title = "second".to_owned();
    assert!(tasks.edit_task("tsk_1", |task| *task = whole.clone()).await.unwrap().was_written());
    assert!(fake.task("tsk_1").unwrap().is("title", "second"));
}

/// A value that passes for raw JSON and is none.
struct NotJson;

impl serde::Serialize for NotJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct("$serde_json::private::RawValue", 1)?;
        raw.serialize_field("$serde_json::private::RawValue", "{")?;
        raw.end()
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_written_is_refused_whatever_the_options() {
    let (fake, tasks) = stage();
    let mut odd = NewTask::new("odd");
    odd.extra.insert("x", &NotJson).unwrap();
    let created = tasks.create_task(&odd).attempts(1).await.unwrap_err();
    let once = tasks.find_or_create("ci/nightly", odd.clone()).deadline(Duration::from_secs(5)).await.unwrap_err();
    let edited = tasks.edit_task("tsk_1", |task| task.extra.insert("x", &NotJson)).attempts(2).await.unwrap_err();
    let report = tasks.bulk().create("a", odd.clone()).find_or_create("b", odd).await.unwrap();
    let failed = report.failed().filter_map(|item| item.outcome.error());
    for error in [&created, &once, &edited].into_iter().chain(failed) {
        assert_eq!((error.kind(), error.status()), (ErrorKind::Invalid, None), "{error}");
        assert!(error.message().contains("cannot be written as JSON"), "{error}");
    }
    assert_eq!(report.failed().count(), 2);
    assert_eq!((fake.executed("createTask"), fake.executed("updateTask")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_broken_on_the_way_is_shown_and_not_written_back() {
    let broken: [&[u8]; 3] = [
        b"{\"taskId\":\"tsk_1\",\"title\":\"M\xfcller\"}",
        b"{\"taskId\":\"tsk_1\",\"title\":\"first\",\"note\":\"5 \xe2\x82\"}",
        br#"{"taskId":"tsk_1","title":"first","x\ud83d":1}"#,
    ];
    for body in broken {
        let (fake, tasks) = stage();
        fake.fail_next(Fault::status(200).body("application/json", body).on("fetchTask").forever());
        let mut fetched = tasks.fetch_task("tsk_1").await.unwrap().into_inner();
        let error = tasks.edit_task("tsk_1", |task| task.topic = Some("t".into())).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Decode && error.to_string().contains("broken characters"), "{error}");
        fetched.topic = Some("t".into());
        assert_eq!(tasks.update_task("tsk_1", &fetched).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(fake.executed("updateTask"), 0);
    }
}

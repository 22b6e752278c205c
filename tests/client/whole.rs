//! Only a task that was read whole from the service is written back, unless the caller says otherwise.

use onehorizon::models::{NewTask, Task};
use onehorizon::{Configuration, ErrorKind, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Record};

fn stage() -> (FakeOneHorizon, TasksApi) {
    let fake = FakeOneHorizon::builder().empty().quota_off().in_process();
    fake.put_task(Record::new().with("taskId", &"tsk_1").with("title", &"first").with("description", &"x".repeat(500)));
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
async fn replacing_does_not_excuse_another_mistake() {
    let (fake, tasks) = stage();
    let call = tasks.update_task("tsk_1", Task::new("tsk_1")).header("x bad", "y").replace_whole();
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(fake.requests().is_empty());
}

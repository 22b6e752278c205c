use std::time::Duration;

use onehorizon::models::NewTask;
use onehorizon::{Configuration, ErrorKind, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Wait, sample_error};

/// What the backend says to its own caller.
fn explain(error: &onehorizon::Error) -> &'static str {
    if error.is_rate_limited() { "busy, try later" } else { "failed" }
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_and_a_lost_response_is_not_written_twice() -> Result<(), Box<dyn std::error::Error>> {
    let fake = FakeOneHorizon::builder().in_process();
    let config = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build()?;
    let tasks = TasksApi::new(&config);

    // A read gets through a failure and a spent quota.
    fake.script([Fault::flaky(1), Fault::rate_limited(Wait::Message(43))]);
    let task = tasks.fetch_task("tsk_1001").max_wait(Duration::from_secs(60)).await?;
    assert_eq!(task.task_id, "tsk_1001");
    fake.requests().of("fetchTask").expect_count(3);

    // The task is created and the response lost: the client must not create a second one.
    fake.fail_next(Fault::drop_after().on("createTask"));
    let error = tasks.create_task(NewTask::new("Once")).await.unwrap_err();
    assert!(error.is_interrupted());
    fake.tasks().titled("Once").expect_one();
    fake.assert_script_is_used();

    // Code that handles an error needs no service at all.
    assert_eq!(explain(&sample_error(ErrorKind::RateLimited)), "busy, try later");
    assert_eq!(explain(&sample_error(ErrorKind::Forbidden)), "failed");
    Ok(())
}

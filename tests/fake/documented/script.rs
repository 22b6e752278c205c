use onehorizon::models::{NewTask, TaskStatus};
use onehorizon::{Error, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Seed, SeedTask};

/// Closes the release task and opens the next one.
async fn release(tasks: &TasksApi, version: &str, next: &str) -> Result<(), Error> {
    let title = format!("Release {version}");
    let open = tasks.list_tasks().all(true).status([TaskStatus::Planned]).await?;
    for task in open.tasks.iter().filter(|task| task.title == title) {
        tasks.edit_task(&task.task_id, |task| task.status = TaskStatus::Completed).await?;
    }
    tasks.create_task(NewTask::new(format!("Release {next}"))).await?;
    Ok(())
}

#[tokio::test]
async fn a_release_closes_its_task_and_opens_the_next() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new().task(SeedTask::new("Release 1.4").id("tsk_14")).task("Something else");
    let fake = FakeOneHorizon::builder().seed(seed).start().await?;

    release(&TasksApi::new(&fake.configuration()), "1.4", "1.5").await?;

    fake.tasks().titled("Release 1.4").in_status(TaskStatus::Completed).expect_one();
    fake.tasks().titled("Release 1.5").in_status(TaskStatus::Planned).expect_one();
    fake.requests().of("updateTask").expect_count(1);
    fake.assert_no_violations();
    Ok(())
}

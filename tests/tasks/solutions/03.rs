use onehorizon::models::TaskStatus;
use onehorizon::{Configuration, Error, TasksApi};

pub async fn run(config: &Configuration, task_id: &str) -> Result<(), Error> {
    TasksApi::new(config).edit_task(task_id, |task| task.status = TaskStatus::InProgress).await?;
    Ok(())
}

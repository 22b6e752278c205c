use onehorizon::models::{NewTask, TaskKind};
use onehorizon::{Configuration, Error, TasksApi};

pub async fn run(config: &Configuration, title: &str, description: &str) -> Result<String, Error> {
    let bug = NewTask::new(title).description(description).kind(TaskKind::Bug).user_id("u_1");
    Ok(TasksApi::new(config).create_task(bug).await?.task_id.to_string())
}

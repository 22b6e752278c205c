use onehorizon::models::TaskStatus;
use onehorizon::{Configuration, Error, TasksApi};

pub async fn run(config: &Configuration) -> Result<Vec<String>, Error> {
    let open = [TaskStatus::Planned, TaskStatus::InProgress];
    let list = TasksApi::new(config).list_tasks().all(true).status(open).await?;
    let mut titles: Vec<String> = list.tasks.iter().map(|task| task.title.clone()).collect();
    titles.sort();
    Ok(titles)
}

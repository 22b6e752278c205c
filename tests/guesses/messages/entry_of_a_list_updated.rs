//! expect: `&TaskSummary` is not a `Task` that can be sent
//! expect: fetch the whole task with `let task = entry.fetch(&tasks).await?` and pass `&task`
use onehorizon::{Error, TasksApi};

pub async fn touch(tasks: &TasksApi) -> Result<(), Error> {
    for entry in &tasks.list_tasks().await?.tasks {
        tasks.update_task(&entry.task_id, entry).await?;
    }
    Ok(())
}

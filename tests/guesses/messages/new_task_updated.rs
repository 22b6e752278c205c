//! expect: `NewTask` is not a `Task` that can be sent
//! expect: expected a `Task`, a reference to one, or the `Response` that brought one
use onehorizon::{Error, TasksApi, models::NewTask};

pub async fn rename(tasks: &TasksApi) -> Result<(), Error> {
    tasks.update_task("tsk_1", NewTask::new("renamed")).await?;
    Ok(())
}

//! expect: the change of an edit returns nothing or a `Result<(), E>`, not `usize`
//! expect: end the closure's last expression with `;`
use onehorizon::{Error, TasksApi};

pub async fn count(tasks: &TasksApi) -> Result<(), Error> {
    tasks.edit_task("tsk_1", |task| task.title.len()).await?;
    Ok(())
}

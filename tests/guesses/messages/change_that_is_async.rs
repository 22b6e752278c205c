//! expect: an `async` closure is not called by an edit: await what the change needs first, then edit
use onehorizon::{Error, TasksApi};

pub async fn shout(tasks: &TasksApi) -> Result<(), Error> {
    tasks.edit_task("tsk_1", async |task| task.title.push('!')).await?;
    Ok(())
}

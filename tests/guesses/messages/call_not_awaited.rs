//! The language lets no crate add words to this error.
//! expect: the `?` operator cannot be applied to type `FetchTask`
use onehorizon::{Error, TasksApi};

pub async fn title(tasks: &TasksApi) -> Result<String, Error> {
    let task = tasks.fetch_task("tsk_1")?;
    Ok(task.title.clone())
}

//! expect: a blocking call is sent, not awaited
//! expect: end the call with `.send()?`
use onehorizon::{Configuration, Error, blocking::TasksApi};

pub async fn title(configuration: &Configuration) -> Result<String, Error> {
    let task = TasksApi::new(configuration).fetch_task("tsk_1").await?;
    Ok(task.title.clone())
}

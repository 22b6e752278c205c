//! expect: a string is read by `"planned".parse::<TaskStatus>()?`, which refuses what is not known
use onehorizon::{Error, TasksApi};

pub async fn planned(tasks: &TasksApi) -> Result<usize, Error> {
    Ok(tasks.list_tasks().status("planned").await?.tasks.len())
}

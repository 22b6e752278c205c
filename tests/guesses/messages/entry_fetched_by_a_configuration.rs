//! expect: `Configuration` is not a client of tasks
//! expect: expected a `&TasksApi`
use onehorizon::models::TaskSummary;
use onehorizon::{Configuration, Error};

pub async fn whole(entry: &TaskSummary, configuration: &Configuration) -> Result<(), Error> {
    entry.fetch(configuration).await?;
    Ok(())
}

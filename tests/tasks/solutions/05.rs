use onehorizon::quota::Pacing;
use onehorizon::{ConfigurationBuilder, Error, TasksApi};

pub async fn run(builder: ConfigurationBuilder, ids: &[&str]) -> Result<Vec<String>, Error> {
    let tasks = TasksApi::new(&builder.pacing(Pacing::documented()).build()?);
    let mut titles = Vec::new();
    for id in ids {
        titles.push(tasks.fetch_task(*id).await?.title.clone());
    }
    Ok(titles)
}

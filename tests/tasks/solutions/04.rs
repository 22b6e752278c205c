use onehorizon::{Configuration, ErrorKind, TasksApi};

pub async fn run(config: &Configuration, task_id: &str) -> String {
    match TasksApi::new(config).fetch_task(task_id).await {
        Ok(task) => format!("found: {}", task.title),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => "missing".to_owned(),
            ErrorKind::RateLimited => format!("later: {}", error.retry_after().unwrap_or_default().as_secs()),
            ErrorKind::Unauthorized | ErrorKind::Forbidden => "denied".to_owned(),
            _ => "failed".to_owned(),
        },
    }
}

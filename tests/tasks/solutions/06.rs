use onehorizon::models::NewTask;
use onehorizon::{Configuration, Sent, TasksApi};

pub async fn run(config: &Configuration, title: &str) -> &'static str {
    match TasksApi::new(config).create_task(NewTask::new(title)).await {
        Ok(_) => "created",
        Err(error) if error.was_sent() == Sent::No || error.is_rate_limited() || error.is_invalid() => "not created",
        Err(_) => "unknown",
    }
}

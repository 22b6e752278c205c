//! The main job in one go: list, create, change without losing anything, and two errors worth knowing.
//!
//! `cargo run --example quickstart` runs against an embedded fake of the service. With `ONE_API_KEY` set it talks to
//! the real one, where it creates a bug in your workspace; `ONE_USER_ID` then names the bug's owner.
#![allow(clippy::disallowed_methods, reason = "a program, not the library")]

use std::time::{Duration, SystemTime};

use onehorizon::models::{NewTask, TaskKind, TaskScope, TaskStatus};
use onehorizon::{ApiKeysApi, Configuration, Error, TasksApi};
use onehorizon_testing::FakeOneHorizon;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os("ONE_API_KEY").is_some() {
        let configuration = Configuration::from_env()?;
        println!("Talking to {} with ONE_API_KEY.", configuration.base_url());
        main_job(&configuration, std::env::var("ONE_USER_ID").ok()).await?;
        println!("\nThe quota is left alone: it belongs to your whole workspace.");
        explain_keys(&configuration).await
    } else {
        let fake = FakeOneHorizon::start().await?;
        println!("No ONE_API_KEY: talking to an embedded fake of One Horizon at {}.", fake.url());
        let configuration = Configuration::builder().base_url(fake.url()).api_key(fake.api_key()).build()?;
        main_job(&configuration, Some("u_ada".to_owned())).await?;
        fake.spend_quota();
        explain_quota(&configuration).await?;
        explain_keys(&configuration).await
    }
}

/// List, create, change, fetch again.
async fn main_job(configuration: &Configuration, owner: Option<String>) -> Result<(), Error> {
    let tasks = TasksApi::new(configuration);

    let active = tasks
        .list_tasks()
        .all(true)
        .scope([TaskScope::Initiative])
        .status([TaskStatus::Planned, TaskStatus::InProgress, TaskStatus::Review])
        .await?;
    println!("\nActive initiatives ({})", active.tasks.len());
    for task in &active.tasks {
        println!("  {:<12} {:<12} {}", task.task_id, task.status, task.title);
    }

    let mut draft = NewTask::new("Recap sends duplicates").kind(TaskKind::Bug).description("Seen twice on Monday.");
    if let Some(owner) = owner {
        draft = draft.user_id(owner);
    }
    let bug = tasks.create_task(draft).await?;
    println!("\nCreated   {} \"{}\" ({})", bug.task_id, bug.title, bug.status);

    let before = bug.extra.len();
    let moved = tasks.edit_task(&bug.task_id, |task| task.status = TaskStatus::InProgress).await?;
    println!("Moved     {} to {}", moved.task_id, moved.status);

    let again = tasks.fetch_task(&bug.task_id).await?;
    println!("Fetched   {} \"{}\" ({})", again.task_id, again.title, again.status);
    println!("          fields this version does not know: {before} before, {} after", again.extra.len());
    Ok(())
}

/// A spent quota is an error of its own, with the time to wait.
async fn explain_quota(configuration: &Configuration) -> Result<(), Box<dyn std::error::Error>> {
    println!("\nThe workspace's quota is spent. One more call, with no patience for waiting:");
    match TasksApi::new(configuration).list_tasks().max_wait(Duration::ZERO).await {
        Err(error) if error.is_rate_limited() => {
            println!("  {error}");
            if let Some(limit) = error.rate_limit() {
                let wait = limit.retry_after.unwrap_or_default();
                let left = limit.ends_at.and_then(|end| end.duration_since(SystemTime::now()).ok()).unwrap_or(wait);
                println!("  -> rate limited: wait {wait:?} (it ends in {:.0} s), then go on", left.as_secs_f64());
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Err("the quota should have been spent".into()),
    }
}

/// API keys may not make API keys, which the client knows before it sends anything.
async fn explain_keys(configuration: &Configuration) -> Result<(), Box<dyn std::error::Error>> {
    println!("\nCreating an API key with an API key:");
    match ApiKeysApi::new(configuration).create_api_key("ci-production").await {
        Err(error) if error.is_forbidden() => {
            println!("  {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Err("an API key should not be able to create API keys".into()),
    }
}

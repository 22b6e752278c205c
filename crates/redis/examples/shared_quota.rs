//! A job that may run on several machines at the same time: together they keep to the workspace's quota.
//!
//! ```text
//! REDIS_URL=redis://127.0.0.1 ONE_API_KEY=… cargo run -p onehorizon-redis --example shared_quota
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "a program")]
#![allow(dead_code, unreachable_pub, reason = "a test runs its parts")]

use std::error::Error;

use onehorizon::quota::Pacing;
use onehorizon::{Configuration, ConfigurationBuilder, TasksApi};
use onehorizon_redis::Redis;

pub type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let redis = Redis::open(std::env::var("REDIS_URL")?, "my-workspace")?;
    for warning in redis.check().await? {
        eprintln!("redis: {warning}");
    }
    let config = ConfigurationBuilder::from_env()?.pacing(Pacing::documented().store(redis.quota())).build()?;
    println!("{} tasks have a description", count_described(&config).await?);
    Ok(())
}

/// Fetches each task: a list may shorten descriptions.
pub async fn count_described(config: &Configuration) -> Result<usize, Failure> {
    let tasks = TasksApi::new(config);
    let mut described = 0;
    for task in &tasks.list_tasks().all(true).await?.tasks {
        // Waits here when the quota is spent, whichever process spent it.
        let task = task.fetch(&tasks).await?;
        described += usize::from(task.description.as_deref().is_some_and(|text| !text.is_empty()));
    }
    let quota = config.quota();
    println!("{:?} used; the store failed {} times", quota.windows, quota.store_failures);
    // The others know at once that these requests have ended.
    config.flush_quota().await?;
    Ok(described)
}

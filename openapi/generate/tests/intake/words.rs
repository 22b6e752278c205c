//! The client and the fake under the words of another document. `.ci/intake` compiles and runs this in a copy.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test may panic")]

use onehorizon::models::NewTask;
use onehorizon::{ApiKeysApi, Configuration, TasksApi};
use onehorizon_testing::FakeOneHorizon;

fn configuration(fake: &FakeOneHorizon, token: &str) -> Configuration {
    Configuration::builder().oauth_token(token).transport(fake.transport()).build().unwrap()
}

#[tokio::test]
async fn tasks_are_created_fetched_and_listed() {
    let fake = FakeOneHorizon::builder().in_process();
    let tasks = TasksApi::new(&configuration(&fake, fake.oauth_token()));
    let created = tasks.create_task(NewTask::new("New")).await.unwrap();
    assert_eq!(created.title, "New");
    let fetched = tasks.fetch_task(&created.task_id).await.unwrap();
    assert_eq!((&fetched.task_id, fetched.title.as_str()), (&created.task_id, "New"));
    let listed = tasks.list_tasks().await.unwrap();
    assert!(listed.tasks.iter().any(|task| task.title == "Self-serve onboarding"), "{listed:?}");
    let entry = &listed.tasks[0];
    assert_eq!(tasks.fetch_task(&entry.task_id).await.unwrap().title, entry.title);
}

#[tokio::test]
async fn keys_are_created_by_users_and_never_by_keys() {
    let fake = FakeOneHorizon::builder().in_process();
    let keys = ApiKeysApi::new(&configuration(&fake, fake.oauth_token()));
    let created = keys.create_api_key("nightly").await.unwrap();
    assert!(created.reveal_secret().is_some());
    assert!(keys.list_api_keys().await.unwrap().api_keys.len() > 1);
    let key = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    fake.clear_requests();
    assert!(ApiKeysApi::new(&key).create_api_key("nightly").await.is_err());
    assert_eq!(fake.requests().len(), 0, "it is refused before it is sent");
}

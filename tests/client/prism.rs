//! Every operation against a server that checks requests by the contract.
//!
//! `.ci/prism` starts Prism in front of `openapi/onehorizon.json`, sets `ONE_HORIZON_BASE_URL` and runs this; Prism
//! refuses anything that the contract does not allow with an error, which fails the test.

use onehorizon::models::{NewTask, Task, TaskContributor, TaskKind, TaskScope, TaskStatus};
use onehorizon::{ApiKeysApi, Configuration, DocumentsApi, TasksApi};

#[tokio::test]
#[ignore = "needs a contract-checking server: run .ci/prism"]
async fn every_operation_is_accepted_by_a_server_that_checks_the_contract() {
    let base_url = std::env::var("ONE_HORIZON_BASE_URL").unwrap();
    let configuration = Configuration::builder().base_url(base_url).access_token("any-token").build().unwrap();
    let (tasks, keys, documents) =
        (TasksApi::new(&configuration), ApiKeysApi::new(&configuration), DocumentsApi::new(&configuration));

    let listed = tasks
        .list_tasks()
        .all(true)
        .scope([TaskScope::Initiative, TaskScope::other("not_yet_known")])
        .status([TaskStatus::Planned, TaskStatus::InProgress])
        .await
        .unwrap();
    assert!(!listed.tasks.is_empty());
    assert_eq!(tasks.list_tasks().await.unwrap().status(), 200);

    let draft = NewTask::new("Recap sends duplicates")
        .kind(TaskKind::Bug)
        .status(TaskStatus::Planned)
        .user_id("u_ada")
        .contributors([TaskContributor::assignee("u_ada")]);
    let created = tasks.create_task(draft).await.unwrap();
    assert_eq!(created.status(), 201);

    let fetched: Task = tasks.fetch_task(&created.task_id).await.unwrap().into_inner();
    let edited = tasks.edit_task(&fetched.task_id, |task| task.status = TaskStatus::InProgress).await.unwrap();
    assert_eq!(edited.status(), 200);

    let found = documents.list_documents().task_id("tsk_1").include_content(true).limit(5).await.unwrap();
    assert_eq!(found.status(), 200);

    let key = keys.create_api_key("ci-production").await.unwrap();
    assert!(!key.secret.as_ref().unwrap().expose().is_empty());
    assert_eq!(keys.list_api_keys().await.unwrap().status(), 200);
    assert_eq!(keys.revoke_api_key("key_1").await.unwrap().status(), 204);

    // The server's refusals reach the caller as what they are.
    let missing = tasks.fetch_task("tsk_9").header("prefer", "code=404").await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    // Last, since it closes the gate for all that share the configuration.
    let limited = tasks.list_tasks().header("prefer", "code=429").attempts(1).await.unwrap_err();
    assert!(limited.is_rate_limited(), "{limited}");
}

#[tokio::test]
#[ignore = "needs a contract-checking server: run .ci/prism"]
async fn the_server_does_check() {
    let base_url = std::env::var("ONE_HORIZON_BASE_URL").unwrap();
    let configuration = Configuration::builder().base_url(base_url).access_token("any-token").build().unwrap();
    let wrong = configuration.request("POST", "/workspaces/{workspaceId}/tasks").json(&["no task"]).await.unwrap_err();
    assert!(wrong.is_invalid(), "{wrong}");
    let unknown = configuration.request("GET", "/workspaces/{workspaceId}/nowhere").await.unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
}

//! Lists are gone through like any collection, and lead to the whole of what they may shorten.

use onehorizon::models::{TaskList, TaskSummary};
use onehorizon::{Configuration, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Unknowns};
use support::unknowns::shortened_lists;

fn client() -> (FakeOneHorizon, TasksApi) {
    client_of(Unknowns::from_env().unwrap())
}

fn client_of(unknowns: Unknowns) -> (FakeOneHorizon, TasksApi) {
    let fake = FakeOneHorizon::builder().unknowns(unknowns).in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    (fake, TasksApi::new(&configuration))
}

#[tokio::test]
async fn a_list_is_gone_through_by_reference_and_by_value() {
    let (_fake, tasks) = client();
    let list = tasks.list_tasks().all(true).await.unwrap();
    let mut seen = 0;
    for task in &list {
        assert!(!task.task_id.as_str().is_empty());
        seen += 1;
    }
    assert_eq!(seen, list.tasks.len());
    let collected: Vec<TaskSummary> = list.clone().into_iter().collect();
    for (task, other) in list.into_inner().into_iter().zip(collected) {
        assert_eq!(task, other);
    }
}

#[tokio::test]
async fn an_entry_of_a_list_leads_to_the_whole_task_in_its_workspace() {
    let (fake, tasks) = client_of(shortened_lists());
    let list = tasks.list_tasks().all(true).await.unwrap();
    let entry = list.tasks.iter().find(|task| task.task_id == "tsk_1001").unwrap();
    let whole = entry.fetch(&tasks).await.unwrap();
    let shortened = entry.description.as_ref().unwrap();
    assert!(shortened.len() < whole.description.as_ref().unwrap().len(), "{shortened}");
    let asked = fake.requests();
    assert!(asked.last().unwrap().path().ends_with(&format!("/workspaces/{}/tasks/tsk_1001", fake.workspace_id())));
}

#[tokio::test]
async fn a_response_is_written_as_its_value() {
    let (_fake, tasks) = client();
    let list = tasks.list_tasks().await.unwrap();
    assert_eq!(serde_json::to_string(&list).unwrap(), serde_json::to_string::<TaskList>(&list).unwrap());
    assert_eq!(serde_json::to_value(&list).unwrap(), serde_json::from_slice::<serde_json::Value>(list.raw()).unwrap());
}

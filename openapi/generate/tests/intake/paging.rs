//! Lists in pages, as the client of a document with cursors has them. `.ci/intake` compiles and runs this in a copy.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a failing test may panic")]

use onehorizon::{Configuration, ErrorKind, TasksApi};
use onehorizon_testing::{Reply, ScriptedTransport};

fn page(ids: &[&str], next: Option<&str>) -> Reply {
    let tasks: Vec<_> = ids.iter().map(|id| serde_json::json!({ "taskId": id, "title": id })).collect();
    Reply::json(200, serde_json::json!({ "tasks": tasks, "nextCursor": next }))
}

fn tasks(transport: &ScriptedTransport) -> TasksApi {
    TasksApi::new(&Configuration::builder().api_key("k").transport(transport.clone()).build().unwrap())
}

#[tokio::test]
async fn items_of_all_pages_come_although_one_in_the_middle_is_empty() {
    let wire = ScriptedTransport::new([page(&["a", "b"], Some("2")), page(&[], Some("3")), page(&["c"], None)]);
    let mut items = tasks(&wire).list_tasks().items();
    let mut found = Vec::new();
    while let Some(task) = items.next().await {
        found.push(task.unwrap().task_id.to_string());
    }
    assert_eq!(found, ["a", "b", "c"]);
    let asked: Vec<_> = wire.requests().iter().map(|sent| sent.url.query().unwrap_or_default().to_owned()).collect();
    assert_eq!(asked, ["", "cursor=2", "cursor=3"]);
}

#[tokio::test]
async fn a_cursor_that_comes_a_second_time_ends_the_list_with_an_error() {
    let wire = ScriptedTransport::new([page(&["a"], Some("2")), page(&["b"], Some("3")), page(&["c"], Some("2"))]);
    let mut pages = tasks(&wire).list_tasks().pages();
    for _ in 0..3 {
        assert_eq!(pages.next().await.unwrap().unwrap().tasks.len(), 1);
    }
    assert_eq!(pages.next().await.unwrap().unwrap_err().kind(), ErrorKind::Decode);
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn a_limit_of_pages_is_an_error_that_one_can_go_on_from() {
    let wire = ScriptedTransport::new([page(&["a"], Some("2")), page(&["b"], Some("3"))]);
    let mut pages = tasks(&wire).list_tasks().pages().max_pages(1);
    assert!(pages.next().await.unwrap().is_ok());
    assert_eq!(pages.next().await.unwrap().unwrap_err().kind(), ErrorKind::Invalid);
    let at = pages.cursor().unwrap().to_owned();
    let mut rest = tasks(&wire).list_tasks().pages().starting_at(at);
    assert!(rest.next().await.unwrap().is_ok());
    assert!(wire.requests().last().unwrap().url.query().unwrap().contains("cursor=2"));
}

#[tokio::test]
async fn a_page_that_fails_ends_the_list_and_leaves_the_cursor() {
    let wire = ScriptedTransport::new([page(&["a"], Some("2")), Reply::status(404)]);
    let mut items = tasks(&wire).list_tasks().items();
    assert!(items.next().await.unwrap().is_ok());
    assert!(items.next().await.unwrap().is_err());
    assert!(items.next().await.is_none());
    assert_eq!(items.cursor(), Some("2"));
}

#[test]
fn blocking_clients_go_through_pages_with_a_for_loop() {
    use onehorizon::blocking::TasksApi;
    let wire = ScriptedTransport::new([page(&["a"], Some("2")), page(&["b"], Some("3")), Reply::status(404)]);
    let configuration = Configuration::builder().api_key("k").transport(wire).build().unwrap();
    let mut items = TasksApi::new(&configuration).list_tasks().items();
    let found: Vec<String> =
        items.by_ref().map_while(Result::ok).map(|task| task.task_id.to_string()).collect();
    assert_eq!(found, ["a", "b"]);
    assert_eq!(items.cursor(), Some("3"));
    assert!(items.next().is_none(), "it ends with its error");
}

//! The operations of the feature `preview`, and what an error says of a route that is deduced.

use onehorizon::apis::{CommentsApi, TaxonomyApi, TeamsApi, UsersApi, WorkspacesApi};
use onehorizon::{Configuration, DocumentsApi, ErrorKind, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault};
use support::contract::Contract;

fn fake() -> Configuration {
    let fake = FakeOneHorizon::builder().in_process();
    Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport()).build().unwrap()
}

#[tokio::test]
async fn comments_are_written_listed_and_reacted_to() {
    let configuration = fake();
    let comments = CommentsApi::new(&configuration);
    let written = comments.create_task_comment("tsk_1001", "On it.").await.unwrap();
    assert_eq!(written.content.as_deref(), Some("On it."));
    let listed = comments.list_task_comments("tsk_1001").await.unwrap();
    assert!(listed.comments.iter().any(|comment| comment.comment_id == written.comment_id));
    let reaction = comments.toggle_comment_reaction("tsk_1001", &written.comment_id, "👍").await.unwrap();
    let reaction = serde_json::to_string(&*reaction).unwrap();
    assert!(reaction.contains("👍"), "{reaction}");
}

#[tokio::test]
async fn a_document_is_fetched_with_its_text() {
    let configuration = fake();
    let documents = DocumentsApi::new(&configuration);
    let listed = documents.list_documents().await.unwrap();
    let first = &listed.documents[0];
    let whole = documents.fetch_document(&first.document_id).await.unwrap();
    assert!(whole.content.is_some());
}

#[tokio::test]
async fn teams_users_labels_and_workspaces_are_listed() {
    let configuration = fake();
    assert_eq!(TeamsApi::new(&configuration).list_teams().await.unwrap().teams.len(), 1);
    assert_eq!(TaxonomyApi::new(&configuration).list_taxonomy_labels().await.unwrap().taxonomy_labels.len(), 1);
    let users = UsersApi::new(&configuration);
    assert_eq!(users.list_users().await.unwrap().users.len(), 3);
    assert_eq!(users.fetch_current_user().await.unwrap().user_id.as_str(), "u_ada");
    let workspaces = WorkspacesApi::new(&configuration);
    let listed = workspaces.list_workspaces().await.unwrap();
    assert_eq!(workspaces.fetch_workspace().await.unwrap().workspace_id, listed.workspaces[0].workspace_id);
}

#[tokio::test]
async fn a_404_of_a_deduced_route_says_so() {
    let configuration = fake();
    let error = TasksApi::new(&configuration).fetch_task("tsk_gone").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let says_so = error.hint().is_some_and(|hint| hint.contains("it is deduced"));
    assert_eq!(says_so, !Contract::load().is_official(), "{error:?}");
}

#[tokio::test]
async fn a_403_of_a_raw_request_says_that_some_routes_need_an_oauth_token() {
    let fake = FakeOneHorizon::builder().in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    let error = configuration.request("GET", "/workspaces/{workspaceId}/api-keys").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("agent and key-management routes need"), "{error:?}");
}

#[tokio::test]
async fn a_405_of_a_deduced_route_says_so_in_every_operation_of_the_feature() {
    let fake = FakeOneHorizon::builder().in_process();
    let configuration =
        Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport()).build().unwrap();
    fake.script([Fault::status(405).forever()]);
    let comments = CommentsApi::new(&configuration);
    let errors = [
        comments.list_task_comments("tsk_1001").await.unwrap_err(),
        comments.create_task_comment("tsk_1001", "x").await.unwrap_err(),
        comments.toggle_comment_reaction("tsk_1001", "comment_1001", "+1").await.unwrap_err(),
        DocumentsApi::new(&configuration).fetch_document("doc_1001").await.unwrap_err(),
        TeamsApi::new(&configuration).list_teams().await.unwrap_err(),
        UsersApi::new(&configuration).list_users().await.unwrap_err(),
        UsersApi::new(&configuration).fetch_current_user().await.unwrap_err(),
        TaxonomyApi::new(&configuration).list_taxonomy_labels().await.unwrap_err(),
        WorkspacesApi::new(&configuration).list_workspaces().await.unwrap_err(),
        WorkspacesApi::new(&configuration).fetch_workspace().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.status(), Some(405));
        let names_the_way = |hint: &str| hint.contains("is deduced") && hint.contains("configuration.request");
        assert_eq!(error.hint().is_some_and(names_the_way), !Contract::load().is_official(), "{error:?}");
    }
}

#[test]
fn the_blocking_clients_have_them_too() {
    use onehorizon::blocking;
    let configuration = fake();
    let comments = blocking::CommentsApi::new(&configuration);
    let written = comments.create_task_comment("tsk_1001", "On it.").send().unwrap();
    assert!(comments.list_task_comments("tsk_1001").send().unwrap().comments.len() > 1);
    comments.toggle_comment_reaction("tsk_1001", &written.comment_id, "+1").send().unwrap();
    assert!(blocking::DocumentsApi::new(&configuration).fetch_document("doc_1001").send().is_ok());
    assert_eq!(blocking::TeamsApi::new(&configuration).list_teams().send().unwrap().teams.len(), 1);
    assert_eq!(blocking::UsersApi::new(&configuration).list_users().send().unwrap().users.len(), 3);
    assert!(blocking::UsersApi::new(&configuration).fetch_current_user().send().is_ok());
    assert!(blocking::TaxonomyApi::new(&configuration).list_taxonomy_labels().send().is_ok());
    assert!(blocking::WorkspacesApi::new(&configuration).list_workspaces().send().is_ok());
    assert!(blocking::WorkspacesApi::new(&configuration).fetch_workspace().send().is_ok());
}

#[test]
fn the_table_of_attempts_has_a_row_for_each() {
    let (contract, table) = (Contract::load(), include_str!("../../docs/retry-safety.md"));
    let rows = [
        ("listTaskComments", "read"),
        ("createTaskComment", "unsafe write"),
        ("toggleCommentReaction", "unsafe write"),
        ("fetchDocument", "read"),
        ("listTeams", "read"),
        ("listUsers", "read"),
        ("fetchCurrentUser", "read"),
        ("listTaxonomyLabels", "read"),
        ("listWorkspaces", "read"),
        ("fetchWorkspace", "read"),
    ];
    for (operation, class) in rows {
        let called = contract.operation(operation).2["operationId"].as_str().unwrap();
        assert!(table.contains(&format!("| {called} | {class} |")), "{operation}");
    }
}

#[tokio::test]
async fn a_403_of_an_agent_route_called_with_an_api_key_says_what_it_needs() {
    let fake = FakeOneHorizon::builder().in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    fake.fail_next(Fault::status(403));
    let error = configuration.request("POST", "/workspaces/{workspaceId}/agent-sessions").await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("agent") && hint.contains("OAuth")), "{error:?}");
}

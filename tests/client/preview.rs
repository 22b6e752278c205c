//! The operations of the feature `preview`, and what an error says of a route that is deduced.

use onehorizon::apis::{CommentsApi, TaxonomyApi, TeamsApi, UsersApi, WorkspacesApi};
use onehorizon::{Configuration, DocumentsApi, ErrorKind, TasksApi};
use onehorizon_testing::FakeOneHorizon;

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
    assert_eq!(reaction.emoji.as_deref(), Some("👍"));
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
    assert!(error.hint().unwrap().contains("it is deduced"), "{error:?}");
}

#[tokio::test]
async fn a_403_of_a_raw_request_says_that_some_routes_need_an_oauth_token() {
    let fake = FakeOneHorizon::builder().in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    let error = configuration.request("GET", "/workspaces/{workspaceId}/api-keys").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("agent and key-management routes need"), "{error:?}");
}

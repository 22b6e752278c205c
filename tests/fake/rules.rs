//! Who may do what: credentials, API keys, workspaces.

use onehorizon_testing::FakeOneHorizon;
use support::contract::Contract;
use support::http::Caller;

const TASKS: &str = "/workspaces/current/tasks";
const KEYS: &str = "/workspaces/current/api-keys";

async fn fake() -> FakeOneHorizon {
    FakeOneHorizon::start().await.unwrap()
}

#[tokio::test]
async fn a_request_without_a_credential_is_refused() {
    let fake = fake().await;
    let reply = Caller::anonymous(&fake.url()).get(TASKS).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json()["code"], 401);
    assert!(reply.message().contains("Authorization: Bearer"), "{}", reply.message());
}

#[tokio::test]
async fn a_credential_that_nobody_gave_out_is_refused() {
    let fake = fake().await;
    let caller = Caller::anonymous(&fake.url());
    for value in ["Bearer made-up", "Basic dXNlcjpwYXNz", "Bearer", "Bearer "] {
        let reply = caller.clone().authorization(value).get(TASKS).await;
        assert_eq!(reply.status, 401, "{value}");
        assert!(!reply.body.contains("made-up"));
    }
}

#[tokio::test]
async fn a_known_key_and_a_known_oauth_token_are_let_in() {
    let fake = fake().await;
    for token in [fake.api_key(), fake.oauth_token(), fake.admin_token(), fake.member_token()] {
        assert_eq!(Caller::new(&fake.url(), token).get(TASKS).await.status, 200);
    }
}

/// The field with the secret of a new key.
fn secret_field() -> String {
    Contract::load().field("createApiKey", "secret")
}

#[tokio::test]
async fn a_created_key_works_until_it_is_revoked_and_not_once_more() {
    let fake = fake().await;
    let owner = Caller::new(&fake.url(), fake.oauth_token());
    let created = owner.post(KEYS, r#"{"description":"nightly"}"#).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    let key = Caller::new(&fake.url(), created[secret_field()].as_str().unwrap());
    assert_eq!(key.get(TASKS).await.status, 200);

    let route = format!("{KEYS}/{}", created["apiKeyId"].as_str().unwrap());
    let revoked = owner.delete(&route).await;
    assert_eq!((revoked.status, revoked.body.as_str()), (204, ""));
    assert_eq!(key.get(TASKS).await.status, 401);
    assert_eq!(owner.delete(&route).await.status, 404);
}

#[tokio::test]
async fn the_secret_of_a_key_is_shown_once() {
    let fake = fake().await;
    let owner = Caller::new(&fake.url(), fake.oauth_token());
    let created = owner.post(KEYS, r#"{"description":"nightly"}"#).await.json();
    let secret = created[secret_field()].as_str().unwrap();
    let list = owner.get(KEYS).await;
    assert!(!list.body.contains(secret) && !list.body.contains(fake.api_key()));
    let listed = list.json();
    let listed = listed["apiKeys"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2]["apiKeyId"], created["apiKeyId"]);
    assert_eq!(listed[2]["description"], "nightly");
    assert!(listed.iter().all(|key| key.get(secret_field()).is_none()));
}

#[tokio::test]
async fn an_api_key_may_not_manage_api_keys() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let route = format!("{KEYS}/key_1002");
    let replies = [key.get(KEYS).await, key.post(KEYS, r#"{"description":"x"}"#).await, key.delete(&route).await];
    for reply in replies {
        assert_eq!(reply.status, 403);
        assert!(reply.message().contains("OAuth access token of a workspace owner or admin"), "{}", reply.message());
    }
    assert_eq!(fake.active_keys(), ["key_1001", "key_1002"]);
}

#[tokio::test]
async fn only_owners_and_admins_manage_api_keys() {
    let fake = fake().await;
    let user = Caller::new(&fake.url(), fake.member_token());
    assert_eq!(user.get(KEYS).await.status, 403);
    assert_eq!(user.post(KEYS, r#"{"description":"x"}"#).await.status, 403);
    assert_eq!(user.delete(&format!("{KEYS}/key_1002")).await.status, 403);
    let admin = Caller::new(&fake.url(), fake.admin_token());
    assert_eq!(admin.get(KEYS).await.status, 200);
    assert_eq!(admin.delete(&format!("{KEYS}/key_1002")).await.status, 204);
}

#[tokio::test]
async fn the_twenty_first_active_key_is_refused_until_one_is_revoked() {
    let fake = fake().await;
    let owner = Caller::new(&fake.url(), fake.oauth_token());
    for number in fake.active_keys().len()..20 {
        let reply = owner.post(KEYS, &format!(r#"{{"description":"service {number}"}}"#)).await;
        assert_eq!(reply.status, 201, "key {number}");
    }
    let refused = owner.post(KEYS, r#"{"description":"one too many"}"#).await;
    assert_eq!(refused.status, 409);
    assert!(refused.message().contains("20 active API keys"), "{}", refused.message());
    assert_eq!(fake.active_keys().len(), 20);
    assert_eq!(owner.delete(&format!("{KEYS}/key_1002")).await.status, 204);
    assert_eq!(owner.post(KEYS, r#"{"description":"room again"}"#).await.status, 201);
}

#[tokio::test]
async fn current_and_the_workspaces_own_id_name_the_same_workspace() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let own = format!("/workspaces/{}/tasks", fake.workspace_id());
    assert_eq!(key.get(TASKS).await.json(), key.get(&own).await.json());
    let other = key.get("/workspaces/w_elsewhere/tasks").await;
    assert_eq!((other.status, other.message().as_str()), (404, "workspace not found"));
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    assert_eq!(key.get("/workspaces/current/tasks/tsk_0").await.message(), "task not found");
    assert_eq!(key.get("/workspaces/current/nothing").await.message(), "route not found");
    assert_eq!(key.get("/workspaces/current/tasks/").await.status, 404);
    assert_eq!(key.get("/workspaces/current/tasks/tsk_1001/more").await.status, 404);
    let owner = Caller::new(&fake.url(), fake.oauth_token());
    assert_eq!(owner.delete(&format!("{KEYS}/key_0")).await.message(), "API key not found");
}

#[tokio::test]
async fn a_method_the_contract_does_not_have_names_those_it_has() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let reply = key.send("PURGE", "/workspaces/current/tasks/tsk_1001", &[], "").await.unwrap();
    let mut allowed: Vec<&str> = reply.header("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!((reply.status, allowed.join(", ")), (405, Contract::load().methods("fetchTask")));
}

#[tokio::test]
async fn an_escaped_slash_stays_inside_its_segment() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let reply = key.get("/workspaces/current/tasks/tsk_1001%2F..%2F..%2Fapi-keys").await;
    assert_eq!(reply.message(), "task not found");
    assert_eq!(fake.requests()[0].operation(), Some("fetchTask"));
    assert_eq!(key.get("/workspaces/current/tasks/%zz").await.status, 404);
}

#[tokio::test]
async fn requests_are_recorded_without_their_credentials() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let headers = [("Content-Type", "application/json"), ("X-Trace", "abc"), ("Cookie", "session=s3cret")];
    key.send("POST", TASKS, &headers, r#"{"title":"private words"}"#).await.unwrap();
    let requests = fake.requests();
    let request = &requests[0];
    assert_eq!((request.method().as_str(), request.path()), ("POST", "/api/v1/workspaces/current/tasks"));
    assert_eq!((request.operation(), request.principal()), (Some("createTask"), Some("key_1001")));
    assert_eq!(request.status(), Some(201));
    assert_eq!(request.body(), br#"{"title":"private words"}"#);
    assert!(request.header_names().any(|name| name == "authorization"));
    assert_eq!(request.header("x-trace"), Some("abc"));
    assert_eq!((request.header("authorization"), request.header("cookie")), (None, None));
    let shown = format!("{request:?} {fake:?}");
    for secret in [fake.api_key(), fake.oauth_token(), "private words", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(fake.executed("createTask"), 1);
    fake.clear_requests();
    assert!(fake.requests().is_empty());
}

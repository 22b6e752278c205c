//! The fake checks requests, and its own responses, against the contract.

use onehorizon_testing::FakeOneHorizon;
use serde_json::{Value, json};
use support::contract::Contract;
use support::http::{Caller, Reply};

const TASKS: &str = "/workspaces/current/tasks";
const KEYS: &str = "/workspaces/current/api-keys";

async fn strict() -> (FakeOneHorizon, Caller) {
    let fake = FakeOneHorizon::builder().quota_off().start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    (fake, key)
}

/// The places of the violations, as `body $.title`.
fn paths(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 422, "{}", reply.body);
    let body = reply.json();
    assert_eq!(body["code"], 422);
    let text = |detail: &Value, name: &str| detail[name].as_str().unwrap().to_owned();
    let details = body["details"].as_array().unwrap();
    assert!(details.iter().all(|detail| !text(detail, "message").is_empty()));
    details.iter().map(|detail| format!("{} {}", text(detail, "in"), text(detail, "path"))).collect()
}

#[tokio::test]
async fn a_violation_in_a_body_is_reported_with_its_json_path() {
    let (fake, key) = strict().await;
    let cases = [
        ("{}", "body $.title"),
        (r#"{"title":7}"#, "body $.title"),
        (r#"{"title":null}"#, "body $.title"),
        (r#"{"title":"x","contributors":[{"type":"assignee"}]}"#, "body $.contributors[0].userId"),
        (
            r#"{"title":"x","contributors":[{"userId":"u_1","type":"assignee"},{"userId":"u_2","type":3}]}"#,
            "body $.contributors[1].type",
        ),
        (r#"{"title":"x","completedAt":"yesterday"}"#, "body $.completedAt"),
        (r#"{"title":"x","isBugFix":"yes"}"#, "body $.isBugFix"),
        ("[]", "body $"),
        (r#""title""#, "body $"),
    ];
    for (body, place) in cases {
        assert_eq!(paths(&key.post(TASKS, body).await), [place], "{body}");
    }
    assert_eq!((fake.executed("createTask"), fake.violations().len()), (0, cases.len()));
}

#[tokio::test]
async fn every_violation_is_reported_and_none_repeats_the_value() {
    let (_fake, key) = strict().await;
    let reply = key.post(TASKS, r#"{"title":["not-for-logs"],"isNewFeature":"not-for-logs"}"#).await;
    assert_eq!(paths(&reply), ["body $.isNewFeature", "body $.title"]);
    assert!(reply.message().contains("body $.isNewFeature: "), "{}", reply.message());
    assert!(!reply.body.contains("not-for-logs"));
}

#[tokio::test]
async fn a_whole_task_is_checked_like_a_new_one() {
    let (_fake, key) = strict().await;
    let route = format!("{TASKS}/tsk_1001");
    assert_eq!(paths(&key.put(&route, r#"{"title":"no id"}"#).await), ["body $.taskId"]);
    let nested = r#"{"taskId":"tsk_1001","contributors":[{"userId":"u_1","type":{}}]}"#;
    assert_eq!(paths(&key.put(&route, nested).await), ["body $.contributors[0].type"]);
    let nulls = r#"{"taskId":"tsk_1001","title":null,"contributors":null,"status":null}"#;
    assert_eq!(key.put(&route, nulls).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_where_it_breaks() {
    let (_fake, key) = strict().await;
    for body in [r#"{"title":"x""#, "{'title':'x'}", "title=x", "nul", r#"{"title":"x"} trailing"#] {
        let reply = key.post(TASKS, body).await;
        assert_eq!(paths(&reply), ["body $"], "{body}");
        assert!(reply.message().contains("is not valid JSON"), "{}", reply.message());
    }
    assert_eq!(paths(&key.post(TASKS, r#"{"title":"a","title":"b"}"#).await), ["body $"]);
    let deep = format!(r#"{{"title":"x","n":{}1e400{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(paths(&key.post(TASKS, &deep).await), ["body $"]);
    let empty = key.post(TASKS, "").await;
    assert_eq!(
        (paths(&empty), empty.json()["details"][0]["message"].as_str()),
        (vec!["body $".to_owned()], Some("is required"))
    );
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let (_fake, key) = strict().await;
    for headers in
        [&[][..], &[("Content-Type", "text/plain")], &[("Content-Type", "application/x-www-form-urlencoded")]]
    {
        let reply = key.send("POST", TASKS, headers, r#"{"title":"x"}"#).await.unwrap();
        assert_eq!(reply.status, 415, "{headers:?}");
        assert_eq!(reply.json()["details"][0]["path"], "content-type");
    }
    let with_charset = [("Content-Type", "Application/JSON; charset=utf-8")];
    assert_eq!(key.send("POST", TASKS, &with_charset, r#"{"title":"x"}"#).await.unwrap().status, 201);
}

#[tokio::test]
async fn query_parameters_are_checked_by_name_type_and_number() {
    let (_fake, key) = strict().await;
    let documents = "/workspaces/current/documents";
    let cases = [
        (format!("{TASKS}?archived=true"), "query archived"),
        (format!("{TASKS}?all=yes"), "query all"),
        (format!("{TASKS}?all=1"), "query all"),
        (format!("{TASKS}?all=true&all=true"), "query all"),
        (format!("{TASKS}?Status=planned"), "query Status"),
        (format!("{TASKS}?status%5B%5D=planned"), "query status[]"),
        (format!("{TASKS}/tsk_1001?all=true"), "query all"),
        (format!("{documents}?limit=ten"), "query limit"),
        (format!("{documents}?limit=-1"), "query limit"),
        (format!("{documents}?limit=1.5"), "query limit"),
        (format!("{TASKS}?status=%ff"), "query ?"),
    ];
    for (path, place) in cases {
        assert_eq!(paths(&key.get(&path).await), [place], "{path}");
    }
    let escaped = key.get(&format!("{TASKS}?all=true&scope=in%69tiative&status=planned&status=review")).await;
    assert_eq!(escaped.json()["tasks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused() {
    let (_fake, key) = strict().await;
    let headers = [("Content-Type", "application/json")];
    assert_eq!(paths(&key.send("GET", TASKS, &headers, "{}").await.unwrap()), ["body $"]);
}

#[tokio::test]
async fn a_request_the_fake_would_refuse_anyway_is_not_called_a_violation() {
    let (fake, _) = strict().await;
    let reply = Caller::anonymous(&fake.url()).post(TASKS, "{}").await;
    assert_eq!((reply.status, fake.violations().len()), (401, 0));
}

/// What the contract says about the responses of one operation.
fn schema_of(contract: &Contract, role: &str, status: u16) -> Option<Value> {
    let responses = &contract.operation(role).2["responses"];
    let reply = responses.get(status.to_string()).or_else(|| responses.get("default"))?;
    let reply = match reply.get("$ref").and_then(Value::as_str) {
        Some(pointer) => contract.document().pointer(pointer.trim_start_matches('#')).unwrap(),
        None => reply,
    };
    let schema = reply.pointer("/content/application~1json/schema")?;
    Some(json!({ "allOf": [schema], "components": contract.document()["components"] }))
}

#[tokio::test]
async fn every_response_of_the_fake_is_what_the_contract_promises() {
    let (fake, key) = strict().await;
    let owner = Caller::new(&fake.url(), fake.oauth_token());
    let contract = Contract::load();
    let documents = "/workspaces/current/documents?includeContent=true";
    let one = format!("{TASKS}/tsk_1001");
    let reactions = format!("{one}/comments/comment_1001/reactions");
    let replies = [
        ("listTasks", key.get(&format!("{TASKS}?all=true")).await, 200),
        ("createTask", key.post(TASKS, r#"{"title":"x"}"#).await, 201),
        ("createTask", key.post(TASKS, "{}").await, 422),
        ("fetchTask", key.get(&one).await, 200),
        ("fetchTask", key.get(&format!("{TASKS}/tsk_0")).await, 404),
        ("updateTask", key.update(&one, &key.get(&one).await.body).await, 200),
        ("listDocuments", key.get(documents).await, 200),
        ("listApiKeys", owner.get(KEYS).await, 200),
        ("listApiKeys", key.get(KEYS).await, 403),
        ("createApiKey", owner.post(KEYS, r#"{"description":"x"}"#).await, 201),
        ("revokeApiKey", owner.delete(&format!("{KEYS}/key_1002")).await, 204),
        ("listTaskComments", key.get(&format!("{one}/comments")).await, 200),
        ("createTaskComment", owner.post(&format!("{one}/comments"), r#"{"content":"x"}"#).await, 201),
        ("toggleCommentReaction", owner.post(&reactions, r#"{"emoji":"+1"}"#).await, 200),
        ("fetchDocument", key.get("/workspaces/current/documents/doc_1001").await, 200),
        ("listTeams", key.get("/workspaces/current/teams").await, 200),
        ("listUsers", key.get("/workspaces/current/users").await, 200),
        ("fetchCurrentUser", owner.get("/workspaces/current/users/me").await, 200),
        ("listTaxonomyLabels", key.get("/workspaces/current/taxonomy-labels").await, 200),
        ("listWorkspaces", key.get("/workspaces").await, 200),
        ("fetchWorkspace", key.get("/workspaces/current").await, 200),
    ];
    let mut problems = Vec::new();
    for (role, reply, status) in &replies {
        if reply.status != *status {
            problems.push(format!("{role}: {} instead of {status}: {}", reply.status, reply.body));
            continue;
        }
        let Some(schema) = schema_of(contract, role, *status) else {
            // An official document may leave the schemas of errors out.
            if !(reply.body.is_empty() || *status >= 400 && contract.is_official()) {
                problems.push(format!("{role} {status}: a body where none is described: {}", reply.body));
            }
            continue;
        };
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let found = validator.iter_errors(&reply.json()).map(|error| error.to_string()).collect::<Vec<_>>();
        problems.extend(found.into_iter().map(|problem| format!("{role} {status}: {problem}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let mut played: Vec<&str> = replies.iter().map(|(role, ..)| *role).collect();
    played.dedup();
    let paths = contract.document()["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let operations = operations.filter(|operation| operation.get("operationId").is_some()).count();
    assert!(played.len() == operations || contract.is_official(), "a new operation wants a line above");
}

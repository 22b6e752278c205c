//! Tasks and documents: what is stored, listed and replaced.

use onehorizon_testing::{FakeOneHorizon, Record};
use support::http::{Caller, Reply};

const TASKS: &str = "/workspaces/current/tasks";

async fn fake() -> FakeOneHorizon {
    FakeOneHorizon::start().await.unwrap()
}

fn ids(reply: &Reply, list: &str, id: &str) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body = reply.json();
    body[list].as_array().unwrap().iter().map(|item| item[id].as_str().unwrap().to_owned()).collect()
}

fn tasks(reply: &Reply) -> Vec<String> {
    ids(reply, "tasks", "taskId")
}

#[tokio::test]
async fn the_seeded_workspace_has_work_in_several_statuses() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let active = key.get(&format!("{TASKS}?scope=initiative&status=planned&status=in_progress&status=review")).await;
    assert_eq!(tasks(&active), ["tsk_1001", "tsk_1002", "tsk_1003"]);
}

#[tokio::test]
async fn a_key_sees_everyones_tasks_and_finished_ones_only_when_asked() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let usual = tasks(&key.get(TASKS).await);
    assert!(usual.contains(&"tsk_2001".to_owned()) && !usual.contains(&"tsk_1005".to_owned()));
    let all = tasks(&key.get(&format!("{TASKS}?all=true")).await);
    assert_eq!(all.len(), fake.tasks().len());
    let finished = tasks(&key.get(&format!("{TASKS}?status=completed&scope=initiative")).await);
    assert_eq!(finished, ["tsk_1005"]);
    assert_eq!(tasks(&key.get(&format!("{TASKS}?all=false")).await), usual);
}

#[tokio::test]
async fn a_user_sees_their_own_tasks_and_everyones_with_all() {
    let fake = fake().await;
    let user = Caller::new(&fake.url(), fake.member_token());
    let own = tasks(&user.get(TASKS).await);
    assert_eq!(own, ["tsk_1001", "tsk_1002", "tsk_2001", "tsk_2002", "tsk_3001"]);
    assert_eq!(tasks(&user.get(&format!("{TASKS}?all=true")).await).len(), fake.tasks().len());
}

#[tokio::test]
async fn a_status_nobody_knows_matches_nothing_and_is_no_error() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    assert!(tasks(&key.get(&format!("{TASKS}?status=paused")).await).is_empty());
}

#[tokio::test]
async fn lists_cut_long_descriptions_and_a_fetch_has_all_of_it() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let listed = key.get(TASKS).await.json()["tasks"][0]["description"].as_str().unwrap().to_owned();
    let fetched = key.get(&format!("{TASKS}/tsk_1001")).await.json()["description"].as_str().unwrap().to_owned();
    assert_eq!(listed.chars().count(), 201);
    assert!(listed.ends_with('…') && fetched.starts_with(listed.trim_end_matches('…')) && fetched.len() > listed.len());
}

#[tokio::test]
async fn a_created_task_gets_what_only_the_service_knows() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let created = key.post(TASKS, r#"{"title":"Recap e-mail is sent twice","kind":"bug"}"#).await;
    assert_eq!(created.status, 201);
    let task = created.json();
    assert_eq!((&task["title"], &task["kind"]), (&"Recap e-mail is sent twice".into(), &"bug".into()));
    assert_eq!((&task["status"], &task["workspaceId"]), (&"planned".into(), &fake.workspace_id().into()));
    let route = format!("{TASKS}/{}", task["taskId"].as_str().unwrap());
    assert_eq!(key.get(&route).await.body, created.body);
    assert_eq!(task["origin"], "api", "a field that the contract does not know");
    let second = key.post(TASKS, r#"{"title":"Another"}"#).await.json();
    assert_ne!(second["taskId"], task["taskId"]);
}

#[tokio::test]
async fn nothing_that_is_sent_is_lost_or_rewritten() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let fields = [
        r#""title":"T\u00e9st""#,
        r#""huge":123456789012345678901234567890"#,
        r#""beyond":1e400"#,
        r#""precise":0.10000000000000000000000000000000000001"#,
        r#""written":1.500"#,
        r#""nested":{"b":[1e999,{"a":null}],"a":-0.0}"#,
        r#""nothing":null"#,
    ];
    let created = key.post(TASKS, &format!("{{{}}}", fields.join(","))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = fake.tasks().last().unwrap().text("taskId").unwrap();
    let fetched = key.get(&format!("{TASKS}/{id}")).await.body;
    for field in fields {
        assert!(created.body.contains(field) && fetched.contains(field), "{field} in {fetched}");
    }
    let place = |field: &str| fetched.find(field).unwrap();
    assert!(fields.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "the order changed: {fetched}");
    assert_eq!(key.update(&format!("{TASKS}/{id}"), &fetched).await.status, 200);
    assert!(fields.iter().all(|field| fake.task(&id).unwrap().to_json().contains(field)));
}

#[tokio::test]
async fn an_update_replaces_the_whole_task() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let route = format!("{TASKS}/tsk_1003");
    let before = fake.task("tsk_1003").unwrap();
    let reply = key.put(&route, r#"{"taskId":"tsk_1003","status":"in_progress","workspaceId":"w_other"}"#).await;
    assert_eq!(reply.status, 200);
    let after = fake.task("tsk_1003").unwrap();
    assert_eq!(reply.body, after.to_json());
    assert_eq!(after.text("status").as_deref(), Some("in_progress"));
    assert_eq!((after.raw("title"), after.raw("description")), (None, None));
    assert_eq!(after.raw("createdAt"), before.raw("createdAt"));
    assert_eq!(after.raw("workspaceId"), before.raw("workspaceId"));
    assert_ne!(after.raw("updatedAt"), before.raw("updatedAt"));
}

#[tokio::test]
async fn an_update_of_another_task_than_the_path_names_is_refused() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let reply = key.update(&format!("{TASKS}/tsk_1003"), r#"{"taskId":"tsk_1001"}"#).await;
    assert_eq!((reply.status, reply.json()["details"][0]["path"].as_str()), (422, Some("$.taskId")));
    let absent = fake.task("tsk_1003").unwrap().to_json().replace("tsk_1003", "tsk_0");
    assert_eq!(key.update(&format!("{TASKS}/tsk_0"), &absent).await.status, 404);
}

#[tokio::test]
async fn a_completed_task_says_when() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let reply = key.update(&format!("{TASKS}/tsk_3002"), r#"{"taskId":"tsk_3002","status":"completed"}"#).await;
    assert!(reply.json()["completedAt"].as_str().unwrap().starts_with("2026-06-01T09:00:"));
    let completed = |rest: &'static str| {
        let key = key.clone();
        async move {
            let reply = key.update(&format!("{TASKS}/tsk_3002"), &format!(r#"{{"taskId":"tsk_3002",{rest}}}"#)).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            reply.json().get("completedAt").filter(|time| !time.is_null()).cloned()
        }
    };
    assert_eq!(completed(r#""status":"planned","completedAt":null"#).await, None);
    assert!(completed(r#""status":"completed","completedAt":null"#).await.unwrap().is_string());
    let given = completed(r#""status":"completed","completedAt":"2026-01-01T00:00:00Z""#).await;
    assert_eq!(given.unwrap(), "2026-01-01T00:00:00Z");
}

#[tokio::test]
async fn documents_come_without_content_unless_it_is_asked_for() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    let documents = "/workspaces/current/documents";
    let light = key.get(documents).await;
    assert_eq!(ids(&light, "documents", "documentId"), ["doc_1001", "doc_1002", "doc_1003"]);
    assert!(!light.body.contains("\"content\""));
    let full = key.get(&format!("{documents}?taskId=tsk_1001&includeContent=true")).await;
    assert_eq!(ids(&full, "documents", "documentId"), ["doc_1001"]);
    assert!(full.json()["documents"][0]["content"].as_str().unwrap().starts_with("# Onboarding"));
    assert_eq!(ids(&key.get(&format!("{documents}?limit=2")).await, "documents", "documentId").len(), 2);
}

#[tokio::test]
async fn a_limit_of_zero_lists_nothing() {
    let fake = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    assert!(ids(&key.get("/workspaces/current/documents?limit=0").await, "documents", "documentId").is_empty());
}

#[tokio::test]
async fn a_test_can_put_its_own_tasks_and_documents_in_place() {
    let fake = FakeOneHorizon::builder().empty().start().await.unwrap();
    assert!(fake.tasks().is_empty() && fake.documents().is_empty());
    fake.put_task(Record::new().with("taskId", "tsk_mine").with("title", "Mine").with("status", "someday"));
    fake.put_task(Record::parse(r#"{"title":"Without an id","n":1.50}"#).unwrap());
    fake.put_document(Record::new().with("documentId", "doc_mine"));
    let key = Caller::new(&fake.url(), fake.api_key());
    assert_eq!(tasks(&key.get(TASKS).await).len(), 2);
    fake.put_task(Record::new().with("taskId", "tsk_mine").with("title", "Changed"));
    assert_eq!(key.get(&format!("{TASKS}/tsk_mine")).await.json()["title"], "Changed");
    fake.remove_task("tsk_mine");
    assert_eq!(key.get(&format!("{TASKS}/tsk_mine")).await.status, 404);
    assert_eq!(fake.tasks()[0].raw("n"), Some("1.50"));
    assert_eq!(fake.documents().len(), 1);
}

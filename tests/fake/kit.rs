//! What users of the kit reach for: seeds, expectations, scenarios, samples and the undocumented behaviours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use onehorizon::models::TaskStatus;
use onehorizon::{ErrorKind, TasksApi};
use onehorizon_testing::{
    CreatedStatus, EmptyList, ErrorShape, FakeOneHorizon, Fault, ListContent, NewEvent, Record, Reply, Scenario, Seed,
    SeedTask, Unknowns, UpdateMethod, UpdateReply, WaitForm, error_of, sample_error,
};
use serde_json::json;
use support::http::Caller;

const TASKS: &str = "/workspaces/current/tasks";

fn client(fake: &FakeOneHorizon) -> TasksApi {
    TasksApi::new(&fake.configuration())
}

#[tokio::test]
async fn a_fake_has_a_configuration_that_leads_to_it_with_and_without_a_socket() {
    for fake in [FakeOneHorizon::builder().in_process(), FakeOneHorizon::builder().start().await.unwrap()] {
        let tasks = TasksApi::new(&fake.configuration());
        assert_eq!(tasks.fetch_task("tsk_1001").await.unwrap().task_id, "tsk_1001");
        let revoked = fake.configuration_builder().api_key("another").build().unwrap();
        assert_eq!(TasksApi::new(&revoked).fetch_task("tsk_1001").await.unwrap_err().kind(), ErrorKind::Unauthorized);
        fake.assert_called_times("fetchTask", 1);
    }
}

/// The message with which an expectation fails.
fn failure<T>(expectation: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        expectation();
    }));
    let panic = panic.expect_err("the expectation holds");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn three_tasks() -> Seed {
    Seed::new()
        .task("First")
        .task(SeedTask::new("Second").id("tsk_two").status(TaskStatus::InProgress).owner("u_mira").assignee("u_tomas"))
        .task(SeedTask::new("Third").kind("bug").scope("initiative").topic("Web").description("D").field("x", &1))
        .document("tsk_two", "Notes", "Text")
        .comment("tsk_two", "Seen.")
        .team("team_web", "Web")
        .label("label_a", "A")
        .user("u_zoe", "admin")
}

#[tokio::test]
async fn a_seed_is_what_the_workspace_holds() {
    let fake = FakeOneHorizon::builder().seed(three_tasks()).start().await.unwrap();
    let ids: Vec<_> = fake.tasks().iter().map(|task| task.text("taskId").unwrap()).collect();
    assert_eq!(ids, ["tsk_1", "tsk_two", "tsk_3"]);
    fake.tasks().titled("Second").in_status("in_progress").expect_one().expect(&json!({
        "userId": "u_mira", "workspaceId": "w_lighthouse", "contributors": [{ "userId": "u_tomas", "type": "assignee" }]
    }));
    fake.tasks().with("kind", "bug").expect_one().expect(&json!({ "x": 1, "topic": "Web", "description": "D" }));
    fake.documents().titled("Notes").expect_one().expect(&json!({ "documentId": "doc_1", "taskId": "tsk_two" }));
    fake.comments().expect_one().expect(&json!({ "commentId": "comment_1", "content": "Seen." }));

    let zoe = Caller::new(&fake.url(), &fake.token_of("u_zoe").unwrap());
    assert_eq!(zoe.get("/workspaces/current/api-keys").await.status, 200, "an admin manages keys");
    assert_eq!(zoe.get("/workspaces/current/teams").await.json()["teams"][0]["name"], "Web");
    assert!(fake.token_of("u_nobody").is_none());
}

#[test]
fn a_seed_survives_its_file() {
    let text = three_tasks().to_json();
    let again = Seed::from_json(&text).unwrap();
    assert_eq!(again.to_json(), text);
    let (one, other) = (three_tasks(), again);
    let tasks = |seed| {
        FakeOneHorizon::builder().seed(seed).in_process().tasks().iter().map(Record::to_json).collect::<Vec<_>>()
    };
    assert_eq!(tasks(one), tasks(other));
}

#[test]
fn a_seed_file_that_cannot_be_used_says_where_it_is_wrong() {
    for (text, said) in [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{\"version\": 1, \"tasks\": [", "not a JSON object"),
        ("{}", "has no version"),
        ("{\"version\": 2}", "version 2, and this program reads version 1"),
        ("{\"version\": \"1\"}", "has no version"),
        ("{\"version\": 1, \"taks\": []}", "unknown field `taks`"),
        ("{\"version\": 1, \"tasks\": {}}", "`tasks` of the seed is not a list"),
        ("{\"version\": 1, \"tasks\": [{\"title\": \"a\"}]}", "tasks[0] has no `taskId`"),
        ("{\"version\": 1, \"tasks\": [{\"taskId\": \"a\"}]}", "tasks[0] (`a`) has no `title`"),
        (
            "{\"version\": 1, \"teams\": [{\"teamId\": \"a\"}, {\"teamId\": \"a\"}]}",
            "teams[1] has the id `a` a second time",
        ),
        ("{\"version\": 1, \"comments\": [{\"commentId\": \"c\", \"taskId\": \"t\"}]}", "no such task"),
        ("{\"version\": 1, \"users\": [{\"userId\": \"u\", \"role\": \"king\"}]}", "users[0].role"),
    ] {
        let error = Seed::from_json(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[tokio::test]
async fn expectations_that_hold_say_nothing() {
    let fake = FakeOneHorizon::builder().in_process();
    let tasks = client(&fake);
    tasks.create_task(onehorizon::models::NewTask::new("From a test")).await.unwrap();
    tasks.fetch_task("tsk_1001").await.unwrap();
    fake.requests().of("createTask").expect_one().expect_body(&json!({ "title": "From a test" }));
    fake.requests().expect_operations(&["createTask", "fetchTask"]).expect_count(2);
    fake.requests().by("key_1001").with_status(200).at("/workspaces/current/tasks/tsk_1001").expect_one();
    fake.requests().of("updateTask").expect_none();
    fake.requests().that("with a body", |request| !request.body().is_empty()).expect_count(1);
    fake.assert_called("createTask");
    fake.assert_called_times("fetchTask", 1);
    fake.assert_not_called("updateTask");
    fake.assert_no_violations();
    fake.assert_script_is_used();
    fake.tasks().titled("From a test").expect_one();
}

#[tokio::test]
async fn expectations_that_fail_show_what_there_is_instead() {
    let fake = FakeOneHorizon::builder().seed(Seed::new().task("First")).in_process();
    let tasks = client(&fake);
    tasks.fetch_task("tsk_1").await.unwrap();
    let odd = http::Request::get("/api/v1/workspaces/current/tasks?colour=red");
    let odd = odd.header("authorization", format!("Bearer {}", fake.api_key())).body(bytes::Bytes::new()).unwrap();
    assert_eq!(fake.handle(&odd).status(), 422);

    let said = failure(|| fake.requests().of("createTask").by("u_ada").expect_one().status());
    assert!(said.starts_with("expected one request of createTask by u_ada, found 0\nrequests so far (2):"), "{said}");
    assert!(said.contains("GET    /api/v1/workspaces/current/tasks/tsk_1  fetchTask  200"), "{said}");
    assert!(said.contains("listTasks  422  query colour"), "{said}");

    let said = failure(|| fake.tasks().titled("Second").expect_one().to_json());
    assert_eq!(
        said,
        "expected one task with title \"Second\", found 0\nthere are (1):\n  tsk_1        planned      First"
    );
    let said = failure(|| fake.tasks().expect_none());
    assert!(said.starts_with("expected no task, found 1"), "{said}");
    let said = failure(|| fake.tasks().expect_one().expect(&json!({ "title": "Other", "scope": "x" })).to_json());
    assert_eq!(
        said,
        "the record is not as expected:\n  $.scope: expected \"x\", missing\n  $.title: expected \"Other\", got \"First\""
    );
    for (said, part) in [
        (failure(|| fake.assert_called("createTask")), "createTask did not take effect"),
        (failure(|| fake.assert_not_called("fetchTask")), "fetchTask took effect 1 times, not 0"),
        (failure(|| fake.assert_no_violations()), "query colour"),
        (failure(|| fake.requests().expect_operations(&["fetchTask"]).len()), "requests of fetchTask"),
        (failure(|| fake.requests().expect_count(3).len()), "expected 3 requests, found 2"),
        (failure(|| fake.requests().expect_none()), "expected no request, found 2"),
        (failure(|| fake.requests().remove(0).expect_body(&json!({ "a": 1 })).status()), "the body is not as expected"),
    ] {
        assert!(said.contains(part), "{said}");
    }
    fake.fail_next(Fault::status(503).on("createTask"));
    let said = failure(|| fake.assert_script_is_used());
    assert!(said.contains("for createTask, 1 to go"), "{said}");
}

#[tokio::test]
async fn a_fault_waits_for_its_operation_its_id_and_its_credential() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let mira = Caller::new(&fake.url(), fake.member_token());
    fake.script([
        Fault::status(503).on("fetchTask").for_id("tsk_1002"),
        Fault::status(500).for_credential("u_mira").on("fetchTask"),
    ]);
    assert_eq!(key.get(&format!("{TASKS}/tsk_1001")).await.status, 200);
    assert_eq!(mira.get(TASKS).await.status, 200);
    assert_eq!(key.get(&format!("{TASKS}/tsk_1002")).await.status, 503);
    assert_eq!(mira.get(&format!("{TASKS}/tsk_1001")).await.status, 500);
    fake.assert_script_is_used();
}

#[tokio::test]
async fn every_scenario_has_a_name_and_plays() {
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::named(scenario.name()), Some(scenario));
        assert!(scenario.description().ends_with('.'));
        let fake = FakeOneHorizon::builder().in_process();
        fake.fail_next(scenario.fault());
        let tasks = client(&fake);
        let call = tasks.fetch_task("tsk_1001").attempts(1).timeout(Duration::from_millis(300));
        let outcome = call.await.map_err(|error| error.kind());
        let expected = match scenario {
            Scenario::RateLimited => Some(ErrorKind::RateLimited),
            Scenario::Flaky | Scenario::Html => Some(ErrorKind::Api),
            Scenario::Slow | Scenario::Hanging => Some(ErrorKind::Timeout),
            Scenario::DroppedBefore | Scenario::DroppedAfter | Scenario::Truncated => Some(ErrorKind::Interrupted),
            _ => None,
        };
        if let Some(kind) = expected {
            assert_eq!(outcome.err(), Some(kind), "{scenario:?}");
        }
    }
    assert!(Scenario::named("unheard-of").is_none());
}

#[tokio::test]
async fn a_gzip_response_is_a_gzip_file() {
    let fake = FakeOneHorizon::builder().in_process();
    let request = || {
        let builder = http::Request::get("/api/v1/workspaces/current/tasks/tsk_1001");
        builder.header("authorization", format!("Bearer {}", fake.api_key())).body(bytes::Bytes::new()).unwrap()
    };
    let plain = fake.handle(&request()).into_body();
    fake.fail_next(Fault::gzip());
    let packed = fake.handle(&request());
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let mut child = std::process::Command::new("gzip")
        .args(["-d", "-c"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), packed.body()).unwrap();
    let unpacked = child.wait_with_output().unwrap();
    assert!(unpacked.status.success());
    assert_eq!(unpacked.stdout, plain);
}

#[tokio::test]
async fn there_is_an_error_of_every_kind() {
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Invalid,
        ErrorKind::Connect,
        ErrorKind::Tls,
        ErrorKind::Timeout,
        ErrorKind::Interrupted,
        ErrorKind::RateLimited,
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Api,
        ErrorKind::Decode,
        ErrorKind::TooLarge,
    ];
    for kind in kinds {
        let error = sample_error(kind);
        assert_eq!(error.kind(), kind);
        assert!(!error.message().is_empty(), "{kind:?}");
    }
    let error = error_of(Reply::error(418, "short and stout"));
    assert_eq!((error.status(), error.message()), (Some(418), "short and stout"));
    assert!(error_of(Reply::status(204)).is_decode());
}

#[test]
fn there_is_a_verified_event_of_every_type() {
    for event_type in ["task.created", "task.updated", "comment.created", "agent.session_queued", "team.renamed"] {
        let event = NewEvent::sample(event_type).verified().unwrap();
        assert_eq!(event.get().event_type().as_str(), event_type);
        assert_eq!(event.label(), Some("key"));
    }
    assert_eq!(NewEvent::task_created("tsk_7").verified().unwrap().task_id().unwrap(), "tsk_7");
    assert!(NewEvent::new("task.created", "evt_1").attribute("specversion", "0.3").verified().is_err());
}

async fn json_of(caller: &Caller, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let reply = caller.send(method, path, &[("content-type", "application/json")], body).await.unwrap();
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_default())
}

#[tokio::test]
async fn each_undocumented_behaviour_shows_on_the_wire() {
    let start = |unknowns| async move {
        let fake = FakeOneHorizon::builder().unknowns(unknowns).start().await.unwrap();
        let caller = Caller::new(&fake.url(), fake.api_key());
        (fake, caller)
    };
    let one = format!("{TASKS}/tsk_1003");
    let (new, whole) = (r#"{"title":"x"}"#, r#"{"taskId":"tsk_1003","title":"x"}"#);
    let plain = Unknowns::default();

    let (_fake, key) = start(plain.update_method(UpdateMethod::Patch)).await;
    let refused = key.send("PUT", &one, &[("content-type", "application/json")], whole).await.unwrap();
    assert_eq!(refused.status, 405);
    assert!(refused.header("allow").is_some_and(|allow| allow.contains("PATCH")), "{refused:?}");
    let (status, task) = json_of(&key, "PATCH", &one, new).await;
    assert_eq!((status, &task["title"], &task["topic"]), (200, &json!("x"), &json!("Security")), "other fields stay");

    let (_fake, key) = start(plain.update_method(UpdateMethod::Either)).await;
    assert_eq!(json_of(&key, "PATCH", &one, new).await.0, 200);
    assert_eq!(json_of(&key, "PUT", &one, whole).await.1["topic"], json!(null), "PUT replaces");

    let (_fake, key) = start(plain.created(CreatedStatus::Ok)).await;
    assert_eq!(json_of(&key, "POST", TASKS, new).await.0, 200);
    let (_fake, key) = start(plain.updated(UpdateReply::NoContent)).await;
    assert_eq!(key.update(&one, whole).await.status, 204);

    let long = Seed::new().task(SeedTask::new("Long").description(&"d".repeat(300)));
    let uncut = FakeOneHorizon::builder().seed(long).unknowns(plain.lists(ListContent::Whole)).start().await.unwrap();
    let key = Caller::new(&uncut.url(), uncut.api_key());
    assert_eq!(key.get(TASKS).await.json()["tasks"][0]["description"].as_str().unwrap().len(), 300);

    for (wait, header, words) in
        [(WaitForm::Message, false, true), (WaitForm::RetryAfter, true, false), (WaitForm::Both, true, true)]
    {
        let (fake, key) = start(plain.wait(wait)).await;
        fake.spend_quota();
        let refused = key.get(TASKS).await;
        assert_eq!((refused.header("retry-after").is_some(), refused.message().contains("retry in")), (header, words));
    }
    for (shape, body) in [
        (ErrorShape::TextCode, r#"{"code":"NOT_FOUND","message":"task not found"}"#),
        (ErrorShape::Nested, r#"{"error":{"code":404,"message":"task not found"}}"#),
        (ErrorShape::Text, "task not found"),
    ] {
        let (_fake, key) = start(plain.errors(shape)).await;
        assert_eq!(key.get(&format!("{TASKS}/tsk_0")).await.body, body);
    }
    let (_fake, key) = start(plain.errors(ErrorShape::Problem)).await;
    let problem = key.get(&format!("{TASKS}/tsk_0")).await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["detail"], "task not found");

    for (empty, contributors) in [(EmptyList::Null, Some(&json!(null))), (EmptyList::Absent, None)] {
        let (_fake, key) = start(plain.empty_lists(empty)).await;
        assert_eq!(key.get(&one).await.json().get("contributors"), contributors);
        let listed = key.get(&format!("{TASKS}?status=planned")).await.json();
        assert_eq!(listed["tasks"][0].get("contributors"), contributors);
    }
}

#[tokio::test]
async fn a_client_gets_along_with_each_undocumented_behaviour() {
    assert_eq!(Unknowns::all().count(), 14);
    let script = include_str!("../../.ci/unknowns");
    let all = script.split_once("all='").and_then(|(_, rest)| rest.split_once('\'')).unwrap().0;
    let names: Vec<String> = Unknowns::all().map(|unknowns| unknowns.to_string()).collect();
    assert_eq!(all.split_whitespace().collect::<Vec<_>>(), names, "the script runs the suite under each of them");
    for unknowns in Unknowns::all() {
        let fake = FakeOneHorizon::builder().unknowns(unknowns).in_process();
        let tasks = client(&fake);
        let created = tasks.create_task(onehorizon::models::NewTask::new("New")).await.unwrap();
        assert_eq!(created.title, "New", "{unknowns:?}");
        let fetched = tasks.fetch_task("tsk_1003").await.unwrap();
        assert!(fetched.contributors.is_empty(), "{unknowns:?}");
        assert!(tasks.list_tasks().all(true).await.unwrap().tasks.len() > 10, "{unknowns:?}");
        let missing = tasks.fetch_task("tsk_0").await.unwrap_err();
        assert!(missing.is_not_found() && missing.message().contains("task not found"), "{unknowns:?}: {missing}");
        let written = tasks.edit_task("tsk_1003", |task| task.title = "Edited".to_owned()).await;
        assert_eq!(written.unwrap().title, "Edited", "{unknowns:?}");
        assert_eq!(fake.task("tsk_1003").unwrap().text("title").as_deref(), Some("Edited"));
        fake.spend_quota();
        let refused = tasks.fetch_task("tsk_1001").attempts(1).max_wait(Duration::ZERO).await.unwrap_err();
        assert!(refused.is_rate_limited(), "{unknowns:?}: {refused}");
        let wait = refused.retry_after().unwrap_or_default();
        assert!(wait > Duration::from_secs(800), "{unknowns:?}: {refused}");
    }
}

#[tokio::test]
async fn what_no_documentation_says_is_named_in_the_response() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    let named = |reply: &support::http::Reply| reply.header("x-fake-undocumented").map(str::to_owned);
    assert_eq!(named(&key.get(&format!("{TASKS}?all=true")).await).as_deref(), Some("list-content"));
    assert_eq!(named(&key.get(TASKS).await).as_deref(), Some("list-content, default-filter"));
    assert_eq!(named(&key.post(TASKS, r#"{"title":"x"}"#).await).as_deref(), Some("route, created-status"));
    assert_eq!(named(&key.get(&format!("{TASKS}/tsk_0")).await).as_deref(), Some("route, error-status"));
    fake.spend_quota();
    assert_eq!(named(&key.get(&format!("{TASKS}?all=true")).await), None, "the documented refusal");
    assert_eq!(fake.requests()[1].undocumented(), ["list-content", "default-filter"]);
}

#[tokio::test]
async fn only_the_last_requests_are_remembered() {
    let fake = FakeOneHorizon::builder().quota_off().keep_requests(3).in_process();
    let tasks = client(&fake);
    for number in 1..=5 {
        tasks.create_task(onehorizon::models::NewTask::new(format!("Task {number}"))).await.unwrap();
    }
    let titles: Vec<_> =
        fake.requests().iter().map(|request| request.json::<serde_json::Value>().unwrap()["title"].clone()).collect();
    assert_eq!(titles, ["Task 3", "Task 4", "Task 5"]);
    let events: Vec<_> = fake.events().iter().map(|event| event.id().to_string()).collect();
    assert_eq!(events, ["evt_fake_000003", "evt_fake_000004", "evt_fake_000005"]);
    fake.assert_called_times("createTask", 5);
}

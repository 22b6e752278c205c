//! The official document appears: what the intake reports, merges and proposes for three plausible ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use std::path::Path;

use onehorizon_generate::{Intake, IntakeInput, Mode, Verdict, intake, methods, remerge};
use support::{own_reading, read};

const CLOSE: &str = include_str!("documents/close-with-create-request.json");
const OTHER: &str = include_str!("documents/other-vocabulary.json");

fn take(official: &str) -> Intake {
    let written = methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/apis")).unwrap();
    let (contract, curation) = own_reading();
    let input = IntakeInput { official, contract: &contract, curation: &curation, written: &written };
    intake(&input).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(official: &str) -> String {
    let written = methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/apis")).unwrap();
    let (contract, curation) = own_reading();
    let input = IntakeInput { official, contract: &contract, curation: &curation, written: &written };
    intake(&input).unwrap_err().to_string()
}

fn verdict(intake: &Intake, subject: &str) -> (Verdict, String) {
    let found = intake.report.facts.iter().find(|fact| fact.subject == subject);
    let fact = found.unwrap_or_else(|| panic!("no fact `{subject}`"));
    (fact.verdict, fact.theirs.clone())
}

#[test]
fn the_contract_taken_in_confirms_itself() {
    let found = take(&own_reading().0);
    assert_eq!((found.report.refuted, found.report.silent, found.report.new), (0, 0, 0), "{}", found.report.markdown());
    assert!(found.report.is_settled(), "{:?}", found.report.to_decide);
    assert!(found.report.confirmed > 100);
}

#[test]
fn a_close_document_settles_most_facts() {
    let found = take(CLOSE);
    assert!(found.report.confirmed > 150, "{}", found.report.confirmed);
    assert_eq!(verdict(&found, "base URL").0, Verdict::Confirmed);
    assert_eq!(verdict(&found, "operation listTasks, path").0, Verdict::Confirmed);
    assert_eq!(verdict(&found, "operation updateTask, method"), (Verdict::Refuted, "PATCH".to_owned()));
    assert_eq!(verdict(&found, "operation revokeApiKey"), (Verdict::Refuted, "deleteApiKey".to_owned()));
    assert_eq!(verdict(&found, "field CreatedApiKey.secret"), (Verdict::Refuted, "called `key`".to_owned()));
    // A narrower type is said beside the name that stands.
    assert_eq!(verdict(&found, "field ErrorBody.code").0, Verdict::Confirmed);
    assert_eq!(verdict(&found, "field ErrorBody.code, type"), (Verdict::Refuted, "number".to_owned()));
    assert_eq!(verdict(&found, "operation deleteTask").0, Verdict::New);
    assert_eq!(verdict(&found, "operation listTasks, pages"), (Verdict::New, "pages by `cursor`".to_owned()));
    assert!(!found.report.is_settled());
}

#[test]
fn the_proposal_generates_in_strict_mode_under_the_names_that_users_know() {
    for official in [CLOSE, OTHER, include_str!("documents/close.json")] {
        let found = take(official);
        let output = read(&found.merged, &found.curation, Mode::Strict).unwrap_or_else(|error| panic!("{error}"));
        let all: String = output.files.values().map(String::as_str).collect();
        for name in [
            "pub fn list_tasks(",
            "pub fn fetch_task(",
            "pub fn create_task(",
            "pub fn update_task(",
            "pub fn revoke_api_key(",
        ] {
            assert!(all.contains(name), "no `{name}`");
        }
        for name in [
            "Task",
            "NewTask",
            "TaskList",
            "ApiKey",
            "CreatedApiKey",
            "NewApiKey",
            "Document",
            "WebhookEvent",
            "EventData",
            "Invite",
        ] {
            assert!(all.contains(&format!("pub struct {name} ")), "no `{name}`");
        }
        for key in
            ["listApiKeys", "createApiKey", "revokeApiKey", "deleteApiKey", "list-keys", "create-key", "revoke-key"]
        {
            for (at, _) in all.match_indices(&format!("id: \"{key}\"")) {
                let rest: String = all[at..].split("};").next().unwrap().split_whitespace().collect();
                assert!(rest.contains("access:Access::OauthOnly"), "{key}: {rest}");
            }
        }
    }
}

#[test]
fn what_a_new_thing_must_have_and_the_client_does_not_ask_for_is_to_be_decided() {
    let entries = |official: &str| take(official).report.to_decide;
    let close = entries(include_str!("documents/close.json"));
    let found: Vec<&String> = close.iter().filter(|entry| entry.contains("requires `")).collect();
    assert!(matches!(found.as_slice(), [one] if one.starts_with("`createTask` requires `status`")), "{found:?}");
    assert!(!entries(CLOSE).iter().any(|entry| entry.contains("requires `")), "{:?}", entries(CLOSE));
}

#[test]
fn what_hand_written_code_uses_is_kept_until_somebody_decides() {
    let found = take(OTHER);
    let kept = "hand-written code uses `NewTask.description`, which the document does not have; it is kept";
    assert!(found.report.to_decide.iter().any(|entry| entry.starts_with(kept)), "{:?}", found.report.to_decide);
    let code = |curation: &str| {
        let output = read(&found.merged, curation, Mode::Strict).unwrap_or_else(|error| panic!("{error}"));
        output.files["models/new_task.rs"].clone()
    };
    assert!(code(&found.curation).contains("pub description: Option<String> = DESCRIPTION \"description\""));
    // Said which field it is, the kept one goes.
    let decided = format!("{}\n[models.CreateWorkItemInput.fields.body]\nname = \"description\"\n", found.curation);
    let code = code(&decided);
    assert!(code.contains("pub description: Option<String> = DESCRIPTION \"body\""), "{code}");
    assert!(!code.contains("\"description\","), "{code}");
}

#[test]
fn a_document_that_does_not_distinguish_credentials_leaves_key_management_to_oauth() {
    let mut document: serde_json::Value = serde_json::from_str(CLOSE).unwrap();
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in paths.flat_map(|item| item.as_object_mut().unwrap().values_mut()) {
        if let Some(operation) = operation.as_object_mut() {
            operation.remove("security");
        }
    }
    document.as_object_mut().unwrap().remove("security");
    let found = take(&document.to_string());
    assert_eq!(verdict(&found, "operation createApiKey, access").0, Verdict::Silent);
    let output = read(&found.merged, &found.curation, Mode::Strict).unwrap();
    let keys = &output.files["apis/api_keys.rs"];
    assert_eq!(keys.matches("Access::OauthOnly").count(), 3, "{keys}");
}

#[test]
fn a_server_without_the_path_that_the_paths_bring_confirms_the_base_url() {
    let mut document: serde_json::Value = serde_json::from_str(CLOSE).unwrap();
    document["servers"] = serde_json::json!([{ "url": "http://localhost:8080" }, { "url": "https://onehorizon.ai" }]);
    let paths = std::mem::take(document["paths"].as_object_mut().unwrap());
    document["paths"] = paths.into_iter().map(|(path, item)| (format!("/api/v1{path}"), item)).collect();
    let found = take(&document.to_string());
    assert_eq!(verdict(&found, "base URL").0, Verdict::Confirmed);
    assert_eq!(verdict(&found, "operation listTasks, path").0, Verdict::Confirmed);
}

#[test]
fn a_task_that_was_fetched_can_be_sent_back() {
    for official in [CLOSE, include_str!("documents/close.json")] {
        let found = take(official);
        let output = read(&found.merged, &found.curation, Mode::Strict).unwrap();
        let tasks = &output.files["apis/tasks.rs"];
        assert!(tasks.contains("task: impl BodyOf<Task>") && tasks.contains("task: impl BodyOf<NewTask>"), "{tasks}");
    }
}

#[test]
fn a_retry_class_is_asked_for_again_when_the_method_changed() {
    let found = take(CLOSE);
    assert!(found.report.to_decide.iter().any(|entry| entry.starts_with("`update_task` is PATCH now, it was PUT")));
    let output = read(&found.merged, &found.curation, Mode::Strict).unwrap();
    let row = output.retry_safety.lines().find(|line| line.contains("updateTask")).unwrap().to_owned();
    assert!(row.contains("unsafe write"), "{row}");
}

#[test]
fn other_words_for_the_same_things_are_matched_by_form_and_left_to_be_confirmed() {
    let found = take(OTHER);
    for (theirs, ours) in [
        ("list-work-items", "listTasks"),
        ("replace-work-item", "updateTask"),
        ("list-docs", "listDocuments"),
        ("revoke-key", "revokeApiKey"),
    ] {
        let expected = format!("`{theirs}` is taken for `{ours}`");
        assert!(
            found.report.to_decide.iter().any(|entry| entry.starts_with(&expected)),
            "{:?}",
            found.report.to_decide
        );
    }
    assert_eq!(verdict(&found, "field Task.taskId"), (Verdict::Refuted, "called `id`".to_owned()));
    assert_eq!(verdict(&found, "field TaskList.tasks"), (Verdict::Refuted, "called `items`".to_owned()));
    assert!(found.report.to_decide.iter().any(|entry| entry.contains("`https://api.onehorizon.ai/v2`")));
    assert!(found.curation.contains("base-url = \"https://api.onehorizon.ai/v2\""));
}

#[test]
fn a_document_in_yaml_gives_the_same() {
    let yaml = "openapi: 3.0.3\ninfo: {title: t, version: '7'}\nservers: [{url: https://onehorizon.ai/api/v1}]\npaths:\n  /workspaces/{workspaceId}/tasks:\n    get:\n      operationId: TasksController_listTasks\n      tags: [Tasks]\n      parameters: [{name: workspaceId, in: path, required: true, schema: {type: string}}]\n      responses: {200: {description: '', content: {application/json: {schema: {type: object, properties: {tasks: {type: array, items: {$ref: '#/components/schemas/Task'}}}}}}}}\ncomponents: {schemas: {Task: {type: object, properties: {taskId: {type: string}}}}}\n";
    let found = take(yaml);
    assert_eq!(verdict(&found, "operation listTasks, path").0, Verdict::Confirmed);
    assert_eq!(verdict(&found, "field Task.taskId").0, Verdict::Confirmed);
    assert_eq!((found.kept_as, found.report.version.as_str()), ("official.yaml", "7"));
}

#[test]
fn merging_again_gives_the_same_and_refuses_another_document() {
    let found = take(CLOSE);
    assert_eq!(remerge(CLOSE, &found.lock, &found.overlay).unwrap(), found.merged);
    let refusal = remerge(OTHER, &found.lock, &found.overlay).unwrap_err().to_string();
    assert!(refusal.contains("take the new one in by `cargo generate --intake`"), "{refusal}");
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_do() {
    assert!(refused("").contains("empty"));
    assert!(refused("{\"openapi\": \"3.1.0\"").contains("download it again"));
    assert!(refused("{\"swagger\": \"2.0\"}").contains("npx swagger2openapi"));
    assert!(
        refused("{\"openapi\": \"3.1.0\", \"info\": {}, \"info\": {}}").starts_with("#/info: the field stands twice")
    );
    let reference = |to: &str| {
        refused(&format!(
            "{{\"openapi\": \"3.1.0\", \"components\": {{\"schemas\": {{\"A\": {{\"$ref\": \"{to}\"}}}}}}}}"
        ))
    };
    assert!(reference("#/components/schemas/Gone").contains("#/components/schemas/A/$ref"));
    assert!(reference("other.yaml#/A").contains("npx @redocly/cli bundle"));
}

#[test]
fn circles_of_references_end() {
    let document = "{\"openapi\": \"3.1.0\", \"components\": {\"schemas\": {\"Task\": {\"$ref\": \"#/components/schemas/B\"}, \"B\": {\"allOf\": [{\"$ref\": \"#/components/schemas/Task\"}]}}}}";
    let found = take(document);
    assert!(
        found.report.not_expressed.iter().any(|finding| finding.what().contains("itself")),
        "{:?}",
        found.report.not_expressed
    );
}

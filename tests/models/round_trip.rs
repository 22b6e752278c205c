//! Models keep everything: fields and values nobody knows yet, nulls, numbers of any size.

use onehorizon::Secret;
use onehorizon::models::{Json, Presence, Task, TaskId, TaskStatus};

const TASK: &str =
    r#"{"taskId":"tsk_1","title":"Recap","status":"planned","mood":{"calm":[1,2.50,1e400]},"owner":null}"#;

fn task() -> Task {
    serde_json::from_str(TASK).unwrap()
}

#[test]
fn a_task_is_written_back_as_it_was_read() {
    assert_eq!(serde_json::to_string(&task()).unwrap(), TASK);
}

#[test]
fn an_unknown_status_is_kept_and_written_back() {
    let task: Task = serde_json::from_str(r#"{"taskId":"tsk_1","status":"hibernating"}"#).unwrap();
    assert_eq!(task.status, "hibernating");
    assert!(matches!(task.status, TaskStatus::Unknown(_)));
    assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"taskId":"tsk_1","status":"hibernating"}"#);
}

#[test]
fn absent_null_and_value_stay_apart_in_both_directions() {
    let mut task: Task = serde_json::from_str(r#"{"taskId":"tsk_1","title":null}"#).unwrap();
    assert_eq!((task.presence(Task::TITLE), task.presence(Task::STATUS)), (Presence::Null, Presence::Absent));
    task.clear(Task::STATUS);
    task.title = "Now with a title".into();
    let text = serde_json::to_string(&task).unwrap();
    assert_eq!(text, r#"{"taskId":"tsk_1","title":"Now with a title","status":null}"#);
}

#[test]
fn unknown_fields_are_reached_changed_and_removed_by_name() {
    let mut task = task();
    assert_eq!(task.extra.raw("mood"), Some(r#"{"calm":[1,2.50,1e400]}"#));
    assert_eq!(task.extra.names().collect::<Vec<_>>(), ["mood", "owner"]);
    task.extra.insert("mood", &"busy").unwrap();
    assert!(task.extra.remove("owner"));
    assert!(!task.extra.remove("owner"));
    assert_eq!(task.extra.get::<String>("mood").unwrap().unwrap(), "busy");
    assert!(task.extra.get::<u32>("mood").unwrap().is_err());
    assert!(task.extra.get::<u32>("nowhere").is_none());
}

#[test]
fn unknown_fields_with_escaped_names_and_any_reader_are_kept() {
    let text = r#"{"taskId":"tsk_1","a\"b\u0041":[true]}"#;
    let by_text: Task = serde_json::from_str(text).unwrap();
    let by_stream: Task = serde_json::from_reader(text.as_bytes()).unwrap();
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let by_value: Task = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(by_text.extra.raw("a\"bA"), Some("[true]"));
    assert_eq!(by_text, by_stream);
    assert_eq!(by_text, by_value);
    assert_eq!(serde_json::to_value(&by_text).unwrap(), value);
}

#[test]
fn a_field_given_twice_has_the_last_value() {
    let read = |text: &str| serde_json::from_str::<Task>(text).unwrap();
    let task = read(
        r#"{"taskId":"tsk_0","title":"a","mood":1,"title":"b","mood":[2],"taskId":"tsk_1","topic":"x","topic":null}"#,
    );
    assert_eq!((task.task_id.as_str(), task.title.as_str(), &task.topic), ("tsk_1", "b", &None));
    assert_eq!(task.extra.iter().collect::<Vec<_>>(), [("mood", "[2]")]);
    let last = r#"{"taskId":"tsk_1","title":"b","topic":null,"mood":[2]}"#;
    assert_eq!(serde_json::to_string(&task).unwrap(), last);
    // Also when a value does not fit, and when it is the one that is not the last.
    assert_eq!(
        serde_json::to_string(&read(r#"{"taskId":"tsk_1","title":7,"title":"b"}"#)).unwrap(),
        r#"{"taskId":"tsk_1","title":"b"}"#
    );
    let odd_last = read(r#"{"taskId":"tsk_1","title":"b","title":7}"#);
    assert_eq!((odd_last.title.as_str(), odd_last.presence(Task::TITLE)), ("", Presence::Unreadable));
    let many: String = (0..100).map(|n| format!(r#","x{}":{n}"#, n % 50)).collect();
    let task = read(&format!(r#"{{"taskId":"tsk_1"{many}}}"#));
    assert_eq!((task.extra.len(), task.extra.raw("x7")), (50, Some("57")));
}

#[test]
fn a_missing_required_field_is_named() {
    let error = serde_json::from_str::<Task>("{}").unwrap_err();
    assert!(error.to_string().contains("missing field `taskId`"), "{error}");
}

#[test]
fn any_json_keeps_its_text() {
    let json: Json = serde_json::from_str(r#" {"b": 1e999, "a": 0.10} "#).unwrap();
    assert_eq!(json.get(), r#"{"b": 1e999, "a": 0.10}"#);
    assert_eq!(serde_json::to_string(&json).unwrap(), json.get());
    assert_eq!(format!("{json:?}"), "Json(object, 23 bytes)");
}

#[test]
fn ids_compare_with_text_and_print_as_text() {
    let id = TaskId::from("tsk_1");
    assert_eq!(id, "tsk_1");
    assert_eq!(format!("{id:>7}|{id:?}"), "  tsk_1|TaskId(tsk_1)");
}

#[test]
fn debug_of_a_model_shows_no_unknown_content() {
    let shown = format!("{:?}", task());
    assert!(shown.contains(r#"extra: {"mood", "owner"}"#), "{shown}");
    assert!(!shown.contains("calm"), "{shown}");
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::from("canary");
    assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    assert_eq!(secret, Secret::from(String::from("canary")));
    assert_ne!(secret, Secret::from("canarz"));
}

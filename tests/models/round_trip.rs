//! Models keep everything: members and values nobody knows yet, nulls, numbers of any size.

use onehorizon::models::{Field, Json, Task, TaskId, TaskStatus};
use onehorizon::{Secret, Timestamp};

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
    assert_eq!(task.status.get().unwrap().as_str(), "hibernating");
    assert!(matches!(task.status, Field::Value(TaskStatus::Unknown(_))));
    assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"taskId":"tsk_1","status":"hibernating"}"#);
}

#[test]
fn absent_null_and_value_stay_apart_in_both_directions() {
    let mut task: Task = serde_json::from_str(r#"{"taskId":"tsk_1","title":null}"#).unwrap();
    assert!(task.title.is_null() && task.status.is_absent());
    task.status = Field::Null;
    task.title = "Now with a title".into();
    let text = serde_json::to_string(&task).unwrap();
    assert_eq!(text, r#"{"taskId":"tsk_1","title":"Now with a title","status":null}"#);
}

#[test]
fn unknown_members_are_reached_changed_and_removed_by_name() {
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
fn unknown_members_with_escaped_names_and_any_reader_are_kept() {
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
fn a_member_given_twice_is_refused_rather_than_half_lost() {
    let error = serde_json::from_str::<Task>(r#"{"taskId":"tsk_1","title":"a","title":"b"}"#).unwrap_err();
    assert!(error.to_string().contains("duplicate field `title`"), "{error}");
}

#[test]
fn a_missing_required_member_is_named() {
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

#[test]
fn a_timestamp_keeps_its_text_and_converts_on_demand() {
    let time: Timestamp = serde_json::from_str(r#""2026-05-10T08:30:00.1+02:00""#).unwrap();
    assert_eq!(time.as_str(), "2026-05-10T08:30:00.1+02:00");
    let seconds = 1_778_394_600;
    assert_eq!(time.to_jiff().unwrap().as_second(), seconds);
    assert_eq!(time.to_chrono().unwrap().timestamp(), seconds);
    assert_eq!(time.to_time().unwrap().unix_timestamp(), seconds);
    assert!(Timestamp::from("soon").to_jiff().is_err());
}

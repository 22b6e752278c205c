//! The values that models are made of: strings, ids, points in time, any JSON.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use onehorizon::models::{CreatedApiKey, Extra, Json, Presence, Task, TaskContributionType, TaskContributor, TaskId};
use onehorizon::models::{TaskList, TaskStatus, UserId};
use onehorizon::{Secret, Timestamp};

#[test]
fn models_are_read_from_any_source() {
    let text = r#"{"taskId":"tsk_1","title":null,"contributors":[{"userId":"u_1"}],"mood":[1,{"a":null}]}"#;
    let by_text: Task = serde_json::from_str(text).unwrap();
    let by_value: Task = serde_json::from_value(serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(by_text, by_value);
    assert_eq!(by_value.presence(Task::TITLE), Presence::Null);
    let wrong: Result<Task, _> = serde_json::from_str(r#"{"taskId":7}"#);
    assert!(wrong.unwrap_err().to_string().contains("invalid type: integer `7`, expected"));
    let odd: Task = serde_json::from_str(r#"{"taskId":"tsk_1","contributors":7}"#).unwrap();
    assert!(odd.unreadable()[0].error().contains("invalid type: integer `7`"));
}

#[test]
fn short_and_long_strings_behave_alike() {
    let lengths = [0, 1, 21, 22, 23, 24, 30, 31, 32, 33, 40, 255, 256, 300];
    let ids: Vec<TaskId> = lengths.map(|length| TaskId::from("x".repeat(length))).into();
    for (id, length) in ids.iter().zip(lengths) {
        assert_eq!((id.as_str().len(), id.to_string().len(), id.as_ref().len()), (length, length, length));
        assert_eq!(*id, "x".repeat(length).as_str());
        assert_eq!(serde_json::from_str::<TaskId>(&serde_json::to_string(id).unwrap()).unwrap(), *id);
    }
    assert!(ids.is_sorted() && ids.iter().collect::<HashSet<_>>().len() == lengths.len());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), lengths.len());
    let (first, second) = (TaskId::from("a"), TaskId::from("b"));
    assert!(second > first && first != second);
    assert_eq!(TaskId::from(&String::from("\u{e9}\u{1f600}")), "\u{e9}\u{1f600}");
    assert!(serde_json::from_str::<TaskId>("7").unwrap_err().to_string().contains("expected"));
}

#[test]
fn an_identifier_is_like_its_string() {
    for text in ["", "tsk_1", "tsk_4f5f6f7f8f9fafbfcfdfefff", "tsk_ü"] {
        let id = TaskId::new(text);
        assert!(id == text.to_owned() && text.to_owned() == id && text == id && *text == id, "{text}");
        assert_eq!((String::from(&id), String::from(id.clone())), (text.to_owned(), text.to_owned()));
        assert_eq!(HashMap::from([(id.clone(), 1)]).get(text), Some(&1), "{text}");
        assert_eq!(BTreeMap::from([(TaskId::new("tsk_0"), 0), (id, 1)]).get(text), Some(&1), "{text}");
    }
    assert!(TaskId::new("tsk_1") != "tsk_2" && "tsk_2" != TaskId::new("tsk_1"));
}

#[test]
fn a_string_that_is_converted_to_an_enum_is_checked() {
    assert_eq!(TaskStatus::try_from("planned"), Ok(TaskStatus::Planned));
    assert_eq!(TaskStatus::try_from("planned".to_owned()), Ok(TaskStatus::Planned));
    assert_eq!(TaskStatus::try_from("plannd").unwrap_err().suggestion(), Some("planned"));
    assert!(TaskStatus::Planned == "planned".to_owned() && "planned" == TaskStatus::Planned);
}

#[test]
fn an_entry_of_a_list_has_a_position_and_a_wrong_one_panics() {
    let list: TaskList = serde_json::from_str(r#"{"tasks":[{"taskId":"tsk_1"},{"taskId":"tsk_2"}]}"#).unwrap();
    assert_eq!((&list[0].task_id, &list[1]), (&TaskId::new("tsk_1"), &list.tasks[1]));
    assert!(std::panic::catch_unwind(|| list[2].title.clone()).is_err());
}

#[test]
fn an_open_enum_knows_its_values_and_keeps_others() {
    for known in TaskStatus::KNOWN {
        assert_eq!(TaskStatus::other(known.as_str()), *known);
    }
    let unknown = TaskStatus::other("hibernating");
    assert_eq!((unknown.as_str(), unknown.to_string().as_str()), ("hibernating", "hibernating"));
    assert!(unknown == "hibernating" && unknown != TaskStatus::Planned);
    assert_eq!(format!("{unknown:?}"), r#"Unknown("hibernating")"#);
}

#[test]
fn a_point_in_time_keeps_its_text() {
    let time = Timestamp::from(String::from("2026-05-10T08:30:00Z"));
    assert_eq!(
        (time.to_string().as_str(), format!("{time:?}").as_str()),
        (time.as_str(), "Timestamp(2026-05-10T08:30:00Z)")
    );
}

#[test]
fn any_json_shows_its_kind_and_size_only() {
    for (text, shown) in [
        ("{}", "Json(object, 2 bytes)"),
        ("[1]", "Json(array, 3 bytes)"),
        (r#""canary""#, "Json(string, 8 bytes)"),
        ("true", "Json(boolean, 4 bytes)"),
        ("false", "Json(boolean, 5 bytes)"),
        ("null", "Json(null, 4 bytes)"),
        ("-1e400", "Json(number, 6 bytes)"),
    ] {
        let json: Json = serde_json::from_str(text).unwrap();
        assert_eq!((json.get(), format!("{json:?}").as_str()), (text, shown));
        assert_eq!(serde_json::to_string(&[&json]).unwrap(), format!("[{text}]"));
    }
    assert_eq!(Json::from_value(&[1, 2]).unwrap().decode::<Vec<u8>>().unwrap(), [1, 2]);
    assert!(Json::from_value(&std::collections::BTreeMap::from([((), 1)])).is_err());
    assert!(serde_json::from_str::<Json>("{\"a\":").is_err());
}

#[test]
fn unknown_fields_are_counted_replaced_and_compared() {
    let mut extra = Extra::new();
    assert!(extra.is_empty() && extra.raw("a").is_none() && !extra.remove("a"));
    extra.insert("a", &1).unwrap();
    extra.insert("b", "two").unwrap();
    extra.insert("a", &[3]).unwrap();
    assert_eq!((extra.len(), extra.names().collect::<Vec<_>>()), (2, vec!["b", "a"]));
    assert_eq!(extra.iter().collect::<Vec<_>>(), [("b", "\"two\""), ("a", "[3]")]);
    assert_eq!(extra, extra.clone());
    assert!(extra.remove("b") && extra.raw("a") == Some("[3]") && !extra.is_empty());
    assert!(extra.insert("c", &std::collections::BTreeMap::from([((), 1)])).is_err());
    assert_eq!(extra.len(), 1);
}

#[test]
fn the_secret_of_a_new_key_is_found_under_its_likely_names() {
    let reveal = |text: &str| serde_json::from_str::<CreatedApiKey>(text).unwrap().reveal_secret();
    for name in ["secret", "key", "apiKey", "token"] {
        assert_eq!(reveal(&format!(r#"{{"apiKeyId":"key_1","{name}":"s-1"}}"#)), Some(Secret::from("s-1")), "{name}");
    }
    assert_eq!(reveal(r#"{"secret":"s-1","token":"s-2"}"#), Some(Secret::from("s-1")));
    assert_eq!(reveal(r#"{"key":{"secret":"s-1"},"password":"s-2"}"#), None);
}

#[test]
fn an_assignee_is_a_contributor_of_that_type() {
    let assignee = TaskContributor::assignee("u_1");
    assert_eq!((assignee.user_id, assignee.contribution_type), (UserId::from("u_1"), TaskContributionType::Assignee));
}

#[test]
fn secrets_compare_by_their_text() {
    let secret = Secret::from("canary");
    assert_eq!((&secret, secret.expose()), (&Secret::from(&secret), "canary"));
    for other in ["", "canar", "canary ", "Canary", "canarx"] {
        assert_ne!(secret, Secret::from(other));
    }
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Secret>(r#""a""#).unwrap()).unwrap(), r#""a""#);
}

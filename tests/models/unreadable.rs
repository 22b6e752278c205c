//! One odd field never fails an object, and one odd item never fails a list.

use onehorizon::models::{EventData, Presence, Task, TaskContributor, TaskList, from_json};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Values that are none of the expected type, among them some that no reader can make sense of.
const ODD: [&str; 14] = [
    "1778401800",
    "1024.5",
    "1e400",
    "-0.0",
    "true",
    "{}",
    r#"{"a":[1.50]}"#,
    "[]",
    "[[1]]",
    "[null]",
    r#""\ud83d""#,
    r#""Ship it \udc00\ud83d\ude00 \\ud83d""#,
    r#"{"\u0041":"\ud83d"}"#,
    "123456789012345678901234567890",
];

fn every_way<T: DeserializeOwned + Serialize>(text: &str) -> [T; 3] {
    [from_json(text), serde_json::from_str(text), serde_json::from_reader(text.as_bytes())].map(Result::unwrap)
}

fn write(model: &impl Serialize) -> String {
    serde_json::to_string(model).unwrap()
}

fn paths(list: &[onehorizon::models::Unreadable]) -> Vec<&str> {
    list.iter().map(onehorizon::models::Unreadable::path).collect()
}

#[test]
fn a_field_of_another_type_is_kept_and_written_back() {
    // Fields of every type that a task has, each with values of other types.
    for (name, fits) in [
        ("createdAt", &["\"\\ud83d\""][..]),
        ("isBugFix", &["true"]),
        ("status", &[]),
        ("workspaceId", &[]),
        ("topic", &[]),
        ("title", &[]),
        ("contributors", &["[]"]),
    ] {
        for odd in ODD.iter().filter(|odd| !fits.contains(odd)) {
            let text = format!(r#"{{"taskId":"t","{name}":{odd}}}"#);
            for mut task in every_way::<Task>(&text) {
                assert_eq!(write(&task), text);
                let found = task.unreadable();
                assert!(!found.is_empty() && found[0].path().starts_with(name), "{text}");
                assert!(!found[0].error().is_empty() && !format!("{found:?}").contains("Ship"));
                task.extra.insert("mood", &1).unwrap();
                assert!(write(&task).contains(&format!(r#""{name}":{odd}"#)), "another change does not touch it");
            }
        }
    }
}

#[test]
fn a_value_given_to_an_unreadable_field_is_written_and_nothing_remains() {
    let text = r#"{"taskId":"t","createdAt":5,"topic":[],"contributors":"x"}"#;
    let change = |change: fn(&mut Task)| {
        let mut task: Task = from_json(text).unwrap();
        assert_eq!(task.presence(Task::TOPIC), Presence::Unreadable);
        change(&mut task);
        write(&task)
    };
    let set = change(|task| {
        task.created_at = Some("2026-01-01T00:00:00Z".into());
        task.topic = Some("a".into());
        task.contributors.push(TaskContributor::new("u"));
    });
    assert_eq!(set, r#"{"taskId":"t","contributors":[{"userId":"u"}],"topic":"a","createdAt":"2026-01-01T00:00:00Z"}"#);
    let asked = change(|task| {
        task.clear(Task::TOPIC);
        task.omit(Task::CREATED_AT);
        task.send_empty(Task::CONTRIBUTORS);
        assert!(task.unreadable().is_empty());
    });
    assert_eq!(asked, r#"{"taskId":"t","contributors":[],"topic":null}"#);
    let thought_better = change(|task| {
        task.topic = Some("a".into());
        task.topic = None;
    });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&thought_better).unwrap(),
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
}

#[test]
fn a_string_cut_inside_a_character_is_shown_and_written_back_as_it_came() {
    for (raw, shown) in [
        (r"Ship it \ud83d", "Ship it \u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\ude00x\\ud83d\n", "\u{fffd}x\\ud83d\n"),
        (r"\uD83Dx\u0041", "\u{fffd}xA"),
    ] {
        let text = format!(r#"{{"taskId":"t","title":"{raw}","description":"{raw}"}}"#);
        for mut task in every_way::<Task>(&text) {
            assert_eq!((task.title.as_str(), task.description.as_deref()), (shown, Some(shown)));
            assert_eq!(write(&task), text);
            assert_eq!(paths(&task.unreadable()), ["title", "description"]);
            task.title.push('!');
            task.description = None;
            assert_eq!(task.presence(Task::TITLE), Presence::Value);
            assert_eq!(
                write(&task),
                format!(r#"{{"taskId":"t","title":"{shown}!","description":null}}"#)
                    .replace('\n', "\\n")
                    .replace("\\ud", "\\\\ud")
            );
            task.title.clear();
            assert!(write(&task).contains(r#""title":"""#));
        }
    }
}

#[test]
fn an_odd_item_is_kept_apart_at_its_position() {
    let text = r#"{"tasks":[7,{"taskId":"a"},null,{"title":"no id"},{"taskId":9},{"taskId":"b","contributors":[{"userId":"u"},"x"],"createdAt":5},"\ud83d"]}"#;
    for mut list in every_way::<TaskList>(text) {
        let ids: Vec<&str> = list.tasks.iter().map(|task| task.task_id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(write(&list), text);
        assert_eq!(
            paths(&list.unreadable()),
            [
                "tasks[0]",
                "tasks[2]",
                "tasks[3]",
                "tasks[4]",
                "tasks[6]",
                "tasks[5].contributors[1]",
                "tasks[5].createdAt"
            ]
        );
        assert_eq!(list.unreadable()[2].json().get(), r#"{"title":"no id"}"#);
        assert!(list.unreadable()[2].error().contains("taskId"));
        list.tasks.truncate(1);
        assert_eq!(write(&list), r#"{"tasks":[7,{"taskId":"a"},null,{"title":"no id"},{"taskId":9},"\ud83d"]}"#);
    }
}

#[test]
fn a_list_that_is_null_is_empty_and_one_that_is_missing_or_no_list_is_an_error() {
    for list in every_way::<TaskList>(r#"{"tasks":null}"#) {
        assert!(list.tasks.is_empty());
        assert_eq!(write(&list), r#"{"tasks":null}"#);
    }
    for (text, words) in [
        ("{}", "missing field `tasks`"),
        (r#"{"tasks":7}"#, "in `tasks`: invalid type: integer `7`"),
        (r#"{"tasks":{}}"#, "in `tasks`: invalid type: map"),
        ("null", "expected an object, TaskList"),
        ("[]", "expected an object, TaskList"),
    ] {
        let error = from_json::<TaskList>(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert_eq!(serde_json::from_str::<TaskList>(text).unwrap_err().to_string(), error);
    }
}

#[test]
fn an_odd_object_inside_an_object_is_kept() {
    let text = r#"{"resource":{"type":"task","taskIds":["a",5,"b"]},"actor":"somebody","task":{"title":"no id"}}"#;
    for data in every_way::<EventData>(text) {
        assert_eq!(write(&data), text);
        assert!(data.actor.is_none() && data.task.is_none());
        assert_eq!(paths(&data.unreadable()), ["resource.taskIds[1]", "actor", "task"]);
        assert_eq!(data.resource.task_ids.len(), 2);
    }
    let error = from_json::<EventData>(r#"{"resource":{"id":1}}"#).unwrap_err();
    assert!(error.to_string().contains("in `resource`: missing field `type`"), "{error}");
}

#[test]
fn a_mark_before_the_json_is_skipped() {
    assert_eq!(from_json::<Task>("\u{feff}{\"taskId\":\"t\"}").unwrap().task_id, "t");
}

#[test]
fn text_that_is_not_json_is_refused() {
    for text in [
        "",
        "{",
        r#"{"taskId":"t""#,
        r#"{"taskId":"t","title":tru}"#,
        r#"{"taskId":"t"} x"#,
        "{\"taskId\":\"t\",\"a\":\"\\x\"}",
    ] {
        assert!(from_json::<Task>(text).is_err() && serde_json::from_str::<Task>(text).is_err(), "{text:?}");
    }
}

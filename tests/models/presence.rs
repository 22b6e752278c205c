//! What is written of a field, by how it arrived and by what was done to it since.

use std::collections::HashMap;

use onehorizon::models::{
    CreatedApiKey, EventData, Field, NewTask, Presence, Task, TaskContributionType, TaskContributor, TaskStatus,
};
use onehorizon::{Secret, Timestamp};

const ABSENT: &str = r#"{"taskId":"t"}"#;
const NULL: &str = r#"{"taskId":"t","title":null,"status":null,"contributors":null,"topic":null}"#;
const VALUE: &str = r#"{"taskId":"t","title":"T","status":"planned","contributors":[{"userId":"u"}],"topic":"x"}"#;
const EMPTY: &str = r#"{"taskId":"t","title":"","status":"","contributors":[],"topic":""}"#;
const ALL: [&str; 4] = [ABSENT, NULL, VALUE, EMPTY];
const FIELDS: [Field<Task>; 4] = [Task::TITLE, Task::STATUS, Task::CONTRIBUTORS, Task::TOPIC];

fn read(text: &str) -> Task {
    serde_json::from_str(text).unwrap()
}

fn write(task: &Task) -> String {
    serde_json::to_string(task).unwrap()
}

fn edit(text: &str, change: impl FnOnce(&mut Task)) -> String {
    let mut task = read(text);
    change(&mut task);
    write(&task)
}

#[test]
fn an_untouched_field_is_written_back_as_it_arrived() {
    for text in ALL {
        assert_eq!(write(&read(text)), text);
        assert_eq!(write(&read(text).clone()), text);
        assert_eq!(write(&serde_json::from_reader(text.as_bytes()).unwrap()), text);
        assert_eq!(write(&onehorizon::models::from_json(text).unwrap()), text);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(serde_json::from_value::<Task>(value.clone()).unwrap()).unwrap(), value);
    }
}

#[test]
fn a_missing_field_is_empty_unset_or_none() {
    for text in [ABSENT, NULL] {
        let task = read(text);
        assert_eq!((task.title.as_str(), task.contributors.len(), &task.topic), ("", 0, &None));
        assert!(task.status.is_unset() && task.status == TaskStatus::Unset);
    }
    assert_ne!(read(EMPTY).status, TaskStatus::Unset, "an empty string is a value that nobody knows");
    assert_eq!(read(EMPTY).status, "");
}

#[test]
fn comparing_and_printing_do_not_see_whether_an_empty_field_is_absent_or_null() {
    assert_eq!(read(ABSENT), read(NULL));
    assert_eq!(format!("{:?}", read(ABSENT)), format!("{:?}", read(NULL)));
    assert_ne!(read(ABSENT), read(VALUE));
}

#[test]
fn the_presence_of_a_field_can_be_asked_for() {
    for field in FIELDS {
        assert_eq!(read(ABSENT).presence(field), Presence::Absent);
        assert_eq!(read(NULL).presence(field), Presence::Null);
        assert_eq!(read(VALUE).presence(field), Presence::Value);
    }
    assert_eq!((Task::TOPIC.name(), format!("{:?}", Task::TOPIC)), ("topic", "Field(topic)".to_owned()));
}

#[test]
fn none_is_null_where_something_was_and_nothing_where_nothing_was() {
    let none = |task: &mut Task| {
        task.topic = None;
        task.status = TaskStatus::Unset;
    };
    assert_eq!(edit(ABSENT, none), ABSENT);
    assert_eq!(edit(NULL, none), NULL);
    let cleared = r#"{"taskId":"t","title":"T","status":null,"contributors":[{"userId":"u"}],"topic":null}"#;
    assert_eq!(edit(VALUE, none), cleared);
    let set_and_unset = |task: &mut Task| {
        task.topic = Some("x".into());
        task.topic = None;
    };
    assert_eq!(edit(ABSENT, set_and_unset), ABSENT);
}

#[test]
fn an_emptied_string_or_list_is_sent_where_a_value_was() {
    let empty = |task: &mut Task| {
        task.title.clear();
        task.contributors.clear();
    };
    assert_eq!(edit(ABSENT, empty), ABSENT);
    assert_eq!(edit(NULL, empty), NULL);
    assert_eq!(edit(VALUE, empty), r#"{"taskId":"t","title":"","status":"planned","contributors":[],"topic":"x"}"#);
    let insist = |task: &mut Task| {
        task.send_empty(Task::TITLE);
        task.send_empty(Task::CONTRIBUTORS);
    };
    assert_eq!(edit(ABSENT, insist), r#"{"taskId":"t","title":"","contributors":[]}"#);
    assert_eq!(edit(NULL, insist), r#"{"taskId":"t","title":"","status":null,"contributors":[],"topic":null}"#);
}

#[test]
fn taking_a_field_out_empties_it() {
    assert_eq!(edit(VALUE, |task| drop(std::mem::take(&mut task.title))), VALUE.replace("\"T\"", "\"\""));
    assert_eq!(edit(VALUE, |task| drop(task.topic.take())), VALUE.replace("\"x\"", "null"));
    assert_eq!(edit(VALUE, |task| drop(std::mem::take(&mut task.status))), VALUE.replace("\"planned\"", "null"));
}

#[test]
fn a_field_is_cleared_or_omitted_however_it_arrived() {
    for text in ALL {
        assert_eq!(edit(text, |task| FIELDS.into_iter().for_each(|field| task.clear(field))), NULL);
        assert_eq!(edit(text, |task| FIELDS.into_iter().for_each(|field| task.omit(field))), ABSENT);
    }
    let cleared_and_set = |task: &mut Task| {
        task.clear(Task::TOPIC);
        task.topic = Some("x".into());
    };
    assert_eq!(edit(ABSENT, cleared_and_set), r#"{"taskId":"t","topic":"x"}"#);
}

#[test]
fn a_constructed_object_omits_what_is_empty() {
    let json = |task: &NewTask| serde_json::to_string(task).unwrap();
    assert_eq!(json(&NewTask::new("")), r#"{"title":""}"#);
    assert_eq!(json(&NewTask::new("a").contributors([])), r#"{"title":"a","contributors":[]}"#);
    let mut new = NewTask::new("a");
    new.contributors = vec![];
    assert_eq!(json(&new), r#"{"title":"a"}"#);
    new.clear(NewTask::TOPIC);
    assert_eq!(json(&new), r#"{"title":"a","topic":null}"#);
    assert_eq!(json(&NewTask::new("a").status(read(ABSENT).status)), r#"{"title":"a"}"#);
    assert_eq!(write(&Task::new("tsk_1")), r#"{"taskId":"tsk_1"}"#);
    assert_eq!(serde_json::to_string(&CreatedApiKey::default()).unwrap(), "{}");
}

#[test]
fn an_assigned_value_follows_the_record_of_the_object_it_lands_in() {
    assert_eq!(edit(VALUE, |task| task.topic = read(ABSENT).topic), VALUE.replace("\"x\"", "null"));
    assert_eq!(edit(ABSENT, |task| task.topic = read(NULL).topic), ABSENT);
    let mut one = read(NULL);
    let mut two = read(ABSENT);
    std::mem::swap(&mut one, &mut two);
    assert_eq!((write(&one).as_str(), write(&two).as_str()), (ABSENT, NULL));
}

#[test]
fn objects_inside_objects_keep_their_own_records() {
    let text = r#"{"taskId":"t","contributors":[{"userId":"a","type":null},{"userId":"b","x":1.50},{"userId":"c","type":"z"}]}"#;
    assert_eq!(
        edit(text, |task| task.contributors.reverse()),
        r#"{"taskId":"t","contributors":[{"userId":"c","type":"z"},{"userId":"b","x":1.50},{"userId":"a","type":null}]}"#
    );
    let text = r#"{"resource":{"type":"task"},"task":{"taskId":"t","topic":null,"x":1e400},"team":null}"#;
    let mut data: EventData = serde_json::from_str(text).unwrap();
    data.task.as_mut().unwrap().title = "n".into();
    assert_eq!(
        serde_json::to_string(&data).unwrap(),
        r#"{"resource":{"type":"task"},"task":{"taskId":"t","title":"n","topic":null,"x":1e400},"team":null}"#
    );
    data.task = Some(Task::new("z"));
    assert_eq!(
        serde_json::to_string(&data).unwrap(),
        r#"{"resource":{"type":"task"},"task":{"taskId":"z"},"team":null}"#
    );
}

#[test]
fn a_model_can_be_flattened_into_a_struct_of_the_users() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Wrap {
        n: u8,
        #[serde(flatten)]
        task: Task,
    }
    for text in ALL {
        let text = text.replacen('{', r#"{"n":1,"#, 1);
        let wrap: Wrap = serde_json::from_str(&text).unwrap();
        assert_eq!(wrap.n, 1);
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&wrap).unwrap(), expected);
    }
}

#[test]
fn fields_are_compared_matched_sorted_and_written_like_any_value() {
    #[derive(serde::Serialize)]
    struct Row<'a> {
        status: &'a TaskStatus,
        title: &'a str,
        topic: Option<&'a str>,
    }
    #[derive(serde::Serialize, serde::Deserialize, Default)]
    struct Saved {
        status: TaskStatus,
    }
    let text = r#"{"taskId":"t","title":"Recap mail","status":"in_progress","topic":"x"}"#;
    let mut task = read(text);
    assert!(task.status == TaskStatus::InProgress && task.status == "in_progress");
    match task.status {
        TaskStatus::InProgress => {}
        TaskStatus::Unknown(ref value) => panic!("{}", value.as_str()),
        _ => panic!(),
    }
    assert!(task.title.contains("mail") && task.title == "Recap mail");
    task.contributors.push(TaskContributor::assignee("u_1"));
    assert!(task.contributors.iter().all(|one| one.contribution_type == TaskContributionType::Assignee));
    task.status = TaskStatus::Completed;
    task.title = format!("{} two", task.title);
    task.completed_at = Some(Timestamp::from("2026-01-01T00:00:00Z"));
    assert!(!task.is_bug_fix.unwrap_or_default());
    assert_eq!(format!("{:<12}|{:>4}|", task.status, TaskStatus::Unset), "completed   |    |");
    let row = Row { status: &task.status, title: &task.title, topic: task.topic.as_deref() };
    assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"status":"completed","title":"Recap mail two","topic":"x"}"#);
    assert_eq!(serde_json::to_string(&Saved::default()).unwrap(), r#"{"status":null}"#);
    assert!(serde_json::from_str::<Saved>(r#"{"status":null}"#).unwrap().status.is_unset());
    let mut tasks = vec![task, read(ABSENT), read(text)];
    tasks.sort_by_key(|task| task.status.clone());
    let order: Vec<&str> = tasks.iter().map(|task| task.status.as_str()).collect();
    assert_eq!(order, ["in_progress", "completed", ""]);
    let mut by_status = HashMap::<TaskStatus, usize>::new();
    for task in &tasks {
        *by_status.entry(task.status.clone()).or_default() += 1;
    }
    assert_eq!(by_status.len(), 3);
    let Task { title, status, .. } = tasks.remove(0);
    assert_eq!((title.as_str(), status), ("Recap mail", TaskStatus::InProgress));
    let mut key = CreatedApiKey::default();
    key.secret = Some(Secret::from("s3cret"));
    assert!(!format!("{key:?}").contains("s3cret"));
}

#[test]
fn a_string_from_a_person_is_checked_and_one_from_the_service_is_kept() {
    assert_eq!("in_progress".parse::<TaskStatus>(), Ok(TaskStatus::InProgress));
    for (typed, meant) in [
        ("compleeted", Some("completed")),
        ("in-progress", Some("in_progress")),
        ("In Progress", Some("in_progress")),
        ("PLANNED", Some("planned")),
        ("canceled", Some("cancelled")),
        ("hibernating", None),
        ("", None),
    ] {
        let error = typed.parse::<TaskStatus>().unwrap_err();
        assert_eq!(error.suggestion(), meant, "{typed:?}");
        let words = error.to_string();
        assert!(words.starts_with(&format!("{typed:?} is not a known TaskStatus; ")), "{words}");
        assert_eq!(words.contains("did you mean"), meant.is_some(), "{words}");
        assert_eq!(TaskStatus::other(typed).as_str(), typed);
    }
    assert!("x".repeat(1_000_000).parse::<TaskStatus>().unwrap_err().suggestion().is_none());
    assert_eq!(TaskStatus::other("planned"), TaskStatus::Planned);
}

//! The payload of an event: which field it is read from, and what becomes of one that does not fit.

use onehorizon::webhook::Payload;
use serde_json::{Value, json};

use super::event::{event, task_created, with_data};

#[test]
fn every_family_is_read_from_its_field() {
    for field in [
        "task",
        "comment",
        "commentReaction",
        "team",
        "invite",
        "taxonomy",
        "issue",
        "meeting",
        "summary",
        "document",
        "workItem",
        "taskSnooze",
        "agentSession",
        "agentActivity",
    ] {
        let thing =
            json!({"taskId": "tsk_1", "commentId": "c_1", "documentId": "d_1", "teamId": "t_1", "colour": "red"});
        let event = with_data(json!({"resource": {"type": "something"}, field: thing}));
        assert_eq!(event.payload().field(), Some(field));
        assert_eq!(format!("{:?}", event.payload()).to_lowercase(), field.to_lowercase(), "a variant of its own");
    }
}

#[test]
fn agent_events_are_read_whatever_their_resource_is_called() {
    for resource_type in ["agent_session", "agentSession", "agent", "session"] {
        let mut json = task_created();
        json["type"] = "agent.session_queued".into();
        json["data"] =
            json!({"resource": {"type": resource_type, "taskId": "tsk_1"}, "agentSession": {"agentId": "a_1"}});
        let event = event(&json);
        assert_eq!(*event.event_type(), "agent.session_queued");
        assert!(matches!(event.payload(), Payload::AgentSession(_)), "{resource_type}");
    }
}

#[test]
fn of_several_things_the_one_named_by_the_resource_is_the_payload() {
    let event = with_data(json!({
        "resource": {"type": "comment_reaction", "taskId": "tsk_1"},
        "task": {"taskId": "tsk_1"},
        "comment": {"commentId": "c_1", "taskId": "tsk_1"},
        "commentReaction": {"commentId": "c_1", "emoji": "+1"}
    }));
    assert!(matches!(event.payload(), Payload::CommentReaction(_)));
    let task: Value = event.data_field("task").unwrap().unwrap();
    assert_eq!(task["taskId"], "tsk_1");
    assert!(event.data_field::<Value>("meeting").is_none());
}

#[test]
fn without_a_hint_in_the_resource_the_event_type_names_the_payload() {
    let event = with_data(json!({
        "resource": {"type": "thing"},
        "team": {"teamId": "t_1"},
        "task": {"taskId": "tsk_1"}
    }));
    assert!(matches!(event.payload(), Payload::Task(_)));
}

#[test]
fn the_doubled_form_is_unwrapped() {
    for field in ["task", "comment"] {
        let inner = json!({"taskId": "tsk_1", "commentId": "c_1", "title": "inner", "content": "inner"});
        let event = with_data(json!({"resource": {"type": field}, field: {field: inner, "more": 1}}));
        match event.payload() {
            Payload::Task(task) => assert_eq!(task.title, "inner"),
            Payload::Comment(comment) => assert_eq!(comment.content.as_deref(), Some("inner")),
            other => panic!("{other:?}"),
        }
        let value: Value = event.data_field(field).unwrap().unwrap();
        assert_eq!(value["taskId"], "tsk_1");
    }
}

#[test]
fn an_object_with_a_field_of_its_own_name_is_not_unwrapped() {
    let event = with_data(json!({
        "resource": {"type": "task"},
        "task": {"taskId": "tsk_outer", "task": {"taskId": "tsk_inner"}}
    }));
    let Payload::Task(task) = event.payload() else { panic!("{:?}", event.payload()) };
    assert_eq!(task.task_id, "tsk_outer");
}

#[test]
fn a_thing_of_another_shape_stays_text_with_the_reason() {
    let odd = json!({"taskId": ["not", "a", "text"], "secret": "s3cret"});
    let event = with_data(json!({"resource": {"type": "task", "id": "tsk_1"}, "task": odd}));
    let Payload::Undecoded(undecoded) = event.payload() else { panic!("{:?}", event.payload()) };
    assert_eq!(undecoded.field(), "task");
    assert!(undecoded.error().to_string().contains("invalid type"), "{}", undecoded.error());
    assert_eq!(undecoded.json().decode::<Value>().unwrap(), odd);
    assert_eq!(*event.task_id().unwrap(), "tsk_1");
    assert!(!format!("{event:?}").contains("s3cret"));
}

#[test]
fn an_unknown_family_keeps_its_data() {
    let data = json!({"resource": {"type": "rocket", "id": "r_1"}, "rocket": {"stage": 2}});
    let mut json = task_created();
    json["type"] = "rocket.launched".into();
    json["data"] = data.clone();
    let event = event(&json);
    assert_eq!(*event.event_type(), "rocket.launched");
    assert_eq!(event.family(), "rocket");
    let Payload::Unknown(raw) = event.payload() else { panic!("{:?}", event.payload()) };
    assert_eq!(raw.decode::<Value>().unwrap(), data);
    assert_eq!(event.data_field::<Value>("rocket").unwrap().unwrap()["stage"], 2);
}

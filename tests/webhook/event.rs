//! What a delivery says, and that nothing of it is lost.

use std::collections::HashSet;

use onehorizon::models::{EventId, EventType, TaskStatus};
use onehorizon::webhook::{Event, Payload, WebhookError};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) fn task_created() -> Value {
    json!({
        "specversion": "1.0",
        "id": "evt_task_created",
        "type": "task.created",
        "source": "onehorizon/workspaces/w_123",
        "time": "2026-05-05T12:00:00Z",
        "datacontenttype": "application/json",
        "subject": "tsk_123",
        "workspaceid": "w_123",
        "data": {
            "resource": {"type": "task", "id": "tsk_123", "workspaceId": "w_123"},
            "actor": {"type": "user", "id": "usr_123"},
            "task": {"taskId": "tsk_123", "workspaceId": "w_123", "title": "Review launch checklist", "status": "planned"}
        }
    })
}

pub(super) fn event(json: &Value) -> Event {
    Event::from_json(json.to_string()).unwrap()
}

pub(super) fn with_data(data: Value) -> Event {
    let mut json = task_created();
    json["data"] = data;
    event(&json)
}

fn error(json: &Value) -> WebhookError {
    Event::from_json(json.to_string()).unwrap_err()
}

fn delivered(headers: &[(&str, &str)], json: &Value) -> Event {
    let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_bytes());
    Event::from_delivery(find, json.to_string().as_bytes()).unwrap()
}

#[test]
fn the_thing_itself_can_be_taken_out_of_an_event() {
    let event = event(&task_created());
    let expected = format!("{:?}", event.payload());
    let payload = event.into_payload();
    assert_eq!(format!("{payload:?}"), expected);
    assert!(matches!(payload, Payload::Task(task) if task.task_id == "tsk_123"));
}

#[test]
fn a_task_event_is_typed() {
    let event = event(&task_created());
    assert_eq!(*event.id(), "evt_task_created");
    assert_eq!(*event.event_type(), EventType::TaskCreated);
    assert_eq!(event.family(), "task");
    assert_eq!(event.source(), "onehorizon/workspaces/w_123");
    assert_eq!(event.time().as_str(), "2026-05-05T12:00:00Z");
    assert_eq!(event.subject(), Some("tsk_123"));
    assert_eq!(*event.workspace_id(), "w_123");
    assert_eq!(event.actor().unwrap().id.as_deref(), Some("usr_123"));
    assert_eq!(*event.task_id().unwrap(), "tsk_123");
    let Payload::Task(task) = event.payload() else { panic!("{:?}", event.payload()) };
    assert_eq!(task.title, "Review launch checklist");
    assert_eq!(task.status, TaskStatus::Planned);
    assert_eq!(event.to_model().unwrap().id, *event.id());
}

#[test]
fn a_comment_event_is_typed_and_leads_to_its_task() {
    let event = with_data(json!({
        "resource": {"type": "comment", "id": "comment_1", "taskId": "tsk_9", "commentId": "comment_1"},
        "comment": {"commentId": "comment_1", "taskId": "tsk_9", "userId": "usr_1", "content": "Looks good."}
    }));
    let Payload::Comment(comment) = event.payload() else { panic!("{:?}", event.payload()) };
    assert_eq!(comment.content.as_deref(), Some("Looks good."));
    assert_eq!(*event.task_id().unwrap(), "tsk_9");
}

#[test]
fn an_event_about_several_tasks_has_ids_and_no_payload() {
    let event = with_data(json!({"resource": {"type": "task", "taskIds": ["tsk_1", "tsk_2", "tsk_1"]}, "task": null}));
    assert!(matches!(event.payload(), Payload::Absent));
    assert_eq!(*event.task_id().unwrap(), "tsk_1");
    assert_eq!(event.task_ids().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["tsk_1", "tsk_2"]);
}

#[test]
fn the_task_is_the_named_one_then_the_resource_then_the_first_of_several() {
    for (resource, expected) in [
        (json!({"type": "task", "id": "own", "taskId": "named", "taskIds": ["several"]}), Some("named")),
        (json!({"type": "task", "id": "own", "taskIds": ["several"]}), Some("own")),
        (json!({"type": "comment", "id": "c_1", "taskIds": ["several"]}), Some("several")),
        (json!({"type": "comment", "id": "c_1"}), None),
        (json!({"type": "task", "id": null, "taskId": "", "taskIds": []}), None),
    ] {
        let event = with_data(json!({"resource": resource}));
        assert_eq!(event.task_id().map(AsRef::as_ref), expected, "{resource}");
    }
}

#[test]
fn odd_fields_of_the_resource_cost_only_themselves() {
    let event = with_data(json!({
        "resource": {"type": "task", "id": 7, "taskIds": ["tsk_1"], "teamId": {"odd": true}, "later": [1]},
        "actor": "robot"
    }));
    assert!(event.resource_error().is_some());
    assert_eq!(event.resource().resource_type.as_str(), "task");
    assert!(event.resource().id.is_none() && event.resource().team_id.is_none());
    assert_eq!(event.resource().extra.raw("later"), Some("[1]"));
    assert_eq!(*event.task_id().unwrap(), "tsk_1");
    assert!(event.actor().is_none());
}

#[test]
fn a_resource_without_a_type_still_names_its_task() {
    let event = with_data(json!({"resource": {"taskId": "tsk_1"}}));
    assert_eq!(*event.task_id().unwrap(), "tsk_1");
    assert!(event.resource_error().is_some());
}

#[test]
fn headers_come_before_the_body_and_a_mismatch_is_visible() {
    let agreeing = [("x-one-event-id", "evt_task_created"), ("x-one-event-type", "task.created")];
    let event = delivered(&agreeing, &task_created());
    assert!(event.id_mismatch().is_none() && event.type_mismatch().is_none());

    let differing = [("x-one-event-id", "evt_header"), ("x-one-event-type", "task.updated")];
    let event = delivered(&differing, &task_created());
    assert_eq!(*event.id(), "evt_header");
    assert_eq!(*event.event_type(), "task.updated");
    assert_eq!(*event.id_mismatch().unwrap(), "evt_task_created");
    assert_eq!(*event.type_mismatch().unwrap(), EventType::TaskCreated);

    let plain = delivered(&[], &task_created());
    assert_ne!(delivered(&differing[..1], &task_created()), plain, "another id");
    assert_ne!(delivered(&differing[1..], &task_created()), plain, "another type");

    let event = delivered(&[("x-one-event-id", " "), ("x-one-event-type", "")], &task_created());
    assert_eq!(event, plain);
    assert_eq!(*event.id(), "evt_task_created");
    assert!(event.id_mismatch().is_none());
}

#[test]
fn a_retry_is_read_from_the_headers() {
    assert!(event(&task_created()).retry().is_none());
    let repeated = delivered(&[("x-one-retry-num", "2"), ("x-one-retry-reason", "http_timeout")], &task_created());
    let retry = repeated.retry().unwrap();
    assert_eq!((retry.number, retry.reason.as_deref()), (Some(2), Some("http_timeout")));
    let odd = delivered(&[("x-one-retry-num", "second")], &task_created());
    assert_eq!(odd.retry().unwrap().number, None);
}

#[test]
fn each_required_attribute_is_named_when_it_is_missing_empty_or_no_text() {
    for attribute in ["specversion", "id", "type", "source", "time", "datacontenttype", "workspaceid"] {
        let mut without = task_created();
        without.as_object_mut().unwrap().remove(attribute);
        let mut broken = vec![without];
        for bad in [json!(""), json!("  "), json!(1), json!(null), json!(["1.0"])] {
            let mut json = task_created();
            json[attribute] = bad;
            broken.push(json);
        }
        for json in broken {
            let error = error(&json);
            assert!(matches!(error, WebhookError::MissingAttribute { .. }), "{error}");
            assert_eq!((error.attribute(), error.status()), (Some(attribute), 400));
            assert!(error.to_string().contains(attribute));
        }
    }
}

#[test]
fn data_and_its_resource_have_to_be_objects() {
    for (data, attribute) in [
        (json!(null), "data"),
        (json!("text"), "data"),
        (json!([]), "data"),
        (json!({}), "data.resource"),
        (json!({"resource": null}), "data.resource"),
        (json!({"resource": "task"}), "data.resource"),
        (json!({"resource": []}), "data.resource"),
    ] {
        let mut json = task_created();
        json["data"] = data;
        assert_eq!(error(&json).attribute(), Some(attribute), "{json}");
    }
}

#[test]
fn another_version_or_content_type_is_refused_by_name() {
    for (attribute, value) in [("specversion", "0.3"), ("specversion", "1.1"), ("datacontenttype", "text/plain")] {
        let mut json = task_created();
        json[attribute] = value.into();
        let error = error(&json);
        assert!(matches!(error, WebhookError::UnsupportedAttribute { .. }));
        assert_eq!((error.attribute(), error.status()), (Some(attribute), 400));
    }
    let mut json = task_created();
    json["datacontenttype"] = "Application/JSON; charset=utf-8".into();
    assert!(Event::from_json(json.to_string()).is_ok());
}

#[test]
fn of_an_attribute_given_twice_the_last_counts_as_in_javascript() {
    let text = task_created().to_string();
    let twins = [r#""id":"evt_2""#, r#""\u0069d":"evt_2""#, r#""type":"task.deleted""#, r#""data":{"resource":{}}"#];
    for twin in twins {
        let first = text.replacen('{', &format!("{{{twin},"), 1);
        let event = Event::from_json(&first).unwrap();
        assert_eq!((event.id().as_str(), event.event_type().as_str()), ("evt_task_created", "task.created"), "{twin}");
        assert_eq!(event.task_id(), Event::from_json(&text).unwrap().task_id(), "{twin}");
    }
    let last = text.replacen('{', r#"{"id":"evt_1","id":null,"#, 1);
    let last = format!("{},\"id\":\"evt_2\",\"type\":\"task.deleted\"}}", &last[..last.len() - 1]);
    let event = Event::from_json(&last).unwrap();
    assert_eq!((event.id().as_str(), event.event_type().as_str()), ("evt_2", "task.deleted"));
    assert_eq!(event.attribute("id").unwrap().get(), "\"evt_2\"");
    assert_eq!(event.attribute_names().iter().filter(|name| *name == "id").count(), 1);
    assert_eq!(event.as_json(), last, "the text stays as it came");
    let null_last = format!("{},\"id\":null}}", &text[..text.len() - 1]);
    assert!(matches!(Event::from_json(null_last), Err(WebhookError::MissingAttribute { attribute: "id" })));
}

#[test]
fn of_a_field_of_data_given_twice_the_last_counts_too() {
    let text = with_data(json!({"resource": {"type": "task", "id": "tsk_1"}})).as_json().to_owned();
    let twice = text.replacen(r#""data":{"#, r#""data":{"extra":1,"resource":{"type":"team"},"task":{"taskId":"tsk_0"},"task":{"taskId":"tsk_9"},"extra":2,"#, 1);
    let event = Event::from_json(twice).unwrap();
    assert_eq!(event.task_id().unwrap(), "tsk_1");
    assert_eq!(event.data_field::<u8>("extra").unwrap().unwrap(), 2);
    assert!(matches!(event.payload(), Payload::Task(task) if task.task_id == "tsk_9"), "{:?}", event.payload());
}

#[test]
fn a_byte_order_mark_before_the_event_is_passed_over() {
    for before in ["\u{feff}", " \r\n\u{feff}\n"] {
        let event = Event::from_json(format!("{before}{}", task_created())).unwrap();
        assert_eq!(event.as_json(), task_created().to_string());
    }
}

#[test]
fn what_is_broken_inside_a_string_costs_no_event() {
    let whole = task_created().to_string();
    let title = "Review launch checklist";
    let latin = whole.as_bytes();
    let at = whole.find(title).unwrap();
    let latin = [&latin[..at], b"M\xfcller", &latin[at + title.len()..]].concat();
    let half = whole.replacen('{', r#"{"\ud83d":1,"#, 1);
    let half_in_data = whole.replacen("\"actor\"", r#""\ud83d":1,"actor""#, 1);
    for body in [latin, half.into_bytes(), half_in_data.into_bytes()] {
        let event = Event::from_json(&body).unwrap();
        assert_eq!((event.id().as_str(), event.task_id().unwrap().as_str()), ("evt_task_created", "tsk_123"));
        let Payload::Task(task) = event.payload() else { panic!("{:?}", event.payload()) };
        assert!(task.title == title || task.title == "M\u{fffd}ller", "{}", task.title);
        assert_eq!(Event::from_json(event.as_json()).unwrap(), event, "what is stored is read back");
        let by_header = Event::from_delivery(|name: &str| (name == "x-one-event-id").then_some(&b"evt_9"[..]), &body);
        assert_eq!(by_header.unwrap().id().as_str(), "evt_9");
    }
    assert!(Event::from_json(b"\xff{}").is_err());
}

/// The event with the value of an attribute in another text, which may be no UTF-8.
fn with_attribute(name: &str, value: &[u8]) -> Vec<u8> {
    let whole = task_created();
    let (text, old) = (whole.to_string(), format!("\"{name}\":{}", whole[name]));
    let at = text.find(&old).unwrap();
    [&text.as_bytes()[..at], format!("\"{name}\":\"").as_bytes(), value, b"\"", &text.as_bytes()[at + old.len()..]]
        .concat()
}

#[test]
fn what_is_broken_in_an_attribute_costs_no_event() {
    for (value, shown) in [
        (&br"a\ud83d"[..], "a\u{fffd}"),
        (br"\ud83d", "\u{fffd}"),
        (br"a\udc00b\n", "a\u{fffd}b\n"),
        (br"\ud83d\ude00\ud83d", "\u{1f600}\u{fffd}"),
        (b"a\xfc", "a\u{fffd}"),
        (b"\xff\\\"", "\u{fffd}\""),
    ] {
        for name in ["source", "time", "type", "workspaceid", "subject"] {
            let event = Event::from_json(with_attribute(name, value)).unwrap();
            let seen = match name {
                "source" => event.source(),
                "time" => event.time().as_str(),
                "type" => event.event_type().as_str(),
                "workspaceid" => event.workspace_id().as_str(),
                _ => event.subject().unwrap(),
            };
            assert_eq!(seen, shown, "{name}");
            assert_eq!((event.id().as_str(), event.task_id().unwrap().as_str()), ("evt_task_created", "tsk_123"));
            assert!(
                matches!(event.payload(), Payload::Task(task) if task.title == "Review launch checklist"),
                "{name}"
            );
            assert_eq!(Event::from_json(event.as_json()).unwrap(), event, "what is stored is read back");
        }
        let event = Event::from_json(with_attribute("id", value)).unwrap();
        assert_eq!(Event::from_json(event.as_json()).unwrap().id(), event.id());
        assert_eq!(*event.event_type(), EventType::TaskCreated);
    }
}

#[test]
fn ids_that_differ_in_what_is_broken_stay_different() {
    let values =
        [&br"evt_\ud83d"[..], br"evt_\ud83e", br"evt_\udc00", b"evt_\xfc", b"evt_\xfd", "evt_\u{fffd}".as_bytes()];
    let ids: HashSet<_> =
        values.map(|value| Event::from_json(with_attribute("id", value)).unwrap().id().clone()).into();
    assert_eq!(ids.len(), values.len(), "{ids:?}");
    assert!(ids.contains(&EventId::from(r"evt_\ud83d")), "{ids:?}");
}

#[test]
fn the_json_of_an_event_has_the_id_and_type_that_came_by_header() {
    let headers = [("x-one-event-id", "evt_\"header\""), ("x-one-event-type", "task.updated")];
    for part in [&headers[..1], &headers[1..], &headers[..]] {
        let event = delivered(part, &task_created());
        let stored = serde_json::to_string(&event).unwrap();
        for again in [Event::from_json(event.as_json()).unwrap(), serde_json::from_str(&stored).unwrap()] {
            assert_eq!(again, event);
            assert_eq!((again.id(), again.event_type()), (event.id(), event.event_type()));
            assert_eq!(again.data(), event.data());
        }
    }
}

#[test]
fn what_is_no_json_object_is_refused_with_the_place() {
    for empty in ["", " \n"] {
        assert!(matches!(Event::from_json(empty), Err(WebhookError::Empty)));
    }
    for other in ["[]", "1", "null", r#""text""#] {
        assert!(matches!(Event::from_json(other), Err(WebhookError::NotAnObject)), "{other}");
    }
    for (broken, place) in [("{", (1, 1)), ("{\n\"a\": nan}", (2, 7)), ("{} {}", (1, 4)), ("{\"a\": 01}", (1, 8))] {
        match Event::from_json(broken) {
            Err(WebhookError::Json { line, column }) => assert_eq!((line, column), place, "{broken}"),
            other => panic!("{broken}: {other:?}"),
        }
    }
    let not_utf8 = Event::from_json(b"{\n \"a\": \"\xff\"}".as_slice());
    assert!(matches!(not_utf8, Err(WebhookError::Json { line: 2, column: 8 })), "{not_utf8:?}");
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = task_created().to_string().replacen("\"task\":{", &format!("\"task\":{{\"deep\":{deep},"), 1);
    let event = Event::from_json(&text).unwrap();
    assert_eq!(event.as_json(), text);
}

#[test]
fn an_event_is_written_back_as_it_came() {
    let text = task_created().to_string().replacen(
        "\"specversion\"",
        r#""traceparent" : "00-ab", "big": 12345678901234567890123, "huge": 1e400, "dec": 0.10, "esc": "\u00e9\/", "specversion""#,
        1,
    );
    let event = Event::from_json(format!("  {text}\n")).unwrap();
    assert_eq!(event.as_json(), text);
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
    let again: Event = serde_json::from_str(&text).unwrap();
    assert_eq!(again, event);
    assert_eq!(text.parse::<Event>().unwrap(), event);
    assert_eq!(event.attribute("huge").unwrap().get(), "1e400");
    assert_eq!(event.attribute("traceparent").unwrap().decode::<String>().unwrap(), "00-ab");
    assert!(event.attribute("tracestate").is_none());
    let names = event.attribute_names();
    assert!(names.windows(3).any(|three| three == ["traceparent", "big", "huge"]), "{names:?}");
    assert_eq!(serde_json::from_str::<Value>(event.data()).unwrap(), task_created()["data"]);
}

#[test]
fn debug_output_has_ids_and_no_content() {
    let shown = format!("{:?}", event(&task_created()));
    assert!(shown.contains("evt_task_created") && shown.contains("task.created"), "{shown}");
    assert!(!shown.contains("Review launch checklist"), "{shown}");
}

/// JSON of any shape, numbers as strings that no float can hold.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        any::<String>().prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = any::<String>().prop_map(|text| Value::from(text).to_string());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((key, inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields.into_iter().map(|(key, value)| format!("{key} : {value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_an_event_carries_is_read_and_written_back(
        extension in any_json(), extra in any_json(), task in any_json(), actor in any_json(), id in any_json(),
        field in "[a-zA-Z]{1,12}",
    ) {
        let text = format!(
            r#"{{"specversion":"1.0","id":"e","type":"task.created","source":"s","time":"t","datacontenttype":
            "application/json","workspaceid":"w","x-ext":{extension},"data":{{"resource":{{"type":"task","id":{id}}},
            "actor":{actor},"task":{task},"x-{field}":{extra}}}}}"#,
        );
        let event = Event::from_json(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&event).unwrap(), text);
        let attribute = event.attribute("x-ext").unwrap();
        prop_assert_eq!(attribute.get(), extension);
    }

    #[test]
    fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Event::from_json(body);
    }

    #[test]
    fn no_json_body_makes_the_reader_panic(body in any_json()) {
        let _ = Event::from_json(body);
    }
}

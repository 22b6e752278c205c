//! What the fake remembers of the requests it got.

use onehorizon_testing::{FakeOneHorizon, Fault, Record};
use serde_json::Value;
use support::http::Caller;

const TASKS: &str = "/workspaces/current/tasks";

async fn fake() -> (FakeOneHorizon, Caller) {
    let fake = FakeOneHorizon::builder().quota_off().start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    (fake, key)
}

#[tokio::test]
async fn a_request_is_remembered_with_all_but_its_credential() {
    let (fake, key) = fake().await;
    key.send(
        "POST",
        &format!("{TASKS}?dry%20run=a+b&x="),
        &[("Content-Type", "application/json"), ("X-Mine", "7")],
        r#"{"title":"x"}"#,
    )
    .await
    .unwrap();
    let request = fake.requests().remove(0);
    assert_eq!((request.method().as_str(), request.path()), ("POST", "/api/v1/workspaces/current/tasks"));
    let pairs = [("dry run".to_owned(), "a b".to_owned()), ("x".to_owned(), String::new())];
    assert_eq!(request.query(), pairs);
    assert_eq!((request.header("x-mine"), request.header("authorization")), (Some("7"), None));
    let names: Vec<_> = request.header_names().collect();
    assert!(names.contains(&"authorization") && names.contains(&"x-mine"), "{names:?}");
    assert_eq!(
        (request.body(), request.json::<Value>().unwrap()["title"].as_str()),
        (&br#"{"title":"x"}"#[..], Some("x"))
    );
    assert_eq!((request.operation(), request.status()), (Some("createTask"), Some(422)));
    assert!(request.principal().is_some());
    assert_eq!(request.violations().iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["dry run", "x"]);
    fake.clear_requests();
    assert!(fake.requests().is_empty() && fake.violations().is_empty());
}

#[tokio::test]
async fn the_status_is_that_of_the_response_if_any_of_it_was_sent() {
    let (fake, key) = fake().await;
    for (fault, status) in [
        (Fault::pass(), Some(200)),
        (Fault::status(503), Some(503)),
        (Fault::truncate(3), Some(200)),
        (Fault::drop_before(), None),
        (Fault::drop_after(), None),
    ] {
        fake.fail_next(fault);
        let _ = key.send("GET", TASKS, &[], "").await;
        assert_eq!(fake.requests().last().unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_plus_is_a_space_in_a_query_and_a_plus_in_a_path() {
    let (fake, key) = fake().await;
    fake.put_task(Record::new().with("taskId", "a+b c").with("title", "found"));
    for path in ["a+b%20c", "a%2Bb%20c", "a%2bb%20c"] {
        assert_eq!(key.get(&format!("{TASKS}/{path}")).await.json()["title"], "found", "{path}");
    }
    for path in ["a%2", "a%", "a%zz", "a%+1", "%ff"] {
        assert_eq!(key.get(&format!("{TASKS}/{path}")).await.status, 404, "{path}");
    }
}

#[test]
fn a_record_is_an_object_with_its_fields_in_their_order() {
    let record: Record = serde_json::from_str(r#"{"b":1.50,"a":{"deep":[1]},"c":"text"}"#).unwrap();
    assert_eq!(record.names().collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!(record.to_json(), r#"{"b":1.50,"a":{"deep":[1]},"c":"text"}"#);
    assert!(record.is("c", "text") && !record.is("c", "other") && !record.is("b", "1.50"));
    let fault = |text| serde_json::from_str::<Record>(text).unwrap_err().to_string();
    assert!(fault("[]").contains("expected a JSON object"), "{}", fault("[]"));
    assert!(fault(r#"{"a":1,"a":2}"#).contains("a field appears twice"));
}

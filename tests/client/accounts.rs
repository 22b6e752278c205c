//! What settings do, and what responses and errors report of a call.

use support::wire;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use onehorizon::transport::{Failure, TransportError};
use onehorizon::{Configuration, Credential, CredentialKind, DEFAULT_BASE_URL, ErrorKind, Retry, Sent, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Reply};
use support::wire::{Wire, limited, ok, plain, refused, status};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_services_numbers_are_those_of_its_documentation() {
    use onehorizon::limits;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!((limits::QUOTA_REQUESTS, limits::QUOTA_WINDOW), (200, minutes(15)));
    assert_eq!((limits::BURST_REQUESTS, limits::BURST_WINDOW), (40, minutes(1)));
    assert_eq!(limits::ACTIVE_API_KEYS, 20);
    assert_eq!((limits::WEBHOOK_BODY_BYTES, limits::WEBHOOK_TIMEOUT), (262_144, 3 * SECOND));
    assert_eq!(limits::WEBHOOK_RETRY_DELAYS, [minutes(0), minutes(1), minutes(5)]);
    assert_eq!(limits::DEFAULT_MAX_RESPONSE_BYTES, 33_554_432);
}

#[tokio::test]
async fn every_request_names_this_crate_and_the_program_if_it_wants_to() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let builder = Configuration::builder().api_key(fake.api_key()).base_url(fake.url());
    let named = builder.clone().user_agent("nightly-job/1.2").connect_timeout(SECOND);
    for configuration in [builder.build().unwrap(), named.build().unwrap()] {
        TasksApi::new(&configuration).fetch_task("tsk_1001").await.unwrap();
    }
    let own = format!("onehorizon-rust/{}", env!("CARGO_PKG_VERSION"));
    let agents: Vec<_> =
        fake.requests().iter().map(|request| request.header("user-agent").unwrap().to_owned()).collect();
    assert_eq!(agents, [own.clone(), format!("nightly-job/1.2 {own}")]);
    let error = Configuration::builder().api_key("key").user_agent("a\nb").build().unwrap_err();
    assert!(error.to_string().contains("user agent"), "{error}");
}

#[test]
fn a_configuration_shows_where_and_as_whom_it_calls() {
    let configuration = Configuration::builder().oauth_token("token").workspace("w_1").build().unwrap();
    assert_eq!(configuration.base_url(), DEFAULT_BASE_URL);
    assert_eq!(configuration.workspace().as_str(), "w_1");
    assert_eq!(configuration.credential().kind(), CredentialKind::OauthToken);
    let other = configuration.with_credential(Credential::api_key("key").unwrap());
    assert_eq!((other.credential().kind(), other.workspace().as_str()), (CredentialKind::ApiKey, "w_1"));
    assert_eq!(configuration.credential().kind(), CredentialKind::OauthToken);
}

#[test]
fn a_token_that_cannot_be_sent_is_called_by_its_kind() {
    for (make, name) in [
        (Credential::api_key as fn(&'static str) -> _, "the API key"),
        (Credential::oauth_token, "the OAuth token"),
        (Credential::access_token, "the access token"),
    ] {
        for (token, complaint) in [("", "is empty"), (" ", "is empty"), ("a b", "white space"), ("ä", "characters")] {
            let error: onehorizon::Error = make(token).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().starts_with(&format!("{name} ")), "{error}");
            assert!(error.message().contains(complaint), "{error}");
        }
    }
}

#[test]
fn secrets_are_equal_when_their_strings_are() {
    let secret = |text: &str| onehorizon::Secret::from(text);
    for (one, other) in [("", ""), ("a", "a"), ("fake-secret", "fake-secret")] {
        assert_eq!(secret(one), secret(other));
    }
    // Differences whose bits cancel out, and strings that begin alike.
    for (one, other) in
        [("", "a"), ("a", "b"), ("ab", "ba"), ("aa", "bb"), ("ab", "abc"), ("abc", "ab"), ("xaay", "xbby")]
    {
        assert_ne!(secret(one), secret(other), "{one} {other}");
    }
    assert_eq!(onehorizon::Secret::from(&secret("a")), secret("a"));
}

#[test]
fn settings_do_not_undo_each_other() {
    use onehorizon::quota::Pacing;
    let builder = || Configuration::builder().access_token("token").workspace("w_1");
    let configuration = builder().pacing(Pacing::documented()).on_quota_wait(|_| ()).deadline(SECOND).build().unwrap();
    assert_eq!(configuration.credential().kind(), CredentialKind::Unknown);
    assert_eq!((configuration.workspace().as_str(), configuration.quota().windows.len()), ("w_1", 2));
    let own = builder().credential(Credential::api_key("key").unwrap()).max_response_bytes(1).build().unwrap();
    assert_eq!((own.credential().kind(), own.workspace().as_str()), (CredentialKind::ApiKey, "w_1"));
    assert!(own.quota().windows.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_response_has_its_head_its_body_and_the_story_of_its_call() {
    let response = ok().header("x-request-id", "req_1").header("x-other", 7).after(SECOND);
    let wire = Wire::new([status(500), limited(3), response]);
    let response = wire::read(&wire.configuration()).await.unwrap();
    assert_eq!((response.status(), response.request_id(), response.raw()), (200, Some("req_1"), &b"{}"[..]));
    assert_eq!((response.header("X-Other"), response.header("x-none"), response.headers().len()), (Some("7"), None, 2));
    assert_eq!(response.attempts(), 3);
    let time = response.time_spent();
    assert_eq!((time.requests, time.backoff, time.quota), (SECOND, SECOND, 3 * SECOND));
    assert_eq!(time.total(), time.requests + time.backoff + time.quota);
    assert!(response.rate_limit().is_none());
    let mapped = response.map(|value| value.len());
    assert_eq!((*mapped, mapped.status(), mapped.attempts(), mapped.request_id()), (2, 200, 3, Some("req_1")));
    assert_eq!(mapped.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_has_its_head_its_body_and_the_story_of_its_call() {
    let text = r#"{"code":"task_locked","message":"somebody edits it"}"#;
    let locked = plain(409, text.to_owned()).header("x-request-id", "req_2").after(SECOND);
    let wire = Wire::new([status(503), locked]);
    let error = wire::read(&wire.configuration()).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.code()), (ErrorKind::Conflict, Some(409), Some("task_locked")));
    assert_eq!((error.message(), error.body()), ("somebody edits it", text.as_bytes()));
    assert_eq!((error.request_id(), error.header("X-Request-Id")), (Some("req_2"), Some("req_2")));
    assert_eq!((error.header("x-none"), error.operation()), (None, Some("request")));
    assert_eq!((error.attempts(), error.was_sent()), (2, Sent::Yes));
    assert_eq!((error.time_spent().requests, error.time_spent().backoff), (SECOND, SECOND));
    assert!(error.rate_limit().is_none() && error.retry_after().is_none() && error.source().is_none());
}

#[tokio::test(start_paused = true)]
async fn each_error_is_of_one_kind_and_only_the_predicates_of_that_kind_hold() {
    type Question = fn(&onehorizon::Error) -> bool;
    let questions: [(&str, Question); 11] = [
        ("rate limited", onehorizon::Error::is_rate_limited),
        ("not found", onehorizon::Error::is_not_found),
        ("unauthorized", onehorizon::Error::is_unauthorized),
        ("forbidden", onehorizon::Error::is_forbidden),
        ("conflict", onehorizon::Error::is_conflict),
        ("invalid", onehorizon::Error::is_invalid),
        ("timeout", onehorizon::Error::is_timeout),
        ("deadline", onehorizon::Error::is_deadline),
        ("connect", onehorizon::Error::is_connect),
        ("interrupted", onehorizon::Error::is_interrupted),
        ("decode", onehorizon::Error::is_decode),
    ];
    let no_json = plain(200, "<html>".to_owned());
    for (step, expected) in [
        (refused("no more"), &["rate limited"][..]),
        (status(404), &["not found"]),
        (status(401), &["unauthorized"]),
        (status(403), &["forbidden"]),
        (status(409), &["conflict"]),
        (status(422), &["invalid"]),
        (status(418), &[]),
        (Reply::never(), &["timeout"]),
        (Reply::fail(Failure::Connect), &["connect"]),
        (Reply::fail(Failure::ConnectTimeout), &["timeout"]),
        (Reply::fail(Failure::Interrupted), &["interrupted"]),
        (Reply::fail(Failure::TooLarge), &[]),
        (no_json, &["decode"]),
    ] {
        let wire = Wire::new([step.clone()]);
        let configuration = wire.builder().retry(Retry::never()).build().unwrap();
        let error = TasksApi::new(&configuration).list_tasks().await.unwrap_err();
        let yes: Vec<_> = questions.iter().filter(|(_, ask)| ask(&error)).map(|(name, _)| *name).collect();
        assert_eq!(yes, expected, "{step:?}: {error}");
    }
    let wire = Wire::new([Reply::never()]);
    let late = wire::read(&wire.configuration()).deadline(SECOND).await.unwrap_err();
    assert!(late.is_timeout() && late.is_deadline());
}

#[tokio::test]
async fn a_closed_port_is_an_error_of_connecting_and_nothing_was_sent() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let url = fake.url();
    fake.shutdown().await;
    let configuration = Configuration::builder().api_key("key").base_url(url).retry(Retry::never()).build().unwrap();
    let error = TasksApi::new(&configuration).fetch_task("tsk_1").await.unwrap_err();
    assert!(error.is_connect() && !error.is_interrupted(), "{error}");
    assert_eq!((error.was_sent(), error.attempts(), error.status()), (Sent::No, 1, None));
    assert!(error.source().is_some());
}

#[test]
fn failures_below_http_know_whether_anything_left() {
    for (failure, never_sent, words) in [
        (Failure::Connect, true, "no connection could be made"),
        (Failure::ConnectTimeout, true, "making a connection took too long"),
        (Failure::Tls, true, "no secure connection could be made"),
        (Failure::NoRuntime, true, "there is no Tokio runtime here to send the request on"),
        (Failure::IncompleteRuntime, true, "the Tokio runtime here was built without what sending a request needs"),
        (Failure::Interrupted, false, "the connection broke before the response was complete"),
        (Failure::TooLarge, false, "the response is larger than the configured limit"),
    ] {
        assert_eq!(failure.never_sent(), never_sent);
        let bare = TransportError::from(failure);
        assert_eq!((bare.failure(), bare.to_string().as_str(), bare.source().is_none()), (failure, words, true));
        let caused = TransportError::new(failure, "the cable");
        assert_eq!((caused.failure(), caused.source().unwrap().to_string().as_str()), (failure, "the cable"));
    }
}

#[tokio::test(start_paused = true)]
async fn options_of_a_call_come_before_those_of_the_configuration() {
    let wire = Wire::rule(|_, _| Reply::never());
    let configuration = wire.builder().timeout(9 * SECOND).deadline(20 * SECOND).build().unwrap();
    let took = async |call: onehorizon::apis::Request| call.await.unwrap_err().time_spent().total();
    let call = || wire::read(&configuration);
    assert_eq!(took(call().attempts(1)).await, 9 * SECOND);
    assert_eq!(took(call().attempts(1).timeout(2 * SECOND)).await, 2 * SECOND);
    assert_eq!(took(call()).await, 19 * SECOND, "the second wait would end with the deadline");
    assert_eq!(took(call().deadline(5 * SECOND)).await, 5 * SECOND);
}

#[tokio::test]
async fn a_call_carries_the_headers_it_was_given_but_for_the_credential() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let configuration = Configuration::builder().api_key(fake.api_key()).base_url(fake.url()).build().unwrap();
    let tasks = TasksApi::new(&configuration);
    tasks.fetch_task("tsk_1001").header("x-trace", "t_1").idempotency_key("once").await.unwrap();
    let request = fake.requests().remove(0);
    assert_eq!((request.header("x-trace"), request.header("idempotency-key")), (Some("t_1"), Some("once")));
    for (name, value) in [("Authorization", "Bearer other"), ("x bad", "1"), ("x-bad", "a\nb")] {
        let error = tasks.fetch_task("tsk_1001").header(name, value).await.unwrap_err();
        assert!(error.is_invalid(), "{name}: {error}");
    }
    assert_eq!(fake.requests().len(), 1, "nothing of that was sent");
    fake.fail_next(Fault::status(500));
    tasks.fetch_task("tsk_1001").header("x-trace", "t_2").await.unwrap();
    let traces: Vec<_> = fake.requests().iter().map(|one| one.header("x-trace").map(str::to_owned)).collect();
    assert_eq!(traces[1..], [Some("t_2".to_owned()), Some("t_2".to_owned())], "each attempt has them");
}

#[tokio::test]
async fn a_response_of_another_shape_is_reported_with_the_path_in_it() {
    for (body, place) in [(r#"[1,"x"]"#, "[1]"), (r#"[1,{"a":2}]"#, "[1]")] {
        let wire = Wire::new([plain(200, body.to_owned())]);
        let error = wire::read(&wire.configuration()).send::<Vec<u64>>().await.unwrap_err();
        assert!(error.is_decode() && error.message().contains(place), "{error}");
        assert!(!error.message().contains(&format!(".{place}")), "{error}");
    }
    let wire = Wire::new([plain(200, r#"{"a":{"b":["x"]}}"#.to_owned())]);
    let call = wire::read(&wire.configuration());
    let error = call.send::<BTreeMap<String, BTreeMap<String, Vec<u64>>>>().await.unwrap_err();
    assert!(error.message().contains(".a.b[0]"), "{error}");
}

#[tokio::test]
async fn a_route_is_sent_as_it_is_but_for_segments_that_lead_elsewhere() {
    let fake = FakeOneHorizon::start().await.unwrap();
    let configuration = Configuration::builder().api_key(fake.api_key()).base_url(fake.url()).build().unwrap();
    for route in ["/workspaces/{workspaceId}/tasks", "/workspaces/current/tasks/", "/a b/{workspaceId}"] {
        drop(configuration.request("GET", route).await);
    }
    let base = "/api/v1";
    let paths: Vec<_> = fake.requests().iter().map(|request| request.path().to_owned()).collect();
    let expected = ["/workspaces/current/tasks", "/workspaces/current/tasks/", "/a%20b/current"];
    assert_eq!(paths, expected.map(|path| format!("{base}{path}")));
    for route in ["tasks", "/tasks/..", "/tasks/./x", "/{nameless}/x"] {
        let error = configuration.request("GET", route).await.unwrap_err();
        assert!(error.is_invalid() && error.was_sent() == Sent::No, "{route}: {error}");
    }
    assert_eq!(fake.requests().len(), 3);
}

#[test]
fn random_numbers_are_spread_between_zero_and_one() {
    use onehorizon::{Clock, SystemClock};
    let numbers: Vec<f64> = (0..100).map(|_| SystemClock.random()).collect();
    assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
    assert!(numbers.iter().any(|number| *number < 0.5) && numbers.iter().any(|number| *number >= 0.5));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_end_with_the_deadline_is_not_begun() {
    for (deadline, attempts) in [(1000, 1), (1001, 2)] {
        let wire = Wire::new([status(500)]);
        let call = wire::read(&wire.configuration()).deadline(Duration::from_millis(deadline));
        let started = tokio::time::Instant::now();
        let result = call.await;
        assert_eq!((wire.count(), result.is_ok()), (attempts, attempts == 2), "{deadline}");
        assert_eq!(started.elapsed(), Duration::from_millis(if attempts == 2 { 1000 } else { 0 }));
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_repeated_deletion_may_have_succeeded_before() {
    let hint = async |method: &str, steps: [Reply; 2]| {
        let wire = Wire::new(steps);
        let error = wire.configuration().request(method, "/thing").await.unwrap_err();
        (error.attempts(), error.hint().unwrap_or_default().contains("may have deleted it"))
    };
    assert_eq!(hint("DELETE", [status(500), status(404)]).await, (2, true));
    assert_eq!(hint("DELETE", [status(404), ok()]).await, (1, false));
    assert_eq!(hint("DELETE", [status(500), status(409)]).await, (2, false));
    assert_eq!(hint("GET", [status(500), status(404)]).await, (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_call_names_the_remedy_only_where_api_keys_are_not_allowed() {
    let hint = async |operation: &str| {
        let wire = Wire::rule(|_, _| status(403));
        let configuration = wire.builder().access_token("token").build().unwrap();
        let error = match operation {
            "tasks" => TasksApi::new(&configuration).list_tasks().await.map(|_| ()).unwrap_err(),
            _ => onehorizon::ApiKeysApi::new(&configuration).list_api_keys().await.map(|_| ()).unwrap_err(),
        };
        error.hint().unwrap_or_default().contains("OAuth token of a workspace owner")
    };
    assert!(hint("keys").await && !hint("tasks").await);
}

#[tokio::test(start_paused = true)]
async fn settings_of_retrying_do_not_undo_each_other() {
    let retry = Retry::default().attempts(4).backoff(SECOND, 2 * SECOND).max_wait(5 * SECOND);
    let wire = Wire::rule(|_, _| status(500));
    let error = wire::read(&wire.builder().retry(retry.clone()).build().unwrap()).await.unwrap_err();
    assert_eq!((error.attempts(), error.time_spent().backoff), (4, 5 * SECOND), "1 + 2 + 2 seconds");
    for (wait, attempts) in [(5, 2), (6, 1)] {
        let wire = Wire::new([limited(wait)]);
        drop(wire::read(&wire.builder().retry(retry.clone()).build().unwrap()).await);
        assert_eq!(wire.count(), attempts, "{wait}");
    }
    let attempts_last = Retry::never().backoff(SECOND, SECOND).max_wait(SECOND);
    let wire = Wire::rule(|_, _| status(500));
    assert_eq!(wire::read(&wire.builder().retry(attempts_last).build().unwrap()).await.unwrap_err().attempts(), 1);
}

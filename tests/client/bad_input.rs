//! Bad input gets a precise error that names the place; nothing panics and nothing prints the token.

use std::time::Duration;

use onehorizon::models::{NewTask, Task, TaskStatus};
use onehorizon::transport::Failure;
use onehorizon::{Configuration, Credential, Error, ErrorKind, Response, Retry, Sent, TasksApi};
use onehorizon_testing::{ManualClock, Reply, ScriptedTransport};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "canary-token-5f2a";

fn configuration(base_url: &str) -> Configuration {
    Configuration::builder().api_key(TOKEN).base_url(base_url).retry(Retry::never()).build().unwrap()
}

/// What a fetch returns for this response of a server.
async fn fetch_from(response: ResponseTemplate) -> Result<Response<Task>, Error> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    TasksApi::new(&configuration(&server.uri())).fetch_task("tsk_1").await
}

async fn error_from(response: ResponseTemplate) -> Error {
    let error = fetch_from(response).await.unwrap_err();
    let shown = format!("{error} {error:?} {}", String::from_utf8_lossy(error.body()));
    assert!(!shown.contains(TOKEN), "the token shows: {shown}");
    assert!(!error.to_string().contains('\n'), "not one line: {error}");
    error
}

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

// The configuration.

#[test]
fn tokens_that_cannot_be_tokens_are_refused_without_being_shown() {
    for (token, complaint) in [
        ("", "is empty"),
        (" \t", "is empty"),
        ("canary-token\n", "line end"),
        ("canary token", "white space"),
        ("canary\u{7}token", "control character"),
        ("canary\u{e9}", "no token has"),
    ] {
        for refused in [Credential::api_key(token), Credential::oauth_token(token), Credential::access_token(token)] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(complaint), "{token:?}: {error}");
            assert!(!format!("{error}{error:?}").contains("canary"), "{error}");
        }
        assert!(Configuration::builder().api_key(token).build().is_err());
    }
}

#[test]
fn workspace_ids_with_an_accident_of_copying_are_refused() {
    for (id, complaint) in [
        ("w_1\n", "line end"),
        ("\"w_1\"", "quotes"),
        ("${WORKSPACE}", "placeholder"),
        ("undefined", "placeholder"),
        ("w\u{a0}1", "U+00A0"),
        ("w_1\u{61c}", "U+061C"),
        ("{workspaceId}", "placeholder"),
        (":workspaceId", "placeholder"),
        ("https://onehorizon.ai/w_1", "whole address"),
        ("ONE_WORKSPACE=w_1", "env file"),
        ("", "empty"),
    ] {
        let error = Configuration::builder().api_key(TOKEN).workspace(id).build().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the workspace id") && text.contains(complaint), "{id:?}: {text}");
    }
}

#[test]
fn base_urls_that_would_not_do_are_refused_with_the_reason() {
    for (url, complaint) in [
        ("", "empty"),
        ("onehorizon.ai/api/v1", "absolute address"),
        ("https://onehorizon.ai/api/v1\n", "line end"),
        ("\"https://onehorizon.ai/api/v1\"", "quotes"),
        ("https://${HOST}/api/v1", "placeholder"),
        ("https://$HOST/api/v1", "placeholder"),
        ("https://%HOST%/api/v1", "placeholder"),
        ("https://undefined/api/v1", "placeholder"),
        ("https://onehorizon.ai/api/v1/{x}", "placeholder"),
        ("https://onehorizon.ai/{version}", "placeholder"),
        ("https://{host}/api/v1", "placeholder"),
        ("https://onehorizon.ai/api/v1/}", "placeholder"),
        ("ONE_HORIZON_BASE_URL=https://onehorizon.ai/api/v1", "env file"),
        ("https://onehorizon.ai:0/api/v1", "port 0"),
        ("https://onehorizon.ai/\u{fe0f}api/v1", "U+FE0F"),
        ("https://onehorizon.ai /api", "white space"),
        ("ftp://onehorizon.ai", "https://"),
        ("mailto:a@b.c", "https://"),
        ("http://onehorizon.ai/api/v1", "in the clear"),
        ("http://10.0.0.1/api/v1", "in the clear"),
        ("http://localhost.evil.example/", "in the clear"),
        ("https://user:pass@onehorizon.ai/", "user name"),
        ("https://user@onehorizon.ai/", "user name"),
        ("https://:pass@onehorizon.ai/", "user name"),
        ("https://onehorizon.ai/api/v1?x=1", "query"),
        ("https://onehorizon.ai/api/v1#x", "fragment"),
    ] {
        let error = Configuration::builder().api_key(TOKEN).base_url(url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(complaint), "{url}: {error}");
    }
    for url in [
        "http://127.0.0.1:9/api/v1/",
        "http://[::1]:9",
        "http://localhost:9",
        "http://a.localhost:9",
        "https://example.com/api",
    ] {
        Configuration::builder().api_key(TOKEN).base_url(url).build().unwrap();
    }
    Configuration::builder().api_key(TOKEN).base_url("http://10.0.0.1").allow_insecure_http().build().unwrap();
}

#[test]
fn a_configuration_without_a_credential_says_what_is_missing() {
    let error = Configuration::builder().build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "configuration: no credential: call api_key, oauth_token or credential on the builder"
    );
}

#[test]
fn debug_of_a_configuration_shows_where_and_as_what_but_no_secret() {
    let shown = format!("{:?}", configuration("http://127.0.0.1:9"));
    assert!(shown.contains("http://127.0.0.1:9/") && shown.contains("ApiKey, redacted"), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

// Arguments.

#[tokio::test]
async fn ids_that_cannot_be_one_path_segment_are_refused_before_sending() {
    let tasks = TasksApi::new(&configuration("http://127.0.0.1:9"));
    for (id, complaint) in [
        ("", "`taskId` is empty"),
        (".", "`taskId` is `.`"),
        ("..", "`taskId` is `.`"),
        ("  ", "white space"),
        ("a\nb", "control"),
    ] {
        let error = tasks.fetch_task(id).await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.was_sent()), (ErrorKind::Invalid, None, Sent::No), "{id:?}");
        assert!(error.to_string().contains(complaint), "{id:?}: {error}");
    }
}

#[tokio::test]
async fn ids_of_a_call_are_checked_as_settings_are() {
    let configuration = configuration("http://127.0.0.1:9");
    let tasks = TasksApi::new(&configuration);
    for (id, complaint) in [
        ("{taskId}", "placeholder"),
        ("{{taskId}}", "placeholder"),
        ("${ID}", "placeholder"),
        ("$ID", "placeholder"),
        ("$taskId", "placeholder"),
        (":taskId", "placeholder"),
        ("[taskId]", "placeholder"),
        ("%TASK_ID%", "placeholder"),
        ("<task-id>", "placeholder"),
        ("undefined", "placeholder"),
        ("null", "placeholder"),
        ("[object Object]", "placeholder"),
        ("\"tsk_1\"", "in quotes"),
        ("'tsk_1'", "in quotes"),
        ("\u{201c}tsk_1\u{201d}", "in quotes"),
        (" tsk_1", "white space"),
        ("tsk_1 ", "white space"),
        ("tsk_1\u{a0}", "white space"),
        ("tsk\u{200b}_1", "U+200B"),
        ("ONE_TASK=tsk_1", "env file"),
        ("https://onehorizon.ai/tasks/tsk_1", "whole address"),
    ] {
        let of_task = tasks.fetch_task(id).await.unwrap_err();
        let of_workspace = tasks.fetch_task("tsk_1").workspace(id).await.unwrap_err();
        let raw = configuration.request("GET", "/tasks/{taskId}").path("taskId", id).await.unwrap_err();
        let mixed = configuration.request("GET", "/tasks/{taskId}.json").path("taskId", id).await.unwrap_err();
        for (error, name) in [(of_task, "taskId"), (of_workspace, "workspaceId"), (raw, "taskId"), (mixed, "taskId")] {
            assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{id:?}: {error}");
            let message = error.message();
            assert!(message.starts_with(&format!("`{name}` ")) && message.contains(complaint), "{id:?}: {error}");
        }
    }
    assert!(tasks.fetch_task("your-task-id").await.unwrap_err().message().contains("placeholder"));
    // In a path of one's own a word may be a name.
    for word in ["todo", "none", "placeholder"] {
        let error = configuration.request("GET", "/labels/{name}").path("name", word).attempts(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{word}: {error}");
    }
}

#[tokio::test]
async fn options_of_a_call_that_cannot_be_meant_are_refused_before_sending() {
    let configuration = configuration("http://127.0.0.1:9");
    let tasks = TasksApi::new(&configuration);
    let error = tasks.fetch_task("tsk_1").timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{error}");
    assert!(error.message().contains("the timeout is zero"), "{error}");
    for (key, complaint) in [
        ("", "is empty"),
        ("  ", "is empty"),
        ("\t", "is empty"),
        ("k\n", "line end"),
        (" k", "white space"),
        ("\"k\"", "in quotes"),
        ("${KEY}", "placeholder"),
        ("undefined", "placeholder"),
        ("\u{e4}", "not ASCII"),
        ("k\u{200b}", "U+200B"),
    ] {
        let error = tasks.create_task(NewTask::new("x")).idempotency_key(key).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{key:?}: {error}");
        assert!(error.message().contains("the idempotency key") && error.message().contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn methods_are_taken_in_any_case_and_those_of_proxies_are_refused() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(json(200, "{}")).mount(&server).await;
    let configuration = configuration(&server.uri());
    for name in ["get", "Get", "pOsT", "put", "patch", "delete", "options", "PURGE", "purge"] {
        configuration.request(name, "/x").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let requests = server.received_requests().await.unwrap();
        let sent = requests.last().unwrap().method.to_string();
        // A method that this crate does not know is the caller's own.
        let expected = if name.eq_ignore_ascii_case("purge") { name.to_owned() } else { name.to_ascii_uppercase() };
        assert_eq!(sent, expected);
    }
    let before = server.received_requests().await.unwrap().len();
    for name in ["CONNECT", "connect", "TRACE", "track", "", "GE T", "GET\n", "\u{e4}"] {
        let error = configuration.request(name, "/x").await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{name:?}: {error}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), before);
}

#[tokio::test]
async fn odd_ids_travel_as_one_encoded_segment_and_never_reach_another_route() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(json(200, r#"{"taskId":"tsk_1"}"#)).mount(&server).await;
    let tasks = TasksApi::new(&configuration(&format!("{}/api/v1", server.uri())));
    for (id, encoded) in [
        ("a/b", "a%2Fb"),
        ("../api-keys", "..%2Fapi-keys"),
        ("a?b=c", "a%3Fb=c"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("%2e%2e", "%252e%252e"),
        ("a\\b", "a%5Cb"),
        ("ä", "%C3%A4"),
    ] {
        tasks.fetch_task(id).await.unwrap_or_else(|error| panic!("{id:?}: {error}"));
        let requests = server.received_requests().await.unwrap();
        let url = &requests.last().unwrap().url;
        assert_eq!(url.path(), format!("/api/v1/workspaces/current/tasks/{encoded}"), "{id:?}");
        assert_eq!((url.query(), url.fragment()), (None, None), "{id:?}");
    }
}

#[tokio::test]
async fn a_parameter_set_twice_is_sent_once_and_a_list_keeps_all_its_items() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(json(200, r#"{"tasks":[]}"#)).mount(&server).await;
    let tasks = TasksApi::new(&configuration(&server.uri()));
    tasks
        .list_tasks()
        .all(false)
        .status(["a b", "c&d"].map(TaskStatus::other))
        .all(true)
        .status([TaskStatus::other("e")])
        .await
        .unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.last().unwrap().url.query(), Some("status=a+b&status=c%26d&all=true&status=e"));
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused_before_sending() {
    let tasks = TasksApi::new(&configuration("http://127.0.0.1:9"));
    for (name, value, complaint) in [
        ("authorization", "Bearer other", "credential"),
        ("not a name", "x", "not a valid header name"),
        ("x-note", "line\nend", "cannot carry"),
    ] {
        let error = tasks.fetch_task("tsk_1").header(name, value).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No));
        assert!(error.to_string().contains(complaint), "{error}");
    }
}

// Responses.

#[tokio::test]
async fn refusals_have_a_kind_a_code_and_the_services_message() {
    for (status, kind) in [
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (418, ErrorKind::Api),
        (422, ErrorKind::Invalid),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Api),
    ] {
        let error = error_from(json(status, &format!(r#"{{"code":{status},"message":"the reason"}}"#))).await;
        assert_eq!((error.kind(), error.status(), error.was_sent()), (kind, Some(status), Sent::Yes));
        assert_eq!((error.code(), error.message()), (Some(status.to_string().as_str()), "the reason"));
        assert_eq!(error.operation(), Some("fetchTask"));
    }
}

#[tokio::test]
async fn a_code_may_be_a_number_or_a_text() {
    let number = error_from(json(409, r#"{"code":1e400,"message":"m"}"#)).await;
    assert_eq!(number.message(), "m", "a number that no machine holds must not hide the message");
    let text = error_from(json(409, r#"{"code":"key_limit","message":"m"}"#)).await;
    assert_eq!(text.code(), Some("key_limit"));
    assert!(text.to_string().contains("[code key_limit]"), "{text}");
}

#[tokio::test]
async fn a_spent_quota_is_an_error_of_its_own_with_the_time_to_wait() {
    let error =
        error_from(json(429, r#"{"code":429,"message":"standard rate limit exceeded, retry in 43 seconds"}"#)).await;
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(43)));
    assert_eq!(error.to_string(), "fetchTask: rate limited (429): standard rate limit exceeded, retry in 43 seconds");
}

#[tokio::test]
async fn an_html_page_of_a_proxy_is_reported_as_such() {
    let error =
        error_from(ResponseTemplate::new(502).set_body_raw("<html>Bad gateway</html>", "text/html; charset=utf-8"))
            .await;
    assert_eq!(error.kind(), ErrorKind::Api);
    assert_eq!(
        error.to_string(),
        "fetchTask: the service failed (502): Bad Gateway, with a body of 24 bytes that is not the service's JSON (text/html)"
    );
    assert_eq!(error.body(), b"<html>Bad gateway</html>");
}

#[tokio::test]
async fn an_html_page_as_a_success_is_a_decode_error() {
    let error = error_from(ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html")).await;
    assert!(error.is_decode());
    assert!(error.message().contains("not complete JSON"), "{error}");
}

#[tokio::test]
async fn empty_bodies_are_reported_as_such() {
    let failed = error_from(ResponseTemplate::new(503)).await;
    assert!(failed.to_string().ends_with("(503): Service Unavailable, without a body"), "{failed}");
    let empty = error_from(ResponseTemplate::new(200)).await;
    assert!(empty.is_decode() && empty.message().contains("empty"), "{empty}");
}

#[tokio::test]
async fn truncated_json_is_a_decode_error() {
    let error = error_from(json(200, r#"{"taskId":"tsk_1","tit"#)).await;
    assert!(error.is_decode() && error.message().contains("EOF"), "{error}");
}

#[tokio::test]
async fn json_of_another_shape_names_the_place_but_not_the_value() {
    let error = error_from(json(200, r#"{"taskId":["canary-value"]}"#)).await;
    assert!(error.is_decode());
    assert!(error.message().starts_with("at `$.taskId`: invalid type: sequence"), "{error}");
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(json(200, r#"{"tasks":"canary-value"}"#)).mount(&server).await;
    let error = TasksApi::new(&configuration(&server.uri())).list_tasks().await.unwrap_err();
    assert!(error.message().contains("at `$.tasks`") && !error.message().contains("canary-value"), "{error}");
    let error = error_from(json(200, r#"["no object"]"#)).await;
    assert!(error.message().starts_with("at `$`: invalid type: sequence"), "{error}");
}

#[tokio::test]
async fn responses_beyond_the_cap_are_not_read() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(json(200, &format!(r#"{{"taskId":"{}"}}"#, "x".repeat(2000)))).mount(&server).await;
    let small =
        Configuration::builder().api_key(TOKEN).base_url(server.uri()).max_response_bytes(1000).build().unwrap();
    let error = TasksApi::new(&small).fetch_task("tsk_1").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::TooLarge, 1));
    assert!(error.hint().unwrap().contains("max_response_bytes"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_says_why() {
    let elsewhere = MockServer::start().await;
    let location = format!("{}/steal", elsewhere.uri());
    let error = error_from(ResponseTemplate::new(307).insert_header("location", location.as_str())).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(307)));
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty(), "the credential travelled");
}

#[tokio::test]
async fn a_token_that_the_service_echoes_is_taken_out() {
    let echo = format!(r#"{{"code":"no {TOKEN}","message":"bad token {TOKEN}"}}"#);
    let error =
        error_from(json(401, &echo).insert_header("x-echo", TOKEN).insert_header("x-request-id", "req_1")).await;
    assert_eq!(error.message(), "bad token [redacted]");
    assert_eq!((error.header("x-echo"), error.request_id()), (None, Some("req_1")));
}

#[tokio::test]
async fn a_message_with_line_ends_stays_one_line() {
    let error = error_from(json(400, r#"{"code":400,"message":"first\nsecond\u001b[31m"}"#)).await;
    assert_eq!(error.message(), "first second [31m");
}

#[tokio::test]
async fn a_service_that_is_not_there_was_never_reached() {
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tasks = TasksApi::new(&configuration(&format!("http://127.0.0.1:{free_port}")));
    let error = tasks.fetch_task("tsk_1").await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Connect, Sent::No));
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

// Settings at their limits.

/// Ends every sleep.
async fn move_forever(clock: &ManualClock) {
    loop {
        clock.advance_to_next();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn endless_waits_and_random_numbers_out_of_range_do_not_panic() {
    for random in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0] {
        let clock = ManualClock::new().with_random(random);
        let configuration = Configuration::builder()
            .api_key(TOKEN)
            .transport(ScriptedTransport::from_fn(|_| Reply::fail(Failure::Connect)))
            .clock(clock.clone())
            .retry(Retry::default().backoff(Duration::MAX, Duration::MAX).max_wait(Duration::MAX))
            .build()
            .unwrap();
        let tasks = TasksApi::new(&configuration);
        let error = tokio::select! {
            result = tasks.fetch_task("tsk_1") => result.unwrap_err(),
            () = move_forever(&clock) => unreachable!(),
        };
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3), "{random}");
    }
}

#[test]
fn keys_and_tokens_that_stand_for_others_are_refused() {
    for (token, complaint) in [
        ("undefined", "placeholder"),
        ("null", "placeholder"),
        ("$env:ONE_API_KEY", "placeholder"),
        ("#{ONE_API_KEY}", "placeholder"),
        ("your-api-key", "placeholder"),
        ("***", "placeholder"),
        ("ONE_API_KEY=abc", "env file"),
        ("a\u{3000}b", "U+3000"),
        ("a\u{e0041}b", "U+E0041"),
        ("a\u{fffd}b", "U+FFFD"),
    ] {
        for refused in [Credential::api_key(token), Credential::oauth_token(token), Credential::access_token(token)] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(complaint) && !error.contains("abc"), "{token}: {error}");
        }
    }
}

#[test]
fn proxies_that_nobody_filled_in_are_refused_when_the_client_is_built() {
    for (proxy, complaint) in [
        ("http://$PROXY:3128", "placeholder"),
        ("$PROXY:3128", "placeholder"),
        ("http://%PROXY%:3128", "placeholder"),
        ("http://$PROXY_USER:$PROXY_PASSWORD@proxy.example:3128", "placeholder"),
        ("http://proxy.example:0", "port 0"),
        ("http://pro\u{2800}xy.example", "U+2800"),
    ] {
        let error = Configuration::builder().api_key(TOKEN).proxy(proxy).build().unwrap_err().to_string();
        assert!(error.contains("proxy") && error.contains(complaint), "{proxy}: {error}");
    }
    Configuration::builder().api_key(TOKEN).proxy("http://user:pa$WORD@proxy.example:3128").build().unwrap();
}

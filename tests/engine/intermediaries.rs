//! What proxies, caches and gateways do to requests and responses.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use onehorizon::models::{Json, NewTask, Task};
use onehorizon::transport::Failure;
use onehorizon::{BoxFuture, Credential, ErrorKind, Retry, Secret, Sent, TasksApi, TokenProvider};
use onehorizon_testing::Reply;
use support::wire::{Wire, limited, ok, plain, read, status, unsafe_write};

const SECOND: Duration = Duration::from_secs(1);

/// A configuration whose requests' headers are recorded.
fn recorded() -> (Wire, Arc<Mutex<Vec<HeaderMap>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let wire = Wire::rule(move |request, _| {
        record.lock().unwrap().push(request.headers.clone());
        ok()
    });
    (wire, seen)
}

#[tokio::test]
async fn requests_ask_for_json_without_compression() {
    let (wire, seen) = recorded();
    read(&wire.configuration()).await.unwrap();
    unsafe_write(&wire.configuration()).json(&1).await.unwrap();
    let seen = seen.lock().unwrap();
    for headers in seen.iter() {
        assert_eq!(headers["accept"], "application/json");
        assert_eq!(headers["accept-encoding"], "identity");
    }
    assert!(!seen[0].contains_key("content-type"));
    assert_eq!(seen[1]["content-type"], "application/json");
}

#[tokio::test]
async fn headers_of_the_connection_cannot_be_set() {
    let (wire, seen) = recorded();
    for name in [
        "host",
        "Content-Length",
        "transfer-encoding",
        "connection",
        "Keep-Alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "Proxy-Authorization",
        "proxy-connection",
        "HTTP2-Settings",
        "accept-encoding",
        "content-encoding",
    ] {
        let error = read(&wire.configuration()).header(name, "x").await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Invalid, Sent::No), "{name}");
        assert!(error.to_string().contains(&name.to_ascii_lowercase()), "{error}");
    }
    assert_eq!(wire.count(), 0);
    for name in ["accept", "x-trace", "if-none-match", "cookie", "traceparent"] {
        read(&wire.configuration()).header(name, "x").await.unwrap();
        assert_eq!(seen.lock().unwrap().last().unwrap()[name], "x");
    }
}

#[tokio::test]
async fn a_success_without_content_is_what_null_is() {
    for body in ["", "\r\n", "  ", "null", "\u{feff}", "\u{feff}null"] {
        for status in [200, 202, 204] {
            let wire = || Wire::new([plain(status, body.to_owned())]);
            let send = || wire().configuration().request("POST", "/x");
            send().send::<()>().await.unwrap();
            assert!(send().send::<Option<Task>>().await.unwrap().is_none(), "{body:?}");
            assert_eq!(send().send::<Json>().await.unwrap().get(), "null", "{body:?}");
            send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_write_whose_success_cannot_be_read_says_that_it_is_done() {
    for (status, body) in
        [(204, ""), (200, "\n"), (200, "OK"), (201, "null"), (202, "{}"), (200, "[]"), (200, "{\"taskId\"")]
    {
        let wire = Wire::new([plain(status, body.to_owned())]);
        let error = TasksApi::new(&wire.configuration()).create_task(NewTask::new("x")).await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.was_sent()), (ErrorKind::Decode, Some(status), Sent::Yes));
        assert!(!error.is_retryable() && wire.count() == 1);
        assert!(error.hint().unwrap().contains("do not repeat"), "{body:?}: {error}");
        // A read changed nothing.
        let wire = Wire::new([plain(status, body.to_owned())]);
        let error = TasksApi::new(&wire.configuration()).fetch_task("tsk_1").await.unwrap_err();
        assert!(error.is_decode() && error.hint().is_none(), "{body:?}: {error}");
    }
}

#[tokio::test]
async fn a_byte_that_is_not_utf_8_costs_the_string_that_it_is_in_and_no_more() {
    let list = b"{\"tasks\":[{\"taskId\":\"a\",\"title\":\"M\xfcller\",\"mood\":\"\xe2\x82\"},{\"taskId\":\"b\"}]}";
    let wire = Wire::new([plain(200, &list[..]), plain(200, &b"{\"taskId\":\"a\",\"title\":\"M\xfcller\"}"[..])]);
    let tasks = TasksApi::new(&wire.configuration());
    let list = tasks.list_tasks().await.unwrap();
    assert_eq!((list.tasks.len(), list.tasks[0].title.as_str()), (2, "M\u{fffd}ller"));
    assert!(list.unreadable().iter().any(|odd| odd.path() == "tasks[0].title"), "{:?}", list.unreadable());
    let mut task = tasks.fetch_task("a").await.unwrap().into_inner();
    task.topic = Some("changed".to_owned());
    assert!(
        serde_json::to_string(&task).unwrap().contains(r#""title":"M\udcfcller""#),
        "no other title is written back"
    );
    // The service's words.
    let refusal = plain(400, &b"{\"code\":400,\"message\":\"M\xfcller is unknown\"}"[..]);
    let error = read(&Wire::new([refusal]).configuration()).await.unwrap_err();
    assert!(error.code() == Some("400") && error.message().ends_with("ller is unknown"), "{error}");
    // What is not JSON even so is an error as before.
    let error = read(&Wire::new([plain(200, &b"{\"taskId\":\xfc}"[..])]).configuration()).send::<Task>().await;
    assert!(error.unwrap_err().is_decode());
}

#[tokio::test]
async fn half_a_surrogate_pair_in_a_name_costs_that_name_and_no_more() {
    let wire = Wire::new([
        plain(200, r#"{"tasks":[{"taskId":"a"}],"\ud83d":1}"#),
        plain(200, r#"{"taskId":"a","\udc00":{}}"#),
    ]);
    let tasks = TasksApi::new(&wire.configuration());
    assert_eq!(tasks.list_tasks().await.unwrap().tasks[0].task_id, "a");
    let task = tasks.fetch_task("a").await.unwrap();
    assert_eq!(task.extra.names().collect::<Vec<_>>(), ["\u{fffd}"]);
}

#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_skipped() {
    let wire = Wire::new([plain(200, "\u{feff}{\"tasks\":[]}".to_owned())]);
    assert!(TasksApi::new(&wire.configuration()).list_tasks().await.unwrap().tasks.is_empty());
}

#[tokio::test]
async fn a_redirect_names_the_host_that_it_leads_to_and_nothing_secret() {
    for (location, words) in [
        ("https://login.example/sso?token=abc#x", "Found, to the host login.example"),
        ("https://user:pass@login.example:8443/", "Found, to the host login.example"),
        ("//login.example/sso", "Found, to the host login.example"),
        ("/\\login.example/sso", "Found, to the host login.example"),
        ("\\\\login.example", "Found, to the host login.example"),
        ("http://login.example/", "Found, to the host login.example, without TLS"),
        ("http://onehorizon.ai/api/v1/read", "Found, to another address of the same host, without TLS"),
        ("https://onehorizon.ai/read", "Found, to another address of the same host"),
        ("/login?token=abc", "Found, to another address of the same host"),
        ("login?token=abc", "Found, to another address of the same host"),
        ("https://[", "Found, to an address that cannot be read"),
    ] {
        let wire = Wire::new([plain(302, String::new()).header("location", location)]);
        let error = read(&wire.configuration()).await.unwrap_err();
        assert_eq!((error.message(), wire.count()), (words, 1));
        assert!(error.hint().unwrap().contains("redirects are not followed"), "{error}");
    }
    let error = read(&Wire::new([status(407)]).configuration()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("proxy"), "{error}");
    let error = read(&Wire::new([status(304)]).configuration()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("If-None-Match"), "{error}");
}

#[tokio::test]
async fn a_page_in_place_of_json_is_called_a_page() {
    for page in ["<!doctype html><h1>Sign in</h1>", "\u{feff}<html>", "  <?xml version=\"1.0\"?>"] {
        let wire = Wire::new([plain(200, page.to_owned())]);
        let error = TasksApi::new(&wire.configuration()).list_tasks().await.unwrap_err();
        assert!(error.is_decode() && error.message().contains("HTML"), "{error}");
        assert!(error.hint().unwrap().contains("proxy"), "{error}");
    }
}

#[tokio::test]
async fn a_request_id_is_cut_in_what_is_shown_and_whole_where_it_is_asked_for() {
    let long = "r".repeat(5_000);
    let wire = Wire::new([status(400).header("x-request-id", &long)]);
    let error = read(&wire.configuration()).await.unwrap_err();
    assert_eq!(error.request_id(), Some(&*long));
    assert!(error.to_string().len() < 300 && format!("{error:?}").len() < 1_000, "{error}");
}

#[tokio::test]
async fn no_text_from_outside_turns_the_direction_of_a_log_line() {
    for sign in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{2028}', '\u{85}', '\u{7f}', '\u{1b}'] {
        let body = format!(r#"{{"code":"a{sign}b","message":"c{sign}d"}}"#);
        let error = read(&Wire::new([plain(400, body)]).configuration()).await.unwrap_err();
        assert!(!error.to_string().contains(sign), "{:?}", error.to_string());
    }
}

/// Gives `old` until it hears that this was refused.
#[derive(Clone, Default)]
struct Replaceable {
    refused: Arc<Mutex<Vec<String>>>,
}

type Provided<'a, T> = BoxFuture<'a, Result<T, Box<dyn StdError + Send + Sync>>>;

impl TokenProvider for Replaceable {
    fn token(&self) -> Provided<'_, Secret> {
        let token = if self.refused.lock().unwrap().is_empty() { "old" } else { "new" };
        Box::pin(async move { Ok(token.into()) })
    }

    fn replace(&self, refused: &Secret) -> Provided<'_, Option<Secret>> {
        self.refused.lock().unwrap().push(refused.expose().to_owned());
        Box::pin(async { Ok(Some("new".into())) })
    }
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_one_also_after_a_401_and_the_next_call_has_the_new_token() {
    let rule = |request: &onehorizon_testing::SentRequest, _| {
        if request.headers["authorization"] == "Bearer new" { ok() } else { status(401) }
    };
    let provider = Replaceable::default();
    let wire = Wire::rule(rule);
    let builder = || wire.builder().credential(Credential::provider(provider.clone()));
    let configuration = builder().retry(Retry::never()).build().unwrap();
    let error = read(&configuration).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), wire.count()), (ErrorKind::Unauthorized, 1, 1));
    assert_eq!(*provider.refused.lock().unwrap(), ["old"]);
    assert_eq!(read(&configuration).await.unwrap().attempts(), 1);

    let provider = Replaceable::default();
    let wire = Wire::rule(rule);
    let configuration = wire.builder().credential(Credential::provider(provider.clone())).build().unwrap();
    assert_eq!(unsafe_write(&configuration).await.unwrap().attempts(), 2);
}

/// Gives another token, or fails with an error that quotes the refused one.
struct Quoting(bool);

impl TokenProvider for Quoting {
    fn token(&self) -> Provided<'_, Secret> {
        Box::pin(async { Ok("first-token".into()) })
    }

    fn replace(&self, refused: &Secret) -> Provided<'_, Option<Secret>> {
        let quoted = format!("{} was not given by me", refused.expose());
        Box::pin(async move { if self.0 { Ok(Some("second-token".into())) } else { Err(quoted.into()) } })
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_replaced_is_still_kept_out_of_errors() {
    for replaces in [true, false] {
        let cached = plain(401, r#"{"message":"first-token is over, as is second-token"}"#.to_owned());
        let wire = Wire::new([cached.clone(), cached.header("x-token", "first-token")]);
        let credential = Credential::provider(Quoting(replaces));
        let error = read(&wire.builder().credential(credential).build().unwrap()).await.unwrap_err();
        let source = error.source().map(|source| format!("{source} {source:?}"));
        let shown = format!("{error} {error:?} {:?} {:?} {source:?}", error.body(), error.header("x-token"));
        assert!(!shown.contains("first-token") && !shown.contains("second-token"), "{shown}");
        assert_eq!(wire.count(), if replaces { 2 } else { 1 });
    }
}

/// Never gives a token.
struct Silent;

impl TokenProvider for Silent {
    fn token(&self) -> Provided<'_, Secret> {
        Box::pin(std::future::pending())
    }

    fn replace(&self, _: &Secret) -> Provided<'_, Option<Secret>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_provider_that_hangs_ends_the_call_and_is_named() {
    let wire = Wire::new([]);
    let configuration = wire.builder().credential(Credential::provider(Silent)).build().unwrap();
    let error = tokio::time::timeout(600 * SECOND, read(&configuration).into_future()).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && !error.is_deadline() && error.message().contains("token provider"), "{error}");
    assert_eq!((error.was_sent(), wire.count()), (Sent::No, 0));
    let error = read(&configuration).deadline(SECOND).await.unwrap_err();
    assert!(error.is_deadline(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_tls_is_final_and_says_what_to_do() {
    let wire = Wire::new([Reply::fail(Failure::Tls)]);
    let error = read(&wire.configuration()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), error.was_sent()), (ErrorKind::Tls, 1, Sent::No));
    assert!(error.is_tls() && !error.is_retryable());
    assert!(error.hint().unwrap().contains("SSL_CERT_FILE"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_can_be_cloned_with_all_that_it_holds() {
    let wire = Wire::new([limited(43).header("x-request-id", "req_1")]);
    let error = read(&wire.configuration()).await.unwrap_err();
    let copy = error.clone();
    assert_eq!(
        (copy.to_string(), copy.body(), copy.request_id()),
        (error.to_string(), error.body(), error.request_id())
    );
    assert_eq!((copy.elapsed(), copy.retry_after()), (error.elapsed(), Some(43 * SECOND)));
}

//! Hooks: their order, what they get, and that none can break a call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::hooks::{AttemptEnd, AttemptInfo, CallEnd, CallHooks, CallInfo, Drift, WaitInfo};
use onehorizon::models::TaskList;
use onehorizon::quota::Pacing;
use onehorizon::transport::{Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{BoxFuture, Credential, Secret, TasksApi, TokenProvider};
use onehorizon_testing::Reply;
use support::wire::{Wire, limited, ok, plain, read, status, unsafe_write};

const SECOND: Duration = Duration::from_secs(1);

/// Writes down what it is called with.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, &'static str);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(format!("{}{line}", self.1));
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl CallHooks for Log {
    fn call_started(&self, call: &CallInfo<'_>) {
        self.add(format!("call {} {} {} in {}", call.operation, call.method, call.route, call.workspace));
    }

    fn attempt_started(&self, attempt: &AttemptInfo<'_>) {
        self.add(format!("attempt {} {:?}", attempt.number, attempt.retry_reason));
    }

    fn attempt_ended(&self, attempt: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
        let cancelled = if end.cancelled { " cancelled" } else { "" };
        let id = end.request_id.unwrap_or("-");
        self.add(format!(
            "attempt {} ended {:?} {:?} {:?} {:?} {id}{cancelled}",
            attempt.number, end.status, end.error, end.was_sent, end.elapsed
        ));
    }

    fn wait_started(&self, _: &CallInfo<'_>, wait: &WaitInfo) {
        self.add(format!("wait {} {:?}", wait.reason.as_str(), wait.wait));
    }

    fn drift_found(&self, call: &CallInfo<'_>, drift: &Drift<'_>) {
        let value = drift.value.map(|value| format!(" = {value}")).unwrap_or_default();
        self.add(format!("drift {} {} {}{value}", call.operation, drift.kind.as_str(), drift.path));
    }

    fn call_ended(&self, call: &CallInfo<'_>, end: &CallEnd) {
        let cancelled = if end.cancelled { " cancelled" } else { "" };
        self.add(format!(
            "ended {} {:?} {:?} {:?} {} {:?}{cancelled}",
            call.operation, end.status, end.error, end.was_sent, end.attempts, end.elapsed
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_of_a_call_is_seen_in_order() {
    let log = Log::default();
    let last = ok().header("x-request-id", "req_3").after(SECOND);
    let wire = Wire::new([Reply::fail(Failure::Connect), limited(3), last]);
    let configuration = wire.builder().hooks(log.clone()).build().unwrap();
    TasksApi::new(&configuration).list_tasks().workspace("w_7").await.unwrap_err();
    assert_eq!(
        log.lines(),
        [
            "call listTasks GET /workspaces/{workspaceId}/tasks in w_7",
            "attempt 1 None",
            "attempt 1 ended None Some(Connect) No 0ns -",
            "wait backoff 1s",
            "attempt 2 Some(Connect)",
            "attempt 2 ended Some(429) Some(RateLimited) Yes 0ns -",
            "wait refused 3s",
            "attempt 3 Some(RateLimited)",
            "attempt 3 ended Some(200) None Yes 1s req_3",
            // The body is not a list of tasks.
            "ended listTasks Some(200) Some(Decode) Yes 3 5s",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_ends_with_its_kind_and_one_that_is_not_sent_has_no_attempt() {
    let log = Log::default();
    let wire = Wire::new([status(404)]);
    let configuration = wire.builder().hooks(log.clone()).build().unwrap();
    read(&configuration).await.unwrap_err();
    read(&configuration).header("host", "x").await.unwrap_err();
    let lines = log.lines();
    assert_eq!(
        lines[2..5],
        [
            "attempt 1 ended Some(404) Some(NotFound) Yes 0ns -",
            "ended request Some(404) Some(NotFound) Yes 1 0ns",
            "call request GET /read in current",
        ]
    );
    assert_eq!(lines[5..], ["ended request None Some(Invalid) No 0 0ns"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_ends_all_that_it_began() {
    for (step, expected) in [
        (
            Reply::never(),
            vec![
                "call request GET /read in current",
                "attempt 1 None",
                "attempt 1 ended None None Maybe 2s - cancelled",
                "ended request None None Maybe 1 2s cancelled",
            ],
        ),
        (
            limited(20),
            vec![
                "call request GET /read in current",
                "attempt 1 None",
                "attempt 1 ended Some(429) Some(RateLimited) Yes 0ns -",
                "wait refused 20s",
                "ended request None None Yes 1 2s cancelled",
            ],
        ),
    ] {
        let log = Log::default();
        let configuration = Wire::new([step]).builder().hooks(log.clone()).build().unwrap();
        assert!(tokio::time::timeout(2 * SECOND, read(&configuration).into_future()).await.is_err());
        assert_eq!(log.lines(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_for_pacing_are_seen() {
    let log = Log::default();
    let pacing = Pacing::new().window(1, 10 * SECOND);
    let configuration = Wire::new([]).builder().pacing(pacing).hooks(log.clone()).build().unwrap();
    read(&configuration).await.unwrap();
    log.lines();
    read(&configuration).await.unwrap();
    assert!(log.lines()[1].starts_with("wait pacing 10"), "before the attempt");
}

#[tokio::test(start_paused = true)]
async fn what_this_version_does_not_know_is_reported_once_before_the_call_ends() {
    let log = Log::default();
    let task = r#"{"taskId":"t","status":"parked","mood":"calm","contributors":[{"userId":"u","role":1},{"userId":"v","role":2}],"topic":7}"#;
    let list = format!(r#"{{"tasks":[{task},{task},9],"nextPage":2}}"#);
    let wire = Wire::rule(move |_, _| plain(200, list.clone()));
    let configuration = wire.builder().hooks(log.clone()).build().unwrap();
    TasksApi::new(&configuration).list_tasks().await.unwrap();
    let lines = log.lines();
    let mut drift = lines[3..lines.len() - 1].to_vec();
    drift.sort();
    assert_eq!(
        drift,
        [
            "drift listTasks unknown_field nextPage",
            "drift listTasks unknown_field tasks[].contributors[].role",
            "drift listTasks unknown_field tasks[].mood",
            "drift listTasks unknown_value tasks[].status = parked",
            "drift listTasks unreadable tasks[]",
            "drift listTasks unreadable tasks[].topic",
        ]
    );
    assert!(lines.last().unwrap().starts_with("ended listTasks Some(200) None"));
    TasksApi::new(&configuration.clone()).list_tasks().await.unwrap();
    assert_eq!(log.lines().len(), 4, "each thing once");
    configuration.request("GET", "/workspaces/{workspaceId}/tasks").send::<TaskList>().await.unwrap();
    assert_eq!(log.lines().len(), 4, "a raw request reads what the program says");
}

#[tokio::test(start_paused = true)]
async fn drift_has_no_secret_no_key_of_a_map_and_an_end() {
    const SECRET: &str = "s3cr3t-token-0123456789";
    let log = Log::default();
    let many: String = (0..1000).map(|number| format!(r#","field{number}":{number}"#)).collect();
    let long = "x".repeat(10_000);
    let task = format!(r#"{{"taskId":"t","{SECRET}":1,"status":"{SECRET}","type":"{long}"{many}}}"#);
    let wire = Wire::rule(move |_, _| plain(200, task.clone()));
    let configuration = wire.builder().api_key(SECRET).hooks(log.clone()).build().unwrap();
    for _ in 0..3 {
        TasksApi::new(&configuration).fetch_task("t").await.unwrap();
    }
    let lines = log.lines();
    let drift: Vec<_> = lines.iter().filter(|line| line.starts_with("drift")).collect();
    assert_eq!(drift.len(), 256);
    assert!(drift.iter().all(|line| line.len() < 400 && !line.contains("s3cr3t")), "{drift:?}");
}

/// Needs a moment for each token, and has another one after a refusal.
struct Slow;

impl TokenProvider for Slow {
    fn token(&self) -> BoxFuture<'_, Result<Secret, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async {
            tokio::time::sleep(SECOND).await;
            Ok(Secret::from("first-token-0123456789"))
        })
    }

    fn replace(&self, _: &Secret) -> BoxFuture<'_, Result<Option<Secret>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async { Ok(Some(Secret::from("other-token-0123456789"))) })
    }
}

#[tokio::test(start_paused = true)]
async fn waits_for_tokens_are_seen_before_the_first_attempt_and_after_a_refusal() {
    let log = Log::default();
    let credential = Credential::provider(Slow);
    let configuration = Wire::new([status(401)]).builder().credential(credential).hooks(log.clone()).build().unwrap();
    read(&configuration).await.unwrap();
    let lines = log.lines();
    let steps: Vec<_> = lines.iter().map(|line| line.split(" ended ").next().unwrap()).collect();
    let expected = [
        "wait token 0ns",
        "attempt 1 None",
        "attempt 1",
        "wait token 0ns",
        "attempt 2 Some(Unauthorized)",
        "attempt 2",
    ];
    assert_eq!(steps[1..7], expected);
    let cancelled = Log::default();
    let builder = Wire::new([]).builder().credential(Credential::provider(Slow));
    let configuration = builder.hooks(cancelled.clone()).build().unwrap();
    assert!(tokio::time::timeout(SECOND / 2, read(&configuration).into_future()).await.is_err());
    let lines = cancelled.lines();
    assert_eq!(lines[1..], ["wait token 0ns", "ended request None None No 0 500ms cancelled"]);
}

/// Panics at every step.
struct Broken;

impl CallHooks for Broken {
    fn call_started(&self, _: &CallInfo<'_>) {
        panic!("call_started")
    }

    fn attempt_started(&self, _: &AttemptInfo<'_>) {
        panic!("attempt_started")
    }

    fn attempt_ended(&self, _: &AttemptInfo<'_>, _: &AttemptEnd<'_>) {
        panic!("attempt_ended")
    }

    fn wait_started(&self, _: &CallInfo<'_>, _: &WaitInfo) {
        panic!("wait_started")
    }

    fn call_ended(&self, _: &CallInfo<'_>, _: &CallEnd) {
        panic!("call_ended")
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_is_counted_and_breaks_neither_the_call_nor_the_others() {
    let (before, after) = (Log(Arc::default(), "a "), Log(Arc::default(), "b "));
    let wire = Wire::new([status(503)]);
    let builder = wire.builder().hooks(before.clone()).hooks(Broken).hooks(after.clone());
    let configuration = builder.build().unwrap();
    assert_eq!(read(&configuration).await.unwrap().attempts(), 2);
    assert_eq!(configuration.hook_panics(), 7);
    let (before, after) = (before.lines(), after.lines());
    assert_eq!((before.len(), after.len()), (7, 7));
    assert!(before.iter().zip(&after).all(|(a, b)| a[2..] == b[2..]));
}

#[tokio::test(start_paused = true)]
async fn no_hook_gets_a_secret() {
    const SECRET: &str = "s3cr3t-token-0123456789";
    let log = Log::default();
    let echo = status(404).header("x-request-id", format!("echo {SECRET}"));
    let configuration = Wire::new([echo]).builder().api_key(SECRET).hooks(log.clone()).build().unwrap();
    let call = configuration.request("POST", "/a/{b}?c=query-text").path("b", "path-text").query("q", "query-text");
    call.json(&"body-text").header("x-h", "header-text").await.unwrap_err();
    let shown = log.lines().join("\n");
    for secret in ["s3cr3t", "path-text", "query-text", "body-text", "header-text"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Adds a header, and responds by itself where a cache would.
struct Cache(Arc<dyn Transport>, &'static str);

impl Transport for Cache {
    fn send(&self, mut request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        if request.operation == "fetchTask" {
            let body = format!(r#"{{"taskId":"{}","title":"attempt {}"}}"#, self.1, request.attempt);
            let response = TransportResponse::new(http::StatusCode::OK, http::HeaderMap::new(), body.into());
            return Box::pin(async move { Ok(response) });
        }
        request.headers.append("x-layer", http::HeaderValue::from_static(self.1));
        self.0.send(request)
    }
}

#[tokio::test(start_paused = true)]
async fn layers_around_the_transport_see_each_attempt_and_may_respond_themselves() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let wire = Wire::rule(move |request, _| {
        let layers: Vec<_> =
            request.headers.get_all("x-layer").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        record.lock().unwrap().push((request.operation, request.attempt, layers.join(" ")));
        if request.attempt == 1 { status(500) } else { ok() }
    });
    let builder = wire.builder().layer(|inner| Cache(inner, "inner")).layer(|inner| Cache(inner, "outer"));
    let configuration = builder.build().unwrap();
    read(&configuration).await.unwrap();
    unsafe_write(&configuration).await.unwrap_err();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("request", 1, "outer inner".to_owned()),
            ("request", 2, "outer inner".to_owned()),
            ("request", 1, "outer inner".to_owned()),
        ]
    );
    let task = TasksApi::new(&configuration).fetch_task("tsk_1").await.unwrap();
    assert_eq!((task.task_id.as_str(), task.title.as_str()), ("outer", "attempt 1"));
}

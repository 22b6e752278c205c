//! Servers that break the rules, lie, stall and flood: the client gives a precise error inside its deadline, takes
//! little memory, and does not use the connection again.

mod framing;
mod habits;
mod too_much;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onehorizon::models::Task;
use onehorizon::webhook::BodyCollector;
use onehorizon::{Configuration, Error, ErrorKind, Response, Retry, Sent, TasksApi};
use peak_alloc::PeakAlloc;
use support::hostile_server::{HostileServer, Stage, SteppedClock};

/// Counts every byte of this program, the client's and the server's.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time, so that what is counted is its own.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const TOKEN: &str = "canary-token-5f2a";
const CAP: usize = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(5);

/// What an attack may take beyond what the client held before: the response up to the cap, twice while its buffer grows,
/// and the connection's own buffers.
const MEMORY_BOUND: usize = 3 * CAP + (1 << 20);

/// What came of an attack.
struct Outcome {
    result: Result<Response<Task>, Error>,
    /// Whether the next request went over the same connection.
    reused: bool,
}

impl Outcome {
    fn error(self) -> Error {
        self.result.unwrap_err()
    }
}

/// Lets a server attack a fetch, checks what holds for every attack, and then fetches once more.
fn attack(script: impl Fn(&mut Stage<'_>) -> io::Result<()> + Send + Sync + 'static) -> Outcome {
    let clock = SteppedClock::new();
    let server = HostileServer::start(&clock, script).unwrap();
    let configuration = Configuration::builder()
        .api_key(TOKEN)
        .base_url(server.url())
        .max_response_bytes(CAP)
        .deadline(DEADLINE)
        .retry(Retry::never())
        .clock(clock.clone())
        .build()
        .unwrap();
    let tasks = TasksApi::new(&configuration);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let result = tasks.fetch_task("tsk_1").await;
        let taken = MEMORY.peak_usage().saturating_sub(before);
        assert!(taken <= MEMORY_BOUND, "the attack took {taken} bytes, more than {MEMORY_BOUND}: {result:?}");
        if let Err(error) = &result {
            check(error, &clock);
        }
        server.wait_for_hang_up();
        // A refusal bars the way until its wait has passed.
        clock.skip(Duration::from_secs(60 * 60));
        let after = tasks.fetch_task("tsk_2").await.unwrap();
        assert_eq!(after.task_id, "tsk_after", "the attack reached into the next call");
        let connections = server.connections();
        assert_eq!(connections.len(), 2, "one request an attempt");
        Outcome { result, reused: connections.first() == connections.last() }
    })
}

fn check(error: &Error, clock: &SteppedClock) {
    let shown = format!("{error} {error:?} {}", String::from_utf8_lossy(error.body()));
    assert!(!shown.contains(TOKEN), "the token shows: {shown}");
    assert!(!error.to_string().contains(char::is_control), "not one line: {error}");
    assert!(error.to_string().len() < 2000, "too long to read: {error}");
    assert_eq!((error.operation(), error.attempts()), (Some("fetchTask"), 1));
    // The clock moves in steps of a second, and one may be under way when the deadline passes.
    assert!(clock.passed() < DEADLINE * 4, "the deadline was not kept: {:?}", clock.passed());
}

/// An attack that must fail as `kind`, saying `says`, on a connection that is not used again.
fn refused(
    kind: ErrorKind,
    says: &str,
    script: impl Fn(&mut Stage<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Error {
    let outcome = attack(script);
    assert!(!outcome.reused, "the connection was used again");
    let error = outcome.error();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error} does not say {says:?}");
    error
}

fn with_body(body: impl AsRef<[u8]>) -> Vec<u8> {
    response("200 OK", "", body)
}

fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A correctly framed response with this body.
fn body_error(body: impl AsRef<[u8]>) -> Error {
    let bytes = with_body(body);
    attack(move |stage| stage.send(&bytes)).error()
}

// Too slow.

#[test]
fn one_byte_a_second_ends_at_the_deadline() {
    let _alone = alone();
    let error = refused(ErrorKind::Timeout, "deadline passed (5s)", |stage| {
        stage.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
        stage.every_second(1000, |stage| stage.send(" "))
    });
    assert!(error.is_deadline());
    assert_eq!(error.was_sent(), Sent::Maybe);
    assert!(error.time_spent().total() >= DEADLINE, "{:?}", error.elapsed());
}

#[test]
fn a_head_of_one_byte_a_second_ends_at_the_deadline() {
    let _alone = alone();
    refused(ErrorKind::Timeout, "deadline passed", |stage| {
        let mut head = b"HTTP/1.1 200 OK\r\nx-slow: ".iter().chain(std::iter::repeat(&b'x'));
        stage.every_second(1000, |stage| stage.send([*head.next().unwrap_or(&b'x')]))
    });
}

#[test]
fn silence_ends_at_the_deadline() {
    let _alone = alone();
    refused(ErrorKind::Timeout, "deadline passed", |stage| {
        stage.send("")?;
        stage.stall()
    });
}

#[test]
fn interim_responses_without_end_end_at_the_deadline() {
    let _alone = alone();
    refused(ErrorKind::Timeout, "deadline passed", |stage| {
        stage.every_second(1000, |stage| stage.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 100))
    });
}

// Not JSON, or JSON to stumble over.

#[test]
fn json_nested_very_deep_is_kept_where_anything_may_be() {
    let _alone = alone();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bytes = with_body(format!(r#"{{"taskId":"tsk_1","deep":{deep}}}"#));
    let task = attack(move |stage| stage.send(&bytes)).result.unwrap();
    assert_eq!(task.extra.raw("deep"), Some(deep.as_str()));
    assert!(task.extra.get::<serde_json::Value>("deep").unwrap().is_err());
    assert!(serde_json::to_string(&*task).unwrap().ends_with(&format!("{deep}}}")));
}

#[test]
fn json_nested_very_deep_is_kept_where_a_string_should_be() {
    let _alone = alone();
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let bytes = with_body(format!(r#"{{"taskId":"tsk_1","title":{deep}}}"#));
    let task = attack(move |stage| stage.send(&bytes)).result.unwrap();
    assert_eq!((task.title.as_str(), task.unreadable()[0].json().get()), ("", deep.as_str()));
    let error = body_error(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert!(error.is_decode() && error.message().starts_with("at `$`: invalid type: sequence"), "{error}");
}

#[test]
fn a_refusal_nested_very_deep_keeps_its_status() {
    let _alone = alone();
    let body = format!(r#"{{"message":"busy","error":{}1{}}}"#, "{\"error\":".repeat(1000), "}".repeat(1000));
    let bytes = response("400 Bad Request", "", body);
    let error = attack(move |stage| stage.send(&bytes)).error();
    assert!(error.is_invalid());
    assert_eq!(error.message(), "busy");
}

#[test]
fn a_field_given_twice_has_the_last_value() {
    let _alone = alone();
    let bytes = with_body(r#"{"taskId":"tsk_1","title":"a","taskId":"tsk_2","title":"b"}"#);
    let task = attack(move |stage| stage.send(&bytes)).result.unwrap();
    assert_eq!((task.task_id.as_str(), task.title.as_str()), ("tsk_2", "b"));
}

#[test]
fn bytes_that_are_not_json_are_reported() {
    let _alone = alone();
    for (body, says) in [
        (&b"{\"taskId\":\"tsk\0\"}"[..], "control character"),
        (b"\0", "expected value"),
        (b"{\"taskId\":\"\xff\xfe\"}", "invalid unicode code point"),
        (b"{\"taskId\":\"\\ud800\"}", "unexpected end of hex escape"),
        (b"{\"taskId\":\"tsk_1\"}{}", "trailing characters"),
        (b"{\"taskId\":\"tsk_1\",}", "key must be a string"),
        (b"{'taskId':'tsk_1'}", "key must be a string"),
    ] {
        let error = body_error(body);
        assert!(error.is_decode(), "{error}");
        assert!(error.message().contains(says), "{error} does not say {says:?}");
        assert_eq!((error.status(), error.was_sent()), (Some(200), Sent::Yes));
    }
}

#[test]
fn a_response_that_switches_protocols_is_not_a_success() {
    let _alone = alone();
    let outcome =
        attack(|stage| stage.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n{}"));
    assert!(!outcome.reused, "the connection was used again");
    outcome.error();
}

#[test]
fn a_delivery_that_announces_more_than_it_brings_reserves_little() {
    let _alone = alone();
    let before = MEMORY.current_usage();
    let mut body = BodyCollector::announced(usize::MAX, Some(b"9223372036854775807")).unwrap();
    body.push(b"{}").unwrap();
    assert!(MEMORY.current_usage().saturating_sub(before) < 64 * 1024);
}

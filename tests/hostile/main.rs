//! Servers that break the rules, lie, stall and flood: the client gives a precise error inside its deadline, takes
//! little memory, and does not use the connection again.

use std::fmt::Write as _;
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

// Too much.

#[test]
fn a_response_that_announces_more_than_the_cap_is_not_read() {
    let _alone = alone();
    let error = refused(ErrorKind::TooLarge, "max_response_bytes", |stage| {
        stage.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", CAP + 1))?;
        stage.repeat(&[b' '; 4096], 16)
    });
    assert_eq!(error.was_sent(), Sent::Yes);
}

#[test]
fn a_response_of_exactly_the_cap_is_read() {
    let _alone = alone();
    let mut body = br#"{"taskId":"tsk_1"}"#.to_vec();
    body.resize(CAP, b' ');
    let bytes = with_body(body);
    assert_eq!(attack(move |stage| stage.send(&bytes)).result.unwrap().task_id, "tsk_1");
}

#[test]
fn an_endless_chunked_response_ends_at_the_cap() {
    let _alone = alone();
    refused(ErrorKind::TooLarge, "larger than the configured limit", |stage| {
        stage.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        let mut chunk = b"1000\r\n".to_vec();
        chunk.resize(6 + 4096, b' ');
        chunk.extend_from_slice(b"\r\n");
        stage.repeat(&chunk, 16 * 1024)
    });
}

#[test]
fn a_response_without_a_length_ends_at_the_cap() {
    let _alone = alone();
    refused(ErrorKind::TooLarge, "larger than the configured limit", |stage| {
        stage.send("HTTP/1.1 200 OK\r\n\r\n")?;
        stage.repeat(&[b' '; 4096], 16 * 1024)
    });
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_gzip_bomb_is_not_inflated() {
    let _alone = alone();
    let bomb = include_bytes!("../fixtures/bomb.gz");
    let error = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", bomb))).error();
    assert!(error.is_decode(), "{error}");
    assert!(error.to_string().contains("gzip"), "{error}");
    assert!(bomb.starts_with(error.body()));
}

#[cfg(feature = "gzip")]
#[test]
fn a_gzip_bomb_is_inflated_up_to_the_cap_and_no_further() {
    let _alone = alone();
    let bomb = include_bytes!("../fixtures/bomb.gz");
    let error = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", bomb))).error();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert!(error.to_string().contains("larger than the configured limit"), "{error}");
}

#[cfg(feature = "gzip")]
#[test]
fn compressed_responses_are_read_and_a_compressed_429_keeps_its_wait() {
    let _alone = alone();
    let task = include_bytes!("../fixtures/task.json.gz");
    let outcome = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", task)));
    assert_eq!(outcome.result.unwrap().title, "from gzip");

    let limited = include_bytes!("../fixtures/rate-limited.json.gz");
    let head = "content-encoding: gzip\r\n";
    let error = attack(move |stage| stage.send(response("429 Too Many Requests", head, limited))).error();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(7))), "{error}");

    let cut = &task[..task.len() - 12];
    let error = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", cut))).error();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Interrupted, Sent::Maybe), "{error}");
}

#[test]
fn ten_thousand_headers_are_refused() {
    let _alone = alone();
    let headers: String = (0..10_000).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let bytes = response("200 OK", &headers, r#"{"taskId":"tsk_1"}"#);
    refused(ErrorKind::Interrupted, "head is too large", move |stage| stage.send(&bytes));
}

#[test]
fn an_endless_header_is_refused() {
    let _alone = alone();
    refused(ErrorKind::Interrupted, "head is too large", |stage| {
        stage.send("HTTP/1.1 200 OK\r\nx-long: ")?;
        stage.repeat(&[b'x'; 4096], 16 * 1024)
    });
}

#[test]
fn a_refusal_with_a_flood_of_fields_takes_little_memory() {
    let _alone = alone();
    for status in ["400 Bad Request", "429 Too Many Requests", "503 Service Unavailable"] {
        let mut body = String::from("{");
        for number in 0.. {
            if body.len() > CAP - 64 {
                break;
            }
            write!(body, "\"{number:x}\":1,").unwrap();
        }
        body.push_str(r#""message":"retry in 43 seconds"}"#);
        let bytes = response(status, "", &body);
        drop(body);
        let error = attack(move |stage| stage.send(&bytes)).error();
        assert_eq!(error.body().len(), 16 * 1024, "as much as the docs say");
    }
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

// Not HTTP.

#[test]
fn an_invalid_status_line_is_reported() {
    let _alone = alone();
    for (line, says) in [
        ("HELLO\r\n\r\n", "invalid HTTP version"),
        ("HTTP/9.9 200 OK\r\n\r\n", "invalid HTTP version"),
        ("HTTP/1.1 99999 Much\r\n\r\n", "invalid HTTP status"),
        ("HTTP/1.1 two OK\r\n\r\n", "invalid HTTP status"),
        ("HTTP/1.1 000 Zero\r\n\r\n", "invalid HTTP status"),
        ("HTTP/1.1 200 \0\r\n\r\n", "invalid HTTP status"),
        ("\0\0\0\0\0\0\0\0\r\n\r\n", "invalid HTTP version"),
        ("\x16\x03\x01\x02\0\x01\0\r\n\r\n", "invalid HTTP version"),
    ] {
        let error = refused(ErrorKind::Interrupted, says, move |stage| stage.send(line));
        assert_eq!(error.was_sent(), Sent::Maybe);
    }
}

#[test]
fn malformed_headers_are_reported() {
    let _alone = alone();
    for header in ["no colon", "x y: z", "x: \0", ": empty"] {
        let bytes = response("200 OK", &format!("{header}\r\n"), r#"{"taskId":"tsk_1"}"#);
        refused(ErrorKind::Interrupted, "invalid HTTP header", move |stage| stage.send(&bytes));
    }
}

#[test]
fn header_bytes_beyond_utf_8_are_let_through_and_not_shown() {
    let _alone = alone();
    let mut good = b"HTTP/1.1 200 OK\r\nx-request-id: \xff\xfe\r\ncontent-length: 18\r\n\r\n".to_vec();
    good.extend_from_slice(br#"{"taskId":"tsk_1"}"#);
    let task = attack(move |stage| stage.send(&good)).result.unwrap();
    assert_eq!((task.request_id(), task.header("x-request-id")), (None, None));
    assert_eq!(task.headers().get("x-request-id").unwrap().as_bytes(), b"\xff\xfe");
    let bad = b"HTTP/1.1 404 Not Found\r\ncontent-type: \xff\xfe\r\ncontent-length: 1\r\n\r\n?";
    let error = attack(move |stage| stage.send(bad)).error();
    assert!(error.is_not_found() && error.to_string().contains("no media type"), "{error}");
}

#[test]
fn a_connection_that_breaks_before_the_response_is_reported() {
    let _alone = alone();
    let error = refused(ErrorKind::Interrupted, "connection", |stage| stage.send_and_close(""));
    assert_eq!(error.was_sent(), Sent::Maybe);
}

// Lengths that lie.

#[test]
fn fewer_bytes_than_announced_are_not_a_response() {
    let _alone = alone();
    refused(ErrorKind::Interrupted, "end of file before message length reached", |stage| {
        stage.send_and_close("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"taskId\":\"tsk_1\"}")
    });
    refused(ErrorKind::Timeout, "deadline passed", |stage| {
        stage.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"taskId\":\"tsk_1\"}")?;
        stage.stall()
    });
}

#[test]
fn an_announced_terabyte_is_not_reserved() {
    let _alone = alone();
    let outcome =
        attack(|stage| stage.send_and_close(format!("HTTP/1.1 200 OK\r\ncontent-length: {CAP}\r\n\r\n{{\"taskId\":")));
    assert_eq!(outcome.error().kind(), ErrorKind::Interrupted);
    refused(ErrorKind::TooLarge, "larger than the configured limit", |stage| {
        stage.send("HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n{}")
    });
}

#[test]
fn bytes_beyond_the_announced_length_do_not_become_the_next_response() {
    let _alone = alone();
    let outcome = attack(|stage| {
        let mut bytes = with_body(r#"{"taskId":"tsk_1"}"#);
        bytes.extend_from_slice(&with_body(r#"{"taskId":"tsk_smuggled"}"#));
        stage.send(bytes)
    });
    assert!(!outcome.reused, "the connection was used again");
    assert_eq!(outcome.result.unwrap().task_id, "tsk_1");
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let _alone = alone();
    for headers in
        ["content-length: 2\r\ncontent-length: 3", "content-length: -1", "content-length: 2, 3", "content-length: x"]
    {
        refused(ErrorKind::Interrupted, "content-length", move |stage| {
            stage.send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{{}}"))
        });
    }
}

#[test]
fn chunks_with_sizes_that_are_none_are_refused() {
    let _alone = alone();
    for chunk in ["zz\r\n", "fffffffffffffffff\r\n", "-1\r\n", "\r\n"] {
        refused(ErrorKind::Interrupted, "chunk", move |stage| {
            stage.send(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"))
        });
    }
}

#[test]
fn endless_chunk_extensions_and_trailers_are_refused() {
    let _alone = alone();
    for (start, part) in [("1;", "x"), ("0\r\n", "x: y\r\n")] {
        let outcome = attack(move |stage| {
            stage.send(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{start}"))?;
            stage.repeat(part.repeat(1000).as_bytes(), 4096)
        });
        assert!(!outcome.reused);
        assert_eq!(outcome.error().kind(), ErrorKind::Interrupted);
    }
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

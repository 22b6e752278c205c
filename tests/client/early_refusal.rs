//! A server that responds and closes before it has read the request's body, or before all of its response is sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use onehorizon::models::NewTask;
use onehorizon::{Configuration, Error, ErrorKind, Retry, Sent, TasksApi};

/// More than the system takes at once for a connection.
const LARGE: usize = 12_000_000;

const REFUSAL: &str = r#"{"code":413,"message":"the description is too large"}"#;
const HEAD: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n";

/// Serves so many connections, each after the beginning of its request has been read.
fn server(connections: usize, serve: fn(&mut TcpStream, &[u8])) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut beginning = [0; 2_048];
            let count = stream.read(&mut beginning).unwrap_or(0);
            serve(&mut stream, &beginning[..count]);
        }
    });
    url
}

fn refuse(stream: &mut TcpStream, _: &[u8]) {
    let _ = write!(stream, "{HEAD}content-length: {}\r\n\r\n{REFUSAL}", REFUSAL.len());
}

/// Reads a request to its end: where a socket is closed with bytes unread, the system may discard the response.
fn read_all(stream: &mut TcpStream, beginning: &[u8]) {
    if beginning.starts_with(b"GET") {
        return;
    }
    let (mut last, mut part) = (beginning.last().copied(), [0; 8_192]);
    // The body is JSON.
    while last.is_some_and(|byte| byte != b'}') {
        let count = stream.read(&mut part).unwrap_or(0);
        last = part[..count].last().copied();
    }
}

fn read_and_refuse(stream: &mut TcpStream, beginning: &[u8]) {
    read_all(stream, beginning);
    refuse(stream, beginning);
}

fn refuse_and_read_on(stream: &mut TcpStream, beginning: &[u8]) {
    refuse(stream, beginning);
    let _ = stream.shutdown(Shutdown::Write);
    let mut sink = [0; 8_192];
    while matches!(stream.read(&mut sink), Ok(count) if count > 0) {}
}

async fn create(url: &str, bytes: usize) -> Error {
    let builder = Configuration::builder().base_url(url).api_key("key").retry(Retry::never());
    let tasks = TasksApi::new(&builder.build().unwrap());
    tasks.create_task(NewTask::new("x").description("d".repeat(bytes))).await.unwrap_err()
}

#[track_caller]
fn assert_refused(error: &Error) {
    assert_eq!((error.kind(), error.status()), (ErrorKind::Api, Some(413)), "{error}");
    assert!(error.message().contains("the description is too large"), "{error}");
}

#[tokio::test]
async fn a_refusal_by_size_is_read_when_the_server_reads_the_body_before_or_after_it() {
    let url = server(3, refuse_and_read_on);
    for bytes in [100_000, 1_000_000, LARGE] {
        assert_refused(&create(&url, bytes).await);
    }
    let url = server(2, read_and_refuse);
    for bytes in [1_000, 100_000] {
        assert_refused(&create(&url, bytes).await);
    }
}

#[tokio::test]
async fn a_refusal_by_the_announced_length_is_heard_although_the_server_hangs_up() {
    for bytes in [1_100_000, 3_000_000, LARGE] {
        let url = server(5, refuse);
        let mut heard = 0_u32;
        for _ in 0..5 {
            heard += u32::from(create(&url, bytes).await.status() == Some(413));
        }
        // A server that does not get to run in time is not heard.
        assert!(heard >= 3, "{heard} of 5 with {bytes} bytes");
    }
}

#[tokio::test]
async fn a_body_that_is_sent_in_pieces_arrives_whole_with_its_length() {
    for bytes in [65_536, 1_048_000, 1_048_576, 1_100_000, 3_000_000] {
        let url = server(1, |stream, beginning| {
            let (mut all, mut part) = (beginning.to_vec(), [0; 8_192]);
            let head = loop {
                if let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                let count = stream.read(&mut part).unwrap();
                all.extend_from_slice(&part[..count]);
            };
            let text = String::from_utf8(all[..head].to_ascii_lowercase()).unwrap();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let length: usize = length.parse().unwrap();
            while all.len() < head + length {
                let count = stream.read(&mut part).unwrap();
                assert!(count > 0);
                all.extend_from_slice(&part[..count]);
            }
            assert!(all.len() == head + length && !text.contains("transfer-encoding"));
            let sent = String::from_utf8(all[head..].to_vec()).unwrap();
            let count = sent.matches('d').count();
            let body = format!(r#"{{"taskId":"tsk_1","title":"{count}"}}"#);
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        });
        let builder = Configuration::builder().base_url(&url).api_key("key").retry(Retry::never());
        let tasks = TasksApi::new(&builder.build().unwrap());
        let task = tasks.create_task(NewTask::new("x").description("d".repeat(bytes))).await.unwrap();
        // One more in the name of the field.
        assert_eq!(task.title, (bytes + 1).to_string());
    }
}

#[tokio::test]
async fn a_connection_closed_while_a_large_body_is_sent_names_the_size() {
    let url = server(2, refuse);
    for _ in 0..2 {
        let error = create(&url, LARGE).await;
        if error.status().is_none() {
            assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Interrupted, Sent::Maybe), "{error}");
            assert!(error.message().contains("with a request body of 120000"), "{error}");
            assert!(error.hint().unwrap().contains("it may refuse a body of this size"), "{error}");
        }
    }
    let url = server(2, |_, _| {});
    let error = create(&url, LARGE).await;
    assert!(error.kind() == ErrorKind::Interrupted && error.message().contains("120000"), "{error}");
    let error = create(&url, 10).await;
    let blamed = error.message().contains("request body") || error.hint().is_some_and(|hint| hint.contains("size"));
    assert!(!blamed, "a small body is not to blame: {error}");
    assert!(error.hint().unwrap().contains("expects TLS"), "{error}");
}

#[tokio::test]
async fn a_refusal_that_breaks_off_still_says_its_status() {
    let url = server(2, |stream, beginning| {
        read_all(stream, beginning);
        let _ = write!(stream, "{HEAD}content-length: 1000\r\n\r\n{REFUSAL}");
        let _ = stream.shutdown(Shutdown::Write);
    });
    let error = create(&url, 10).await;
    assert_refused(&error);
    assert_eq!(error.was_sent(), Sent::Yes);
    let builder = Configuration::builder().base_url(&url).api_key("key").retry(Retry::never());
    let error = TasksApi::new(&builder.build().unwrap()).fetch_task("tsk_1").await.unwrap_err();
    assert_refused(&error);
}

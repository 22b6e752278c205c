//! Responses that are too large: announced, endless, compressed, in headers.

use std::fmt::Write as _;

use onehorizon::{ErrorKind, Sent};

use super::{CAP, alone, attack, refused, response, with_body};

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

#[test]
fn a_gzip_bomb_is_inflated_up_to_the_cap_and_no_further() {
    let _alone = alone();
    let bomb = include_bytes!("../fixtures/bomb.gz");
    let error = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", bomb))).error();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert!(error.to_string().contains("larger than the configured limit"), "{error}");
}

#[test]
fn compressed_responses_are_read_and_a_compressed_429_keeps_its_wait() {
    let _alone = alone();
    let task = include_bytes!("../fixtures/task.json.gz");
    let outcome = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", task)));
    assert_eq!(outcome.result.unwrap().title, "from gzip");

    let limited = include_bytes!("../fixtures/rate-limited.json.gz");
    let head = "content-encoding: gzip\r\n";
    let error = attack(move |stage| stage.send(response("429 Too Many Requests", head, limited))).error();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::RateLimited, Some(std::time::Duration::from_secs(7))),
        "{error}"
    );

    let cut = &task[..task.len() - 12];
    let error = attack(move |stage| stage.send(response("200 OK", "content-encoding: gzip\r\n", cut))).error();
    assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Interrupted, Sent::Maybe), "{error}");
}

#[test]
fn several_hundred_headers_are_read() {
    let _alone = alone();
    for count in [150, 499] {
        // With `content-type` and `content-length`.
        let headers: String = (2..count).map(|number| format!("x-{number}: {number}\r\n")).collect();
        let bytes = response("200 OK", &headers, r#"{"taskId":"tsk_1"}"#);
        let task = attack(move |stage| stage.send(&bytes)).result.unwrap_or_else(|error| panic!("{count}: {error}"));
        assert_eq!(task.headers().len(), count);
    }
}

#[test]
fn a_head_that_is_too_large_is_final_and_named() {
    let _alone = alone();
    let headers: String = (0..10_000).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let bytes = response("200 OK", &headers, r#"{"taskId":"tsk_1"}"#);
    let many = refused(ErrorKind::TooLarge, "more than 500 headers", move |stage| stage.send(&bytes));
    let endless = refused(ErrorKind::TooLarge, "larger than 400 KiB", |stage| {
        stage.send("HTTP/1.1 200 OK\r\nx-long: ")?;
        stage.repeat(&[b'x'; 4096], 16 * 1024)
    });
    for error in [many, endless] {
        assert!(!error.is_retryable() && error.was_sent() == Sent::Yes, "{error}");
        assert!(error.hint().unwrap().contains("gateway"), "{error}");
    }
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

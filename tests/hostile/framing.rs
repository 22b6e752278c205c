//! Responses that break the rules of HTTP: status lines, headers, lengths, chunks.

use onehorizon::{ErrorKind, Sent};

use super::{CAP, alone, attack, refused, response, with_body};

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
fn malformed_headers_are_left_out_and_the_response_is_read() {
    let _alone = alone();
    for header in ["no colon", "x y: z", ": empty", "content length: 3"] {
        let bytes = response("200 OK", &format!("{header}\r\n"), r#"{"taskId":"tsk_1"}"#);
        let task = attack(move |stage| stage.send(&bytes)).result.unwrap_or_else(|error| panic!("{header:?}: {error}"));
        assert_eq!((task.task_id.as_str(), task.header("x")), ("tsk_1", None), "{header}");
    }
    // A byte that no header may have could as well be the end of another response.
    let bytes = response("200 OK", "x: \0\r\n", r#"{"taskId":"tsk_1"}"#);
    refused(ErrorKind::Interrupted, "invalid HTTP header", move |stage| stage.send(&bytes));
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

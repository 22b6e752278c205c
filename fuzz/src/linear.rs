//! Checks that eight times the input takes about eight times the time, not sixty-four.

use std::time::Duration;

use crate::gauge::time;

/// The smaller input, in bytes.
const SMALL: usize = 8 * 1024;
const TIMES: u32 = 8;

/// Times below this are too short to compare.
const NOISE: Duration = Duration::from_micros(300);

/// What precedes and follows the repeated part of an input.
const SHAPES: [(&[u8], &[u8]); 12] = [
    (b"", b""),
    (b"[", b"]"),
    (b"{\"taskId\":\"tsk_1\",\"title\":\"", b"\"}"),
    (b"{\"taskId\":\"tsk_1\",\"x\":[0", b"]}"),
    (b"{\"taskId\":\"tsk_1\"", b"}"),
    (b"{\"tasks\":[{\"taskId\":\"tsk_1\"}", b"]}"),
    (b"\x06{\"message\":\"", b"\"}"),
    (b"v1,", b" v1,AAAA"),
    (EVENT, b"}}"),
    (b"POST\nx-one-webhook-key:canary-webhook-key-5f2a\ncontent-type:application/cloudevents+json\n\n", b""),
    (b"v1,AAAA\nevt_1\n1800000000\n", b""),
    (b"POST\n", b":1\n\n{}"),
];

const EVENT: &[u8] = br#"{"specversion":"1.0","id":"e","type":"task.created","source":"s","time":"t","datacontenttype":"application/json","workspaceid":"w","data":{"resource":{"type":"task"}"#;

const TARGETS: [fn(&[u8]); 9] = [
    crate::error_body,
    crate::response_body,
    crate::rate_limit_message,
    crate::retry_after,
    crate::model,
    crate::timestamp,
    crate::event,
    crate::signature,
    crate::webhook_request,
];

/// The first byte selects the target, the second the shape; the rest is repeated.
pub fn linear(data: &[u8]) {
    let [target, shape, unit @ ..] = data else { return };
    if unit.is_empty() || unit.len() > 512 {
        return;
    }
    let run = TARGETS[usize::from(*target) % TARGETS.len()];
    let (before, after) = SHAPES[usize::from(*shape) % SHAPES.len()];
    let grown = |size: usize| [before, &unit.repeat(size / unit.len()), after].concat();
    let (small, large) = (grown(SMALL), grown(SMALL * TIMES as usize));
    let expected = time(|| run(&small)).max(NOISE) * TIMES;
    // A factor of three allows for caches and the allocator; quadratic time would be a factor of eight.
    let taken = (0..3).map(|_| time(|| run(&large))).min().unwrap_or_default();
    assert!(taken <= expected * 3, "{TIMES} times the input took {taken:?}, {expected:?} expected");
}

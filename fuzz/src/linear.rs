//! Whether eight times the input takes eight times the work, not sixty-four.

use std::time::Duration;

use crate::gauge::time;

/// The smaller input, in bytes.
const SMALL: usize = 8 * 1024;
const TIMES: u32 = 8;

/// Work of this much is too little to compare.
const NOISE: Duration = Duration::from_micros(300);

/// How inputs grow: what is repeated, and what stands around it.
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
    crate::answer,
    crate::rate_limit_message,
    crate::retry_after,
    crate::model,
    crate::timestamp,
    crate::event,
    crate::signature,
    crate::webhook_request,
];

/// The first byte chooses the target, the second the shape; the rest is repeated.
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
    // Three times the expected leaves room for caches and the allocator; a square would be eight times.
    let taken = (0..3).map(|_| time(|| run(&large))).min().unwrap_or_default();
    assert!(taken <= expected * 3, "{TIMES} times the input took {taken:?}, {expected:?} expected");
}

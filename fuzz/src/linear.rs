//! Whether eight times the input takes eight times the work, not sixty-four.

use std::time::Duration;

use crate::gauge::time;

/// The smaller input, in bytes.
const SMALL: usize = 8 * 1024;
const TIMES: u32 = 8;

/// Work of this much is too little to compare.
const NOISE: Duration = Duration::from_micros(300);

/// How inputs grow: what is repeated, and what stands around it.
const SHAPES: [(&[u8], &[u8]); 8] = [
    (b"", b""),
    (b"[", b"]"),
    (b"{\"taskId\":\"tsk_1\",\"title\":\"", b"\"}"),
    (b"{\"taskId\":\"tsk_1\",\"x\":[0", b"]}"),
    (b"{\"taskId\":\"tsk_1\"", b"}"),
    (b"{\"tasks\":[{\"taskId\":\"tsk_1\"}", b"]}"),
    (b"\x06{\"message\":\"", b"\"}"),
    (b"v1,", b" v1,AAAA"),
];

const TARGETS: [fn(&[u8]); 6] =
    [crate::error_body, crate::answer, crate::rate_limit_message, crate::retry_after, crate::model, crate::timestamp];

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

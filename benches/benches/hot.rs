//! The functions whose instructions `.ci/perf` counts: `hot NAME` runs one of them once, after a first run to warm up.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench says so by panicking")]

use std::hint::black_box;

use onehorizon::models::{Task, TaskList};
use onehorizon_benches::{answers, hand};

type Function = Box<dyn FnMut()>;

const NAMES: &[&str] = &["decode_task", "decode_list", "encode_list"];

fn function(name: &str) -> Option<Function> {
    let list = answers::list(100);
    Some(match name {
        "decode_task" => {
            let text = answers::task(7);
            Box::new(move || drop(black_box(serde_json::from_slice::<Task>(black_box(text.as_bytes())).unwrap())))
        }
        "decode_list" => {
            Box::new(move || drop(black_box(serde_json::from_slice::<TaskList>(black_box(list.as_bytes())).unwrap())))
        }
        "decode_list_text" => {
            Box::new(move || drop(black_box(serde_json::from_str::<TaskList>(black_box(&list)).unwrap())))
        }
        // Not of the guard: the peer, to compare with.
        "peer_decode_list" => Box::new(move || {
            drop(black_box(serde_json::from_slice::<hand::TaskList>(black_box(list.as_bytes())).unwrap()))
        }),
        "peer_decode_list_text" => {
            Box::new(move || drop(black_box(serde_json::from_str::<hand::TaskList>(black_box(&list)).unwrap())))
        }
        "encode_list" => {
            let tasks: TaskList = serde_json::from_str(&list).unwrap();
            Box::new(move || drop(black_box(serde_json::to_vec(black_box(&tasks)).unwrap())))
        }
        _ => return None,
    })
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn measured(function: &mut dyn FnMut()) {
    function();
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(mut function) = function(&name) else {
        println!("{}", NAMES.join("\n"));
        return;
    };
    function();
    measured(&mut *function);
}

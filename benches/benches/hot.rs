//! The functions whose instructions `.ci/perf` counts: `hot NAME` runs one of them once, after a first run to warm up.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench says so by panicking")]

use std::hint::black_box;

use onehorizon::models::{Task, TaskList};
use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::load::{Caller, What};
use onehorizon_benches::process::Server;
use onehorizon_benches::{answers, canned::Canned, hand};

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
        "call_fetch" => {
            let tasks = TasksApi::new(&in_memory(answers::task(7)));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            Box::new(move || {
                runtime.block_on(async { drop(black_box(tasks.fetch_task("tsk_00000007").await.unwrap())) })
            })
        }
        // Not of the guard either: over loopback, to see where this client's work goes.
        "loopback_sdk" | "loopback_hand" => {
            let server = Server::start(env!("CARGO_BIN_EXE_server"), &[]);
            let make = if name == "loopback_sdk" { Caller::sdk } else { Caller::hand };
            let caller = make(&server.base_url);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            Box::new(move || {
                let _ = &server;
                runtime.block_on(async {
                    for _ in 0..10 {
                        caller.call(What::Fetch).await;
                    }
                });
            })
        }
        _ => return None,
    })
}

fn in_memory(answer: String) -> Configuration {
    Configuration::builder().api_key("key").transport(Canned::new(answer)).build().unwrap()
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

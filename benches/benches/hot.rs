//! The functions whose instructions `.ci/perf` counts. `hot NAME` runs one of them once, after a warm-up run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;

use http::StatusCode;
use onehorizon::models::{Task, TaskList};
use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::canned::Canned;
use onehorizon_benches::deliveries::{self, Delivery};
use onehorizon_benches::load::{Caller, Calls as _, Operation};
use onehorizon_benches::process::Server;
use onehorizon_benches::{hand, responses};
use serde::de::DeserializeOwned;

type Function = Box<dyn FnMut()>;

const GUARDED: &[&str] = &[
    "decode_task",
    "decode_list",
    "encode_task",
    "call_fetch",
    "call_list",
    "call_not_found",
    "call_unreadable",
    "webhook_key",
    "webhook_signature",
    "webhook_event",
];

fn function(name: &str) -> Option<Function> {
    let task = responses::task(7);
    Some(match name {
        "decode_task" => decoding::<Task>(task),
        "decode_list" => decoding::<TaskList>(responses::list(100)),
        "encode_task" => {
            let task: Task = serde_json::from_str(&task).unwrap();
            Box::new(move || drop(black_box(serde_json::to_vec(black_box(&task)).unwrap())))
        }
        "call_fetch" => fetching(StatusCode::OK, task, true),
        "call_not_found" => fetching(
            StatusCode::NOT_FOUND,
            r#"{"error":{"code":"not_found","message":"No such task"}}"#.to_owned(),
            false,
        ),
        "call_unreadable" => fetching(StatusCode::OK, task.replace(r#""labels":["#, r#""labels":"#), false),
        "call_list" => {
            let (tasks, runtime) = (TasksApi::new(&in_memory(StatusCode::OK, responses::list(100))), runtime());
            Box::new(move || runtime.block_on(async { drop(black_box(tasks.list_tasks().all(true).await.unwrap())) }))
        }
        "webhook_key" => {
            let (delivery, verifier) = (Delivery::of(20 << 10), deliveries::by_key());
            Box::new(move || drop(black_box(verifier.verify(delivery.find(), &delivery.body).unwrap())))
        }
        "webhook_signature" => {
            let (delivery, verifier) = (Delivery::of(1 << 10), deliveries::by_signature());
            Box::new(move || drop(black_box(verifier.verify(delivery.find(), &delivery.body).unwrap())))
        }
        "webhook_event" => {
            let (delivery, verifier) = (Delivery::of(20 << 10), deliveries::by_key());
            Box::new(move || drop(black_box(verifier.event(delivery.find(), &delivery.body).unwrap())))
        }
        _ => return peer(name),
    })
}

/// Without a budget, for comparison: the peer, and calls over loopback.
fn peer(name: &str) -> Option<Function> {
    Some(match name {
        "serde_decode_list" => by_serde::<TaskList>(responses::list(100)),
        "peer_decode_list" => by_serde::<hand::TaskList>(responses::list(100)),
        "value_decode_list" => by_serde::<serde_json::Value>(responses::list(100)),
        "reader_decode_list" => {
            let list = responses::list(100);
            Box::new(move || drop(black_box(serde_json::from_reader::<_, TaskList>(list.as_bytes()).unwrap())))
        }
        "loopback_sdk" | "loopback_hand" | "loopback_list_sdk" | "loopback_list_hand" => {
            let server = Server::start(env!("CARGO_BIN_EXE_server"), &[]);
            let make = if name.ends_with("_sdk") { Caller::sdk } else { Caller::hand };
            let operation = if name.contains("list") { Operation::List } else { Operation::Fetch };
            let (caller, runtime) = (make(&server.base_url), runtime());
            Box::new(move || {
                let _ = &server;
                runtime.block_on(caller.call(operation));
            })
        }
        _ => return None,
    })
}

/// As the engine decodes a response.
fn decoding<T: DeserializeOwned>(text: String) -> Function {
    Box::new(move || drop(black_box(onehorizon::models::from_json::<T>(black_box(&text)).unwrap())))
}

fn by_serde<T: DeserializeOwned>(text: String) -> Function {
    Box::new(move || drop(black_box(serde_json::from_str::<T>(black_box(&text)).unwrap())))
}

fn fetching(status: StatusCode, body: String, succeeds: bool) -> Function {
    let (tasks, runtime) = (TasksApi::new(&in_memory(status, body)), runtime());
    Box::new(move || {
        let result = runtime.block_on(async { black_box(tasks.fetch_task("tsk_00000007").await) });
        assert_eq!(result.is_ok(), succeeds);
    })
}

fn in_memory(status: StatusCode, body: String) -> Configuration {
    let transport = Canned::new(status, body);
    Configuration::builder().api_key(responses::API_KEY).transport(transport).build().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Callgrind counts the instructions in here.
#[inline(never)]
fn measured(function: &mut dyn FnMut()) {
    function();
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(mut function) = function(&name) else {
        println!("{}", GUARDED.join("\n"));
        return;
    };
    function();
    measured(&mut *function);
}

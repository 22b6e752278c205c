//! Allocations of a call beyond decoding its response, and of decoding.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;

use allocation_counter::measure;
use onehorizon::models::{Task, TaskList};
use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::deliveries::{self, Delivery};
use onehorizon_benches::{canned::Canned, hand, responses};

/// Allocations that a call may make beyond those of decoding.
const MOST_ALLOCATIONS: u64 = 40;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    per_call(&runtime);
    decoding();
    deliveries();
}

/// The allocations of a check must not depend on the size of the body.
fn deliveries() {
    for (name, verifier) in [("signature", deliveries::by_signature()), ("key", deliveries::by_key())] {
        let [small, large] = [1 << 10, 256 << 10].map(|bytes| {
            let delivery = Delivery::of(bytes);
            measure(|| drop(black_box(verifier.verify(delivery.find(), &delivery.body).unwrap())))
        });
        println!("checking a {name}: {} allocations for 1 KiB, {} for 256 KiB", small.count_total, large.count_total);
        assert_eq!((small.count_total, small.bytes_total), (large.count_total, large.bytes_total));
    }
}

fn per_call(runtime: &tokio::runtime::Runtime) {
    let text = responses::task(7);
    let configuration = Configuration::builder()
        .api_key(responses::API_KEY)
        .transport(Canned::new(http::StatusCode::OK, text.clone()))
        .build()
        .unwrap();
    let tasks = TasksApi::new(&configuration);
    let call = || runtime.block_on(async { drop(black_box(tasks.fetch_task("tsk_00000007").await.unwrap())) });
    call();
    let total = measure(call);
    let decoding = measure(|| drop(black_box(serde_json::from_str::<Task>(&text).unwrap())));
    let beyond = total.count_total - decoding.count_total;
    println!(
        "fetch_task in memory: {beyond} allocations, {} bytes beyond the {} allocations of decoding (budget {MOST_ALLOCATIONS})",
        total.bytes_total - decoding.bytes_total,
        decoding.count_total
    );
    assert!(beyond <= MOST_ALLOCATIONS);
}

fn decoding() {
    let text = responses::list(1_000);
    let mut kept = 0;
    let models = measure(|| kept = black_box(serde_json::from_str::<TaskList>(&text).unwrap()).tasks.len());
    let derive = measure(|| kept = black_box(serde_json::from_str::<hand::TaskList>(&text).unwrap()).tasks.len());
    let value = measure(|| drop(black_box(serde_json::from_str::<serde_json::Value>(&text).unwrap())));
    for (name, info) in [("models", models), ("derive", derive), ("Value", value)] {
        println!("1,000 tasks by {name}: {} allocations, {} KiB at peak", info.count_total, info.bytes_max / 1024);
    }
    assert_eq!(kept, 1_000);
}

//! A call and a delivery in memory, without hooks and with one that does nothing. Prints for each its name, ns without, allocations
//! without, ns with. `benches/hooks/run` compares it with the same program without any hooks in the crate.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;

use allocation_counter::measure;
use onehorizon::hooks::CallHooks;
use onehorizon::webhook::{DeliveryHooks, Event, Receiver, Reply, Verified};
use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::deliveries::{self, Delivery};
use onehorizon_benches::stats::{in_turn, quantile};
use onehorizon_benches::{canned::Canned, responses};

struct Nothing;

impl CallHooks for Nothing {}
impl DeliveryHooks for Nothing {}

const ROUNDS: usize = 40;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = [false, true].map(|watched| {
        let transport = Canned::new(http::StatusCode::OK, responses::task(7));
        let builder = Configuration::builder().api_key(responses::API_KEY).transport(transport);
        let builder = if watched { builder.hooks(Nothing) } else { builder };
        TasksApi::new(&builder.build().unwrap())
    });
    let call = |tasks: &TasksApi| {
        runtime.block_on(async { drop(black_box(tasks.fetch_task("tsk_00000007").await.unwrap())) });
    };
    let [plain, watched] = &tasks;
    report("call", || call(plain), || call(watched));

    let delivery = Delivery::of(1 << 10);
    let receivers = [false, true].map(|watched| {
        let builder = Receiver::builder(deliveries::by_key());
        if watched { builder.hooks(Nothing) } else { builder }.build()
    });
    let deliver = |receiver: &Receiver| {
        let respond = async |event: Verified<Event>| Reply::queued(&event);
        let reply = runtime.block_on(receiver.receive_with("POST", delivery.find(), &delivery.body, respond));
        assert_eq!(black_box(reply).status(), 200);
    };
    let [plain, watched] = &receivers;
    report("delivery", || deliver(plain), || deliver(watched));
}

/// The quickest tenth of the rounds counts: all else that runs on the machine only adds.
fn report(name: &str, mut plain: impl FnMut(), mut watched: impl FnMut()) {
    plain();
    let allocations = measure(&mut plain).count_total;
    let times = in_turn(ROUNDS, 500, &mut [&mut plain, &mut watched]);
    let nanoseconds = times.iter().map(|times| 1e9 * quantile(times, 0.1)).collect::<Vec<_>>();
    println!("{name} {:.1} {allocations} {:.1}", nanoseconds[0], nanoseconds[1]);
}

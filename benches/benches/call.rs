//! The cost of a call beside the same call written by hand: over loopback to a server in its own process, in alternating
//! rounds, and in memory. `call ROUNDS` sets the number of rounds (default 15).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;
use std::rc::Rc;

use onehorizon::models::Task;
use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::load::{Caller, Operation, Round, round};
use onehorizon_benches::stats::{in_turn, median, paired_ratio, quantile};
use onehorizon_benches::{canned::Canned, process::Server, responses};

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    in_memory(&runtime);
    let server = Server::start(env!("CARGO_BIN_EXE_server"), &[]);
    let sdk = Rc::new(Caller::sdk(&server.base_url));
    let hand = Rc::new(Caller::hand(&server.base_url));
    println!(
        "call    concurrent   wall sdk/hand   cpu sdk/hand   sdk: us/call   cpu us   p99 us   hand: us/call   cpu us   p99 us"
    );
    for (operation, calls) in [(Operation::Fetch, 2_000), (Operation::List, 400)] {
        for concurrency in [1, 64] {
            let mut taken: [Vec<Round>; 2] = Default::default();
            for number in 0..=rounds {
                let order = if number % 2 == 0 { [0, 1] } else { [1, 0] };
                for index in order {
                    let done = round(&runtime, if index == 0 { &sdk } else { &hand }, operation, calls, concurrency);
                    // The first round opens the connections and is not counted.
                    if number > 0 {
                        taken[index].push(done);
                    }
                }
            }
            report(operation, concurrency, &taken);
        }
    }
}

fn report(operation: Operation, concurrency: usize, taken: &[Vec<Round>; 2]) {
    let wall = taken.each_ref().map(|rounds| rounds.iter().map(Round::wall_per_call).collect::<Vec<_>>());
    let cpu = taken.each_ref().map(|rounds| rounds.iter().map(Round::cpu_per_call).collect::<Vec<_>>());
    let p99 = taken.each_ref().map(|rounds| {
        quantile(&rounds.iter().flat_map(|round| round.latencies.iter().copied()).collect::<Vec<_>>(), 0.99)
    });
    let [wall_sdk, wall_hand] = &wall;
    let [cpu_sdk, cpu_hand] = &cpu;
    print!("{:7} {concurrency:10}", format!("{operation:?}"));
    print!("   {:13.3}   {:12.3}", paired_ratio(wall_sdk, wall_hand), paired_ratio(cpu_sdk, cpu_hand));
    for ((wall, cpu), p99) in wall.iter().zip(&cpu).zip(p99) {
        print!("   {:14.1}   {:6.1}   {:6.0}", median(wall) * 1e6, median(cpu) * 1e6, p99 * 1e6);
    }
    println!();
}

/// A call through a transport that responds at once, minus the decoding of its response.
fn in_memory(runtime: &tokio::runtime::Runtime) {
    let text = responses::task(7);
    let configuration = Configuration::builder()
        .api_key(responses::API_KEY)
        .transport(Canned::new(http::StatusCode::OK, text.clone()))
        .build()
        .unwrap();
    let tasks = TasksApi::new(&configuration);
    let times = in_turn(
        100,
        1_000,
        &mut [
            &mut || runtime.block_on(async { drop(black_box(tasks.fetch_task("tsk_00000007").await.unwrap())) }),
            &mut || {
                runtime.block_on(async { drop(black_box(serde_json::from_str::<Task>(black_box(&text)).unwrap())) });
            },
        ],
    );
    if let [call, decoding] = times.as_slice() {
        let beyond = (median(call) - median(decoding)) * 1e6;
        println!("fetch_task in memory: {beyond:.2} us beyond the {:.2} us of decoding", median(decoding) * 1e6);
    }
}

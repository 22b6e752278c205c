//! Reading a list of 1,000 tasks, 30 % of whose members nobody knows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench says so by panicking")]

use std::hint::black_box;

use onehorizon::models::TaskList;
use onehorizon_benches::stats::{in_turn, median, paired_ratio};
use onehorizon_benches::{answers, hand};

fn main() {
    let text = answers::list(1_000);
    let body = text.as_bytes();
    let times = in_turn(
        60,
        2,
        &mut [
            &mut || drop(black_box(serde_json::from_slice::<TaskList>(black_box(body)).unwrap())),
            &mut || {
                drop(black_box(
                    serde_json::from_str::<TaskList>(std::str::from_utf8(black_box(body)).unwrap()).unwrap(),
                ))
            },
            &mut || drop(black_box(serde_json::from_slice::<hand::TaskList>(black_box(body)).unwrap())),
            &mut || {
                drop(black_box(
                    serde_json::from_str::<hand::TaskList>(std::str::from_utf8(black_box(body)).unwrap()).unwrap(),
                ))
            },
            &mut || drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(body)).unwrap())),
        ],
    );
    println!("{} bytes", body.len());
    let names =
        ["models, from bytes", "models, from text", "derive, from bytes", "derive, from text", "Value, from bytes"];
    for (name, times_of) in names.iter().zip(&times) {
        println!(
            "{name:20} {:7.3} ms  {:5.3} x derive from bytes",
            median(times_of) * 1e3,
            paired_ratio(times_of, &times[2]),
        );
    }
}

//! Decoding a list of 1,000 tasks with 30 % unknown fields.
//!
//! Set `MALLOC_TRIM_THRESHOLD_=100000000 MALLOC_MMAP_THRESHOLD_=33554432`. Otherwise glibc returns the memory of a list to the
//! kernel after some contenders and not after others, depending on earlier allocation sizes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;

use onehorizon::models::TaskList;
use onehorizon_benches::stats::{in_turn, median, paired_ratio};
use onehorizon_benches::{hand, responses};
use serde::de::DeserializeOwned;

/// As `reqwest` decodes a response.
fn from_bytes<T: DeserializeOwned>(body: &[u8]) {
    drop(black_box(serde_json::from_slice::<T>(black_box(body)).unwrap()));
}

/// UTF-8 is checked once for the whole body.
fn from_text<T: DeserializeOwned>(body: &[u8]) {
    drop(black_box(serde_json::from_str::<T>(std::str::from_utf8(black_box(body)).unwrap()).unwrap()));
}

/// As the engine decodes a response: UTF-8 checked once, and JSON that fits read in one pass.
fn as_the_engine(body: &[u8]) {
    let list = onehorizon::models::from_json::<TaskList>(std::str::from_utf8(black_box(body)).unwrap());
    drop(black_box(list.unwrap()));
}

fn main() {
    let text = responses::list(1_000);
    let body = text.as_bytes();
    let times = in_turn(
        60,
        2,
        &mut [
            &mut || as_the_engine(body),
            &mut || from_text::<TaskList>(body),
            &mut || from_bytes::<TaskList>(body),
            &mut || from_text::<hand::TaskList>(body),
            &mut || from_bytes::<hand::TaskList>(body),
            &mut || from_bytes::<serde_json::Value>(body),
        ],
    );
    let [engine, models_text, models_bytes, derive_text, derive_bytes, _] = times.as_slice() else { return };
    println!("{} bytes", body.len());
    let names = [
        "models, as the engine",
        "models, from text",
        "models, from bytes",
        "derive, from text",
        "derive, from bytes",
        "Value, from bytes",
    ];
    for (name, taken) in names.iter().zip(&times) {
        println!(
            "{name:22} {:7.3} ms  {:5.2} x derive from bytes",
            median(taken) * 1e3,
            paired_ratio(taken, derive_bytes)
        );
    }
    let same_entry = [(engine, derive_text), (models_text, derive_text), (models_bytes, derive_bytes)]
        .map(|(a, b)| paired_ratio(a, b));
    println!(
        "models / derive: {:.3} as the engine, from text (target 1.15); by serde {:.3} from text, {:.3} from bytes",
        same_entry[0], same_entry[1], same_entry[2]
    );
}

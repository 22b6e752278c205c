//! Verifying and decoding deliveries, beside the bare cryptography. `benches/peers/run` measures other crates and programs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use onehorizon::webhook::Event;
use onehorizon_benches::deliveries::{self, Delivery};
use onehorizon_benches::stats::{in_turn, median, paired_ratio};
use sha2::Sha256;

fn main() {
    println!(
        "bytes      signature us   bare hmac us   ratio   signature+event us   key us   key+event us   event alone us"
    );
    for bytes in [1 << 10, 20 << 10, 256 << 10] {
        let delivery = Delivery::of(bytes);
        assert_eq!(delivery.body.len(), bytes);
        let (by_key, by_signature) = (deliveries::by_key(), deliveries::by_signature());
        let keyed = Hmac::<Sha256>::new_from_slice(b"a key of twenty-four byte").unwrap();
        let prefix = Delivery::signed_prefix();
        let repetitions = (4 << 20) / bytes;
        let times = in_turn(
            31,
            repetitions,
            &mut [
                &mut || drop(black_box(by_signature.verify(delivery.find(), black_box(&delivery.body)).unwrap())),
                &mut || {
                    let mut mac = keyed.clone();
                    mac.update(black_box(prefix.as_bytes()));
                    mac.update(black_box(&delivery.body));
                    black_box(mac.finalize().into_bytes());
                },
                &mut || drop(black_box(by_signature.event(delivery.find(), black_box(&delivery.body)).unwrap())),
                &mut || drop(black_box(by_key.verify(delivery.find(), black_box(&delivery.body)).unwrap())),
                &mut || drop(black_box(by_key.event(delivery.find(), black_box(&delivery.body)).unwrap())),
                &mut || drop(black_box(Event::from_json(black_box(&delivery.body)).unwrap())),
            ],
        );
        let [signature, bare, signed_event, key, key_event, event] = times.as_slice() else { continue };
        println!(
            "{bytes:7}   {:13.2}   {:12.2}   {:5.3}   {:18.2}   {:6.3}   {:12.2}   {:14.2}",
            median(signature) * 1e6,
            median(bare) * 1e6,
            paired_ratio(signature, bare),
            median(signed_event) * 1e6,
            median(key) * 1e6,
            median(key_event) * 1e6,
            median(event) * 1e6,
        );
    }
}

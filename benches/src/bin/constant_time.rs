//! Does the time of a comparison depend on where two secrets differ? Welch's t-test by the method of dudect.
//!
//! `constant_time SAMPLES` (default 1,000,000) fails when |t| reaches 4.5 for a key or a signature. As a control, a
//! comparison that stops early is measured too and must be detected.
#![allow(clippy::disallowed_methods, reason = "it measures time, and the order of its samples is random")]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a check panics on failure")]

use std::hint::black_box;
use std::time::Instant;

use onehorizon::webhook::{Signer, Verifier};
use onehorizon_benches::deliveries::{self, Delivery, KEY, SECRET};

/// Mean and variance of a stream of numbers, by Welford.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
}

fn welch(a: Moments, b: Moments) -> f64 {
    let variance = |m: Moments| m.squares / (m.count - 1.0) / m.count;
    (a.mean - b.mean) / (variance(a) + variance(b)).sqrt()
}

/// The largest |t| over several croppings, because the slowest samples are noise of the machine.
///
/// Both classes are copied to the same buffer before the time is taken, so that their addresses do not matter.
fn largest_t(samples: usize, classes: &[String; 2], mut work: impl FnMut(&str)) -> f64 {
    let mut taken = Vec::with_capacity(samples);
    let mut text = String::with_capacity(4096);
    for number in 0..samples + 1_000 {
        let class = usize::from(fastrand::bool());
        text.clear();
        text.push_str(classes.get(class).map_or("", String::as_str));
        let text = black_box(text.as_str());
        let started = Instant::now();
        work(text);
        let passed = started.elapsed().as_nanos() as f64;
        if number >= 1_000 {
            taken.push((class, passed));
        }
    }
    let mut sorted: Vec<f64> = taken.iter().map(|(_, passed)| *passed).collect();
    sorted.sort_by(f64::total_cmp);
    [0.5, 0.8, 0.9, 0.95, 0.99]
        .iter()
        .map(|share| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let limit = sorted.get((share * samples as f64) as usize).copied().unwrap_or(f64::MAX);
            let mut classes = [Moments::default(); 2];
            for (class, passed) in taken.iter().filter(|(_, passed)| *passed <= limit) {
                if let Some(moments) = classes.get_mut(*class) {
                    moments.push(*passed);
                }
            }
            welch(classes[0], classes[1]).abs()
        })
        .fold(0.0, f64::max)
}

/// A string with the character at `position` changed.
fn changed(text: &str, position: usize) -> String {
    let other = |character| if character == 'A' { 'B' } else { 'A' };
    text.chars().enumerate().map(|(index, c)| if index == position { other(c) } else { c }).collect()
}

/// Refused deliveries whose key or signature differs from the valid one at its start, and at its end.
fn refusals(verifier: &Verifier, header: &str, valid: &str, positions: [usize; 2], samples: usize) -> f64 {
    let delivery = Delivery::of(1 << 10);
    let wrong = positions.map(|position| changed(valid, position));
    largest_t(samples, &wrong, |value| {
        let find = |name: &str| {
            if name == header { Some(value.as_bytes()) } else { delivery.find()(name) }
        };
        assert!(black_box(verifier.verify(find, black_box(&delivery.body))).is_err());
    })
}

fn main() {
    let samples = std::env::args().nth(1).map_or(1_000_000, |samples| samples.parse().unwrap());
    let key = refusals(&deliveries::by_key(), "x-one-webhook-key", KEY, [0, KEY.len() - 1], samples);
    let body = Delivery::of(1 << 10).body;
    let signature = Signer::new(SECRET).unwrap().sign("msg_2b7f", deliveries::signed_at(), &body);
    let last = signature.len() - 3;
    let signed = refusals(&deliveries::by_signature(), "webhook-signature", &signature, [3, last], samples);

    let valid = signature.repeat(8);
    let wrong = [changed(&valid, 0), changed(&valid, valid.len() - 1)];
    // The control: stops at the first difference.
    let early = largest_t(samples, &wrong, |wrong| {
        black_box(wrong.bytes().zip(black_box(&valid).bytes()).position(|(a, b)| a != b));
    });
    println!(
        "{samples} samples: |t| key {key:.2}, signature {signed:.2} (limit 4.5); a comparison that stops early {early:.0}"
    );
    assert!(early > 4.5, "the test has no power on this machine");
    assert!(key < 4.5 && signed < 4.5, "the time of a comparison depends on where the secrets differ");
}

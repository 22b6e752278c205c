//! Signatures and keys verified by this crate, by `standardwebhooks`, by `svix` and on Node, in turn.
//! `webhooks NODE-SCRIPT`
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench panics on failure")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use onehorizon::webhook::Verifier;
use onehorizon_benches::deliveries::{Delivery, KEY, SECRET};
use onehorizon_benches::stats::{in_turn, median, paired_ratio};

/// Node does the same in one long-lived process, so that its code is compiled by the JIT.
struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn start(script: &str) -> Self {
        let mut node = Command::new("node");
        let mut child = node.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Microseconds per delivery: the key check with parsing as in the official templates, and a signature check.
    fn round(&mut self, bytes: usize, repetitions: usize) -> [f64; 2] {
        writeln!(self.input, "{bytes} {repetitions}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let reported: serde_json::Value = serde_json::from_str(&line).unwrap();
        ["template_us", "signature_us"].map(|name| reported[name].as_f64().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn main() {
    let script = std::env::args().nth(1).expect("webhooks NODE-SCRIPT");
    let mut node = Node::start(&script);
    let us = |times: &[f64]| median(times) * 1e6;
    for bytes in [1 << 10, 20 << 10, 256 << 10] {
        let delivery = Delivery::sent_at(bytes, SystemTime::now());
        let headers: HeaderMap = delivery
            .headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let find = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        let (signed, keyed) = (Verifier::signed(SECRET).unwrap(), Verifier::key(KEY).unwrap());
        let standard = standardwebhooks::Webhook::new(SECRET).unwrap();
        let svix = svix::webhooks::Webhook::new(SECRET).unwrap();
        let repetitions = (2 << 20) / bytes;
        let mut on_node: [Vec<f64>; 2] = Default::default();
        // Not timed here: Node measures itself, once a round.
        node.round(bytes, repetitions * 10);
        let body = &delivery.body;
        let times = in_turn(
            21,
            repetitions,
            &mut [
                &mut || drop(black_box(signed.verify(find, black_box(body)).unwrap())),
                &mut || black_box(standard.verify(black_box(body), &headers).unwrap()),
                &mut || black_box(svix.verify(black_box(body), &headers).unwrap()),
                &mut || drop(black_box(keyed.event(find, black_box(body)).unwrap())),
            ],
        );
        for _ in 0..21 {
            let [template, signature] = node.round(bytes, repetitions);
            on_node[0].push(template);
            on_node[1].push(signature);
        }
        println!("{bytes} bytes, microseconds per delivery (x this crate)");
        println!("  signature: this crate {:.2}", us(&times[0]));
        println!("  signature: standardwebhooks {:.2} ({:.1} x)", us(&times[1]), paired_ratio(&times[1], &times[0]));
        println!("  signature: svix {:.2} ({:.1} x)", us(&times[2]), paired_ratio(&times[2], &times[0]));
        println!("  signature: Node {:.2} ({:.1} x)", median(&on_node[1]), median(&on_node[1]) / us(&times[0]));
        println!("  key and event: this crate {:.2}", us(&times[3]));
        println!("  key and event: Node, as the templates {:.2} ({:.1} x)", median(&on_node[0]), median(&on_node[0]) / us(&times[3]));
    }
}

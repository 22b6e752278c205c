//! `driver sdk|hand fetch|list AT_ONCE CALLS BASE_URL` makes calls and prints what they took, for `benches/peers/run`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench says so by panicking")]

use std::rc::Rc;

use onehorizon_benches::load::{Caller, What, round};
use onehorizon_benches::stats::quantile;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [caller, what, at_once, calls, base_url] = arguments.as_slice() else {
        println!("driver sdk|hand fetch|list AT_ONCE CALLS BASE_URL");
        return;
    };
    let caller = Rc::new(if caller == "sdk" { Caller::sdk(base_url) } else { Caller::hand(base_url) });
    let what = if what == "fetch" { What::Fetch } else { What::List };
    let (at_once, calls) = (at_once.parse().unwrap(), calls.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    round(&runtime, &caller, what, at_once * 4, at_once);
    let round = round(&runtime, &caller, what, calls, at_once);
    println!(
        r#"{{"calls":{calls},"wall_us":{:.2},"cpu_us":{:.2},"p50_us":{:.1},"p99_us":{:.1}}}"#,
        round.wall_per_call() * 1e6,
        round.cpu_per_call() * 1e6,
        quantile(&round.latencies, 0.5) * 1e6,
        quantile(&round.latencies, 0.99) * 1e6,
    );
}

//! How fast clients finish a job under the documented quota, in virtual time.
//!
//! `cargo run --release -p onehorizon-benches --bin quota`. Exits with 1 when a target is missed. `quota timeline` prints the
//! requests of 500 calls over time, for the plots of the guide.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::similar_names,
    clippy::disallowed_methods,
    reason = "a simulation in virtual time"
)]
#![allow(clippy::print_stdout, reason = "it prints its result")]
#![allow(missing_docs, unreachable_pub, reason = "a program")]

mod lanes;
mod optimum;
mod server;
mod strategies;
#[path = "../../../../tests/support/windows.rs"]
mod windows;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use server::Server;
use strategies::Strategy;
use windows::Model;

const CALLERS: [usize; 3] = [1, 8, 64];
const CALLS: [usize; 3] = [100, 1000, 5000];
const PACED: f64 = 1.02;
const UNPACED: f64 = 1.10;

struct Outcome {
    ratio: f64,
    refused: u64,
}

fn measure(strategy: Strategy, model: Model, callers: usize, calls: usize, optimum: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let server = Arc::new(Server::start(model));
        strategy.run(&server, callers, calls).await;
        let (served, refused, end) = server.totals();
        assert_eq!(served, calls as u64, "each call is served once");
        Outcome { ratio: end.as_secs_f64() / optimum.as_secs_f64(), refused }
    })
}

/// One line per request: strategy, seconds, 1 if it was served.
fn timeline() {
    let strategies = [
        ("one process, paced", Strategy::Paced),
        ("four processes, one store", Strategy::PacedShared),
        ("four processes, each alone", Strategy::PacedAlone),
        ("not paced", Strategy::Unpaced),
        ("exponential backoff", Strategy::Backoff),
    ];
    for (name, strategy) in strategies {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        // The same plot at every run.
        fastrand::seed(7);
        let server = runtime.block_on(async {
            let server = Arc::new(Server::start(Model::Sliding));
            strategy.run(&server, 16, 500).await;
            server
        });
        for (time, served) in server.log() {
            println!("{name}\t{:.3}\t{}", time.as_secs_f64(), u8::from(served));
        }
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("timeline") {
        timeline();
        return ExitCode::SUCCESS;
    }
    println!("Quota: 200 requests in 15 minutes, 40 in a minute; 50 ms from request to response; virtual time.");
    println!(
        "Each pair: makespan / optimum, and refusals (429). The optimum is the makespan of a client that sees the"
    );
    println!("service's counters: every call arrives as soon as it is admitted and a caller is free.");
    println!("`blind` is pacing that does not know how the service counts; `paced` is configured for token buckets");
    println!(
        "(where the service has them); `unpaced` only has the gate. Targets: paced <= {PACED} and no 429, unpaced <= {UNPACED}."
    );
    println!();
    println!(
        "{:<13}{:>8}{:>7}{:>11} |{:>13} |{:>13} |{:>14} |{:>15} |{:>15} |{:>15}",
        "model",
        "callers",
        "calls",
        "optimum s",
        "blind",
        "paced",
        "unpaced",
        "exp. backoff",
        "reqwest-retry",
        "message"
    );
    let (mut missed, mut unreachable) = (Vec::new(), Vec::new());
    for model in Model::ALL {
        for callers in CALLERS {
            for calls in CALLS {
                let optimum = optimum::makespan(model, callers, calls);
                let measure = |strategy| measure(strategy, model, callers, calls, optimum);
                let blind = measure(Strategy::Paced);
                let paced =
                    measure(if model == Model::TokenBucket { Strategy::PacedInformed } else { Strategy::Paced });
                let unpaced = measure(Strategy::Unpaced);
                let others = [Strategy::Backoff, Strategy::ReqwestRetry, Strategy::Message].map(measure);
                print!("{:<13}{callers:>8}{calls:>7}{:>11.2} |", model.name(), optimum.as_secs_f64());
                print!("{:>8.3}{:>5} |{:>8.3}{:>5} |", blind.ratio, blind.refused, paced.ratio, paced.refused);
                print!("{:>8.3}{:>6}", unpaced.ratio, unpaced.refused);
                for other in others {
                    print!(" |{:>8.3}{:>7}", other.ratio, other.refused);
                }
                println!();
                let cell = format!("{}, {callers} callers, {calls} calls", model.name());
                if paced.refused + blind.refused > 0 || (paced.ratio > PACED && model != Model::Clock) {
                    missed.push(format!("paced: {cell}: {:.3}, {} refusals", paced.ratio, paced.refused));
                }
                if blind.ratio > PACED {
                    unreachable.push(format!("{cell}: {:.3}", blind.ratio));
                }
                if unpaced.ratio > UNPACED && model != Model::Clock {
                    missed.push(format!("unpaced: {cell}: {:.3}", unpaced.ratio));
                }
            }
        }
    }
    println!();
    println!(
        "A client that must never be refused by any of these models cannot beat `blind`. A sliding window makes every"
    );
    println!(
        "41st request wait a minute and every 201st 15 minutes. Token buckets would not, nor would clock-aligned windows"
    );
    println!("for a client that knows where one ends. So `blind` exceeds {PACED} in these cells, and the rows");
    println!("`fixed, clock` have only the target of no refusal:");
    for cell in unreachable {
        println!("  {cell}");
    }
    println!();
    missed.extend(lanes::report());
    if missed.is_empty() {
        println!("All reachable targets are met.");
        return ExitCode::SUCCESS;
    }
    for target in missed {
        println!("MISSED {target}");
    }
    ExitCode::FAILURE
}

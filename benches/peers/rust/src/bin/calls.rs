//! Calls over loopback by this crate, by hand, by the generated Rust client and by the generated client on Node, in turn.
//! `calls SERVER NODE-SCRIPT ROUNDS`
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench panics on failure")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use generated_peer::apis::configuration::Configuration;
use generated_peer::apis::tasks_api;
use onehorizon_benches::responses;
use onehorizon_benches::load::{Caller, Calls, Round, Operation, round};
use onehorizon_benches::process::Server;
use onehorizon_benches::stats::{median, paired_ratio, quantile};

/// The client of openapi-generator's `rust`.
struct Generated(Configuration);

impl Calls for Generated {
    async fn call(&self, operation: Operation) {
        let found = match operation {
            Operation::Fetch => {
                let task = tasks_api::fetch_task(&self.0, "current", "tsk_00000007").await.unwrap();
                usize::from(task.task_id == "tsk_00000007")
            }
            Operation::List => tasks_api::list_tasks(&self.0, "current", Some(true), None, None).await.unwrap().tasks.len(),
        };
        assert!(found > 0);
    }
}

/// The client of openapi-generator's `typescript-fetch`, in one long-lived process, so that its code is compiled by the JIT.
struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn start(script: &str, base_url: &str) -> Self {
        let mut child = Command::new("node")
            .args([script, base_url, responses::API_KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn round(&mut self, operation: Operation, calls: usize, concurrency: usize) -> Round {
        let name = if operation == Operation::Fetch { "fetch" } else { "list" };
        writeln!(self.input, "{name} {calls} {concurrency}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let reported: serde_json::Value = serde_json::from_str(&line).unwrap();
        let seconds = |name: &str| reported[name].as_f64().unwrap() / 1e6;
        let latencies = reported["latencies_us"].as_array().unwrap().iter().map(|us| us.as_f64().unwrap() / 1e6).collect();
        let [wall, cpu] = ["wall_us", "cpu_us"].map(|name| Duration::from_secs_f64(seconds(name)));
        Round { calls, wall, cpu, latencies }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, script, rounds] = arguments.as_slice() else { panic!("calls SERVER NODE-SCRIPT ROUNDS") };
    let rounds: usize = rounds.parse().unwrap();
    let server = Server::start(server, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sdk = Rc::new(Caller::sdk(&server.base_url));
    let hand = Rc::new(Caller::hand(&server.base_url));
    let mut configuration = Configuration::new();
    configuration.base_path.clone_from(&server.base_url);
    configuration.bearer_access_token = Some(responses::API_KEY.to_owned());
    let generated = Rc::new(Generated(configuration));
    let mut node = Node::start(script, &server.base_url);

    println!("call    concurrent  client       us/call   cpu us/call   p99 us   wall: x this crate   cpu: x this crate");
    for (operation, calls) in [(Operation::Fetch, 2_000), (Operation::List, 300)] {
        for concurrency in [1, 64] {
            let mut taken: [Vec<Round>; 4] = Default::default();
            for number in 0..=rounds {
                for step in 0..4 {
                    let who = if number % 2 == 0 { step } else { 3 - step };
                    let done = match who {
                        0 => round(&runtime, &sdk, operation, calls, concurrency),
                        1 => round(&runtime, &hand, operation, calls, concurrency),
                        2 => round(&runtime, &generated, operation, calls, concurrency),
                        _ => node.round(operation, calls, concurrency),
                    };
                    // The first round opens connections and lets Node compile.
                    if number > 0 {
                        taken[who].push(done);
                    }
                }
            }
            let wall = taken.each_ref().map(|rounds| rounds.iter().map(Round::wall_per_call).collect::<Vec<_>>());
            let cpu = taken.each_ref().map(|rounds| rounds.iter().map(Round::cpu_per_call).collect::<Vec<_>>());
            for (who, name) in ["this crate", "by hand", "generated", "Node"].iter().enumerate() {
                let latencies: Vec<f64> = taken[who].iter().flat_map(|round| round.latencies.iter().copied()).collect();
                println!(
                    "{:7} {concurrency:10}  {name:10}   {:7.1}   {:11.1}   {:6.0}   {:18.2}   {:17.2}",
                    format!("{operation:?}"),
                    median(&wall[who]) * 1e6,
                    median(&cpu[who]) * 1e6,
                    quantile(&latencies, 0.99) * 1e6,
                    paired_ratio(&wall[who], &wall[0]),
                    paired_ratio(&cpu[who], &cpu[0]),
                );
            }
        }
    }
}

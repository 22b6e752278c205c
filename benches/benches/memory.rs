//! Peak memory of a listing of 50,000 tasks, as the kernel counts it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench panics on failure"
)]

use onehorizon::{Configuration, TasksApi};
use onehorizon_benches::process::Server;

const LENGTH: usize = 50_000;

/// A line of `/proc/self/status`, in bytes.
fn status_bytes(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
    found.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

fn main() {
    let server = Server::start(env!("CARGO_BIN_EXE_server"), &[&LENGTH.to_string()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let configuration = Configuration::builder()
        .api_key("the-key")
        .base_url(&server.base_url)
        .max_response_bytes(1 << 30)
        .build()
        .unwrap();
    let tasks = TasksApi::new(&configuration);
    runtime.block_on(async { drop(tasks.fetch_task("tsk_00000007").await.unwrap()) });

    let before = status_bytes("VmRSS");
    let list = runtime.block_on(async { tasks.list_tasks().all(true).await.unwrap() });
    let peak = status_bytes("VmHWM") - before;
    let body = list.raw().len();
    let list = list.into_inner();
    assert_eq!(list.tasks.len(), LENGTH);
    // A clone has no spare capacity: what it adds is what the tasks themselves need.
    let before = status_bytes("VmRSS");
    let copy = list.clone();
    let needed = status_bytes("VmRSS") - before;
    assert_eq!(copy, list);

    let mebibytes = |bytes: f64| bytes / 1_048_576.0;
    #[allow(clippy::cast_precision_loss)]
    let body = mebibytes(body as f64);
    println!(
        "{LENGTH} tasks over loopback: body {body:.1} MiB, tasks {:.1} MiB, peak {:.1} MiB = {:.2} x the tasks",
        mebibytes(needed),
        mebibytes(peak),
        peak / needed,
    );
}

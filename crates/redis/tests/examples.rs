//! The example as users run it, against the fake service and a real server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]

#[path = "../examples/shared_quota.rs"]
mod shared_quota;

use onehorizon::Configuration;
use onehorizon::quota::Pacing;
use onehorizon_redis::Redis;
use onehorizon_testing::FakeOneHorizon;
use shared_quota::count_described;

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_count_what_the_other_has_used() {
    let Ok(address) = std::env::var("ONEHORIZON_TEST_REDIS") else {
        eprintln!("skipped: ONEHORIZON_TEST_REDIS names no server");
        return;
    };
    let fake = FakeOneHorizon::builder().in_process();
    let scope = format!("example-{}", std::process::id());
    let process = || {
        let pacing = Pacing::documented().store(Redis::open(address.as_str(), &scope).unwrap().quota());
        Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).pacing(pacing).build().unwrap()
    };
    let (first, second) = (process(), process());
    count_described(&first).await.unwrap();
    let of_first = first.quota().windows[0].used;
    assert!(of_first > 1, "{of_first} used");
    // One call shows the second what the server knows.
    let tasks = onehorizon::TasksApi::new(&second);
    tasks.list_tasks().await.unwrap();
    assert_eq!(second.quota().windows[0].used, of_first + 1);
}

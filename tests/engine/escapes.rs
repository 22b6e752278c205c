//! A response full of escapes, in which secrets are looked for, costs memory in proportion to its size.

use allocation_counter::measure;
use onehorizon::TasksApi;
use support::wire::{Wire, plain};

/// Bytes allocated by the second call of two, freed ones included.
fn allocated(body: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let body = body.to_owned();
    let wire = Wire::rule(move |_, _| plain(400, body.clone()));
    let tasks = TasksApi::new(&wire.builder().api_key("a-key-of-some-length").build().unwrap());
    let call = || drop(runtime.block_on(async { tasks.fetch_task("t").await.unwrap_err() }));
    call();
    measure(call).bytes_total
}

#[test]
fn the_memory_for_escapes_is_in_proportion_to_the_text() {
    let one = r#"{"field":"a","message":"a-key-of%25n"}"#;
    let many = |count: usize| format!(r#"{{"message":"not valid","errors":[{}]}}"#, vec![one; count].join(","));
    let plain = |count: usize| many(count).replace('%', "x");
    for count in [1, 10, 100, 400] {
        let (more, length) = (allocated(&many(count)) - allocated(&plain(count)), many(count).len());
        assert!(more <= 16_000 + 60 * length as u64, "{more} bytes more for the escapes in {length} bytes");
    }
}

//! Hooks that nobody has set cost no allocation. `benches/hooks/run` measures their time beside a crate without hooks.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use onehorizon::hooks::CallHooks;
use onehorizon::webhook::{DeliveryHooks, Event, Receiver, Reply, Verified, Verifier};
use onehorizon::{Configuration, TasksApi};
use support::bench::{HEADERS, KEY, body};
use support::wire::{Wire, plain};

struct Nothing;

impl CallHooks for Nothing {}
impl DeliveryHooks for Nothing {}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Runs what never waits; a runtime would put a large future into a box.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// The allocations of the second run, when everything that is made once has been made.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    measure(work).count_total
}

fn of_a_call(hooks: usize) -> u64 {
    let runtime = runtime();
    let wire = Wire::rule(|_, _| plain(200, r#"{"taskId":"t","title":"T"}"#));
    let builder = (0..hooks).fold(wire.builder(), |builder, _| builder.hooks(Nothing));
    let configuration: Configuration = builder.build().unwrap();
    let tasks = TasksApi::new(&configuration);
    allocations(|| drop(runtime.block_on(async { tasks.fetch_task("t").await.unwrap() })))
}

fn of_a_delivery(hooks: usize) -> u64 {
    let builder = Receiver::builder(Verifier::key(KEY).unwrap());
    let receiver = (0..hooks).fold(builder, |builder, _| builder.hooks(Nothing)).build();
    let text = body("evt_1");
    let respond = async |event: Verified<Event>| Reply::queued(&event);
    allocations(|| drop(at_once(receiver.receive_with("POST", &HEADERS, text.as_bytes(), respond))))
}

#[test]
fn what_hooks_of_calls_need_is_made_only_where_there_are_hooks() {
    let (none, one, three) = (of_a_call(0), of_a_call(1), of_a_call(3));
    assert_eq!(one - none, 1, "one box for what hooks are called with, and nothing of it without hooks");
    assert_eq!(three, one);
}

#[test]
fn a_delivery_without_hooks_allocates_for_its_check_and_its_reply_alone() {
    let verifier = Verifier::key(KEY).unwrap();
    let text = body("evt_1");
    let parts = allocations(|| {
        let event = verifier.event(&HEADERS, text.as_bytes()).unwrap();
        drop(at_once(async { Reply::queued(&event) }));
    });
    assert_eq!(of_a_delivery(0), parts);
    assert!(of_a_delivery(1) > parts);
}

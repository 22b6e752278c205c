//! Defaults that are named by their month.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::hooks::{CallHooks, CallInfo, WaitInfo};
use onehorizon::transport::Failure;
use onehorizon::{Behavior, ConfigurationBuilder, Retry};
use onehorizon_testing::Reply;
use support::wire::{Wire, read, status};

const SECOND: Duration = Duration::from_secs(1);

fn shown(change: impl FnOnce(ConfigurationBuilder) -> ConfigurationBuilder) -> String {
    format!("{:?}", change(Wire::new([]).builder()).build().unwrap())
}

#[test]
fn the_defaults_are_those_of_november_2026() {
    assert_eq!(shown(|builder| builder), shown(|builder| builder.behavior(Behavior::v2026_11())));
    assert_eq!(Behavior::default(), Behavior::v2026_11());
    assert_eq!(Behavior::v2026_11().retry(), Retry::default());
}

/// Who changes these numbers changes programs that have asked for them by name: add another month instead.
#[test]
fn the_numbers_of_november_2026_never_change() {
    assert_eq!(
        format!("{:?}", Behavior::v2026_11()),
        "Behavior { timeout: 30s, connect_timeout: 10s, retry: Retry { attempts: 3, base: 1s, cap: 8s, max_wait: 30s } }"
    );
}

#[test]
fn what_is_set_counts_before_what_a_behavior_says_in_either_order() {
    let retry = || Behavior::v2026_11().retry().attempts(7);
    let set = |builder: ConfigurationBuilder| builder.timeout(SECOND).retry(retry());
    let before = shown(|builder| set(builder.behavior(Behavior::v2026_11())));
    let after = shown(|builder| set(builder).behavior(Behavior::v2026_11()));
    assert_eq!(before, after);
    assert!(before.contains("timeout: 1s") && before.contains("attempts: 7"), "{before}");
}

#[derive(Clone, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl CallHooks for Waits {
    fn wait_started(&self, _: &CallInfo<'_>, wait: &WaitInfo) {
        self.0.lock().unwrap().push(wait.wait);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_november_2026_is_made_three_times_with_the_waits_of_the_table() {
    let waits = Waits::default();
    let failing = Wire::new([Reply::fail(Failure::Connect), status(503), status(503), status(503)]);
    let builder = failing.builder().behavior(Behavior::v2026_11()).hooks(waits.clone());
    let error = read(&builder.clock(onehorizon::SystemClock).build().unwrap()).await.unwrap_err();
    assert_eq!(error.attempts(), 3);
    let waits = waits.0.lock().unwrap().clone();
    let [first, second] = waits[..] else { panic!("two waits: {waits:?}") };
    assert!((SECOND / 2..=SECOND).contains(&first) && (SECOND..=2 * SECOND).contains(&second), "{waits:?}");
}

//! Pacing: the quota is spent to the last request, and none is refused.

use support::wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::quota::{Pacing, QuotaShape, QuotaWait, WaitReason};
use onehorizon::transport::Failure;
use onehorizon::{Configuration, ErrorKind, Sent};
use onehorizon_testing::Reply;
use proptest::prelude::*;
use support::service::Service;
use support::windows::Model;
use support::wire::{Wire, limited, ok, read, unsafe_write};
use tokio::task::JoinSet;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn paced(service: &Service, pacing: Pacing) -> Configuration {
    Configuration::builder().api_key("key").transport(service.clone()).pacing(pacing).build().unwrap()
}

/// So many calls, so many at a time.
pub(super) async fn make_calls(configuration: &Configuration, calls: usize, at_a_time: usize) {
    let places = Arc::new(tokio::sync::Semaphore::new(at_a_time));
    let mut set = JoinSet::new();
    for _ in 0..calls {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let call = unsafe_write(configuration).into_future();
        set.spawn(async move {
            let result = call.await;
            drop(place);
            result
        });
    }
    for result in set.join_all().await {
        assert_eq!(result.unwrap().attempts(), 1);
    }
}

fn even_latency() -> (Duration, Duration) {
    (ms(20), ms(30))
}

/// A small quota whose numbers are easy to follow: 3 in 10 s.
pub(super) fn three_in_ten() -> Pacing {
    Pacing::new().window(3, 10 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn no_request_is_refused_however_the_service_counts() {
    for model in Model::ALL {
        for at_a_time in [1, 8, 64] {
            let service = Service::new(model, even_latency);
            make_calls(&paced(&service, Pacing::documented()), 450, at_a_time).await;
            let (served, refused, end) = service.account();
            assert_eq!((served, refused), (450, 0), "{model:?}, {at_a_time} at a time");
            // Two quarters of an hour, and 50 requests in the third: the second 40 a minute after the first.
            assert!(end < ms(1_863_000 + 2_200), "{model:?}, {at_a_time} at a time: {end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_knows_that_the_service_has_token_buckets_is_faster() {
    let service = Service::new(Model::TokenBucket, even_latency);
    make_calls(&paced(&service, Pacing::documented().shape(QuotaShape::TokenBucket)), 100, 8).await;
    let (served, refused, end) = service.account();
    assert_eq!((served, refused), (100, 0));
    // 40 at once, and 60 at one in 1.5 s.
    assert!(end < ms(90_500), "{end:?}");
}

/// What happens in one run: uneven latencies, calls that are given up, pauses.
#[derive(Clone, Debug)]
struct Happening {
    pause: u64,
    there: u64,
    back: u64,
    patience: Option<u64>,
}

fn happening() -> impl Strategy<Value = Happening> {
    let pause = prop_oneof![8 => Just(0u64), 2 => 0..2_000u64, 1 => 0..70_000u64];
    let patience = prop_oneof![3 => Just(None), 1 => (0..2_000u64).prop_map(Some)];
    // What is given up must arrive within the second that a lost request is given.
    (pause, 0..1_000u64, 0..3_000u64, patience).prop_map(|(pause, there, back, patience)| Happening {
        pause,
        there,
        back,
        patience,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_request_is_refused_whatever_the_latency_and_whichever_caller_gives_up(
        happenings in proptest::collection::vec(happening(), 50..400),
    ) {
        let cases = Model::ALL.map(|model| (model, QuotaShape::Any));
        for (model, shape) in cases.into_iter().chain([(Model::TokenBucket, QuotaShape::TokenBucket)]) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let refused = runtime.block_on(run(model, shape, happenings.clone()));
            prop_assert_eq!(refused, 0, "{:?} {:?}", model, shape);
        }
    }
}

async fn run(model: Model, shape: QuotaShape, happenings: Vec<Happening>) -> usize {
    let mut latencies = happenings.clone().into_iter().cycle();
    let service = Service::new(model, move || {
        let next = latencies.next().unwrap();
        (ms(next.there), ms(next.back))
    });
    let configuration = paced(&service, Pacing::documented().shape(shape));
    let mut set = JoinSet::new();
    for happening in happenings {
        tokio::time::sleep(ms(happening.pause)).await;
        let call = unsafe_write(&configuration).into_future();
        set.spawn(async move {
            match happening.patience {
                Some(patience) => drop(tokio::time::timeout(ms(patience), call).await),
                None => assert_eq!(call.await.unwrap().attempts(), 1),
            }
        });
    }
    set.join_all().await;
    assert_eq!((configuration.quota().waiting, configuration.quota().in_flight), (0, 0));
    tokio::time::sleep(2 * SECOND).await;
    service.account().1
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_held_from_before_the_request_until_a_window_after_the_response() {
    let wire = Wire::rule(|_, _| ok().after(ms(500)));
    let configuration = wire.builder().pacing(three_in_ten()).build().unwrap();
    make_calls(&configuration, 7, 7).await;
    // A thousandth of the window is added, since two clocks never run alike.
    assert_eq!(wire.sent(), [0, 0, 0, 10_510, 10_510, 10_510, 21_020]);
}

#[tokio::test(start_paused = true)]
async fn calls_are_sent_in_the_order_in_which_they_began() {
    let wire = Wire::rule(|_, _| ok());
    let configuration = wire.builder().pacing(Pacing::new().window(1, SECOND)).build().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut set = JoinSet::new();
    for number in 0..20 {
        let (call, order) = (read(&configuration).into_future(), Arc::clone(&order));
        set.spawn(async move {
            call.await.unwrap();
            order.lock().unwrap().push(number);
        });
        tokio::time::sleep(ms(1)).await;
    }
    set.join_all().await;
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_takes_a_slot_of_its_own() {
    let wire = Wire::new([wire::status(500), wire::status(500)]);
    let configuration = wire.builder().pacing(Pacing::new().window(2, 10 * SECOND)).build().unwrap();
    let response = read(&configuration).await.unwrap();
    assert_eq!((response.attempts(), wire.sent()), (3, vec![0, 1_000, 10_010]));
    assert_eq!((response.time_spent().backoff, response.time_spent().quota), (3 * SECOND, ms(7_010)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_gives_its_slot_back() {
    let wire = Wire::new(vec![Reply::fail(Failure::Connect); 2]);
    let configuration = wire.builder().pacing(Pacing::new().window(1, 100 * SECOND)).build().unwrap();
    assert_eq!(unsafe_write(&configuration).await.unwrap().attempts(), 3);
    assert_eq!(wire.sent(), [0, 1_000, 3_000], "the backoff alone");
}

#[tokio::test(start_paused = true)]
async fn a_request_nobody_knows_of_keeps_its_slot_and_a_second_more() {
    let wire = Wire::new([Reply::never(), Reply::fail(Failure::Interrupted)]);
    let configuration = wire.builder().pacing(Pacing::new().window(1, 10 * SECOND)).build().unwrap();
    let dropped = tokio::time::timeout(2 * SECOND, unsafe_write(&configuration).into_future()).await;
    assert!(dropped.is_err());
    assert!(unsafe_write(&configuration).await.unwrap_err().is_interrupted());
    unsafe_write(&configuration).await.unwrap();
    assert_eq!(wire.sent(), [0, 13_010, 24_020]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_that_is_dropped_takes_no_slot_and_leaves_no_task() {
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(three_in_ten()).build().unwrap();
    make_calls(&configuration, 3, 3).await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for _ in 0..5 {
        assert!(tokio::time::timeout(SECOND, read(&configuration).into_future()).await.is_err());
    }
    assert_eq!(configuration.quota().waiting, 0);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), tasks);
    tokio::time::sleep(6 * SECOND).await;
    make_calls(&configuration, 3, 3).await;
    assert_eq!(wire.sent()[3..], [11_000, 11_000, 11_000]);
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_quota_have_no_limit_but_the_deadline() {
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(Pacing::new().window(1, 900 * SECOND)).build().unwrap();
    make_calls(&configuration, 2, 2).await;
    assert_eq!(wire.sent(), [0, 900_900]);
    let started = tokio::time::Instant::now();
    let error = read(&configuration).deadline(60 * SECOND).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent(), error.attempts()), (ErrorKind::RateLimited, Sent::No, 0));
    assert_eq!((error.retry_after(), started.elapsed()), (Some(ms(900_900)), Duration::ZERO));
    assert_eq!(read(&configuration).max_wait(SECOND).await.unwrap_err().kind(), ErrorKind::RateLimited);
}

#[tokio::test(start_paused = true)]
async fn pacing_may_be_set_to_how_long_calls_wait() {
    let wire = Wire::new([]);
    let pacing = three_in_ten().max_wait(15 * SECOND);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    let mut set = JoinSet::new();
    for _ in 0..9 {
        set.spawn(read(&configuration).into_future());
    }
    let mut results = Vec::new();
    let started = tokio::time::Instant::now();
    while let Some(result) = set.join_next().await {
        results.push((result.unwrap().map_err(|error| error.kind()).err(), started.elapsed().as_secs()));
    }
    // Three at once, three after ten seconds; those after them see at once that it would take twenty.
    results.sort_by_key(|(error, after)| (error.is_some(), *after));
    let limited = Some(ErrorKind::RateLimited);
    assert_eq!(
        results,
        [(None, 0), (None, 0), (None, 0), (None, 10), (None, 10), (None, 10), (limited, 0), (limited, 0), (limited, 0)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_use_of_the_quota_can_be_looked_at() {
    let wire = Wire::rule(|_, _| ok().after(SECOND));
    let configuration = wire.builder().pacing(Pacing::documented()).build().unwrap();
    let calls = tokio::spawn({
        let configuration = configuration.clone();
        async move { make_calls(&configuration, 50, 50).await }
    });
    tokio::time::sleep(ms(500)).await;
    let status = configuration.quota();
    assert_eq!((status.in_flight, status.waiting), (40, 10));
    tokio::time::sleep(SECOND).await;
    let status = configuration.quota();
    let used: Vec<_> = status.windows.iter().map(|window| (window.used, window.remaining())).collect();
    assert_eq!(used, [(40, 160), (40, 0)]);
    assert_eq!((status.in_flight, status.waiting), (0, 10));
    // 40 responses came after one second; their slots are free 60.06 s later.
    assert_eq!(status.next_free, ms(61_060 - 1_500));
    calls.await.unwrap();
    assert_eq!(configuration.quota().next_free, Duration::ZERO);
    assert_eq!(configuration.quota().windows[0].used, 50);
}

#[tokio::test(start_paused = true)]
async fn waits_are_reported_with_their_position_in_the_queue() {
    let reported = Arc::new(Mutex::new(Vec::<QuotaWait>::new()));
    let wire = Wire::new([]);
    let configuration = {
        let reported = Arc::clone(&reported);
        let builder = wire.builder().pacing(three_in_ten());
        builder.on_quota_wait(move |wait| reported.lock().unwrap().push(wait.clone())).build().unwrap()
    };
    make_calls(&configuration, 8, 8).await;
    let reported = reported.lock().unwrap();
    let first: Vec<_> = reported.iter().take(5).map(|wait| (wait.reason, wait.ahead, wait.wait.as_secs())).collect();
    let pacing = WaitReason::Pacing;
    assert_eq!((pacing.as_str(), WaitReason::Refused.as_str()), ("pacing", "refused"));
    assert_eq!(first, [(pacing, 0, 10), (pacing, 1, 10), (pacing, 2, 10), (pacing, 3, 20), (pacing, 4, 20)]);
    // The call that becomes the first in the queue is reported; the others' waits are as reported before.
    let later: Vec<_> = reported.iter().skip(5).map(|wait| (wait.ahead, wait.wait)).collect();
    assert_eq!(later, [(0, ms(10_010))]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_because_of_somebody_else_holds_everybody_back_until_it_ends() {
    for model in Model::ALL {
        let service = Service::new(model, even_latency);
        service.used_by_a_stranger(40);
        let configuration = paced(&service, Pacing::documented());
        let call = tokio::spawn(unsafe_write(&configuration).into_future());
        tokio::time::sleep(ms(100)).await;
        let status = configuration.quota();
        assert!(status.closed_for.is_some() && status.next_free >= ms(900), "{model:?} {status:?}");
        call.await.unwrap().unwrap();
        let (served, refused, _) = service.account();
        assert_eq!((served, refused), (1, 1), "{model:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quarter_that_somebody_else_has_spent_is_waited_for() {
    let service = Service::new(Model::Sliding, even_latency);
    for _ in 0..5 {
        service.used_by_a_stranger(40);
        tokio::time::sleep(61 * SECOND).await;
    }
    let started = tokio::time::Instant::now();
    make_calls_that_are_safe_to_repeat(&paced(&service, Pacing::documented()), 60).await;
    let (served, refused, _) = service.account();
    assert_eq!(served, 60);
    assert!(refused <= 45, "the first 40 meet the refusal together, after that no herd does: {refused}");
    assert!(started.elapsed() < 700 * SECOND, "{:?}", started.elapsed());
}

async fn make_calls_that_are_safe_to_repeat(configuration: &Configuration, calls: usize) {
    let mut set = JoinSet::new();
    for _ in 0..calls {
        set.spawn(unsafe_write(configuration).into_future());
    }
    for result in set.join_all().await {
        result.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_under_pacing_is_sat_out_even_if_it_is_long() {
    let wire = Wire::new([limited(600)]);
    let configuration = wire.builder().pacing(Pacing::documented()).build().unwrap();
    assert_eq!(unsafe_write(&configuration).await.unwrap().attempts(), 2);
    assert_eq!(wire.sent(), [0, 600_000]);
}

#[tokio::test(start_paused = true)]
async fn limits_without_end_do_not_overflow() {
    let wire = Wire::new([]);
    let pacing = Pacing::new().window(1, 366 * 86_400 * SECOND).max_wait(Duration::MAX);
    let configuration = wire.builder().pacing(pacing).timeout(Duration::MAX).deadline(Duration::MAX).build().unwrap();
    for _ in 0..3 {
        read(&configuration).max_wait(Duration::MAX).await.unwrap();
    }
    assert_eq!(wire.count(), 3);
}

#[test]
fn pacing_that_could_never_send_is_refused_by_the_configuration() {
    let windows = [(0, SECOND), (1, Duration::ZERO), (1, Duration::MAX)];
    let mut useless: Vec<Pacing> = windows.map(|(requests, length)| Pacing::new().window(requests, length)).into();
    useless.push(Pacing::new());
    for pacing in useless {
        let error = Configuration::builder().api_key("key").pacing(pacing).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("the pacing has"), "{error}");
    }
}

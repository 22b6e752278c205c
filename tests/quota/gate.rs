//! After a refusal all clones wait behind one gate, and leave it one after the other.

use support::wire;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use onehorizon::WaitSource;
use onehorizon::quota::{QuotaWait, WaitReason};
use onehorizon::transport::Failure;
use onehorizon::{Configuration, Error, Retry, Sent};
use onehorizon_testing::Reply;
use support::wire::{TIME_OF_DAY, Wire, limited, ok, read, status, unsafe_write};
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A wire that refuses the first request for 5 s, never responds to the second, and responds to the others.
fn refuses_then_hangs() -> Wire {
    let mut seen = 0;
    Wire::rule(move |_, _| {
        seen += 1;
        match seen {
            1 => limited(5),
            2 => Reply::never(),
            _ => ok(),
        }
    })
}

/// A wire that refuses the first request and responds to the others after 100 ms.
fn refuses_first(seconds: u64) -> Wire {
    let mut first = true;
    Wire::rule(move |_, _| if std::mem::take(&mut first) { limited(seconds) } else { ok().after(ms(100)) })
}

/// So many calls at once, each through a clone.
fn crowd(configuration: &Configuration, calls: usize) -> JoinSet<Result<(), Error>> {
    let mut set = JoinSet::new();
    for _ in 0..calls {
        let configuration = configuration.clone();
        set.spawn(async move { unsafe_write(&configuration).await.map(|_| ()) });
    }
    set
}

async fn all_succeed(mut set: JoinSet<Result<(), Error>>) {
    while let Some(result) = set.join_next().await {
        result.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn all_clones_wait_for_the_end_of_a_refusal() {
    let wire = refuses_first(20);
    let configuration = wire.configuration();
    let refused = tokio::spawn(unsafe_write(&configuration).into_future());
    tokio::time::sleep(SECOND).await;
    all_succeed(crowd(&configuration, 30)).await;
    refused.await.unwrap().unwrap();
    let sent = wire.sent();
    assert_eq!((sent[0], sent[1]), (0, 20_000));
    assert_eq!(sent.len(), 32);
}

#[tokio::test(start_paused = true)]
async fn the_first_one_goes_alone_and_each_round_trip_doubles_their_number() {
    let wire = refuses_first(20);
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).attempts(1).await.unwrap_err().is_rate_limited());
    all_succeed(crowd(&configuration, 100)).await;
    let mut rounds = std::collections::BTreeMap::<u64, u32>::new();
    for at in wire.sent().into_iter().skip(1) {
        *rounds.entry(at).or_default() += 1;
    }
    let rounds: Vec<_> = rounds.into_iter().collect();
    assert_eq!(rounds, [(20_000, 1), (20_100, 2), (20_200, 4), (20_300, 8), (20_400, 16), (20_500, 32), (20_600, 37)]);
}

#[tokio::test(start_paused = true)]
async fn another_refusal_closes_the_gate_again() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        if seen == 1 || seen == 4 { limited(10) } else { ok().after(ms(100)) }
    });
    let configuration = wire.configuration();
    all_succeed(crowd(&configuration, 1)).await;
    all_succeed(crowd(&configuration, 6)).await;
    let sent = wire.sent();
    // 0: refused; 10.0 again; then two at once (one success more): the second is refused, and all wait for it.
    assert_eq!(&sent[..4], [0, 10_000, 10_100, 10_100]);
    assert!(sent[4..].iter().all(|at| *at >= 20_100), "{sent:?}");
    assert_eq!(sent[4..].iter().filter(|at| **at == 20_100).count(), 1, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_leave_the_gate_in_the_order_in_which_they_began() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let wire = {
        let order = Arc::clone(&order);
        let mut first = true;
        Wire::rule(move |request, _| {
            if std::mem::take(&mut first) {
                return limited(5);
            }
            order.lock().unwrap().push(request.url.path().trim_start_matches("/api/v1/").to_owned());
            ok().after(ms(10))
        })
    };
    let configuration = wire.configuration();
    let mut set = JoinSet::new();
    for number in 0..10 {
        set.spawn(configuration.request("GET", &format!("/{number}")).into_future());
        tokio::time::sleep(ms(1)).await;
    }
    set.join_all().await;
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    // The refused call (number 0) goes first again: it has waited longest.
    assert_eq!(*order.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_would_wait_too_long_fails_at_once_and_sends_nothing() {
    let wire = refuses_first(60);
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).await.unwrap_err().is_rate_limited());
    tokio::time::sleep(15 * SECOND).await;
    let started = tokio::time::Instant::now();
    let error = unsafe_write(&configuration).await.unwrap_err();
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(error.is_rate_limited());
    assert_eq!((error.attempts(), error.was_sent(), wire.count()), (0, Sent::No, 1));
    let limit = error.rate_limit().unwrap();
    assert_eq!((limit.retry_after, limit.source), (Some(45 * SECOND), Some(WaitSource::Client)));
    assert_eq!(limit.ends_at, Some(SystemTime::UNIX_EPOCH + TIME_OF_DAY + 60 * SECOND));
    assert!(error.to_string().contains("45 s"), "{error}");

    let error = unsafe_write(&configuration).max_wait(60 * SECOND).deadline(20 * SECOND).await.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!((started.elapsed(), error.attempts()), (Duration::ZERO, 0));

    assert!(unsafe_write(&configuration).max_wait(60 * SECOND).await.is_ok());
    assert_eq!(wire.sent(), [0, 60_000]);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_learn_at_once_that_it_takes_longer() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        if seen == 1 { limited(20) } else { limited(100) }
    });
    let configuration = wire.builder().retry(Retry::default().attempts(1)).build().unwrap();
    let patient = unsafe_write(&configuration).await.unwrap_err();
    assert!(patient.is_rate_limited());
    let mut set = crowd(&configuration, 20);
    while let Some(result) = set.join_next().await {
        assert!(result.unwrap().unwrap_err().is_rate_limited());
        assert_eq!(wire.sent(), [0, 20_000], "the second refusal ends the wait of all");
    }
}

#[tokio::test(start_paused = true)]
async fn an_impatient_call_does_not_wait_for_a_patient_one_ahead_of_it() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        if seen == 1 { limited(20) } else { limited(100) }
    });
    let configuration = wire.configuration();
    let patient = tokio::spawn(unsafe_write(&configuration).max_wait(3600 * SECOND).into_future());
    tokio::time::sleep(SECOND).await;
    let ahead = tokio::spawn(unsafe_write(&configuration).max_wait(3600 * SECOND).into_future());
    tokio::time::sleep(SECOND).await;
    let started = tokio::time::Instant::now();
    let error = unsafe_write(&configuration).await.unwrap_err();
    assert_eq!((started.elapsed(), error.retry_after()), (18 * SECOND, Some(100 * SECOND)));
    patient.abort();
    ahead.abort();
}

#[tokio::test(start_paused = true)]
async fn the_longest_of_several_waits_counts() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        match seen {
            1 => limited(20).after(ms(100)),
            2 => limited(5).after(ms(200)),
            _ => ok(),
        }
    });
    all_succeed(crowd(&wire.configuration(), 2)).await;
    assert_eq!(wire.sent(), [0, 0, 20_100, 20_100]);
}

#[tokio::test(start_paused = true)]
async fn a_success_from_before_the_refusal_does_not_widen_the_opening_gate() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        match seen {
            1 => ok().after(ms(5_500)),
            2 => limited(5),
            _ => ok().after(ms(900)),
        }
    });
    let configuration = wire.configuration();
    all_succeed(crowd(&configuration, 4)).await;
    // The slow one of the beginning ends at 5.5 s, the first through the gate at 5.9 s.
    let sent = wire.sent();
    assert_eq!(sent.iter().filter(|at| **at >= 5_000).collect::<Vec<_>>(), [&5_000, &5_900, &5_900]);
}

#[tokio::test(start_paused = true)]
async fn waiting_at_the_gate_counts_as_waiting_for_the_quota() {
    let wire = refuses_first(20);
    let configuration = wire.configuration();
    let refused = tokio::spawn(unsafe_write(&configuration).into_future());
    tokio::time::sleep(5 * SECOND).await;
    let waited = unsafe_write(&configuration).await.unwrap();
    assert_eq!((waited.attempts(), waited.time_spent().quota), (1, ms(15_100)));
    assert_eq!(waited.time_spent().backoff, Duration::ZERO);
    assert_eq!(refused.await.unwrap().unwrap().time_spent().quota, 20 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_wait_holds_back_the_others_for_as_long_as_its_own_call() {
    let mut first = true;
    let wire =
        Wire::rule(
            move |_, _| {
                if std::mem::take(&mut first) { wire::refused("rate limit exceeded") } else { ok().after(ms(100)) }
            },
        );
    let configuration = wire.configuration();
    let refused = crowd(&configuration, 1);
    tokio::time::sleep(ms(1)).await;
    all_succeed(crowd(&configuration, 2)).await;
    all_succeed(refused).await;
    assert_eq!(wire.sent(), [0, 1_000, 1_100, 1_100]);
}

#[tokio::test(start_paused = true)]
async fn only_refusals_for_the_quota_close_the_gate() {
    for step in [status(503).header("retry-after", 20), status(500), Reply::fail(Failure::Interrupted)] {
        let wire = Wire::new([step]);
        let configuration = wire.configuration();
        let _first = tokio::spawn(read(&configuration).into_future());
        tokio::time::sleep(ms(1)).await;
        unsafe_write(&configuration).await.unwrap();
        assert_eq!(wire.sent()[1], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_in_the_opening_gate_does_not_hold_up_the_others() {
    let wire = refuses_then_hangs();
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).attempts(1).await.is_err());
    let hanging = tokio::spawn(unsafe_write(&configuration).into_future());
    tokio::time::sleep(ms(1)).await;
    all_succeed(crowd(&configuration, 3)).await;
    assert_eq!(wire.sent()[2], 6_000, "a second after the one that hangs");
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn one_absurd_wait_locks_nobody_out_for_longer_than_an_hour() {
    let wire = refuses_first(365 * 86_400);
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).await.is_err());
    tokio::time::sleep(3_599 * SECOND).await;
    assert!(unsafe_write(&configuration).max_wait(Duration::ZERO).await.is_err());
    tokio::time::sleep(SECOND).await;
    assert!(unsafe_write(&configuration).max_wait(Duration::ZERO).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_waiting_call_lets_the_next_one_through() {
    let wire = refuses_first(10);
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).attempts(1).await.is_err());
    let first = tokio::spawn(unsafe_write(&configuration).into_future());
    tokio::time::sleep(ms(1)).await;
    let rest = crowd(&configuration, 3);
    tokio::time::sleep(SECOND).await;
    assert_eq!(configuration.quota().waiting, 4);
    first.abort();
    tokio::time::sleep(ms(1)).await;
    assert_eq!(configuration.quota().waiting, 3);
    all_succeed(rest).await;
    assert_eq!(wire.sent(), [0, 10_000, 10_100, 10_100]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_under_way_in_the_opening_gate_frees_its_place() {
    let wire = refuses_then_hangs();
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).attempts(1).await.is_err());
    let hanging = tokio::spawn(unsafe_write(&configuration).into_future());
    tokio::time::sleep(ms(5_100)).await;
    hanging.abort();
    all_succeed(crowd(&configuration, 1)).await;
    assert_eq!(wire.sent()[2], 5_100);
}

#[tokio::test(start_paused = true)]
async fn waits_are_reported_before_they_begin_and_can_be_looked_at() {
    let reported = Arc::new(Mutex::new(Vec::<QuotaWait>::new()));
    let wire = refuses_first(20);
    let configuration = {
        let reported = Arc::clone(&reported);
        wire.builder().on_quota_wait(move |wait| reported.lock().unwrap().push(wait.clone())).build().unwrap()
    };
    assert_eq!(configuration.quota().closed_for, None);
    let set = crowd(&configuration, 1);
    tokio::time::sleep(ms(1)).await;
    let more = crowd(&configuration, 2);
    tokio::time::sleep(ms(999)).await;
    {
        let reported = reported.lock().unwrap();
        assert_eq!(reported.len(), 3);
        assert!(reported.iter().all(|wait| wait.reason == WaitReason::Refused && wait.operation == "request"));
        assert_eq!((reported[0].wait, reported[0].ahead), (20 * SECOND, 0));
        assert_eq!(reported[0].ends_at, SystemTime::UNIX_EPOCH + TIME_OF_DAY + 20 * SECOND);
        assert_eq!((reported[2].wait, reported[2].ahead), (ms(19_999), 2));
    }
    let status = configuration.quota();
    assert_eq!((status.waiting, status.closed_for, status.next_free), (3, Some(19 * SECOND), 19 * SECOND));
    all_succeed(set).await;
    all_succeed(more).await;
    assert_eq!((configuration.quota().waiting, configuration.quota().closed_for), (0, None));
    let reported = reported.lock().unwrap();
    // The call that becomes the first in the queue is reported: after a refusal one call goes ahead and the next one waits for it.
    let all: Vec<_> = reported.iter().map(|wait| (wait.ahead, wait.wait)).collect();
    assert_eq!(all, [(0, 20 * SECOND), (1, ms(19_999)), (2, ms(19_999)), (0, Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_refusal_nobody_waits() {
    let wire = Wire::rule(|_, _| ok().after(ms(100)));
    all_succeed(crowd(&wire.configuration(), 500)).await;
    assert_eq!((wire.most_in_flight(), wire.sent().into_iter().max()), (500, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_got_no_response_does_not_widen_the_opening_gate() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        match seen {
            1 => limited(5),
            2 => Reply::fail(Failure::Connect),
            _ => ok().after(ms(100)),
        }
    });
    let configuration = wire.configuration();
    assert!(unsafe_write(&configuration).attempts(1).await.is_err());
    all_succeed(crowd(&configuration, 5)).await;
    let sent = wire.sent();
    assert_eq!(sent[..3], [0, 5_000, 5_000], "the one that failed, and the next one");
    assert!(sent[3] >= 5_100, "{sent:?}");
}

/// The waits that are reported while a call waits for 5 s and another one is refused for so many seconds after 2.5 s.
async fn waits_reported(seconds: u64) -> Vec<Duration> {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let waits = Arc::clone(&reported);
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        match seen {
            1 => limited(seconds).after(ms(2_500)),
            2 => limited(5),
            _ => ok(),
        }
    });
    let builder = wire.builder().on_quota_wait(move |wait: &QuotaWait| waits.lock().unwrap().push(wait.wait));
    let configuration = builder.build().unwrap();
    let late = tokio::spawn(read(&configuration).attempts(1).into_future());
    tokio::time::sleep(ms(1)).await;
    read(&configuration).await.unwrap();
    assert!(late.await.unwrap().unwrap_err().is_rate_limited());
    let reported = reported.lock().unwrap();
    // To the second: the second call begins a millisecond later.
    reported.iter().map(|wait| Duration::from_secs((*wait + SECOND / 2).as_secs())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_reported_again_when_it_has_become_longer_by_a_second_or_more() {
    assert_eq!(waits_reported(3).await, [5 * SECOND], "it ends half a second later");
    assert_eq!(waits_reported(10).await, [5 * SECOND, 10 * SECOND]);
    assert_eq!(waits_reported(1).await, [5 * SECOND], "it ends no sooner");
}

//! Lanes: interactive calls go first, and have what is reserved for them.

use std::time::Duration;

use onehorizon::quota::{Lane, Pacing};
use onehorizon::{Configuration, ErrorKind};
use support::service::Service;
use support::windows::Model;
use support::wire::{Wire, ok, read};
use tokio::task::JoinSet;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_interactive_call_within_its_share_does_not_wait_behind_a_bulk_job() {
    for model in Model::ALL {
        let service = Service::new(model, || (Duration::from_millis(20), Duration::from_millis(30)));
        let pacing = Pacing::documented().interactive_share(0.1);
        let configuration =
            Configuration::builder().api_key("key").transport(service.clone()).pacing(pacing).build().unwrap();
        let mut bulk = JoinSet::new();
        for _ in 0..500 {
            bulk.spawn(read(&configuration).into_future());
        }
        let mut longest = Duration::ZERO;
        // 20 in a quarter of an hour and 4 a minute are its share.
        for _ in 0..40 {
            tokio::time::sleep(46 * SECOND).await;
            let began = Instant::now();
            read(&configuration).lane(Lane::Interactive).await.unwrap();
            longest = longest.max(began.elapsed());
        }
        bulk.join_all().await;
        let (_, refused, end) = service.account();
        assert!(longest < SECOND, "{model:?}: an interactive call took {longest:?}");
        assert_eq!(refused, 0, "{model:?}");
        // 180 in each quarter of an hour are left: the third begins with the 361st.
        assert!(end < Duration::from_secs(2 * 901 + 5 * 61), "{model:?}: {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn interactive_calls_go_first_without_a_share_too() {
    let wire = Wire::rule(|_, _| ok());
    let configuration = wire.builder().pacing(Pacing::new().window(1, SECOND)).build().unwrap();
    let mut bulk = JoinSet::new();
    for _ in 0..10 {
        bulk.spawn(read(&configuration).into_future());
    }
    tokio::time::sleep(SECOND / 2).await;
    let began = Instant::now();
    read(&configuration).lane(Lane::Interactive).await.unwrap();
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    assert_eq!(configuration.quota().waiting, 9);
    bulk.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn normal_calls_leave_the_share_alone_even_if_nobody_uses_it() {
    let wire = Wire::new([]);
    let configuration =
        wire.builder().pacing(Pacing::new().window(10, 100 * SECOND).interactive_share(0.25)).build().unwrap();
    for _ in 0..7 {
        read(&configuration).max_wait(Duration::ZERO).await.unwrap();
    }
    let error = read(&configuration).max_wait(SECOND).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().map(|wait| wait.as_secs())), (ErrorKind::RateLimited, Some(100)));
    for _ in 0..3 {
        read(&configuration).lane(Lane::Interactive).max_wait(Duration::ZERO).await.unwrap();
    }
    assert!(read(&configuration).lane(Lane::Interactive).max_wait(SECOND).await.is_err());
}

#[test]
fn a_share_that_makes_no_sense_is_refused_when_the_configuration_is_built() {
    for share in [-0.1, 0.95, 1.0, f64::NAN, f64::INFINITY] {
        let pacing = Pacing::documented().interactive_share(share);
        let error = Configuration::builder().api_key("key").pacing(pacing).build().unwrap_err();
        assert!(error.to_string().contains("between 0.0 and 0.9"), "{share}: {error}");
    }
    for share in [0.0, 0.001, 0.5, 0.9] {
        Configuration::builder().api_key("key").pacing(Pacing::documented().interactive_share(share)).build().unwrap();
    }
}

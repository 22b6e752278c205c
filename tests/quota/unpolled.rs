//! Calls whose futures are kept and not polled: in a buffer, in a `select!`, on a runtime that nobody drives. They hold up
//! nobody else.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use onehorizon::quota::{Lane, Pacing};
use onehorizon::{Configuration, Error};
use support::wire::{Wire, limited, ok, read};

const SECOND: Duration = Duration::from_secs(1);

type Call = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A call that has been polled so often, each time when it asked for it.
async fn begun(configuration: &Configuration, lane: Lane, polls: u32) -> Call {
    let call = read(configuration).lane(lane).into_future();
    let mut call: Call = Box::pin(async move { call.await.map(drop) });
    for poll in 0..polls {
        if poll > 0 {
            tokio::time::sleep(SECOND / 10).await;
        }
        let pending = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
        assert!(pending, "it waits for the quota");
    }
    call
}

async fn within(time: Duration, call: impl IntoFuture<Output = Result<impl Sized, Error>>) -> bool {
    tokio::time::timeout(time, call.into_future()).await.is_ok_and(|result| result.is_ok())
}

fn paced() -> Configuration {
    Wire::rule(|_, _| ok()).builder().pacing(Pacing::new().window(1, SECOND)).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_kept_in_a_buffer_do_not_keep_others_from_their_slots() {
    for (kept, limit) in [(1, 2 * SECOND), (6, 3 * SECOND), (100, 12 * SECOND)] {
        for lane in [Lane::Normal, Lane::Interactive] {
            for polls in [1, 3] {
                let configuration = paced();
                read(&configuration).await.unwrap();
                let mut buffer = Vec::new();
                for _ in 0..kept {
                    buffer.push(begun(&configuration, lane, polls).await);
                }
                assert!(within(limit, read(&configuration)).await, "{kept} kept, {lane:?}, polled {polls} times");
                assert!(within(limit, read(&configuration)).await, "a second time: {kept} kept, {lane:?}");
                // A call that is polled again goes on.
                for call in buffer.iter_mut().take(3) {
                    assert!(within(limit, call).await, "{kept} kept, {lane:?}, polled {polls} times");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_pacing_a_refusal_makes_nobody_wait_for_a_call_that_is_not_polled() {
    let mut seen = 0;
    let wire = Wire::rule(move |_, _| {
        seen += 1;
        if seen == 1 { limited(1) } else { ok() }
    });
    let configuration = wire.builder().build().unwrap();
    let refused = begun(&configuration, Lane::Normal, 3).await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(begun(&configuration, Lane::Normal, 1).await);
    }
    assert!(within(5 * SECOND, read(&configuration)).await);
    assert!(within(5 * SECOND, refused).await);
    for other in others {
        assert!(within(5 * SECOND, other).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_selected_call_that_waits_does_not_block_the_one_that_is_awaited_in_its_place() {
    let configuration = paced();
    read(&configuration).await.unwrap();
    let first = read(&configuration).into_future();
    let mut first = std::pin::pin!(first);
    let done = tokio::select! {
        biased;
        _ = &mut first => false,
        () = tokio::time::sleep(SECOND / 100) => within(3 * SECOND, read(&configuration)).await,
    };
    assert!(done);
    first.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_polled_keep_their_order() {
    let configuration = paced();
    read(&configuration).await.unwrap();
    let done = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..30 {
        let (configuration, done) = (configuration.clone(), done.clone());
        calls.spawn(async move {
            read(&configuration).await.unwrap();
            done.lock().unwrap().push(number);
        });
        tokio::task::yield_now().await;
    }
    calls.join_all().await;
    assert_eq!(*done.lock().unwrap(), (0..30).collect::<Vec<_>>());
}

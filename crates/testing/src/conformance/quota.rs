//! The contract of stores as a test.

use std::time::Duration;

use onehorizon::BoxFuture;
use onehorizon::RateLimit;
use onehorizon::quota::{Ending, Pacing, QuotaStore, Slot, Take};

/// No request of this test takes longer.
const LEASE: Duration = Duration::from_secs(30);

/// Checks a store against the contract of [`QuotaStore`]; the error names the promise that it breaks.
///
/// `make` gives an empty store each time. `pass` lets time pass on the store's clock: with a paused clock that costs
/// nothing; with a real one (a shared store) it sleeps, and `unit` should be short. The longest test lasts about 40
/// units, and `unit` has to be longer than the store's answers take; the lease is 30 s.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use onehorizon::quota::MemoryQuota;
/// use onehorizon_testing::conformance::quota::conformance;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), String> {
/// let pass = |time| -> onehorizon::BoxFuture<'static, ()> { Box::pin(tokio::time::sleep(time)) };
/// conformance(|| Arc::new(MemoryQuota::default()), pass, Duration::from_secs(1)).await
/// # }
/// ```
///
/// # Errors
/// The first promise that is broken, in words.
pub async fn conformance<S: QuotaStore + ?Sized>(
    make: impl Fn() -> std::sync::Arc<S>,
    pass: impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    gives_no_more_than_a_window_has(&*make(), &pass, unit).await?;
    takes_from_all_windows_or_none(&*make(), &pass, unit).await?;
    counts_from_the_end_of_a_request(&*make(), &pass, unit).await?;
    takes_back_what_was_not_sent(&*make(), unit).await?;
    ends_a_lease(&*make(), &pass, unit).await?;
    gives_nothing_while_the_service_refuses(&*make(), &pass, unit).await?;
    believes_a_smaller_remainder(&*make(), unit).await
}

/// One take; a failing store fails the test.
async fn take<S: QuotaStore + ?Sized>(store: &S, pacing: &Pacing, lease: Duration) -> Result<Take, String> {
    store.take(pacing.rules(), lease).await.map_err(|fault| format!("take failed: {fault}"))
}

/// Takes and settles until there are no more, up to `most`.
async fn spend<S: QuotaStore + ?Sized>(store: &S, pacing: &Pacing, most: u32) -> Result<(u32, Duration), String> {
    for given in 0..most {
        match take(store, pacing, LEASE).await? {
            Take::Granted(slot) => store.settle(pacing.rules(), slot, Ending::Answered),
            Take::Wait(wait) => return Ok((given, wait)),
        }
    }
    Ok((most, Duration::ZERO))
}

fn expect(kept: bool, promise: &str) -> Result<(), String> {
    if kept { Ok(()) } else { Err(promise.to_owned()) }
}

async fn gives_no_more_than_a_window_has<S: QuotaStore + ?Sized>(
    store: &S,
    pass: &impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    let pacing = Pacing::new().window(3, unit * 4);
    for _ in 0..3 {
        let (given, wait) = spend(store, &pacing, 10).await?;
        expect(given == 3, "a window of 3 gives 3 slots, and 3 again when it is over")?;
        expect(!wait.is_zero(), "a full window tells a wait")?;
        pass(wait / 2).await;
        expect(spend(store, &pacing, 10).await?.0 == 0, "no slot is given before the window is over")?;
        pass(unit * 4).await;
    }
    Ok(())
}

async fn takes_from_all_windows_or_none<S: QuotaStore + ?Sized>(
    store: &S,
    pass: &impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    let pacing = Pacing::new().window(4, unit * 20).window(2, unit * 3);
    let (first, _) = spend(store, &pacing, 10).await?;
    expect(first == 2, "the smaller window limits a burst")?;
    pass(unit * 4).await;
    let (second, _) = spend(store, &pacing, 10).await?;
    expect(second == 2, "a take that the smaller window refuses takes nothing from the larger one")?;
    pass(unit * 4).await;
    expect(spend(store, &pacing, 10).await?.0 == 0, "the larger window limits the sum")
}

async fn takes_back_what_was_not_sent<S: QuotaStore + ?Sized>(store: &S, unit: Duration) -> Result<(), String> {
    let pacing = Pacing::new().window(1, unit * 4);
    for _ in 0..3 {
        match take(store, &pacing, LEASE).await? {
            Take::Granted(slot) => store.settle(pacing.rules(), slot, Ending::Unsent),
            Take::Wait(_) => return Err("a slot that was not used is free again".to_owned()),
        }
    }
    Ok(())
}

async fn counts_from_the_end_of_a_request<S: QuotaStore + ?Sized>(
    store: &S,
    pass: &impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    let pacing = Pacing::new().window(1, unit * 4);
    let slot = granted(take(store, &pacing, LEASE.max(unit * 10)).await?)?;
    pass(unit * 5).await;
    expect(spend(store, &pacing, 1).await?.0 == 0, "a request under way holds its slot")?;
    store.settle(pacing.rules(), slot, Ending::Answered);
    pass(unit * 3).await;
    expect(spend(store, &pacing, 1).await?.0 == 0, "a window counts from the end of its request")?;
    pass(unit * 2).await;
    expect(spend(store, &pacing, 1).await?.0 == 1, "a window that is over is free")
}

async fn ends_a_lease<S: QuotaStore + ?Sized>(
    store: &S,
    pass: &impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    let pacing = Pacing::new().window(1, unit * 4);
    granted(take(store, &pacing, unit * 2).await?)?;
    pass(unit * 5).await;
    expect(spend(store, &pacing, 1).await?.0 == 0, "a slot that nobody settles counts from the end of its lease")?;
    pass(unit * 3 + Ending::Lost.grace()).await;
    expect(spend(store, &pacing, 1).await?.0 == 1, "a slot that nobody settles is free one window after its lease")
}

async fn gives_nothing_while_the_service_refuses<S: QuotaStore + ?Sized>(
    store: &S,
    pass: &impl Fn(Duration) -> BoxFuture<'static, ()>,
    unit: Duration,
) -> Result<(), String> {
    let pacing = Pacing::new().window(5, unit * 2);
    let mut told = RateLimit::default();
    told.retry_after = Some(unit * 6);
    store.learn(pacing.rules(), &told);
    pass(unit * 4).await;
    expect(spend(store, &pacing, 5).await?.0 == 0, "no slot is given while the service refuses")?;
    pass(unit * 3).await;
    expect(spend(store, &pacing, 5).await?.0 == 5, "slots are given again after a refusal")
}

async fn believes_a_smaller_remainder<S: QuotaStore + ?Sized>(store: &S, unit: Duration) -> Result<(), String> {
    let pacing = Pacing::new().window(10, unit * 20);
    expect(spend(store, &pacing, 2).await?.0 == 2, "a new store has room")?;
    let mut told = RateLimit::default();
    (told.limit, told.remaining) = (Some(10), Some(3));
    store.learn(pacing.rules(), &told);
    let usage = store.usage(pacing.rules(), 0);
    expect(
        usage.windows.first().is_some_and(|window| window.remaining() == 3),
        "the service's remainder counts if it is smaller than the store's",
    )?;
    expect(spend(store, &pacing, 10).await?.0 == 3, "no more slots are given than the service says remain")
}

fn granted(take: Take) -> Result<Slot, String> {
    match take {
        Take::Granted(slot) => Ok(slot),
        Take::Wait(_) => Err("a new store has room".to_owned()),
    }
}

//! Checks whether a [`ClaimStore`] keeps its contract.
//!
//! ```
//! use onehorizon::webhook::claims::MemoryClaims;
//! use onehorizon_testing::conformance::claims::Conformance;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! Conformance::new(MemoryClaims::new).check().await.unwrap();
//! # }
//! ```

use std::collections::HashSet;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use onehorizon::StoreError;
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease};

/// How many claims are made side by side.
const RIVALS: usize = 32;

/// How long a committed event has to be remembered: past the service's last retry.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// Lets time pass for a store that has a clock of its own.
pub type Wait = Box<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The checks, to be run against any store.
///
/// Each check opens a store of its own, which has to be empty.
pub struct Conformance<O> {
    open: O,
    lease: Duration,
    wait: Option<Wait>,
}

/// A rule of [`ClaimStore`] that a store breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A method answered otherwise than the contract says.
    #[error("{rule}: got {got}")]
    Broken {
        /// The rule.
        rule: &'static str,
        /// The answer.
        got: String,
    },
    /// A method failed.
    #[error("{0}")]
    Failed(StoreError),
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl<O, S> Conformance<O>
where
    O: Fn() -> S,
    S: ClaimStore,
{
    /// The checks for the stores that `open` makes.
    pub fn new(open: O) -> Self {
        Self { open, lease: Duration::from_secs(30), wait: None }
    }

    /// For a store that uses a clock of its own instead of the time it is given: how to let time pass, with a
    /// lease that is short enough to wait for. The check that needs ten minutes is left out.
    #[must_use]
    pub fn with_own_clock(mut self, lease: Duration, wait: Wait) -> Self {
        self.lease = lease;
        self.wait = Some(wait);
        self
    }

    /// Runs all checks.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub async fn check(&self) -> Result<(), Violation> {
        self.an_event_is_claimed_by_one().await?;
        self.a_released_event_can_be_claimed_again().await?;
        self.a_lease_ends().await?;
        self.a_late_commit_counts_unless_superseded().await?;
        self.a_late_release_takes_nothing_away().await?;
        self.a_commit_is_final().await?;
        self.ids_are_compared_byte_for_byte().await?;
        self.rivals_get_one_claim().await?;
        self.an_abandoned_event_comes_back().await
    }

    async fn an_event_is_claimed_by_one(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let lease = case.fresh("evt_1", "a new event can be claimed").await?;
        case.expect("evt_1", &Claim::Running, "a claimed event is running").await?;
        case.commit(&lease, Commit::Recorded, "a claimed event can be committed").await?;
        case.expect("evt_1", &Claim::Done, "a committed event is done").await
    }

    async fn a_released_event_can_be_claimed_again(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.store.release(&first).await?;
        case.fresh("evt_1", "a released event can be claimed").await?;
        case.commit(&first, Commit::Superseded, "a released claim cannot be committed").await?;
        case.expect("evt_1", &Claim::Running, "the commit of a released claim changes nothing").await
    }

    async fn a_lease_ends(&self) -> Result<(), Violation> {
        let mut case = self.case();
        case.fresh("evt_1", "a new event can be claimed").await?;
        case.pass(self.lease / 2).await;
        case.expect("evt_1", &Claim::Running, "a lease lasts as long as was asked").await?;
        case.pass(self.lease).await;
        case.fresh("evt_1", "an event whose lease has ended can be claimed").await?;
        case.expect("evt_1", &Claim::Running, "the second claim has a lease too").await
    }

    async fn a_late_commit_counts_unless_superseded(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let alone = case.fresh("evt_1", "a new event can be claimed").await?;
        let first = case.fresh("evt_2", "a new event can be claimed").await?;
        case.pass(self.lease * 2).await;
        case.commit(&alone, Commit::Recorded, "a late commit counts when nobody else has claimed").await?;
        case.expect("evt_1", &Claim::Done, "a late commit is a commit").await?;
        let second = case.fresh("evt_2", "an event whose lease has ended can be claimed").await?;
        case.commit(&first, Commit::Superseded, "a late commit is superseded by another claim").await?;
        case.expect("evt_2", &Claim::Running, "a superseded commit changes nothing").await?;
        case.commit(&second, Commit::Recorded, "the later claim can be committed").await?;
        case.commit(&first, Commit::Superseded, "a superseded commit stays superseded").await
    }

    async fn a_late_release_takes_nothing_away(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.pass(self.lease * 2).await;
        let second = case.fresh("evt_1", "an event whose lease has ended can be claimed").await?;
        case.store.release(&first).await?;
        case.store.abandon(&first);
        case.expect("evt_1", &Claim::Running, "a late release does not end another claim").await?;
        case.commit(&second, Commit::Recorded, "a late release does not supersede another claim").await
    }

    async fn a_commit_is_final(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let lease = case.fresh("evt_1", "a new event can be claimed").await?;
        case.commit(&lease, Commit::Recorded, "a claimed event can be committed").await?;
        case.commit(&lease, Commit::Recorded, "a commit can be repeated").await?;
        case.store.release(&lease).await?;
        case.store.abandon(&lease);
        case.expect("evt_1", &Claim::Done, "a release after the commit changes nothing").await?;
        case.pass(self.lease * 2).await;
        case.expect("evt_1", &Claim::Done, "the end of the lease does not undo a commit").await?;
        if self.wait.is_none() {
            case.pass(REMEMBERED.saturating_sub(self.lease * 3)).await;
            case.expect("evt_1", &Claim::Done, "a committed event is remembered for ten minutes").await?;
        }
        Ok(())
    }

    async fn ids_are_compared_byte_for_byte(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let long = "x".repeat(onehorizon::webhook::MAX_EVENT_ID_BYTES - 1);
        let ids = ["evt_1", "EVT_1", "evt_1 ", "evt_10", "evt%1", "évt_1", "e\u{301}vt_1", "'; --", "../evt_1"];
        let long_ids = [format!("{long}1"), format!("{long}2")];
        for id in ids.into_iter().chain(long_ids.iter().map(String::as_str)) {
            let lease = case.fresh(id, "events with different ids are different").await?;
            if lease.event_id() != id {
                return Err(broken("a lease names its event", lease.event_id()));
            }
        }
        Ok(())
    }

    async fn rivals_get_one_claim(&self) -> Result<(), Violation> {
        let case = self.case();
        let rivals = (0..RIVALS).map(|_| case.store.claim("evt_1", case.now, self.lease)).collect();
        let mut fresh = 0;
        for claim in all(rivals).await {
            match claim? {
                Claim::Fresh(_) => fresh += 1,
                Claim::Running => {}
                other => return Err(broken("nothing is done before a commit", other)),
            }
        }
        if fresh == 1 { Ok(()) } else { Err(broken("of claims made side by side one is fresh", fresh)) }
    }

    async fn an_abandoned_event_comes_back(&self) -> Result<(), Violation> {
        let mut case = self.case();
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.store.abandon(&first);
        case.pass(self.lease * 2).await;
        case.fresh("evt_1", "an abandoned event can be claimed, at the latest when its lease has ended").await.map(drop)
    }

    fn case(&self) -> Case<'_, S> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Case { store: (self.open)(), now, lease: self.lease, wait: self.wait.as_ref(), tokens: HashSet::new() }
    }
}

impl<O> fmt::Debug for Conformance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// One store and its time.
struct Case<'a, S> {
    store: S,
    now: SystemTime,
    lease: Duration,
    wait: Option<&'a Wait>,
    tokens: HashSet<(String, u128)>,
}

impl<S: ClaimStore> Case<'_, S> {
    async fn fresh(&mut self, event_id: &str, rule: &'static str) -> Result<Lease, Violation> {
        match self.store.claim(event_id, self.now, self.lease).await? {
            Claim::Fresh(lease) if self.tokens.insert((event_id.to_owned(), lease.token())) => Ok(lease),
            Claim::Fresh(lease) => Err(broken("each claim of an event has a token of its own", lease.token())),
            other => Err(broken(rule, other)),
        }
    }

    async fn expect(&self, event_id: &str, wanted: &Claim, rule: &'static str) -> Result<(), Violation> {
        let got = self.store.claim(event_id, self.now, self.lease).await?;
        if got == *wanted { Ok(()) } else { Err(broken(rule, got)) }
    }

    async fn commit(&self, lease: &Lease, wanted: Commit, rule: &'static str) -> Result<(), Violation> {
        let got = self.store.commit(lease, self.now).await?;
        if got == wanted { Ok(()) } else { Err(broken(rule, got)) }
    }

    async fn pass(&mut self, time: Duration) {
        self.now += time;
        if let Some(wait) = self.wait {
            wait(time).await;
        }
    }
}

fn broken(rule: &'static str, got: impl fmt::Debug) -> Violation {
    Violation::Broken { rule, got: format!("{got:?}") }
}

/// Awaits all futures side by side.
async fn all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(output) = Pin::new(future).poll(context)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

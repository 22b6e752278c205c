//! The contract of [`ClaimStore`] as a suite of checks.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//! use onehorizon::webhook::claims::MemoryClaims;
//! use onehorizon_testing::conformance::claims::Conformance;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), onehorizon_testing::conformance::Violations> {
//! // A store on a server connects here, with the name as its scope.
//! let stores = Mutex::new(HashMap::<String, Arc<MemoryClaims>>::new());
//! let open = |name: String| {
//!     let store = stores.lock().unwrap().entry(name).or_default().clone();
//!     async move { Ok(store) }
//! };
//! Conformance::new(open).check().await
//! # }
//! ```

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use onehorizon::webhook::MAX_EVENT_ID_BYTES;
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease};
use onehorizon::{BoxFuture, StoreError};

use super::{Checked, Violation, Violations, broken, together};

/// How many claims are made side by side.
const RIVALS: usize = 32;

/// How long a committed event has to be remembered: past the service's last retry.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// How long it may take until a claim is free again whose future was dropped.
const GIVEN_BACK: Duration = Duration::from_secs(2);

/// How time passes for a store that goes by its server's clock.
type Pass = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The checks, to be run against any store.
///
/// Each check uses a store of its own, by name, through two instances: `open` is called twice with the same name, and
/// both must see the same claims; there are none at first.
pub struct Conformance<O> {
    open: O,
    lease: Duration,
    pass: Option<Pass>,
    run: String,
}

impl<O, F, S> Conformance<O>
where
    O: Fn(String) -> F,
    F: Future<Output = Result<Arc<S>, StoreError>>,
    S: ClaimStore + ?Sized,
{
    /// The checks for the stores that `open` connects to.
    pub fn new(open: O) -> Self {
        let run = format!("{:016x}", RandomState::new().hash_one("run"));
        Self { open, lease: Duration::from_secs(30), pass: None, run }
    }

    /// For a store that goes by its server's clock: a lease that is short enough to wait for, but much longer than the
    /// store takes to respond. The check that needs ten minutes is left out.
    #[must_use]
    pub fn server_time(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self.pass = Some(Box::new(|time| Box::pin(tokio::time::sleep(time))));
        self
    }

    /// Runs all checks.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub async fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        violations.note(self.an_event_is_claimed_by_one().await);
        violations.note(self.a_released_event_can_be_claimed_again().await);
        violations.note(self.a_lease_ends().await);
        violations.note(self.a_late_commit_counts_unless_superseded().await);
        violations.note(self.a_late_release_takes_nothing_away().await);
        violations.note(self.a_commit_is_final().await);
        violations.note(self.ids_are_compared_byte_for_byte().await);
        violations.note(self.rivals_get_one_claim().await);
        violations.note(self.rivals_take_over_once().await);
        violations.note(self.an_abandoned_event_comes_back().await);
        violations.note(self.a_dropped_claim_is_given_back().await);
        violations.note(self.stores_are_separate().await);
        if violations.iter().next().is_none() {
            violations.note(self.an_outage_is_repaired_once().await);
        }
        violations.result()
    }

    /// All rules at work together, with the client, two receivers and the repair around the store.
    async fn an_outage_is_repaired_once(&self) -> Checked {
        Box::pin(super::outage::an_outage_is_repaired_once(self.case("outage").await?.stores)).await
    }

    async fn an_event_is_claimed_by_one(&self) -> Checked {
        let case = self.case("one").await?;
        let lease = case.fresh("evt_1", "a new event can be claimed").await?;
        case.expect("evt_1", &Claim::Running, "a claimed event is running").await?;
        case.commit(&lease, Commit::Recorded, "a claimed event can be committed").await?;
        case.expect("evt_1", &Claim::Done, "a committed event is done").await
    }

    async fn a_released_event_can_be_claimed_again(&self) -> Checked {
        let case = self.case("released").await?;
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.other().release(&first).await.map_err(failed)?;
        case.fresh("evt_1", "a released event can be claimed").await?;
        case.commit(&first, Commit::Superseded, "a released claim cannot be committed").await?;
        case.expect("evt_1", &Claim::Running, "the commit of a released claim changes nothing").await
    }

    async fn a_lease_ends(&self) -> Checked {
        let mut case = self.case("lease").await?;
        case.fresh("evt_1", "a new event can be claimed").await?;
        case.pass(self.lease / 2).await;
        case.expect("evt_1", &Claim::Running, "a lease lasts as long as was asked").await?;
        case.pass(self.lease).await;
        case.fresh("evt_1", "an event whose lease has ended can be claimed").await?;
        case.expect("evt_1", &Claim::Running, "the second claim has a lease too").await
    }

    async fn a_late_commit_counts_unless_superseded(&self) -> Checked {
        let mut case = self.case("late-commit").await?;
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

    async fn a_late_release_takes_nothing_away(&self) -> Checked {
        let mut case = self.case("late-release").await?;
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.pass(self.lease * 2).await;
        let second = case.fresh("evt_1", "an event whose lease has ended can be claimed").await?;
        case.store().release(&first).await.map_err(failed)?;
        case.other().abandon(&first);
        case.expect("evt_1", &Claim::Running, "a late release does not end another claim").await?;
        case.commit(&second, Commit::Recorded, "a late release does not supersede another claim").await
    }

    async fn a_commit_is_final(&self) -> Checked {
        let mut case = self.case("final").await?;
        let lease = case.fresh("evt_1", "a new event can be claimed").await?;
        case.commit(&lease, Commit::Recorded, "a claimed event can be committed").await?;
        case.commit(&lease, Commit::Recorded, "a commit can be repeated").await?;
        case.store().release(&lease).await.map_err(failed)?;
        case.other().abandon(&lease);
        case.expect("evt_1", &Claim::Done, "a release after the commit changes nothing").await?;
        case.pass(self.lease * 2).await;
        case.expect("evt_1", &Claim::Done, "the end of the lease does not undo a commit").await?;
        if self.pass.is_none() {
            case.pass(REMEMBERED.saturating_sub(self.lease * 3)).await;
            case.expect("evt_1", &Claim::Done, "a committed event is remembered for ten minutes").await?;
        }
        Ok(())
    }

    async fn ids_are_compared_byte_for_byte(&self) -> Checked {
        let case = self.case("ids").await?;
        let long = "x".repeat(MAX_EVENT_ID_BYTES - 1);
        let ids = ["evt_1", "EVT_1", "evt_1 ", "evt_10", "evt%1", "évt_1", "e\u{301}vt_1", "'; --", "../evt_1"];
        let long_ids = [format!("{long}1"), format!("{long}2")];
        for id in ids.into_iter().chain(long_ids.iter().map(String::as_str)) {
            let lease = case.fresh(id, "events with different ids are different").await?;
            if lease.event_id() != id {
                return Err(broken("a lease names its event", id, lease.event_id()));
            }
        }
        Ok(())
    }

    async fn rivals_get_one_claim(&self) -> Checked {
        for round in ["rivals-1", "rivals-2", "rivals-3"] {
            let case = self.case(round).await?;
            case.race("evt_1", "of claims made side by side through two connections one is fresh").await?;
        }
        Ok(())
    }

    async fn rivals_take_over_once(&self) -> Checked {
        for round in ["over-1", "over-2", "over-3"] {
            let mut case = self.case(round).await?;
            case.fresh("evt_1", "a new event can be claimed").await?;
            case.pass(self.lease * 2).await;
            case.race("evt_1", "an event whose lease has ended is taken over by one of many").await?;
        }
        Ok(())
    }

    async fn an_abandoned_event_comes_back(&self) -> Checked {
        let mut case = self.case("abandoned").await?;
        let first = case.fresh("evt_1", "a new event can be claimed").await?;
        case.store().abandon(&first);
        case.pass(self.lease * 2).await;
        case.fresh("evt_1", "an abandoned event can be claimed, at the latest when its lease has ended").await.map(drop)
    }

    async fn a_dropped_claim_is_given_back(&self) -> Checked {
        const RULE: &str = "a claim whose future is dropped is given back";
        let case = self.case("dropped").await?;
        // Long, so that it is not the end of the lease that frees the event.
        let lease = Duration::from_secs(60 * 60);
        for step in 0..40_u32 {
            let id = format!("evt_{step}");
            let claim = case.store().claim(&id, case.now, lease);
            if let Ok(claim) = tokio::time::timeout(Duration::from_micros(60) * step, claim).await
                && let Claim::Fresh(lease) = claim.map_err(failed)?
            {
                case.store().release(&lease).await.map_err(failed)?;
            }
            let mut waited = Duration::ZERO;
            let pause = Duration::from_millis(20);
            loop {
                match case.other().claim(&id, case.now, lease).await.map_err(failed)? {
                    Claim::Fresh(_) => break,
                    Claim::Running if waited < GIVEN_BACK => {
                        tokio::time::sleep(pause).await;
                        waited += pause;
                    }
                    claim => return Err(broken(RULE, "a fresh claim", claim)),
                }
            }
        }
        Ok(())
    }

    async fn stores_are_separate(&self) -> Checked {
        let (one, other) = (self.case("apart-1").await?, self.case("apart-2").await?);
        one.fresh("evt_1", "stores of two names do not share events").await?;
        other.fresh("evt_1", "stores of two names do not share events").await.map(drop)
    }

    async fn case(&self, name: &'static str) -> Result<Case<'_, S>, Violation> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let open = async || (self.open)(format!("{}-{name}", self.run)).await.map_err(failed);
        let stores = [open().await?, open().await?];
        Ok(Case { stores, now, lease: self.lease, pass: self.pass.as_ref(), tokens: Mutex::default() })
    }
}

impl<O> fmt::Debug for Conformance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// One store through two instances, and its time.
struct Case<'a, S: ?Sized> {
    stores: [Arc<S>; 2],
    now: SystemTime,
    lease: Duration,
    pass: Option<&'a Pass>,
    tokens: Mutex<HashSet<(String, u128)>>,
}

impl<S: ClaimStore + ?Sized> Case<'_, S> {
    fn store(&self) -> &S {
        let [store, _] = &self.stores;
        store
    }

    fn other(&self) -> &S {
        let [_, other] = &self.stores;
        other
    }

    fn is_new(&self, lease: &Lease) -> bool {
        let key = (lease.event_id().to_owned(), lease.token());
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
    }

    async fn fresh(&self, event_id: &str, rule: &'static str) -> Result<Lease, Violation> {
        match self.store().claim(event_id, self.now, self.lease).await.map_err(failed)? {
            Claim::Fresh(lease) if self.is_new(&lease) => Ok(lease),
            Claim::Fresh(lease) => {
                Err(broken("each claim of an event has a token of its own", "another token", lease.token()))
            }
            other => Err(broken(rule, "a fresh claim", other)),
        }
    }

    /// Looks through both connections.
    async fn expect(&self, event_id: &str, expected: &Claim, rule: &'static str) -> Checked {
        for store in &self.stores {
            let got = store.claim(event_id, self.now, self.lease).await.map_err(failed)?;
            if got != *expected {
                return Err(broken(rule, expected, got));
            }
        }
        Ok(())
    }

    async fn commit(&self, lease: &Lease, expected: Commit, rule: &'static str) -> Checked {
        let got = self.other().commit(lease, self.now).await.map_err(failed)?;
        if got == expected { Ok(()) } else { Err(broken(rule, expected, got)) }
    }

    async fn race(&self, event_id: &'static str, rule: &'static str) -> Checked {
        let (now, lease) = (self.now, self.lease);
        let [one, other] = &self.stores;
        let rivals = (0..RIVALS).map(|rival| {
            let store = Arc::clone(if rival % 2 == 0 { one } else { other });
            async move { store.claim(event_id, now, lease).await }
        });
        let mut fresh = 0;
        for claim in together(rivals.collect()).await {
            match claim.map_err(failed)? {
                Claim::Fresh(_) => fresh += 1,
                Claim::Running => {}
                claim => return Err(broken("nothing is done before a commit", Claim::Running, claim)),
            }
        }
        if fresh == 1 { Ok(()) } else { Err(broken(rule, 1, fresh)) }
    }

    async fn pass(&mut self, time: Duration) {
        self.now += time;
        if let Some(pass) = self.pass {
            pass(time).await;
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(fault: StoreError) -> Violation {
    broken("a store that is there does not fail", "no error", fault.to_string())
}

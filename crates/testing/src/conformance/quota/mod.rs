//! The contract of [`QuotaStore`] as a suite of checks.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//! use onehorizon::quota::MemoryQuota;
//! use onehorizon_testing::conformance::quota::Conformance;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), onehorizon_testing::conformance::Violations> {
//! // A store on a server connects here, with the name as its scope.
//! let quotas = Mutex::new(HashMap::<String, Arc<MemoryQuota>>::new());
//! let open = |name: String| {
//!     let quota = quotas.lock().unwrap().entry(name).or_default().clone();
//!     async move { Ok(quota) }
//! };
//! Conformance::new(open).unit(Duration::from_secs(1)).check().await
//! # }
//! ```

#![allow(clippy::indexing_slicing, reason = "a case has two stores")]

mod case;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use onehorizon::quota::{Lane, Outcome, Pacing, QuotaShape, QuotaStore, SlotRequest, Take, Waiter};
use onehorizon::{BoxFuture, StoreError};

use self::case::{Case, LEASE, failed, limits, number, slot};
use super::{Checked, Violation, Violations, broken, together};

/// How many callers race for the slots.
const RIVALS: usize = 24;

/// The checks, to be run against any store.
///
/// Each check uses a quota of its own, by name, through two instances: `open` is called twice with the same name, and
/// both must count in the same quota, which is empty at first.
pub struct Conformance<O> {
    open: O,
    unit: Duration,
    pass: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    run: String,
}

impl<O, F, S> Conformance<O>
where
    O: Fn(String) -> F,
    F: Future<Output = Result<Arc<S>, StoreError>>,
    S: QuotaStore + ?Sized,
{
    /// The checks for the stores that `open` connects to. Time passes by tokio's timer, in units of 250 ms.
    pub fn new(open: O) -> Self {
        Self {
            open,
            unit: Duration::from_millis(250),
            pass: Box::new(|time| Box::pin(tokio::time::sleep(time))),
            run: format!("{:x}", number()),
        }
    }

    /// The unit of time: each check lasts up to twelve of them. It has to be much longer than the store takes to respond.
    #[must_use]
    pub fn unit(mut self, unit: Duration) -> Self {
        self.unit = unit;
        self
    }

    /// How time passes on the store's clock, if not by waiting.
    #[must_use]
    pub fn passing_time(mut self, pass: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        self.pass = Box::new(pass);
        self
    }

    /// Runs all checks.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub async fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        violations.note(self.a_window_gives_what_it_has().await);
        violations.note(self.rivals_share_a_window().await);
        violations.note(self.all_windows_or_none().await);
        violations.note(self.a_request_under_way_holds_its_slot().await);
        violations.note(self.an_unsent_request_frees_its_slot().await);
        violations.note(self.a_repeated_take_takes_one_slot().await);
        violations.note(self.a_lease_ends().await);
        violations.note(self.a_late_settlement_is_not_counted_twice().await);
        violations.note(self.what_the_store_did_not_give_counts_too().await);
        violations.note(self.a_refusal_holds_everybody().await);
        violations.note(self.a_smaller_remainder_is_believed().await);
        violations.note(self.a_token_bucket_refills_evenly().await);
        violations.note(self.a_lane_has_what_is_reserved().await);
        violations.note(self.a_waiter_may_give_up().await);
        violations.note(self.a_dropped_take_is_not_for_ever().await);
        violations.note(self.quotas_are_separate().await);
        violations.result()
    }

    async fn case(&self, name: &'static str, pacing: Pacing) -> Result<Case<'_, S>, Violation> {
        let rules = pacing.rules().clone();
        let open = async |name: String| {
            (self.open)(name).await.map_err(|fault| broken("a store can be opened", "a store", fault.to_string()))
        };
        let scope = format!("{}-{name}", self.run);
        let (one, two) = (open(scope.clone()).await?, open(scope).await?);
        Ok(Case { stores: [one, two], rules, pass: &*self.pass })
    }

    /// So many requests in four units.
    fn window(&self, requests: u32) -> Pacing {
        Pacing::new().window(requests, 4 * self.unit)
    }

    async fn a_window_gives_what_it_has(&self) -> Checked {
        const RULE: &str = "a window of 3 gives 3 slots through all connections, and 3 again when it is over";
        let case = self.case("window", self.window(3)).await?;
        let (given, wait) = case.spend(10).await?;
        case.expect(RULE, &3, &given)?;
        if wait.is_zero() || wait > 2 * case.longest() {
            return Err(broken(RULE, "a wait of up to a window", wait));
        }
        case.pass(wait + self.unit / 2).await;
        let (given, _) = case.spend(10).await?;
        case.expect(RULE, &3, &given)
    }

    async fn rivals_share_a_window(&self) -> Checked {
        const RULE: &str = "of callers that race for 3 slots through two connections, 3 get one";
        for round in ["rivals-1", "rivals-2", "rivals-3"] {
            let case = self.case(round, self.window(3)).await?;
            let takes = (0..RIVALS).map(|rival| {
                let (store, rules) = (Arc::clone(&case.stores[rival % 2]), case.rules.clone());
                let waiter = Waiter::new(rival as u64 % 2 + 1);
                async move { store.take(&rules, SlotRequest::new(slot(), LEASE).waiter(waiter)).await }
            });
            let mut given = 0;
            for take in together(takes.collect()).await {
                match take {
                    Ok(Take::Granted) => given += 1,
                    Ok(_) => {}
                    Err(fault) => return Err(broken(RULE, "slots or waits", fault.to_string())),
                }
            }
            case.expect(RULE, &3, &given)?;
        }
        Ok(())
    }

    async fn all_windows_or_none(&self) -> Checked {
        const RULE: &str = "a slot is taken in all windows or in none";
        let pacing = Pacing::new().window(3, self.unit).window(5, 8 * self.unit);
        let case = self.case("windows", pacing).await?;
        case.expect(RULE, &3, &case.spend(10).await?.0)?;
        case.pass(self.unit + self.unit / 2).await;
        // The takes that the smaller window refused have taken nothing from the larger one.
        case.expect(RULE, &2, &case.spend(10).await?.0)?;
        case.pass(self.unit + self.unit / 2).await;
        case.expect(RULE, &0, &case.spend(10).await?.0)
    }

    async fn a_request_under_way_holds_its_slot(&self) -> Checked {
        const RULE: &str = "a slot counts from the take to a window after the request's end";
        let case = self.case("under-way", self.window(1)).await?;
        let slot = case.granted(RULE, 0).await?;
        case.pass(case.longest() + self.unit).await;
        case.waits(RULE, 1).await?;
        case.settle(0, slot, Outcome::Responded).await?;
        case.pass(3 * self.unit).await;
        case.waits(RULE, 1).await?;
        case.pass(self.unit + self.unit / 2).await;
        case.granted(RULE, 1).await.map(drop)
    }

    async fn an_unsent_request_frees_its_slot(&self) -> Checked {
        const RULE: &str = "a slot whose request was not sent is free again, for everybody";
        let case = self.case("unsent", self.window(1)).await?;
        let slot = case.granted(RULE, 0).await?;
        case.waits(RULE, 1).await?;
        case.settle(0, slot, Outcome::Unsent).await?;
        case.granted(RULE, 1).await.map(drop)
    }

    async fn a_repeated_take_takes_one_slot(&self) -> Checked {
        const RULE: &str = "a take repeated with the same number is granted again and takes nothing more";
        let case = self.case("repeated", self.window(2)).await?;
        let slot = case.granted(RULE, 0).await?;
        for connection in [0, 1] {
            case.expect(RULE, &Take::Granted, &case.take(connection, slot, LEASE).await?)?;
        }
        case.granted(RULE, 1).await?;
        case.waits(RULE, 0).await
    }

    async fn a_lease_ends(&self) -> Checked {
        const RULE: &str = "a slot that nobody settles counts as lost when its lease ends";
        let case = self.case("lease", self.window(1)).await?;
        case.expect(RULE, &Take::Granted, &case.take(0, slot(), 2 * self.unit).await?)?;
        case.pass(self.unit + case.longest()).await;
        case.waits(RULE, 1).await?;
        case.pass(2 * self.unit + Outcome::Lost.grace()).await;
        case.granted(RULE, 1).await.map(drop)
    }

    async fn a_late_settlement_is_not_counted_twice(&self) -> Checked {
        const RULE: &str = "a slot that is settled after its lease counts once";
        let case = self.case("late", self.window(2)).await?;
        let late = slot();
        case.expect(RULE, &Take::Granted, &case.take(0, late, self.unit).await?)?;
        case.pass(2 * self.unit).await;
        case.granted(RULE, 1).await?;
        case.waits(RULE, 0).await?;
        case.settle(0, late, Outcome::Unsent).await?;
        case.granted(RULE, 1).await?;
        let case = self.case("late-used", self.window(3)).await?;
        let late = slot();
        case.expect(RULE, &Take::Granted, &case.take(0, late, self.unit).await?)?;
        case.pass(2 * self.unit).await;
        // The look ends the lease.
        case.granted(RULE, 1).await?;
        case.settle(0, late, Outcome::Responded).await?;
        case.granted(RULE, 1).await?;
        case.waits(RULE, 0).await
    }

    async fn what_the_store_did_not_give_counts_too(&self) -> Checked {
        const RULE: &str = "a slot that was given while the store was away counts";
        let case = self.case("unknown", self.window(2)).await?;
        case.settle(0, slot(), Outcome::Responded).await?;
        case.settle(0, slot(), Outcome::Unsent).await?;
        case.granted(RULE, 1).await?;
        case.waits(RULE, 1).await?;

        let case = self.case("adopted", self.window(3)).await?;
        let adopted = [slot(), slot()];
        for slot in adopted {
            case.stores[0].adopt(&case.rules, SlotRequest::new(slot, LEASE));
        }
        case.stores[0].flush().await.map_err(failed)?;
        // A store may hold everybody back for a moment, so that other processes can report theirs.
        case.granted_within(RULE, 1, Duration::from_secs(3)).await?;
        case.waits(RULE, 1).await?;
        for slot in adopted {
            case.settle(0, slot, Outcome::Unsent).await?;
            case.granted(RULE, 1).await?;
        }
        case.waits(RULE, 0).await
    }

    async fn a_refusal_holds_everybody(&self) -> Checked {
        const RULE: &str = "no slot is given while the service refuses, and one is afterwards";
        let case = self.case("refusal", self.window(9)).await?;
        case.granted(RULE, 0).await?;
        case.learn(0, &limits(|limits| limits.retry_after = Some(3 * self.unit))).await?;
        for connection in [0, 1] {
            case.waits(RULE, connection).await?;
        }
        let usage = case.stores[0].usage(&case.rules, Lane::Normal, 0);
        if usage.next_free < self.unit {
            return Err(broken("usage shows at once what this process learned", "a wait", usage.next_free));
        }
        case.pass(3 * self.unit + self.unit / 2).await;
        case.granted(RULE, 1).await.map(drop)
    }

    async fn a_smaller_remainder_is_believed(&self) -> Checked {
        const RULE: &str =
            "when the service reports less left than is counted, that is left; when it reports more, not";
        let case = self.case("remainder", self.window(9)).await?;
        case.granted(RULE, 0).await?;
        let reported = |remaining| limits(|limits| (limits.limit, limits.remaining) = (Some(9), Some(remaining)));
        case.learn(0, &reported(100)).await?;
        case.learn(0, &reported(2)).await?;
        case.expect(RULE, &2, &case.spend(10).await?.0)?;
        // Whatever number a service sends, it costs no more memory than the window has slots.
        case.learn(1, &reported(0)).await?;
        case.learn(1, &reported(u64::MAX)).await?;
        case.waits(RULE, 0).await
    }

    async fn a_token_bucket_refills_evenly(&self) -> Checked {
        const RULE: &str = "a token bucket of 4 gives 4 at once, and one more each quarter of its window";
        let case = self.case("bucket", self.window(4).shape(QuotaShape::TokenBucket)).await?;
        case.expect(RULE, &4, &case.spend(10).await?.0)?;
        case.pass(self.unit + self.unit / 2).await;
        case.expect(RULE, &1, &case.spend(10).await?.0)?;
        case.pass(self.unit).await;
        let held = case.granted(RULE, 0).await?;
        case.pass(4 * self.unit).await;
        case.settle(0, held, Outcome::Unsent).await?;
        case.expect(RULE, &4, &case.spend(10).await?.0)
    }

    async fn a_lane_has_what_is_reserved(&self) -> Checked {
        const RULE: &str = "normal calls leave the reserved slots to interactive ones, which may use all";
        let case = self.case("lanes", self.window(4).interactive_share(0.25)).await?;
        case.expect(RULE, &3, &case.spend(10).await?.0)?;
        let interactive = slot().in_lane(Lane::Interactive);
        case.expect(RULE, &Take::Granted, &case.take(1, interactive, LEASE).await?)?;
        let one_more = slot().in_lane(Lane::Interactive);
        if case.take(0, one_more, LEASE).await? == Take::Granted {
            return Err(broken(RULE, "a wait: the window is full", Take::Granted));
        }
        case.pass(case.longest() + self.unit / 2).await;
        // The interactive slot is still held: its reserve is in use, and the normal lane has its own three.
        case.expect("use within the share takes nothing from normal calls", &3, &case.spend(10).await?.0)
    }

    async fn a_waiter_may_give_up(&self) -> Checked {
        const RULE: &str = "a waiter that withdraws keeps nobody waiting";
        let case = self.case("withdraw", self.window(1)).await?;
        case.expect(RULE, &1, &case.spend(1).await?.0)?;
        let ask = async |connection: usize, waiter: u64| {
            let request = SlotRequest::new(slot(), LEASE).waiter(Waiter::new(waiter));
            case.stores[connection].take(&case.rules, request).await.map_err(failed)
        };
        if ask(0, 11).await? == Take::Granted || ask(1, 12).await? == Take::Granted {
            return Err(broken(RULE, "waits: the window is full", Take::Granted));
        }
        case.stores[0].withdraw(&case.rules, Waiter::new(11));
        case.stores[0].flush().await.map_err(failed)?;
        case.pass(case.longest() + self.unit / 4).await;
        case.expect(RULE, &Take::Granted, &ask(1, 12).await?)
    }

    async fn a_dropped_take_is_not_for_ever(&self) -> Checked {
        const RULE: &str = "a take that is dropped half-way takes a slot until its lease ends at most";
        let case = self.case("dropped", self.window(2)).await?;
        for connection in [0, 1] {
            let request = SlotRequest::new(slot(), self.unit);
            let take = case.stores[connection].take(&case.rules, request);
            let _ = tokio::time::timeout(Duration::ZERO, take).await;
        }
        case.pass(2 * self.unit + Outcome::Lost.grace() + case.longest()).await;
        case.expect(RULE, &2, &case.spend(5).await?.0)
    }

    async fn quotas_are_separate(&self) -> Checked {
        const RULE: &str = "quotas of two names do not share slots";
        let one = self.case("apart-1", self.window(1)).await?;
        let other = self.case("apart-2", self.window(1)).await?;
        one.granted(RULE, 0).await?;
        other.granted(RULE, 0).await.map(drop)
    }
}

impl<O> fmt::Debug for Conformance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("unit", &self.unit).finish_non_exhaustive()
    }
}

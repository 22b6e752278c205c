//! Remembering events: the in-memory store keeps the contract, and the conformance checks find stores that do not.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, MemoryClaims, StoreError, StoreFuture};
use onehorizon_testing::conformance::Violations;
use onehorizon_testing::conformance::claims::Conformance;

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

async fn fresh(store: &impl ClaimStore, event_id: &str, now: u64) -> Lease {
    match store.claim(event_id, at(now), LEASE).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{event_id}: {other:?}"),
    }
}

async fn process(store: &impl ClaimStore, event_id: &str, now: u64) {
    let lease = fresh(store, event_id, now).await;
    assert_eq!(store.commit(&lease, at(now)).await.unwrap(), Commit::Recorded);
}

/// Runs the suite; a name's store is made once, and shared by those who open it.
async fn check<S: ClaimStore>(make: impl Fn() -> S) -> Result<(), Violations> {
    let stores = Mutex::new(HashMap::<String, Arc<S>>::new());
    let open = |name: String| {
        let store = Arc::clone(stores.lock().unwrap().entry(name).or_insert_with(|| Arc::new(make())));
        async move { Ok(store) }
    };
    Conformance::new(open).check().await
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    check(MemoryClaims::new).await.unwrap();
}

#[tokio::test]
async fn a_full_memory_store_forgets_what_was_committed_first() {
    let store = MemoryClaims::with_limits(3, DAY);
    for (now, id) in ["evt_1", "evt_2", "evt_3", "evt_4"].into_iter().enumerate() {
        process(&store, id, now as u64).await;
        assert!(store.len() <= 3);
    }
    for id in ["evt_2", "evt_3", "evt_4"] {
        assert_eq!(store.claim(id, at(5), LEASE).await.unwrap(), Claim::Done, "{id}");
    }
    fresh(&store, "evt_1", 5).await;
}

#[tokio::test]
async fn a_memory_store_remembers_for_a_day_unless_set_otherwise() {
    let store = MemoryClaims::new();
    process(&store, "evt_1", 0).await;
    assert!(matches!(store.claim("evt_1", at(86_399), LEASE).await.unwrap(), Claim::Done));
    fresh(&store, "evt_1", 86_401).await;
}

#[tokio::test]
async fn a_full_memory_store_never_forgets_what_is_being_processed() {
    let store = MemoryClaims::with_limits(2, DAY);
    let first = fresh(&store, "evt_1", 0).await;
    fresh(&store, "evt_2", 10).await;
    let refused = store.claim("evt_3", at(20), LEASE).await.unwrap_err();
    assert!(refused.to_string().contains("2 events are being processed"), "{refused}");
    assert_eq!(store.claim("evt_1", at(20), LEASE).await.unwrap(), Claim::Running);

    fresh(&store, "evt_3", 30).await;
    assert_eq!(store.commit(&first, at(31)).await.unwrap(), Commit::Superseded, "its place was taken after its lease");
    assert_eq!(store.claim("evt_2", at(31), LEASE).await.unwrap(), Claim::Running);
}

#[tokio::test]
async fn a_memory_store_forgets_after_its_retention() {
    let store = MemoryClaims::with_limits(10, Duration::from_secs(600));
    process(&store, "evt_1", 0).await;
    process(&store, "evt_2", 300).await;
    assert_eq!(store.claim("evt_1", at(600), LEASE).await.unwrap(), Claim::Done);
    fresh(&store, "evt_1", 601).await;
    assert_eq!(store.claim("evt_2", at(601), LEASE).await.unwrap(), Claim::Done);
    assert_eq!(store.len(), 2);
}

#[tokio::test]
async fn threads_that_claim_one_event_get_one_claim() {
    let store = Arc::new(MemoryClaims::new());
    for round in 0..50 {
        let event_id = format!("evt_{round}");
        let won = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let claim = store.claim(&event_id, at(0), LEASE);
                    let claim = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(claim);
                    if matches!(claim.unwrap(), Claim::Fresh(_)) {
                        won.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(won.load(Ordering::SeqCst), 1);
    }
}

/// A memory store with one thing wrong.
struct Faulty {
    inner: MemoryClaims,
    fault: Fault,
    ends: Mutex<HashMap<u128, SystemTime>>,
    committed: Mutex<HashSet<u128>>,
    /// The latest token and the end of its lease.
    rows: Mutex<HashMap<String, (u128, SystemTime)>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    ForgetsCommits,
    NeverEndsLeases,
    EndsLeasesEarly,
    ReleasesOthersClaims,
    RecordsSuperseded,
    RefusesLateCommits,
    RefusesSecondCommit,
    ReusesTokens,
    IgnoresCase,
    CutsIds,
    LetsEverybodyIn,
    KeepsReleased,
    /// `SELECT`, then `UPDATE`.
    ReadsThenTakesOver,
    /// `SELECT`, then `INSERT`.
    ReadsThenInserts,
    KeepsDroppedClaims,
    /// None at all, to show that it is the fault that is found.
    None,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self {
            inner: MemoryClaims::new(),
            fault,
            ends: Mutex::default(),
            committed: Mutex::default(),
            rows: Mutex::default(),
        }
    }

    async fn read_then_write(&self, event_id: &str, now: SystemTime, lease: Duration) -> Result<Claim, StoreError> {
        let row = self.rows.lock().unwrap().get(event_id).copied();
        match row {
            Some((_, until)) if until > now => return Ok(Claim::Running),
            Some(_) if self.fault == Fault::ReadsThenTakesOver => tokio::task::yield_now().await,
            None if self.fault == Fault::ReadsThenInserts => tokio::task::yield_now().await,
            _ => {}
        }
        let mut rows = self.rows.lock().unwrap();
        let token = rows.values().map(|(token, _)| *token).max().unwrap_or(0) + 1;
        rows.insert(event_id.to_owned(), (token, now + lease));
        Ok(Claim::Fresh(Lease::new(event_id, token)))
    }

    fn key<'a>(&self, event_id: &'a str) -> std::borrow::Cow<'a, str> {
        match self.fault {
            Fault::IgnoresCase => event_id.to_lowercase().into(),
            Fault::CutsIds => event_id.chars().take(255).collect(),
            _ => event_id.into(),
        }
    }
}

impl ClaimStore for Faulty {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            if matches!(self.fault, Fault::ReadsThenTakesOver | Fault::ReadsThenInserts) {
                return self.read_then_write(event_id, now, lease).await;
            }
            if self.fault == Fault::KeepsDroppedClaims {
                let claim = self.inner.claim(event_id, now, lease).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                return claim;
            }
            let lease = match self.fault {
                Fault::NeverEndsLeases => DAY,
                Fault::EndsLeasesEarly => lease / 4,
                Fault::LetsEverybodyIn => Duration::ZERO,
                _ => lease,
            };
            match self.inner.claim(&self.key(event_id), now, lease).await? {
                Claim::Fresh(_) if self.fault == Fault::ReusesTokens => Ok(Claim::Fresh(Lease::new(event_id, 1))),
                Claim::Fresh(claimed) => {
                    self.ends.lock().unwrap().insert(claimed.token(), now + lease);
                    Ok(Claim::Fresh(Lease::new(event_id, claimed.token())))
                }
                Claim::Done if self.fault == Fault::ForgetsCommits => Ok(Claim::Fresh(Lease::new(event_id, 99))),
                other => Ok(other),
            }
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            let ended = self.ends.lock().unwrap().get(&lease.token()).is_some_and(|end| now > *end);
            if ended && self.fault == Fault::RefusesLateCommits {
                return Ok(Commit::Superseded);
            }
            if self.fault == Fault::RefusesSecondCommit && !self.committed.lock().unwrap().insert(lease.token()) {
                return Ok(Commit::Superseded);
            }
            let stored = Lease::new(&self.key(lease.event_id()), lease.token());
            match self.inner.commit(&stored, now).await? {
                Commit::Superseded if self.fault == Fault::RecordsSuperseded => Ok(Commit::Recorded),
                other => Ok(other),
            }
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            match self.fault {
                Fault::KeepsReleased => Ok(()),
                Fault::ReleasesOthersClaims => {
                    // Every token the inner store has given out so far.
                    for token in 0..100 {
                        self.inner.release(&Lease::new(lease.event_id(), token)).await?;
                    }
                    Ok(())
                }
                _ => self.inner.release(&Lease::new(&self.key(lease.event_id()), lease.token())).await,
            }
        })
    }
}

#[tokio::test]
async fn the_suite_names_the_rule_that_a_store_breaks() {
    check(|| Faulty::new(Fault::None)).await.unwrap();
    for (fault, hint) in [
        (Fault::ForgetsCommits, "a committed event is done"),
        (Fault::NeverEndsLeases, "an event whose lease has ended can be claimed"),
        (Fault::EndsLeasesEarly, "a lease lasts as long as was asked"),
        (Fault::ReleasesOthersClaims, "a late release does not end another claim"),
        (Fault::RecordsSuperseded, "a released claim cannot be committed"),
        (Fault::RefusesLateCommits, "a late commit counts when nobody else has claimed"),
        (Fault::RefusesSecondCommit, "a commit can be repeated"),
        (Fault::ReusesTokens, "each claim of an event has a token of its own"),
        (Fault::IgnoresCase, "events with different ids are different"),
        (Fault::CutsIds, "events with different ids are different"),
        (Fault::LetsEverybodyIn, "a claimed event is running"),
        (Fault::KeepsReleased, "a released event can be claimed"),
        (Fault::ReadsThenTakesOver, "an event whose lease has ended is taken over by one of many"),
        (Fault::ReadsThenInserts, "of claims made side by side through two connections one is fresh"),
        (Fault::KeepsDroppedClaims, "a claim whose future is dropped is given back"),
    ] {
        let Err(violations) = check(|| Faulty::new(fault)).await else { panic!("the suite passes {fault:?}") };
        assert!(violations.breaks(hint), "{fault:?}: {violations}");
    }
}

#[tokio::test]
async fn the_suite_notices_stores_that_share_nothing() {
    let open = |_: String| async { Ok(Arc::new(MemoryClaims::new())) };
    let violations = Conformance::new(open).check().await.unwrap_err();
    assert!(violations.breaks("of claims made side by side through two connections one is fresh"), "{violations}");
    assert!(violations.breaks("a claimed event is running"), "{violations}");
}

#[test]
fn a_stores_failure_has_its_cause() {
    let error = StoreError::new(std::io::Error::other("disk full"));
    assert_eq!(error.to_string(), "the store failed: disk full");
    let cause = error.as_error();
    assert!(cause.downcast_ref::<std::io::Error>().is_some());
}

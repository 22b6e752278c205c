//! The contract of [`TokenStore`] as a suite of checks.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::{Arc, Mutex};
//! use onehorizon::oauth::MemoryTokens;
//! use onehorizon_testing::conformance::tokens::Conformance;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), onehorizon_testing::conformance::Violations> {
//! // A store on a server connects here, with the name as its scope.
//! let stores = Mutex::new(HashMap::<String, Arc<MemoryTokens>>::new());
//! let open = |name: String| {
//!     let store = stores.lock().unwrap().entry(name).or_default().clone();
//!     async move { Ok(store) }
//! };
//! Conformance::new(open).check().await
//! # }
//! ```

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onehorizon::StoreError;
use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{TokenStore, Tokens};

use super::{Checked, Violation, Violations, broken, together};

/// How many processes want to refresh at the same time.
const RIVALS: usize = 32;

/// The checks, to be run against any store.
///
/// Each check uses a store of its own, by name, through two instances: `open` is called twice with the same name, and
/// both must see the same login; there is none at first.
pub struct Conformance<O> {
    open: O,
    lease: Duration,
    waits: bool,
    run: String,
}

impl<O, F, S> Conformance<O>
where
    O: Fn(String) -> F,
    F: Future<Output = Result<Arc<S>, StoreError>>,
    S: TokenStore + ?Sized,
{
    /// The checks for the stores that `open` connects to.
    pub fn new(open: O) -> Self {
        let run = format!("{:016x}", RandomState::new().hash_one("run"));
        Self { open, lease: Duration::from_secs(60), waits: false, run }
    }

    /// For a store that goes by its server's clock: a lease that is short enough to wait for, but much longer than the
    /// store takes to respond.
    #[must_use]
    pub fn server_time(mut self, lease: Duration) -> Self {
        (self.lease, self.waits) = (lease, true);
        self
    }

    /// Runs all checks.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub async fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        violations.note(self.tokens_are_there_for_all().await);
        violations.note(self.one_refreshes_and_the_others_take_its_result().await);
        violations.note(self.a_failed_refresh_leaves_the_turn().await);
        violations.note(self.an_interrupted_refresh_is_known().await);
        violations.note(self.a_login_and_a_logout_end_a_refresh().await);
        violations.note(self.rivals_get_one_guard().await);
        violations.note(self.logins_are_separate().await);
        violations.result()
    }

    async fn tokens_are_there_for_all(&self) -> Checked {
        const RULE: &str = "tokens that were put are there for all, until they are cleared";
        let case = self.case("put").await?;
        case.same(RULE, &None, &case.one().load().await.map_err(failed)?)?;
        case.same(RULE, &Begin::Empty, &case.begin(0, 0).await?)?;
        let version = case.put(0, 1).await?;
        case.same(RULE, &Some(StoredTokens::new(tokens(1), version)), &case.other().load().await.map_err(failed)?)?;
        let newer = case.put(1, 2).await?;
        if version == 0 || newer == version {
            return Err(broken("a version is not 0 and changes with the tokens", "two versions", (version, newer)));
        }
        case.other().clear().await.map_err(failed)?;
        case.same(RULE, &None, &case.one().load().await.map_err(failed)?)?;
        case.same(RULE, &Begin::Empty, &case.begin(0, newer).await?)
    }

    async fn one_refreshes_and_the_others_take_its_result(&self) -> Checked {
        const RULE: &str = "one refreshes, the others wait and take its result";
        let case = self.case("refresh").await?;
        let version = case.put(0, 1).await?;
        let guard = case.begun(0, version).await?;
        case.same(RULE, &(&tokens(1), version, false), &(guard.tokens(), guard.version(), guard.was_interrupted()))?;
        case.same(RULE, &Begin::Busy, &case.begin(1, version).await?)?;
        let newer = case.saved(0, &guard, 2).await?;
        let again = case.saved(1, &guard, 2).await?;
        case.same("a save can be repeated, with the same version", &newer, &again)?;
        case.same(RULE, &Begin::Newer(StoredTokens::new(tokens(2), newer)), &case.begin(1, version).await?)?;
        if case.begun(1, newer).await?.token() == guard.token() {
            return Err(broken("each guard has a token of its own", "another token", guard.token()));
        }
        Ok(())
    }

    async fn a_failed_refresh_leaves_the_turn(&self) -> Checked {
        const RULE: &str = "a released refresh leaves the turn to the next, a late release frees nothing";
        let case = self.case("failed").await?;
        let version = case.put(0, 1).await?;
        let first = case.begun(0, version).await?;
        case.one().release(&first).await.map_err(failed)?;
        let second = case.begun(1, version).await?;
        case.same("a refresh after a release was not interrupted", &false, &second.was_interrupted())?;
        case.one().release(&first).await.map_err(failed)?;
        case.one().abandon(&first);
        case.same(RULE, &Begin::Busy, &case.begin(0, version).await?)?;
        case.other().release(&second).await.map_err(failed)?;
        case.begun(0, version).await.map(drop)
    }

    async fn an_interrupted_refresh_is_known(&self) -> Checked {
        const RULE: &str = "after the lease another may refresh, and knows that the one before it was interrupted";
        let mut case = self.case("interrupted").await?;
        let version = case.put(0, 1).await?;
        let lost = case.begun(0, version).await?;
        case.pass(self.lease + self.lease / 2).await;
        let next = case.begun(1, version).await?;
        case.same(RULE, &true, &next.was_interrupted())?;
        case.other().release(&next).await.map_err(failed)?;
        let next = case.begun(0, version).await?;
        case.same("a release does not hide that one before it was interrupted", &true, &next.was_interrupted())?;
        let saved = case.saved(0, &lost, 2).await?;
        let late = case.other().save(&next, &tokens(3)).await.map_err(failed)?;
        case.same(
            "a late save counts if it is the first, and the second learns of it",
            &Save::Superseded(Some(StoredTokens::new(tokens(2), saved))),
            &late,
        )
    }

    async fn a_login_and_a_logout_end_a_refresh(&self) -> Checked {
        const RULE: &str = "a new login and a logout end a refresh";
        let case = self.case("login").await?;
        let version = case.put(0, 1).await?;
        let guard = case.begun(0, version).await?;
        let login = case.put(1, 5).await?;
        let save = case.one().save(&guard, &tokens(2)).await.map_err(failed)?;
        case.same(RULE, &Save::Superseded(Some(StoredTokens::new(tokens(5), login))), &save)?;
        let guard = case.begun(0, login).await?;
        case.other().clear().await.map_err(failed)?;
        case.same(RULE, &Save::Superseded(None), &case.one().save(&guard, &tokens(6)).await.map_err(failed)?)?;
        case.same(RULE, &None, &case.one().load().await.map_err(failed)?)
    }

    async fn rivals_get_one_guard(&self) -> Checked {
        const RULE: &str = "of processes that begin a refresh at the same time one does";
        for (round, name) in ["rivals-1", "rivals-2", "rivals-3"].into_iter().enumerate() {
            let mut case = self.case(name).await?;
            let version = case.put(0, 1).await?;
            if round == 2 {
                // A take-over is raced for as well.
                case.begun(0, version).await?;
                case.pass(self.lease * 2).await;
            }
            let (now, lease) = (case.now, self.lease);
            let rivals = (0..RIVALS).map(|rival| {
                let [one, other] = &case.stores;
                let store = Arc::clone(if rival % 2 == 0 { one } else { other });
                async move { store.begin(version, now, lease).await }
            });
            let mut begun = 0;
            for begin in together(rivals.collect()).await {
                match begin.map_err(failed)? {
                    Begin::Refresh(_) => begun += 1,
                    Begin::Busy => {}
                    other => return Err(broken(RULE, Begin::Busy, other)),
                }
            }
            case.same(RULE, &1, &begun)?;
        }
        Ok(())
    }

    async fn logins_are_separate(&self) -> Checked {
        let (one, other) = (self.case("apart-1").await?, self.case("apart-2").await?);
        one.put(0, 1).await?;
        one.same("logins of two names are two", &None, &other.one().load().await.map_err(failed)?)
    }

    async fn case(&self, name: &'static str) -> Result<Case<S>, Violation> {
        let open = async || (self.open)(format!("{}-{name}", self.run)).await.map_err(failed);
        let stores = [open().await?, open().await?];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Ok(Case { stores, now, lease: self.lease, waits: self.waits })
    }
}

impl<O> fmt::Debug for Conformance<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// One login through two instances, and its time.
struct Case<S: ?Sized> {
    stores: [Arc<S>; 2],
    now: SystemTime,
    lease: Duration,
    waits: bool,
}

impl<S: TokenStore + ?Sized> Case<S> {
    fn one(&self) -> &S {
        let [one, _] = &self.stores;
        one
    }

    fn other(&self) -> &S {
        let [_, other] = &self.stores;
        other
    }

    fn of(&self, instance: usize) -> &S {
        if instance == 0 { self.one() } else { self.other() }
    }

    async fn put(&self, instance: usize, number: u32) -> Result<u64, Violation> {
        self.of(instance).put(&tokens(number)).await.map_err(failed)
    }

    async fn begin(&self, instance: usize, known: u64) -> Result<Begin, Violation> {
        self.of(instance).begin(known, self.now, self.lease).await.map_err(failed)
    }

    async fn begun(&self, instance: usize, known: u64) -> Result<RefreshGuard, Violation> {
        match self.begin(instance, known).await? {
            Begin::Refresh(guard) => Ok(guard),
            other => Err(broken("a refresh that nobody else does can begin", "a guard", other)),
        }
    }

    async fn saved(&self, instance: usize, guard: &RefreshGuard, number: u32) -> Result<u64, Violation> {
        match self.of(instance).save(guard, &tokens(number)).await.map_err(failed)? {
            Save::Saved(version) => Ok(version),
            other => Err(broken("the result of a refresh is kept", "a new version", other)),
        }
    }

    async fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.waits {
            tokio::time::sleep(time).await;
        }
    }

    #[allow(clippy::unused_self, reason = "reads as the other checks do")]
    fn same<T: PartialEq + fmt::Debug>(&self, rule: &'static str, expected: &T, got: &T) -> Checked {
        if expected == got { Ok(()) } else { Err(broken(rule, expected, got)) }
    }
}

fn tokens(number: u32) -> Tokens {
    Tokens::new(format!("access-{number}")).with_refresh_token(format!("refresh-{number}"))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(fault: StoreError) -> Violation {
    broken("a store that is there does not fail", "no error", fault.to_string())
}

//! The state of a refreshing credential: its tokens, and whether they are saved.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::app::OauthApp;
use super::error::{OauthError, OauthErrorKind};
use super::shared_login::SharedLogin;
use super::single_flight::SingleFlight;
use super::token_store::RefreshGuard;
use super::tokens::Tokens;
use crate::future::BoxFuture;
use crate::secret::Secret;

/// What saves new tokens before they are used.
pub(super) type Save =
    Arc<dyn Fn(Tokens) -> BoxFuture<'static, Result<(), Box<dyn StdError + Send + Sync>>> + Send + Sync>;

/// How a refresh ends for all who waited for it.
pub(super) type Outcome = Result<Secret, OauthError>;

/// Added to the time limits of a refresh's parts before it is given up as a whole.
const MARGIN: Duration = Duration::from_secs(5);

/// The settings of a credential.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) app: OauthApp,
    pub(super) save: Option<Save>,
    pub(super) store: Option<Arc<SharedLogin>>,
    pub(super) skew: Duration,
    pub(super) pause: Duration,
    pub(super) patience: Duration,
    pub(super) save_timeout: Duration,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// The tokens in use; none after the user signed out.
    pub(super) current: Option<Current>,
    /// New tokens that wait to be saved: the server may have used up the old ones, so these must not be lost.
    pub(super) unsaved: Option<Unsaved>,
    pub(super) refresh: Option<SingleFlight<Outcome>>,
    /// Counts sign-ins and sign-outs: what was begun before one means nothing after it.
    pub(super) epoch: u64,
    /// The server's refusal of the refresh token in use.
    pub(super) dead: Option<OauthError>,
    /// A refresh may have reached the server, and no response arrived: the refresh token may be used up.
    pub(super) lost_response: bool,
    /// How the last refresh failed, where the server is busy: until [`not_before`](Self::not_before) it is not asked again.
    pub(super) busy: Option<OauthError>,
    /// How saving new tokens failed, where that took long: until [`not_before`](Self::not_before) nobody waits for it again.
    pub(super) stuck: Option<OauthError>,
    /// No refresh ahead of time before this, after one that failed or took long.
    pub(super) not_before: Option<Instant>,
}

/// Tokens in use.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) tokens: Arc<Tokens>,
    /// Their version in the token store; 0 when they are not from there.
    pub(super) version: u64,
    expires: Option<Instant>,
    refresh_at: Option<Instant>,
    /// The service refused it with 401.
    pub(super) refused: bool,
}

/// Tokens that are not saved yet.
#[derive(Clone)]
pub(super) struct Unsaved {
    pub(super) fresh: Current,
    /// The right to save them in the token store; without one they are those of a new login.
    pub(super) guard: Option<RefreshGuard>,
    /// Whether `on_refresh` has them already.
    pub(super) reported: bool,
}

impl Current {
    pub(super) fn new(tokens: Tokens, version: u64, from: Instant, lifetime: Option<Duration>, skew: Duration) -> Self {
        // A short-lived token must not be due as soon as it comes.
        let ahead = |lifetime: Duration| lifetime.saturating_sub(skew.min(lifetime / 2));
        Self {
            tokens: Arc::new(tokens),
            version,
            expires: lifetime.and_then(|lifetime| from.checked_add(lifetime)),
            refresh_at: lifetime.and_then(|lifetime| from.checked_add(ahead(lifetime))),
            refused: false,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.refused || self.refresh_at.is_some_and(|at| now >= at)
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.refused && self.expires.is_none_or(|at| now < at)
    }

    pub(super) fn access_token(&self) -> Secret {
        self.tokens.access_token.clone()
    }
}

impl Settings {
    /// Tokens with a time that a server or a store gave, by this machine's clock.
    pub(super) fn dated(&self, tokens: Tokens, version: u64) -> Current {
        let clock = &self.app.settings().clock;
        let (now, today) = (clock.now(), clock.time_of_day());
        let left = tokens.expires_at.map(|end| end.duration_since(today).unwrap_or_default());
        Current::new(tokens, version, now, left, self.skew)
    }

    /// How long a whole refresh may take: each of its parts has a time limit of its own.
    pub(super) fn limit(&self) -> Duration {
        let shared = self.store.as_ref().map_or(Duration::ZERO, |store| store.limit());
        self.app.settings().timeout.saturating_add(self.save_timeout).saturating_add(shared).saturating_add(MARGIN)
    }
}

impl Inner {
    /// A credential with tokens of a new login, or with those of a version out of the token store.
    pub(super) fn new(settings: Settings, tokens: Tokens, version: u64) -> Arc<Self> {
        let inner = Self { settings, state: Mutex::default() };
        if version == 0 {
            inner.sign_in(tokens);
        } else {
            inner.start_over(Some(inner.settings.dated(tokens, version)), None);
        }
        Arc::new(inner)
    }

    /// Starts over with the tokens of a new login.
    pub(super) fn sign_in(&self, tokens: Tokens) {
        let current = self.settings.dated(tokens, 0);
        // The store has to get them before another process takes the old ones for good.
        let unsaved = Unsaved { fresh: current.clone(), guard: None, reported: true };
        self.start_over(Some(current), self.settings.store.is_some().then_some(unsaved));
    }

    pub(super) fn forget(&self) {
        self.start_over(None, None);
    }

    fn start_over(&self, current: Option<Current>, unsaved: Option<Unsaved>) {
        let mut state = self.lock();
        let epoch = state.epoch + 1;
        let old = std::mem::replace(&mut *state, State { current, unsaved, epoch, ..State::default() });
        // What is dropped with the old refresh is not ours, so it must not happen under the lock.
        drop(state);
        drop(old);
    }

    /// The newest tokens, saved or not.
    pub(super) fn latest(&self) -> Option<Tokens> {
        let state = self.lock();
        let unsaved = state.unsaved.as_ref().map(|unsaved| &unsaved.fresh);
        unsaved.or(state.current.as_ref()).map(|current| (*current.tokens).clone())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn no_refresh_token() -> OauthError {
    OauthError::new(OauthErrorKind::NoRefreshToken, "the server gave none with the tokens in use")
}

pub(super) fn signed_out() -> OauthError {
    OauthError::new(OauthErrorKind::SignedOut, "the tokens were given up")
}

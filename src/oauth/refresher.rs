//! What a refreshing credential knows, and the one refresh that runs at a time.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::app::OauthApp;
use super::error::{OauthError, OauthErrorKind, Secrets};
use super::single_flight::{Flight, NoOutcome, Waiters};
use super::token_endpoint::Received;
use super::tokens::Tokens;
use crate::future::BoxFuture;
use crate::secret::Secret;

/// What saves new tokens before they are used.
pub(super) type Save =
    Arc<dyn Fn(Tokens) -> BoxFuture<'static, Result<(), Box<dyn StdError + Send + Sync>>> + Send + Sync>;

/// How a refresh ends for all who waited for it.
type Outcome = Result<Secret, OauthError>;

pub(super) struct Inner {
    pub(super) app: OauthApp,
    pub(super) save: Option<Save>,
    pub(super) skew: Duration,
    pub(super) pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// The tokens in use; none after the user signed out.
    current: Option<Current>,
    /// New tokens that wait to be saved: the server may have used up the old ones, so these must not be lost.
    unsaved: Option<Current>,
    flight: Option<Flight<Outcome>>,
    /// Counts sign-ins and sign-outs: what was begun before one means nothing after it.
    epoch: u64,
    /// The server's word that the refresh token is of no use any more.
    dead: Option<OauthError>,
    /// No refresh ahead of time before this, after one that failed.
    not_before: Option<Instant>,
}

#[derive(Clone)]
struct Current {
    tokens: Arc<Tokens>,
    expires: Option<Instant>,
    refresh_at: Option<Instant>,
    /// The service answered 401 to it.
    refused: bool,
}

impl Current {
    fn new(tokens: Tokens, from: Instant, lifetime: Option<Duration>, skew: Duration) -> Self {
        // A short-lived token must not be due as soon as it comes.
        let ahead = |lifetime: Duration| lifetime.saturating_sub(skew.min(lifetime / 2));
        Self {
            tokens: Arc::new(tokens),
            expires: lifetime.and_then(|lifetime| from.checked_add(lifetime)),
            refresh_at: lifetime.and_then(|lifetime| from.checked_add(ahead(lifetime))),
            refused: false,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.refused || self.refresh_at.is_some_and(|at| now >= at)
    }

    fn is_usable(&self, now: Instant) -> bool {
        !self.refused && self.expires.is_none_or(|at| now < at)
    }

    fn access_token(&self) -> Secret {
        self.tokens.access_token.clone()
    }
}

/// What a caller does next.
enum Next {
    Use(Secret),
    /// Wait for the refresh; the token beside it will do if the refresh fails.
    Wait(Flight<Outcome>, Option<Secret>),
}

impl Inner {
    pub(super) fn new(app: OauthApp, save: Option<Save>, skew: Duration, pause: Duration, tokens: Tokens) -> Arc<Self> {
        let inner = Self { app, save, skew, pause, state: Mutex::default() };
        inner.sign_in(tokens);
        Arc::new(inner)
    }

    /// Starts over with the tokens of a new login.
    pub(super) fn sign_in(&self, tokens: Tokens) {
        let clock = &self.app.settings().clock;
        let (now, today) = (clock.now(), clock.time_of_day());
        let left = tokens.expires_at.map(|end| end.duration_since(today).unwrap_or_default());
        let current = Current::new(tokens, now, left, self.skew);
        self.start_over(Some(current));
    }

    pub(super) fn forget(&self) {
        self.start_over(None);
    }

    fn start_over(&self, current: Option<Current>) {
        let mut state = self.lock();
        let epoch = state.epoch + 1;
        let old = std::mem::replace(&mut *state, State { current, epoch, ..State::default() });
        // What is dropped with the old flight is not ours, so it must not happen under the lock.
        drop(state);
        drop(old);
    }

    /// The newest tokens, saved or not.
    pub(super) fn latest(&self) -> Option<Tokens> {
        let state = self.lock();
        state.unsaved.as_ref().or(state.current.as_ref()).map(|current| (*current.tokens).clone())
    }

    /// The token to send now.
    pub(super) async fn token(self: &Arc<Self>) -> Outcome {
        let next = self.next()?;
        self.follow(next).await
    }

    fn next(self: &Arc<Self>) -> Result<Next, OauthError> {
        let now = self.app.settings().clock.now();
        let mut state = self.lock();
        let current = state.current.clone().ok_or_else(signed_out)?;
        if state.unsaved.is_none() && (!current.is_due(now) || current.tokens.refresh_token.is_none()) {
            // Without a refresh token the service may as well say itself that the access token is no longer good.
            return Ok(Next::Use(current.access_token()));
        }
        let usable = current.is_usable(now).then(|| current.access_token());
        let waits = state.dead.is_some() || state.not_before.is_some_and(|time| now < time);
        match (usable, &state.dead) {
            (Some(token), _) if waits => Ok(Next::Use(token)),
            (None, Some(dead)) => Err(dead.clone()),
            (usable, _) => Ok(Next::Wait(self.flight(&mut state), usable)),
        }
    }

    /// Another token than the refused one; `None` without a refresh token.
    pub(super) async fn replace(self: &Arc<Self>, refused: &Secret) -> Result<Option<Secret>, OauthError> {
        let flight = {
            let mut state = self.lock();
            let current = state.current.as_mut().ok_or_else(signed_out)?;
            if current.tokens.access_token == *refused {
                current.refused = true;
            } else if !current.refused {
                return Ok(Some(current.access_token()));
            }
            if let Some(dead) = &state.dead {
                return Err(dead.clone());
            }
            let has_more =
                state.unsaved.is_some() || state.current.as_ref().is_some_and(|c| c.tokens.refresh_token.is_some());
            if !has_more {
                return Ok(None);
            }
            self.flight(&mut state)
        };
        self.follow(Next::Wait(flight, None)).await.map(Some)
    }

    /// New tokens now, whatever the age of those in use.
    pub(super) async fn renew(self: &Arc<Self>) -> Result<(), OauthError> {
        let flight = {
            let mut state = self.lock();
            let current = state.current.as_ref().ok_or_else(signed_out)?;
            if let Some(dead) = &state.dead {
                return Err(dead.clone());
            }
            if state.unsaved.is_none() && current.tokens.refresh_token.is_none() {
                return Err(no_refresh_token());
            }
            self.flight(&mut state)
        };
        self.follow(Next::Wait(flight, None)).await.map(|_| ())
    }

    /// Waits for a refresh under way, and saves what could not be saved.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<(), OauthError> {
        let flight = {
            let mut state = self.lock();
            if state.flight.is_none() && state.unsaved.is_none() {
                return Ok(());
            }
            self.flight(&mut state)
        };
        self.follow(Next::Wait(flight, None)).await.map(|_| ())
    }

    async fn follow(&self, next: Next) -> Outcome {
        let (flight, usable) = match next {
            Next::Use(token) => return Ok(token),
            Next::Wait(flight, usable) => (flight, usable),
        };
        let outcome = flight.join().await.unwrap_or_else(|reason| {
            let mut state = self.lock();
            let crashed = state.flight.take_if(|known| reason == NoOutcome::Panicked && known.is(&flight));
            drop(state);
            drop(crashed);
            Err(no_outcome(reason))
        });
        outcome.or_else(|error| usable.ok_or(error))
    }

    /// The flight in the air, else a new one.
    fn flight(self: &Arc<Self>, state: &mut State) -> Flight<Outcome> {
        let clock = &self.app.settings().clock;
        let epoch = state.epoch;
        state
            .flight
            .get_or_insert_with(|| {
                let waiters = Waiters::new(clock);
                // The state holds the flight, so the flight must not hold the state.
                let work = Work { inner: Arc::downgrade(self), app: self.app.clone(), save: self.save.clone(), epoch };
                Flight::new(Arc::clone(&waiters), Box::pin(work.run(waiters)))
            })
            .clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One refresh.
struct Work {
    inner: Weak<Inner>,
    app: OauthApp,
    save: Option<Save>,
    epoch: u64,
}

impl Work {
    async fn run(self, waiters: Arc<Waiters>) -> Outcome {
        let outcome = self.refresh(&waiters).await;
        // In the same step as the outcome: whoever comes next finds either this flight or what it brought.
        self.at_epoch(|_, state| drop(state.flight.take()));
        outcome
    }

    async fn refresh(&self, waiters: &Waiters) -> Outcome {
        let known = self.at_epoch(|_, state| (state.unsaved.clone(), state.current.clone()));
        let (unsaved, current) = known.ok_or_else(signed_out)?;
        let fresh = match unsaved {
            Some(fresh) => fresh,
            None => self.fetch(&current.ok_or_else(signed_out)?, waiters).await?,
        };
        self.at_epoch(|_, _| ()).ok_or_else(signed_out)?;
        if let Some(save) = &self.save
            && let Err(fault) = save((*fresh.tokens).clone()).await
        {
            self.pause();
            return Err(not_saved(fault, &fresh.tokens));
        }
        let token = fresh.access_token();
        self.at_epoch(|_, state| {
            state.current = Some(fresh);
            state.unsaved = None;
            state.not_before = None;
        });
        Ok(token)
    }

    /// New tokens from the server, put where they cannot be lost in the very step in which they come.
    async fn fetch(&self, current: &Current, waiters: &Waiters) -> Result<Current, OauthError> {
        let Some(refresh_token) = &current.tokens.refresh_token else {
            return Err(no_refresh_token());
        };
        match self.app.refresh_with(refresh_token, || waiters.idle()).await {
            Ok(Received { mut tokens, lifetime, asked_at }) => {
                tokens.inherit(refresh_token, Some(&current.tokens));
                let skew = self.at_epoch(|inner, _| inner.skew).ok_or_else(signed_out)?;
                let fresh = Current::new(tokens, asked_at, lifetime, skew);
                self.at_epoch(|_, state| state.unsaved = Some(fresh.clone()));
                Ok(fresh)
            }
            Err(error) => {
                if error.needs_login() {
                    self.at_epoch(|_, state| state.dead = Some(error.clone()));
                } else {
                    self.pause();
                }
                Err(error)
            }
        }
    }

    fn pause(&self) {
        self.at_epoch(|inner, state| {
            state.not_before = inner.app.settings().clock.now().checked_add(inner.pause);
        });
    }

    /// Looks at the state, unless the user signed in or out since the refresh began or nobody holds the credential.
    fn at_epoch<T>(&self, look: impl FnOnce(&Inner, &mut State) -> T) -> Option<T> {
        let inner = self.inner.upgrade()?;
        let mut state = inner.lock();
        (state.epoch == self.epoch).then(|| look(&inner, &mut state))
    }
}

fn no_refresh_token() -> OauthError {
    OauthError::new(OauthErrorKind::NoRefreshToken, "the server gave none with the tokens in use")
}

fn signed_out() -> OauthError {
    OauthError::new(OauthErrorKind::SignedOut, "the tokens were given up")
}

fn not_saved(fault: Box<dyn StdError + Send + Sync>, tokens: &Tokens) -> OauthError {
    let refresh_token = tokens.refresh_token.as_ref().map(Secret::expose);
    let secrets = Secrets([Some(tokens.access_token.expose()), refresh_token].into_iter().flatten().collect());
    let message = format!("on_refresh failed: {}", secrets.clean(&fault.to_string()));
    let error = OauthError::new(OauthErrorKind::NotSaved, message)
        .with_hint("the tokens are kept in memory and the next call saves them again; latest() gives them out");
    match secrets.keep_out_of(fault) {
        Some(fault) => error.with_source(fault),
        None => error,
    }
}

fn no_outcome(reason: NoOutcome) -> OauthError {
    match reason {
        NoOutcome::Panicked => OauthError::new(
            OauthErrorKind::NotSaved,
            "the refresh panicked, most likely in on_refresh; the next call tries again",
        ),
        NoOutcome::Reentered => OauthError::new(
            OauthErrorKind::Config,
            "on_refresh used the very credential whose new tokens it is to save, and would wait for itself",
        ),
    }
}

//! One refresh, from the request to the saved tokens.

use std::error::Error as StdError;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::error::{OauthError, OauthErrorKind, Secrets};
use super::login_state::{Current, Inner, Outcome, Save, Settings, State, Unsaved, no_refresh_token, signed_out};
use super::shared_login::{SharedLogin, Turn};
use super::single_flight::Waiters;
use super::token_endpoint::{Received, limited};
use super::token_store::{RefreshGuard, StoredTokens};
use super::tokens::Tokens;
use crate::contained::contained_future;
use crate::metadata::Sent;
use crate::secret::Secret;

/// One refresh. The credential holds it, so it must not hold the credential.
pub(super) struct Refresh {
    inner: Weak<Inner>,
    settings: Settings,
    epoch: u64,
}

/// Tokens that a refresh brought.
enum Brought {
    /// From the server: they have to be saved.
    Unsaved(Unsaved),
    /// Out of the token store, where another process saved them.
    Saved(Current),
}

impl Refresh {
    pub(super) fn new(inner: &Arc<Inner>, epoch: u64) -> Self {
        Self { inner: Arc::downgrade(inner), settings: inner.settings.clone(), epoch }
    }

    pub(super) async fn run(self, waiters: Arc<Waiters>) -> Outcome {
        let outcome = self.refresh(&waiters).await;
        // In the same step as the outcome: the next caller finds either this refresh or what it brought.
        let done = self.at_epoch(|_, state| state.refresh.take());
        drop(done);
        outcome
    }

    async fn refresh(&self, waiters: &Waiters) -> Outcome {
        let known = self.at_epoch(|_, state| (state.unsaved.clone(), state.current.clone(), state.dead.clone()));
        let (unsaved, current, dead) = known.ok_or_else(signed_out)?;
        let brought = match unsaved {
            Some(unsaved) => Brought::Unsaved(unsaved),
            None => self.fetch(current.ok_or_else(signed_out)?, dead, waiters).await?,
        };
        self.at_epoch(|_, _| ()).ok_or_else(signed_out)?;
        let saved = match brought {
            Brought::Saved(current) => current,
            Brought::Unsaved(unsaved) => {
                let clock = &self.settings.app.settings().clock;
                let began = clock.now();
                self.save(unsaved, waiters).await.inspect_err(|error| {
                    let was_slow = clock.now().saturating_duration_since(began) >= SLOW_SAVE;
                    self.at_epoch(|_, state| state.stuck = was_slow.then(|| error.clone()));
                    self.pause();
                })?
            }
        };
        let token = saved.access_token();
        self.at_epoch(|_, state| {
            state.current = Some(saved);
            state.unsaved = None;
            state.not_before = None;
            state.dead = None;
            state.busy = None;
            state.stuck = None;
            state.lost_response = false;
        });
        Ok(token)
    }

    /// New tokens, from the server or from another process that was faster.
    async fn fetch(
        &self,
        mut current: Current,
        mut dead: Option<OauthError>,
        waiters: &Waiters,
    ) -> Result<Brought, OauthError> {
        let clock = &self.settings.app.settings().clock;
        let Some(store) = &self.settings.store else {
            return self.ask(&current.tokens, None, waiters).await.map(Brought::Unsaved);
        };
        loop {
            let turn = store.begin(&**clock, current.version, &current.tokens).await.inspect_err(|_| self.pause())?;
            let guard = match turn {
                Turn::Newer(stored) => {
                    let newer = self.settings.dated(stored.tokens, stored.version);
                    let is_other = newer.tokens.access_token != current.tokens.access_token;
                    if is_other && !newer.is_due(clock.now()) {
                        return Ok(Brought::Saved(newer));
                    }
                    current = newer;
                    // The server has refused others than these.
                    dead = None;
                    continue;
                }
                Turn::Empty => return Err(signed_out()),
                Turn::Mine(guard) => guard,
            };
            if let Some(dead) = dead {
                // The store still has what the server refused: nobody has logged in since.
                self.pause();
                return Err(dead);
            }
            let tokens = guard.get().tokens().clone();
            let result = self.ask(&tokens, Some(guard.get().clone()), waiters).await;
            return match result {
                Ok(unsaved) => {
                    guard.keep();
                    Ok(Brought::Unsaved(unsaved))
                }
                Err(error) => Err(error),
            };
        }
    }

    /// New tokens from the server, put where they cannot be lost in the very step in which they come.
    async fn ask(
        &self,
        tokens: &Tokens,
        guard: Option<RefreshGuard>,
        waiters: &Waiters,
    ) -> Result<Unsaved, OauthError> {
        let refresh_token = tokens.refresh_token.as_ref().ok_or_else(no_refresh_token)?;
        // The server may repeat any of them, and those in use may be others than the store's.
        let current =
            self.at_epoch(|_, state| state.current.as_ref().map(|current| Arc::clone(&current.tokens))).flatten();
        let known: Vec<&Secret> =
            [Some(tokens), current.as_deref()].into_iter().flatten().flat_map(Tokens::secrets).collect();
        match self.settings.app.refresh_with(refresh_token, &known, || waiters.idle()).await {
            Ok(Received { tokens: mut new, lifetime, asked_at }) => {
                new.inherit(refresh_token, Some(tokens));
                let version = guard.as_ref().map_or(0, RefreshGuard::version);
                let fresh = Current::new(new, version, asked_at, lifetime, self.settings.skew);
                let unsaved = Unsaved { fresh, guard, reported: false };
                self.at_epoch(|_, state| state.unsaved = Some(unsaved.clone())).ok_or_else(signed_out)?;
                Ok(unsaved)
            }
            Err(error) => Err(self.failed(error, guard.as_ref())),
        }
    }

    /// Notes how a request failed, and says what it means where an earlier one explains it.
    fn failed(&self, error: OauthError, guard: Option<&RefreshGuard>) -> OauthError {
        if !error.needs_login() {
            // A gateway's 502 says no more about the server than no response does.
            let is_lost = error.was_sent() != Sent::No
                && (error.kind() == OauthErrorKind::Decode || error.status().is_none_or(|status| status >= 500));
            let pause = self.settings.pause.max(error.retry_after().unwrap_or_default().min(LONGEST_PAUSE));
            self.at_epoch(|_, state| {
                state.lost_response |= is_lost;
                state.busy = error.asks_to_wait().then(|| error.clone());
            });
            self.pause_for(pause);
            return error;
        }
        let lost = self.at_epoch(|_, state| state.lost_response).unwrap_or_default();
        let error = match guard {
            Some(guard) if guard.was_interrupted() => error.with_hint(INTERRUPTED),
            _ if lost => error.with_hint(LOST),
            _ => error,
        };
        self.at_epoch(|_, state| state.dead = Some(error.clone()));
        if self.settings.store.is_some() {
            self.pause();
        }
        error
    }

    /// Saves tokens in the token store and hands them to `on_refresh`. What fails is done again by the next refresh.
    async fn save(&self, mut unsaved: Unsaved, waiters: &Waiters) -> Result<Current, OauthError> {
        if let Some(store) = &self.settings.store {
            match self.keep(store, &unsaved).await? {
                Kept::As(version) => unsaved.fresh.version = version,
                Kept::Others(stored) => return Ok(self.settings.dated(stored.tokens, stored.version)),
            }
        }
        if let (Some(save), false) = (&self.settings.save, unsaved.reported) {
            let clock = &self.settings.app.settings().clock;
            let limit = self.settings.save_timeout;
            let tokens = &unsaved.fresh.tokens;
            match limited(&**clock, limit, || waiters.idle(), call(save, (**tokens).clone())).await {
                Some(Ok(())) => {}
                Some(Err(Failed::Error(fault))) => return Err(not_saved(fault, tokens)),
                Some(Err(Failed::Panic)) => return Err(not_kept("on_refresh panicked".to_owned())),
                None => return Err(not_kept(format!("on_refresh took longer than {} s", limit.as_secs_f64()))),
            }
        }
        Ok(unsaved.fresh)
    }

    async fn keep(&self, store: &SharedLogin, unsaved: &Unsaved) -> Result<Kept, OauthError> {
        let clock = &*self.settings.app.settings().clock;
        let tokens = &unsaved.fresh.tokens;
        let kept = match &unsaved.guard {
            Some(guard) => store.save(clock, guard, tokens).await,
            None => store.put(clock, tokens).await.map(Ok),
        };
        match kept {
            Ok(Ok(version)) => Ok(Kept::As(version)),
            Ok(Err(Some(stored))) => Ok(Kept::Others(stored)),
            Ok(Err(None)) => Err(signed_out()),
            Err(fault) => Err(not_saved_in_store(fault.into(), tokens)),
        }
    }

    fn pause(&self) {
        self.pause_for(self.settings.pause);
    }

    fn pause_for(&self, pause: Duration) {
        let end = self.settings.app.settings().clock.now().checked_add(pause);
        self.at_epoch(|_, state| state.not_before = end);
    }

    /// Looks at the state, unless the user signed in or out since the refresh began or nobody holds the credential.
    fn at_epoch<T>(&self, look: impl FnOnce(&Inner, &mut State) -> T) -> Option<T> {
        let inner = self.inner.upgrade()?;
        let mut state = inner.lock();
        (state.epoch == self.epoch).then(|| look(&inner, &mut state))
    }
}

/// What the token store has after a save.
enum Kept {
    As(u64),
    /// Tokens of another process, which was faster.
    Others(StoredTokens),
}

/// A server that asks for longer is asked again all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Saving that failed faster than this may be tried by every call.
const SLOW_SAVE: Duration = Duration::from_secs(1);

const INTERRUPTED: &str = "another process ended in the middle of a refresh, before it could save the server's response: the \
                           refresh token was used up; send the user through a new login";

const LOST: &str = "an earlier refresh may have used it up, since no response of the server arrived; send the user through a \
                    new login";

enum Failed {
    Error(Box<dyn StdError + Send + Sync>),
    Panic,
}

/// Calls `on_refresh`; a panic in it is an error of its own.
async fn call(save: &Save, tokens: Tokens) -> Result<(), Failed> {
    contained_future(|| save(tokens)).await.ok_or(Failed::Panic)?.map_err(Failed::Error)
}

fn not_kept(message: String) -> OauthError {
    OauthError::new(OauthErrorKind::NotSaved, message)
        .with_hint("the tokens are kept in memory and the next call saves them again; latest() gives them out")
}

fn not_saved(fault: Box<dyn StdError + Send + Sync>, tokens: &Tokens) -> OauthError {
    described("on_refresh failed", fault, tokens)
}

fn not_saved_in_store(fault: Box<dyn StdError + Send + Sync>, tokens: &Tokens) -> OauthError {
    described("the token store failed", fault, tokens)
}

fn described(what: &str, fault: Box<dyn StdError + Send + Sync>, tokens: &Tokens) -> OauthError {
    let secrets = Secrets::of(Some(tokens));
    let error = not_kept(format!("{what}: {}", secrets.clean(&fault.to_string())));
    match secrets.keep_out_of(fault) {
        Some(fault) => error.with_source(fault),
        None => error,
    }
}

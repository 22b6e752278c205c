//! How callers get a token, and wait for the one refresh that runs at a time.

use std::sync::Arc;
use std::time::Instant;

use super::error::{OauthError, OauthErrorKind};
use super::login_state::{Current, Inner, Outcome, State, no_refresh_token, signed_out};
use super::refresh::Refresh;
use super::single_flight::{NoOutcome, SingleFlight, Waiters};
use crate::metadata::Sent;
use crate::secret::Secret;
use crate::time_limit::{OutOfTime, within};

/// What a caller gets, by the state of the credential.
enum Need {
    Token(Secret),
    Refresh,
    Nothing,
}

impl Inner {
    /// The token to send now.
    pub(super) async fn token(self: &Arc<Self>) -> Outcome {
        let clock = &self.settings.app.settings().clock;
        let usable = {
            let (state, now) = (self.lock(), clock.now());
            match self.need(&state, now)? {
                Need::Token(token) => return Ok(token),
                _ => state.current.as_ref().filter(|current| current.is_usable(now)).map(Current::access_token),
            }
        };
        match usable {
            Some(token) => Ok(self.impatient().await.unwrap_or(token)),
            None => self.outcome(|state| self.need(state, clock.now())).await?.ok_or_else(no_refresh_token),
        }
    }

    fn need(&self, state: &State, now: Instant) -> Result<Need, OauthError> {
        let current = state.current.as_ref().ok_or_else(signed_out)?;
        if state.unsaved.is_none() && (!current.is_due(now) || current.tokens.refresh_token.is_none()) {
            // Without a refresh token the service may as well say itself that the access token is no longer good.
            return Ok(Need::Token(current.access_token()));
        }
        let waits = state.dead.is_some() || state.not_before.is_some_and(|time| now < time);
        match &state.dead {
            _ if current.is_usable(now) && waits => Ok(Need::Token(current.access_token())),
            _ if current.is_usable(now) => Ok(Need::Refresh),
            Some(dead) if self.is_final(state, now) => Err(dead.clone()),
            Some(_) => Ok(Need::Refresh),
            None => busy(state, now).map(|()| Need::Refresh),
        }
    }

    /// The outcome of a refresh while the token at hand is still good: nobody waits long for it.
    async fn impatient(self: &Arc<Self>) -> Option<Secret> {
        let clock = &self.settings.app.settings().clock;
        let outcome = self.outcome(|state| self.need(state, clock.now()));
        if let Ok(outcome) = within(&**clock, self.settings.patience, outcome).await {
            return outcome.ok().flatten();
        }
        self.lock().not_before = clock.now().checked_add(self.settings.pause);
        None
    }

    /// Another token than the refused one; `None` without a refresh token.
    pub(super) async fn replace(self: &Arc<Self>, refused: &Secret) -> Result<Option<Secret>, OauthError> {
        let clock = &self.settings.app.settings().clock;
        let outcome = self.outcome(|state| {
            let current = state.current.as_mut().ok_or_else(signed_out)?;
            if current.tokens.access_token == *refused {
                current.refused = true;
            } else if !current.refused {
                return Ok(Need::Token(current.access_token()));
            }
            let has_more = state.unsaved.is_some() || current.tokens.refresh_token.is_some();
            match &state.dead {
                Some(dead) if self.is_final(state, clock.now()) => return Err(dead.clone()),
                _ => busy(state, clock.now())?,
            }
            Ok(if has_more { Need::Refresh } else { Need::Nothing })
        });
        outcome.await
    }

    /// New tokens now, whatever the age of those in use.
    pub(super) async fn renew(self: &Arc<Self>) -> Result<(), OauthError> {
        let now = self.settings.app.settings().clock.now();
        let outcome = self.outcome(|state| {
            let current = state.current.as_ref().ok_or_else(signed_out)?;
            match &state.dead {
                Some(dead) if self.is_final(state, now) => return Err(dead.clone()),
                _ => {}
            }
            if state.unsaved.is_none() && current.tokens.refresh_token.is_none() {
                return Err(no_refresh_token());
            }
            Ok(Need::Refresh)
        });
        outcome.await.map(|_| ())
    }

    /// Waits for a refresh under way, and saves what could not be saved.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<(), OauthError> {
        // One that was lost is begun anew: the server may have used up the refresh token.
        let mut lost = false;
        let outcome = self.outcome(|state| {
            let settled = state.refresh.is_none() && state.unsaved.is_none() && !lost;
            lost = true;
            Ok(if settled { Need::Nothing } else { Need::Refresh })
        });
        outcome.await.map(|_| ())
    }

    /// Whether a refusal of the refresh token stands. With a token store the user may have logged in elsewhere since, so
    /// that it is looked at again from time to time.
    fn is_final(&self, state: &State, now: Instant) -> bool {
        self.settings.store.is_none() || state.not_before.is_some_and(|time| now < time)
    }

    /// Waits for the refresh under way, else for a new one, if there is need of one. One that was begun on a runtime that has
    /// ended, or that panicked, is begun anew once.
    async fn outcome(
        self: &Arc<Self>,
        mut need: impl FnMut(&mut State) -> Result<Need, OauthError>,
    ) -> Result<Option<Secret>, OauthError> {
        let clock = &self.settings.app.settings().clock;
        let mut failed = None;
        for _ in 0..2 {
            let refresh = {
                // Under one lock: a refresh that ends between the look and the start would be followed by a second one.
                let mut state = self.lock();
                match need(&mut state)? {
                    Need::Token(token) => return Ok(Some(token)),
                    Need::Nothing => return Ok(None),
                    Need::Refresh => self.refresh(&mut state),
                }
            };
            let reason = match within(&**clock, self.settings.limit(), refresh.join()).await {
                Ok(Ok(outcome)) => return outcome.map(Some),
                Ok(Err(reason)) => reason,
                Err(OutOfTime) => {
                    refresh.give_up();
                    NoOutcome::GivenUp
                }
            };
            if reason == NoOutcome::Reentered {
                return Err(no_outcome(reason));
            }
            let lost = self.lock().refresh.take_if(|known| known.is(&refresh));
            drop(lost);
            failed = Some(no_outcome(reason));
            if reason == NoOutcome::GivenUp {
                break;
            }
        }
        Err(failed.unwrap_or_else(signed_out))
    }

    /// The refresh under way, else a new one.
    fn refresh(self: &Arc<Self>, state: &mut State) -> SingleFlight<Outcome> {
        let epoch = state.epoch;
        state
            .refresh
            .get_or_insert_with(|| {
                let waiters = Waiters::new(&self.settings.app.settings().clock);
                let refresh = Refresh::new(self, epoch);
                SingleFlight::new(Arc::clone(&waiters), Box::pin(refresh.run(waiters)))
            })
            .clone()
    }
}

fn no_outcome(reason: NoOutcome) -> OauthError {
    let interrupted = |words: &str| OauthError::new(OauthErrorKind::Interrupted, words).with_sent(Sent::Maybe);
    match reason {
        NoOutcome::Panicked => interrupted("the refresh panicked; the next call tries again"),
        NoOutcome::RuntimeEnded => interrupted("the async runtime that the refresh was begun on has ended"),
        NoOutcome::GivenUp => OauthError::new(
            OauthErrorKind::Timeout,
            "the refresh made no progress: was it begun on an async runtime that nothing runs?",
        )
        .with_sent(Sent::Maybe),
        NoOutcome::Reentered => OauthError::new(
            OauthErrorKind::Config,
            "on_refresh used the very credential whose new tokens it is to save, and would wait for itself",
        ),
    }
}

/// A server that is busy is not asked again before the time that it asked for, and nobody waits again at once for a store that
/// hung just now.
fn busy(state: &State, now: Instant) -> Result<(), OauthError> {
    let Some(end) = state.not_before.filter(|end| now < *end) else { return Ok(()) };
    match (&state.busy, &state.stuck) {
        (_, Some(stuck)) if state.unsaved.is_some() => Err(stuck.clone()),
        (Some(error), _) if state.unsaved.is_none() => {
            Err(error.clone().with_wait(end.saturating_duration_since(now)).with_sent(Sent::No))
        }
        _ => Ok(()),
    }
}

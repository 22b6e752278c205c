//! One login of one user, from the link to the tokens.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use url::{Url, form_urlencoded};

use super::address;
use super::app::OauthApp;
use super::error::{OauthError, OauthErrorCode, OauthErrorKind, Secrets};
use super::pkce;
use super::tokens::Tokens;
use crate::metadata::Sent;
use crate::secret::Secret;

/// The longest callback that is looked at, in bytes.
const MAX_CALLBACK: usize = 16 * 1024;

const TRY_WITHOUT_METHOD: &str = "if the server does not take `code_challenge_method`, switch it off with \
                                  send_challenge_method(false)";

/// One login of one user, under way; made by [`OauthApp::login`].
///
/// It holds what proves that the callback belongs to this login (the state) and that the code was asked for by this
/// program (the verifier). Keep it in the session of the browser that was sent away, and nowhere the browser can read it:
/// a login that any browser can finish lets an attacker log a victim into the attacker's account.
///
/// `Debug` shows neither.
pub struct Login {
    app: OauthApp,
    url: Url,
    state: Secret,
    verifier: Secret,
    started: Instant,
    age: Duration,
    /// Whether a code was exchanged: it buys tokens once.
    used: AtomicBool,
}

/// A code out of a callback that belongs to a [`Login`]; it buys tokens once.
#[derive(Clone)]
pub struct AuthorizationCode(Secret);

impl OauthApp {
    /// Starts one login of one user: send the browser to its [`url`](Login::url) and keep it in the user's session.
    ///
    /// Evidence: observed (official login example); that `code_challenge_method` is understood is inferred.
    ///
    /// # Errors
    /// `Config` if the system gives no random numbers.
    pub fn login(&self) -> Result<Login, OauthError> {
        let (state, verifier) = (pkce::state(&self.0.entropy)?, pkce::verifier(&self.0.entropy)?);
        Ok(Login::new(self, state, verifier, Duration::ZERO))
    }

    /// A login that was started elsewhere, for instance by another process behind the same load balancer.
    ///
    /// `state` and `verifier` are those of [`Login::state`] and [`Login::verifier`], `age` is the time since the start.
    ///
    /// # Errors
    /// `Config` if they cannot be what a login made.
    pub fn resume_login(
        &self,
        state: impl Into<Secret>,
        verifier: impl Into<Secret>,
        age: Duration,
    ) -> Result<Login, OauthError> {
        let (state, verifier) = (state.into(), verifier.into());
        if state.expose().len() < 16 || !pkce::is_verifier(verifier.expose()) {
            return Err(OauthError::new(
                OauthErrorKind::Config,
                "the state or the verifier is not what a login made: it was cut off or changed",
            ));
        }
        Ok(Login::new(self, state, verifier, age))
    }
}

impl Login {
    fn new(app: &OauthApp, state: Secret, verifier: Secret, age: Duration) -> Self {
        let started = app.settings().clock.now();
        Self {
            url: authorize_url(app, &state, &verifier),
            app: app.clone(),
            state,
            verifier,
            started,
            age,
            used: AtomicBool::new(false),
        }
    }

    /// The page to send the user's browser to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The state, to save a login that another process may finish; see [`OauthApp::resume_login`].
    #[must_use]
    pub fn state(&self) -> &Secret {
        &self.state
    }

    /// The verifier, to save a login that another process may finish; see [`OauthApp::resume_login`].
    #[must_use]
    pub fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// Checks that a callback belongs to this login, and takes the code out of it.
    ///
    /// `callback` is the address that the browser came back to, or its query alone. A whole address has to be the registered
    /// one: where a proxy changes it, give the query. The login stays as it is, so that a made-up callback cannot end it.
    ///
    /// # Errors
    /// `StateMismatch` for a callback of another login or without a `state`, whatever else it says; `Callback` for one that
    /// is none, `LoginExpired`, and `Refused` when the server or the user said no.
    pub fn check(&self, callback: &str) -> Result<AuthorizationCode, OauthError> {
        let settings = self.app.settings();
        if !address::is_registered(callback, &settings.redirect_url) {
            return Err(OauthError::new(
                OauthErrorKind::Callback,
                "the browser came back to another address than the registered one",
            )
            .with_hint("where a proxy changes addresses, give the query alone"));
        }
        let callback = Callback::read(callback)?;
        // A callback of another login says nothing about this one, not even that it failed.
        if callback.state.as_ref() != Some(&self.state) {
            return Err(OauthError::new(
                OauthErrorKind::StateMismatch,
                "the callback does not belong to this login: its `state` is missing or another",
            ));
        }
        if let Some(error) = callback.error {
            return Err(self.refused(&error, callback.description));
        }
        if self.used.load(Ordering::Acquire) {
            return Err(OauthError::new(OauthErrorKind::LoginExpired, "a callback of it was used already"));
        }
        let age = self.age.saturating_add(settings.clock.now().saturating_duration_since(self.started));
        if age >= settings.login_time {
            let message =
                format!("it was started {} s ago and may take {} s", age.as_secs(), settings.login_time.as_secs());
            return Err(OauthError::new(OauthErrorKind::LoginExpired, message));
        }
        callback.code.map(AuthorizationCode).ok_or_else(|| {
            OauthError::new(OauthErrorKind::Callback, "the callback carries neither a code nor an error")
        })
    }

    fn refused(&self, code: &str, description: Option<String>) -> OauthError {
        let secrets = Secrets(vec![self.state.expose(), self.verifier.expose()]);
        let code = OauthErrorCode::other(&secrets.clean(code));
        let words = description.map(|words| secrets.clean(&words)).filter(|words| !words.is_empty());
        // The one parameter that is standard and yet unproven with this service.
        let suspect = code == OauthErrorCode::InvalidRequest && self.app.settings().challenge_method;
        let error = OauthError::refused(code, words, None);
        if suspect { error.with_hint(TRY_WITHOUT_METHOD) } else { error }
    }

    /// Buys tokens with a code from [`check`](Self::check).
    ///
    /// # Errors
    /// See [`OauthErrorKind`]. A code can be used once: with [`was_sent`](OauthError::was_sent) other than `No`, start a
    /// new login.
    pub async fn exchange(&self, code: AuthorizationCode) -> Result<Tokens, OauthError> {
        if self.used.swap(true, Ordering::AcqRel) {
            return Err(OauthError::new(OauthErrorKind::LoginExpired, "a callback of it was used already"));
        }
        let result = self.app.exchange_with(&code.0, &self.verifier).await;
        if result.as_ref().is_err_and(|error| error.was_sent() == Sent::No) {
            // The code never left, so it is still good.
            self.used.store(false, Ordering::Release);
        }
        result
    }

    /// Checks a callback and buys tokens with its code: [`check`](Self::check) and [`exchange`](Self::exchange) in one.
    ///
    /// A callback that does not belong to this login leaves it as it is: the true one can still finish it.
    ///
    /// # Errors
    /// Those of the two.
    pub async fn finish(&self, callback: &str) -> Result<Tokens, OauthError> {
        let code = self.check(callback)?;
        self.exchange(code).await
    }
}

fn authorize_url(app: &OauthApp, state: &Secret, verifier: &Secret) -> Url {
    let settings = app.settings();
    let mut url = settings.authorize_url.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code");
        query.append_pair("client_id", &settings.client_id);
        query.append_pair("redirect_uri", &settings.redirect_url);
        if !settings.scope.is_empty() {
            query.append_pair("scope", &settings.scope);
        }
        query.append_pair("state", state.expose());
        query.append_pair("code_challenge", &pkce::challenge(verifier));
        if settings.challenge_method {
            query.append_pair("code_challenge_method", "S256");
        }
        query.extend_pairs(&settings.parameters);
    }
    url
}

/// What a callback carries; other parameters are not looked at.
#[derive(Default)]
struct Callback {
    state: Option<Secret>,
    code: Option<Secret>,
    error: Option<String>,
    description: Option<String>,
}

impl Callback {
    fn read(text: &str) -> Result<Self, OauthError> {
        let fault = |words: &str| OauthError::new(OauthErrorKind::Callback, words);
        if text.len() > MAX_CALLBACK {
            return Err(fault("the callback is longer than any callback should be"));
        }
        let text = text.split_once('#').map_or(text, |(address, _)| address);
        let (_, query) = address::parts(text);
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let doubled = match &*name {
                "state" => callback.state.replace(Secret::from(value.into_owned())).is_some(),
                "code" => callback.code.replace(Secret::from(value.into_owned())).is_some(),
                "error" => callback.error.replace(value.into_owned()).is_some(),
                "error_description" => callback.description.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if doubled {
                return Err(fault("the callback has a parameter twice, so that it could be read in two ways"));
            }
        }
        callback.code = callback.code.filter(|code| !code.expose().is_empty());
        callback.error = callback.error.filter(|error| !error.is_empty());
        Ok(callback)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("client_id", &self.app.settings().client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationCode(redacted)")
    }
}

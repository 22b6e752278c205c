//! A credential that refreshes its access token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::app::OauthApp;
use super::error::OauthError;
use super::error::OauthErrorKind;
use super::login_state::{Inner, Settings};
use super::shared_login::SharedLogin;
use super::token_store::TokenStore;
use super::tokens::Tokens;
use crate::credential::{Credential, TokenProvider};
use crate::error::Error;
use crate::future::BoxFuture;
use crate::secret::Secret;

/// The credential of one signed-in user, refreshed by itself; clones are the same credential.
///
/// - The access token is replaced ahead of its end ([`skew`](RefreshingBuilder::skew)). However many calls find that it is
///   time, one request is made and all get its outcome. While the old token is still good, a call waits at most
///   [`patience`](RefreshingBuilder::patience) for the new one, and a refresh that fails does not fail it.
/// - When the service responds with 401, the token is replaced once and the call made again; a second 401 is the call's error.
/// - New tokens go to [`on_refresh`](RefreshingBuilder::on_refresh), or into a [`TokenStore`], before they are used: the
///   server may have used up the old refresh token. If saving fails they are kept, and saving is tried again before anything
///   else.
/// - A call that is dropped leaves the refresh where it stands, and the next one goes on with it. One that was begun on an
///   async runtime that has ended since is begun anew. Before the program ends, [`settle`](Self::settle) finishes a refresh
///   under way.
/// - The end of a token is counted from when it was asked for, by a clock that does not jump. The server's clock does not
///   matter; across restarts [`Tokens::expires_at`] counts, by this machine's clock.
///
/// Two processes must not refresh with one refresh token side by side: where the server replaces it with each use, one of
/// them would be logged out. Give them a common [`TokenStore`].
///
/// ```
/// # async fn example(app: &onehorizon::oauth::OauthApp) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use onehorizon::{ApiKeysApi, Configuration};
/// use onehorizon::oauth::{FileTokens, RefreshingCredential};
///
/// // After a login: RefreshingCredential::builder(app, tokens).token_store(store).build()
/// let store = FileTokens::new("/var/lib/my-app/one-horizon");
/// let user = RefreshingCredential::open(app, store).await?.build();
/// let configuration = Configuration::builder().credential(user.into()).build()?;
/// let keys = ApiKeysApi::new(&configuration);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RefreshingCredential(Arc<Inner>);

impl RefreshingCredential {
    /// A credential from the tokens of a login, or of one in the past.
    pub fn builder(app: &OauthApp, tokens: Tokens) -> RefreshingBuilder {
        RefreshingBuilder { tokens, version: 0, store: None, settings: defaults(app) }
    }

    /// A credential with the tokens in a [`TokenStore`], for a process that shares a login with others or starts again.
    ///
    /// After a login, give the new tokens to [`builder`](Self::builder) and the store to
    /// [`token_store`](RefreshingBuilder::token_store) instead.
    ///
    /// # Errors
    /// `SignedOut` when the store has no tokens, `Store` when it fails or takes longer than 1 s.
    pub async fn open(app: &OauthApp, store: impl TokenStore) -> Result<RefreshingBuilder, OauthError> {
        let store: Arc<dyn TokenStore> = Arc::new(store);
        let login = SharedLogin { store: Arc::clone(&store), timeout: STORE_TIMEOUT, lease: Duration::ZERO };
        let stored = login
            .load(&*app.settings().clock)
            .await?
            .ok_or_else(|| OauthError::new(OauthErrorKind::SignedOut, "the token store has no tokens"))?;
        let (tokens, version) = (stored.tokens, stored.version);
        Ok(RefreshingBuilder { tokens, version, store: Some(store), settings: defaults(app) })
    }

    /// The access token to send now, refreshed if it is time.
    ///
    /// # Errors
    /// See [`OauthErrorKind`](super::OauthErrorKind).
    pub async fn access_token(&self) -> Result<Secret, OauthError> {
        self.0.token().await
    }

    /// Gets new tokens now, whatever the age of those in use, for instance when the user's permissions have changed.
    ///
    /// # Errors
    /// See [`OauthErrorKind`](super::OauthErrorKind).
    pub async fn refresh(&self) -> Result<(), OauthError> {
        self.0.renew().await
    }

    /// The newest tokens, also those that `on_refresh` could not save; `None` after [`forget`](Self::forget).
    #[must_use]
    pub fn latest(&self) -> Option<Tokens> {
        self.0.latest()
    }

    /// Starts over with the tokens of a new login. The new tokens do not go to `on_refresh`; into a token store they go with
    /// the next call or with [`settle`](Self::settle).
    ///
    /// A refresh of the old tokens that is under way means nothing any more, but its `on_refresh` may be running at this moment:
    /// [`settle`](Self::settle) first where the old tokens must not be saved over the new ones.
    pub fn sign_in(&self, tokens: Tokens) {
        self.0.sign_in(tokens);
    }

    /// Gives the tokens up, as when the user logs out: calls fail from now on, until [`sign_in`](Self::sign_in). A token store
    /// keeps them for other processes; [`TokenStore::clear`] ends the login there.
    ///
    /// The service is not known to have an endpoint that revokes tokens: they stay valid there until they end.
    pub fn forget(&self) {
        self.0.forget();
    }

    /// Finishes a refresh that a dropped call left under way, and saves tokens that could not be saved. Without any it
    /// does nothing.
    ///
    /// # Errors
    /// Those of the refresh.
    pub async fn settle(&self) -> Result<(), OauthError> {
        self.0.settle().await
    }
}

impl TokenProvider for RefreshingCredential {
    fn token(&self) -> BoxFuture<'_, Result<Secret, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async { self.0.token().await.map_err(of_the_call) })
    }

    fn replace(&self, refused: &Secret) -> BoxFuture<'_, Result<Option<Secret>, Box<dyn StdError + Send + Sync>>> {
        let refused = refused.clone();
        Box::pin(async move { self.0.replace(&refused).await.map_err(of_the_call) })
    }
}

/// The call's error, with the kind that says whether trying again makes sense.
fn of_the_call(error: OauthError) -> Box<dyn StdError + Send + Sync> {
    Box::new(Error::from(error))
}

impl From<RefreshingCredential> for Credential {
    fn from(credential: RefreshingCredential) -> Self {
        Self::provider(credential)
    }
}

impl fmt::Debug for RefreshingCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshingCredential").field("app", &self.0.settings.app).finish_non_exhaustive()
    }
}

/// How long each call of a token store may take unless configured otherwise.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

fn defaults(app: &OauthApp) -> Settings {
    Settings {
        app: app.clone(),
        save: None,
        store: None,
        skew: Duration::from_secs(60),
        pause: Duration::from_secs(5),
        patience: Duration::from_secs(2),
        save_timeout: Duration::from_secs(30),
    }
}

/// Makes a [`RefreshingCredential`].
#[must_use = "a builder does nothing until it is built"]
pub struct RefreshingBuilder {
    tokens: Tokens,
    version: u64,
    store: Option<Arc<dyn TokenStore>>,
    settings: Settings,
}

impl RefreshingBuilder {
    /// Saves new tokens: awaited before the first of them is used.
    ///
    /// It may get the same tokens again, when it failed, panicked or took too long. It must not make calls with this
    /// credential: they would wait for the tokens that it is to save, and fail.
    pub fn on_refresh<F, E>(mut self, save: impl Fn(Tokens) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.settings.save = Some(Arc::new(move |tokens| {
            let saving = save(tokens);
            Box::pin(async move { saving.await.map_err(Into::into) })
        }));
        self
    }

    /// Shares the login with other processes: one of them refreshes, the others take its result.
    ///
    /// The tokens given to [`builder`](RefreshingCredential::builder) count as those of a new login, and replace what the
    /// store has with the first call. To go on with what the store has, use [`RefreshingCredential::open`].
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// How long before its end an access token is replaced; default 60 s, and never more than half of its lifetime.
    pub fn skew(mut self, skew: Duration) -> Self {
        self.settings.skew = skew;
        self
    }

    /// How long to leave the server alone after a refresh that failed or took long while the old token was still good, and
    /// `on_refresh` or the token store after a save that hung; default 5 s.
    pub fn retry_pause(mut self, pause: Duration) -> Self {
        self.settings.pause = pause;
        self
    }

    /// How long a call waits for a new token while the old one is still good; default 2 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// How long `on_refresh` may take; default 30 s. Then the call fails with `NotSaved`.
    ///
    /// The next call saves again. After a save that took a second or longer, calls within [`retry_pause`](Self::retry_pause)
    /// get that error at once, so that a store that hangs does not cost each of them its time limit.
    pub fn save_timeout(mut self, limit: Duration) -> Self {
        self.settings.save_timeout = limit;
        self
    }

    /// The credential.
    #[must_use]
    pub fn build(self) -> RefreshingCredential {
        let Self { tokens, version, store, mut settings } = self;
        // The lease of a refresh covers the request and the saving, so that nobody else begins one meanwhile.
        let lease = settings.app.settings().timeout.saturating_add(settings.save_timeout);
        settings.store = store.map(|store| Arc::new(SharedLogin { store, timeout: STORE_TIMEOUT, lease }));
        RefreshingCredential(Inner::new(settings, tokens, version))
    }
}

impl fmt::Debug for RefreshingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshingBuilder")
            .field("app", &self.settings.app)
            .field("skew", &self.settings.skew)
            .finish_non_exhaustive()
    }
}

//! The app that users log in to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::error::OauthError;
use super::pkce::Entropy;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::secret::Secret;
use crate::transport::Transport;

/// A custom app of One Horizon (Settings > Apps) that users log in to; made once, cloning is cheap.
///
/// ```
/// use onehorizon::oauth::OauthApp;
/// # fn main() -> Result<(), onehorizon::oauth::OauthError> {
/// let app = OauthApp::builder("my-client-id", "https://app.example/callback").client_secret("…").build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OauthApp(pub(super) Arc<Settings>);

pub(super) struct Settings {
    pub(super) client_id: String,
    pub(super) client_secret: Option<Secret>,
    pub(super) redirect_url: String,
    pub(super) authorize_url: Url,
    pub(super) token_url: Url,
    pub(super) scope: String,
    pub(super) challenge_method: bool,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) login_time: Duration,
    pub(super) timeout: Duration,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Entropy,
}

impl OauthApp {
    /// Gets new tokens with a refresh token; [`RefreshingCredential`](super::RefreshingCredential) does it by itself.
    ///
    /// The server may have used up the refresh token: save the tokens before using them. A response without a refresh token
    /// leaves the old one valid, so it is put into the result.
    ///
    /// Evidence: observed (an older version of the official login example).
    ///
    /// # Errors
    /// See [`OauthErrorKind`](super::OauthErrorKind); [`OauthError::needs_login`] says whether only a new login helps.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Tokens, OauthError> {
        Ok(self.refresh_with(refresh_token, &[], || Duration::ZERO).await?.tokens)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0
    }
}

impl fmt::Debug for OauthApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OauthApp")
            .field("client_id", &self.0.client_id)
            .field("client_secret", &self.0.client_secret)
            .field("redirect_url", &self.0.redirect_url)
            .field("authorize_url", &self.0.authorize_url.as_str())
            .field("token_url", &self.0.token_url.as_str())
            .field("scope", &self.0.scope)
            .finish_non_exhaustive()
    }
}

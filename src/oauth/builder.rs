//! The builder of an [`OauthApp`](super::OauthApp).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::address::{self, DEFAULT_SITE};
use super::app::{OauthApp, Settings};
use super::error::{OauthError, OauthErrorKind};
use super::pkce::{self, Entropy};
use crate::clock::{Clock, SystemClock};
use crate::environment;
use crate::secret::Secret;
use crate::setting::{self, Form};
use crate::transport::{ReqwestTransport, Transport};

/// The scopes that are asked for. Which scopes there are beside them is not documented.
///
/// Evidence: observed (official login example).
pub const DEFAULT_SCOPES: [&str; 3] = ["openid", "profile", "email"];

const AUTHORIZE_PATH: &str = "/app/auth/authorize";
const TOKEN_PATH: &str = "/app/auth/token";
const USER_AGENT: &str = concat!("onehorizon-rust/", env!("CARGO_PKG_VERSION"));

/// Parameters that a login sets itself.
const OWN_PARAMETERS: [&str; 7] =
    ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"];

/// Makes an [`OauthApp`].
#[must_use = "a builder does nothing until it is built"]
pub struct OauthAppBuilder {
    client_id: String,
    client_secret: Option<Secret>,
    redirect_url: String,
    site: String,
    authorize_url: Option<String>,
    token_url: Option<String>,
    insecure_http: bool,
    scope: String,
    challenge_method: bool,
    parameters: Vec<(String, String)>,
    login_time: Duration,
    timeout: Duration,
    connect_timeout: Duration,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
}

impl OauthApp {
    /// A builder for an app with this client id, whose users come back to `redirect_url`.
    ///
    /// The service compares the callback address with the registered one character by character. It must be `https://`,
    /// or `http://` on this machine, or an app's own scheme.
    ///
    /// Evidence: documented (OAuth apps page).
    pub fn builder(client_id: impl Into<String>, redirect_url: impl Into<String>) -> OauthAppBuilder {
        OauthAppBuilder::new(client_id.into(), redirect_url.into())
    }
}

impl OauthAppBuilder {
    fn new(client_id: String, redirect_url: String) -> Self {
        Self {
            client_id,
            client_secret: None,
            redirect_url,
            site: DEFAULT_SITE.to_owned(),
            authorize_url: None,
            token_url: None,
            insecure_http: false,
            scope: DEFAULT_SCOPES.join(" "),
            challenge_method: true,
            parameters: Vec::new(),
            login_time: Duration::from_secs(10 * 60),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            transport: None,
            clock: Arc::new(SystemClock),
            entropy: pkce::system(),
        }
    }

    /// Starts from `ONE_HORIZON_CLIENT_ID` and, where they are set, `ONE_HORIZON_CLIENT_SECRET`, `ONE_HORIZON_SCOPE`
    /// (scopes with spaces in between) and `ONE_HORIZON_BASE_URL`.
    ///
    /// The official login example takes `ONE_HORIZON_BASE_URL` for the site, [`Configuration::from_env`] for the address of
    /// the REST API. Either is understood here: a trailing `/api/v1` is taken off, so that one environment serves both.
    ///
    /// [`Configuration::from_env`]: crate::Configuration::from_env
    ///
    /// # Errors
    /// `Config` if there is no client id, or a variable is not text.
    pub fn from_env(redirect_url: impl Into<String>) -> Result<Self, OauthError> {
        let client_id = variable("ONE_HORIZON_CLIENT_ID")?
            .ok_or_else(|| config("no client id: set ONE_HORIZON_CLIENT_ID (Settings > Apps) in the environment"))?;
        let mut builder = Self::new(client_id, redirect_url.into());
        builder.client_secret = variable("ONE_HORIZON_CLIENT_SECRET")?.map(Secret::from);
        if let Some(scope) = variable("ONE_HORIZON_SCOPE")? {
            builder = builder.scopes(scope.split_whitespace());
        }
        if let Some(site) = variable("ONE_HORIZON_BASE_URL")? {
            builder = builder.site(site);
        }
        Ok(builder)
    }

    /// The app's secret, which only a server can keep; leave it out for a program on a user's machine.
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// The scopes to ask for; default `openid profile email`.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scope.clear();
        for scope in scopes {
            if !self.scope.is_empty() {
                self.scope.push(' ');
            }
            self.scope.push_str(scope.as_ref());
        }
        self
    }

    /// Where users log in; default [`DEFAULT_SITE`]. The REST API's base address is understood too.
    ///
    /// `http://` is refused unless the host is this machine.
    pub fn site(mut self, url: impl Into<String>) -> Self {
        self.site = url.into();
        self
    }

    /// The whole address of the page where users log in; default `/app/auth/authorize` at the site.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.authorize_url = Some(url.into());
        self
    }

    /// The whole address of the token endpoint; default `/app/auth/token` at the site.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// Lets `http://` addresses of other machines through: codes and tokens then travel in the clear.
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_http = true;
        self
    }

    /// Whether to say `code_challenge_method=S256`; default yes.
    ///
    /// The standard wants it, since without it a challenge counts as the plain verifier. The official example leaves it
    /// out and sends an S256 challenge, so the service does without. The challenge is S256 in either case.
    pub fn send_challenge_method(mut self, send: bool) -> Self {
        self.challenge_method = send;
        self
    }

    /// One more parameter of the authorisation request, such as `prompt`.
    pub fn authorize_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// How long a user may take from the start of a login to the callback; default 10 minutes.
    pub fn login_time(mut self, time: Duration) -> Self {
        self.login_time = time;
        self
    }

    /// How long one request to the token endpoint may take; default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long making a connection may take; default 10 s. A transport of your own keeps its own time for this.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sends through a transport of your own instead of `reqwest`.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Takes the time from elsewhere, for tests and simulations.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes states and verifiers from another source than the operating system's generator.
    ///
    /// A caller who can guess what it gives can steal logins: anything but a cryptographic generator is for tests only.
    pub fn entropy<E>(mut self, fill: impl Fn(&mut [u8]) -> Result<(), E> + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.entropy = Arc::new(move |buffer| fill(buffer).map_err(Into::into));
        self
    }

    /// The app.
    ///
    /// # Errors
    /// `Config`, naming the setting, when one cannot be used.
    pub fn build(self) -> Result<OauthApp, OauthError> {
        let check = |what: &str, text: &str| {
            setting::check(Form::Text, text).map_err(|fault| config(format!("{what} {fault}")))
        };
        check("the client id", &self.client_id)?;
        if let Some(secret) = &self.client_secret {
            check("the client secret", secret.expose())?;
        }
        if !self.scope.is_empty() {
            check("the scope", &self.scope)?;
        }
        let redirect_url = address::callback(&self.redirect_url, self.insecure_http)?;
        if let Some((name, _)) = self.parameters.iter().find(|(name, _)| OWN_PARAMETERS.contains(&name.as_str())) {
            return Err(config(format!("the parameter `{name}` is set by the login itself")));
        }
        let site = address::server("the site", &self.site, self.insecure_http)?;
        let endpoint = |what, url: Option<String>, path| match url {
            Some(url) => address::server(what, &url, self.insecure_http),
            None => Ok(address::below(&site, path)),
        };
        let authorize_url = endpoint("the authorisation address", self.authorize_url, AUTHORIZE_PATH)?;
        let token_url = endpoint("the token endpoint's address", self.token_url, TOKEN_PATH)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(
                ReqwestTransport::standard(&token_url, USER_AGENT, self.connect_timeout)
                    .map_err(|error| config(error.message()))?,
            ),
        };
        Ok(OauthApp(Arc::new(Settings {
            client_id: self.client_id,
            client_secret: self.client_secret,
            redirect_url,
            authorize_url,
            token_url,
            scope: self.scope,
            challenge_method: self.challenge_method,
            parameters: self.parameters,
            login_time: self.login_time,
            timeout: self.timeout,
            transport,
            clock: self.clock,
            entropy: self.entropy,
        })))
    }
}

/// A variable of the environment.
fn variable(name: &str) -> Result<Option<String>, OauthError> {
    environment::variable(name).map_err(config)
}

fn config(message: impl Into<String>) -> OauthError {
    OauthError::new(OauthErrorKind::Config, message)
}

impl fmt::Debug for OauthAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OauthAppBuilder").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

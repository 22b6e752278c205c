//! The builder of a configuration, and the checks of its settings.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use super::{Behavior, CURRENT_WORKSPACE, Configuration, DEFAULT_BASE_URL, HostList};
use crate::clock::{Clock, SystemClock};
use crate::credential::{Credential, CredentialKind};
use crate::drift::Reported;
use crate::engine::{Budget, Retry, Settings};
use crate::environment;
use crate::error::{Error, ErrorKind};
use crate::hooks::{CallHooks, Hooks};
use crate::limits::DEFAULT_MAX_RESPONSE_BYTES;
use crate::models::WorkspaceId;
use crate::quota::{OnWait, Pacing, Quota, QuotaWait};
use crate::secret::Secret;
use crate::setting::{self, Form};
use crate::transport::endpoint::Purpose;
use crate::transport::network::{Network, Pem};
use crate::transport::{ReqwestTransport, Transport};

const USER_AGENT: &str = concat!("onehorizon-rust/", env!("CARGO_PKG_VERSION"));

/// Makes a [`Configuration`]; every setting but the credential has a default.
///
/// Of settings that replace each other (`api_key`, `oauth_token`, `credential` and the like) the last one counts.
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct ConfigurationBuilder {
    base_url: String,
    insecure_http: bool,
    credential: Identity,
    workspace: WorkspaceId,
    behavior: Behavior,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    deadline: Option<Duration>,
    max_response_bytes: usize,
    retry: Option<Retry>,
    pacing: Option<Pacing>,
    on_quota_wait: Option<OnWait>,
    hooks: Hooks,
    layers: Vec<Layer>,
    user_agent: String,
    network: Network,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

/// What puts a transport around another one.
type Layer = Arc<dyn Fn(Arc<dyn Transport>) -> Arc<dyn Transport> + Send + Sync>;

#[derive(Clone)]
enum Identity {
    Missing,
    KeyFile(PathBuf),
    Token(CredentialKind, Secret),
    Ready(Credential),
}

impl Default for ConfigurationBuilder {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.to_owned(),
            insecure_http: false,
            credential: Identity::Missing,
            workspace: CURRENT_WORKSPACE.into(),
            behavior: Behavior::default(),
            timeout: None,
            connect_timeout: None,
            deadline: None,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            retry: None,
            pacing: None,
            on_quota_wait: None,
            hooks: Hooks::default(),
            layers: Vec::new(),
            user_agent: USER_AGENT.to_owned(),
            network: Network::default(),
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl ConfigurationBuilder {
    /// Starts from `ONE_API_KEY`, else `ONE_OAUTH_TOKEN`, and `ONE_HORIZON_BASE_URL` if it is set.
    ///
    /// # Errors
    /// `Config` if neither credential is set, or a variable is not text.
    pub fn from_env() -> Result<Self, Error> {
        let mut builder = Self::default();
        if let Some(key) = variable("ONE_API_KEY")? {
            builder = builder.api_key(key);
        } else if let Some(token) = variable("ONE_OAUTH_TOKEN")? {
            builder = builder.oauth_token(token);
        } else {
            return Err(config(
                "no credential: set ONE_API_KEY (Settings > Developer > API Keys) or ONE_OAUTH_TOKEN in the environment",
            ));
        }
        if let Some(url) = variable("ONE_HORIZON_BASE_URL")? {
            builder = builder.base_url(url);
        }
        Ok(builder)
    }

    /// Calls with a workspace's API key.
    #[doc(alias = "apiKey")]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.credential = Identity::Token(CredentialKind::ApiKey, key.into());
        self
    }

    /// Calls with the workspace's API key that a file holds, for instance a mounted secret.
    ///
    /// One line end after the key is not part of it. The file is read when the configuration is built, and again after the
    /// service refused the key with 401: a key that was rotated in the file is used without a restart. A file that cannot be
    /// used then leaves the call `Unauthorized`, and the message says why.
    pub fn api_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credential = Identity::KeyFile(path.into());
        self
    }

    /// Calls as a member, with an OAuth access token.
    #[doc(alias = "bearer_token")]
    pub fn oauth_token(mut self, token: impl Into<Secret>) -> Self {
        self.credential = Identity::Token(CredentialKind::OauthToken, token.into());
        self
    }

    /// Calls with a token of either kind, as the official SDK's `accessToken`: the service decides what it may do.
    #[doc(alias = "accessToken")]
    #[doc(alias = "token")]
    pub fn access_token(mut self, token: impl Into<Secret>) -> Self {
        self.credential = Identity::Token(CredentialKind::Unknown, token.into());
        self
    }

    /// Calls with this credential, for instance one that refreshes itself.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Identity::Ready(credential);
        self
    }

    /// Where the service is; default [`DEFAULT_BASE_URL`].
    ///
    /// `http://` is refused unless the host is this machine, since the credential would travel in the clear.
    #[doc(alias = "basePath")]
    #[doc(alias = "endpoint")]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Lets `http://` addresses of other machines through: the credential then travels in the clear.
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_http = true;
        self
    }

    /// The workspace of calls that do not name one; default `current`.
    pub fn workspace(mut self, id: impl Into<WorkspaceId>) -> Self {
        self.workspace = id.into();
        self
    }

    /// The defaults to use where nothing else is set, whatever the order: for programs that want the same ones after an
    /// update of this crate.
    pub fn behavior(mut self, behavior: Behavior) -> Self {
        self.behavior = behavior;
        self
    }

    /// How long one attempt may take, from sending to the end of the response; default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long making a connection may take, within an attempt; default 10 s.
    ///
    /// A transport of your own keeps its own time for this.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long a whole call may take: all attempts, the waits between them and for the quota; default no limit.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The largest response to read, in bytes; default 32 MiB.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Which failures to repeat, how often and how patiently.
    #[doc(alias = "retries")]
    #[doc(alias = "max_retries")]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Spends the quota without being refused: requests wait until there is room for them. Default: no pacing; a refusal
    /// by the service holds all clones back until the wait it asks for is over.
    #[doc(alias = "rate_limit")]
    #[doc(alias = "throttle")]
    pub fn pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = Some(pacing);
        self
    }

    /// Called before each wait for the quota, so that a program can show it. It runs within the call: keep it short.
    pub fn on_quota_wait(mut self, report: impl Fn(&QuotaWait) + Send + Sync + 'static) -> Self {
        self.on_quota_wait = Some(Arc::new(report));
        self
    }

    /// Watches every call, attempt and wait; see [`hooks`](crate::hooks). Several work side by side.
    #[doc(alias = "interceptor")]
    #[doc(alias = "middleware")]
    pub fn hooks(mut self, hooks: impl CallHooks) -> Self {
        self.hooks.add(Arc::new(hooks));
        self
    }

    /// Puts something around the transport, seen by every attempt: the place for caching, signing, faults in tests.
    ///
    /// The layer gets the transport inside it and is one itself. It may change the request, whose `operation` and `attempt`
    /// say what it is, and may respond without passing it on. The last layer given is the outermost. Time limits, retries
    /// and the quota are outside all of them.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};
    /// use onehorizon::{BoxFuture, Configuration};
    ///
    /// struct Tagged(Arc<dyn Transport>);
    ///
    /// impl Transport for Tagged {
    ///     fn send(&self, mut request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
    ///         request.headers.insert("x-team", "payments".parse().expect("a valid header"));
    ///         self.0.send(request)
    ///     }
    /// }
    /// # fn main() -> Result<(), onehorizon::Error> {
    /// let configuration = Configuration::builder().api_key("the-key").layer(Tagged).build()?;
    /// # Ok(()) }
    /// ```
    pub fn layer<T: Transport>(mut self, layer: impl Fn(Arc<dyn Transport>) -> T + Send + Sync + 'static) -> Self {
        self.layers.push(Arc::new(move |inner| Arc::new(layer(inner))));
        self
    }

    /// Names your program in the `User-Agent`, before this crate's name.
    pub fn user_agent(mut self, name: impl fmt::Display) -> Self {
        self.user_agent = format!("{name} {USER_AGENT}");
        self
    }

    /// Sends through this proxy: `http://host:port`, `https://host:port` or `host:port`, with `user:password@` before the
    /// host if it asks for them, special characters percent-encoded.
    ///
    /// Default: `HTTPS_PROXY`, else `ALL_PROXY`, of the environment (lower case works, too) unless the service is on this
    /// machine; for an `http://` base URL `HTTP_PROXY` comes first. A variable that cannot be read is an error of
    /// [`build`](Self::build), never a silent bypass.
    pub fn proxy(mut self, address: impl Into<Secret>) -> Self {
        self.network.proxy = Some(address.into());
        self
    }

    /// The hosts that are reached without a proxy, with commas in between, as in `NO_PROXY`, which this replaces:
    /// `"localhost,.internal.example,10.0.0.0/8"`, or a list of them. A name stands for its subdomains as well, `"*"` for every host.
    ///
    /// `NO_PROXY` counts for a proxy of the environment only, not for one set by [`proxy`](Self::proxy).
    pub fn no_proxy(mut self, hosts: impl HostList) -> Self {
        self.network.no_proxy = Some(hosts.joined());
        self
    }

    /// Trusts these certificates of authorities, in PEM, beside the platform's.
    #[doc(alias = "ca_certificate")]
    #[doc(alias = "add_root_certificate")]
    pub fn root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.network.root_certificates.push(Pem::Text(pem.as_ref().to_vec()));
        self
    }

    /// Trusts the certificates of authorities in this PEM file beside the platform's.
    ///
    /// On Unix the variable `SSL_CERT_FILE` names a file to trust *instead* of the platform's.
    #[doc(alias = "ca_file")]
    #[doc(alias = "ca_bundle")]
    #[doc(alias = "danger_accept_invalid_certs")]
    #[doc(alias = "ca_cert")]
    pub fn root_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.network.root_certificates.push(Pem::File(path.into()));
        self
    }

    /// Shows this certificate to a server or gateway that asks for one: the chain and its unencrypted private key, in PEM,
    /// one after the other.
    pub fn client_identity_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.network.identity = Some(Arc::new(Zeroizing::new(pem.as_ref().to_vec())));
        self
    }

    /// Starts the HTTP client from a builder of yours (`reqwest` 0.13): pool, DNS, local address, proxies.
    ///
    /// Redirects, retries, referer, connect timeout and TLS are set by this crate, whatever the builder says: use
    /// [`root_certificate_pem`](Self::root_certificate_pem) and [`client_identity_pem`](Self::client_identity_pem) for
    /// TLS. With a builder of yours the proxies are those it has or finds in `reqwest`'s way, and then the one of
    /// [`proxy`](Self::proxy). A builder serves one configuration: of two clones of this builder the second fails.
    #[doc(alias = "http_client")]
    #[doc(alias = "client")]
    pub fn http_client_builder(mut self, builder: reqwest::ClientBuilder) -> Self {
        self.network.use_client_builder(builder);
        self
    }

    /// Sends through a transport of your own instead of `reqwest`.
    #[doc(alias = "fetchApi")]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Takes time and randomness from elsewhere, for tests and simulations.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// `Config`, naming the setting, when one cannot be used.
    pub fn build(self) -> Result<Configuration, Error> {
        let base_url = check_url(&self.base_url, self.insecure_http)?;
        let credential = match self.credential {
            Identity::Missing => {
                return Err(config("no credential: call api_key, oauth_token or credential on the builder"));
            }
            Identity::KeyFile(path) => Credential::api_key_file(path)?,
            Identity::Token(kind, secret) => Credential::fixed(kind, &secret)?,
            Identity::Ready(credential) => credential,
        };
        setting::check(Form::Id, self.workspace.as_str())
            .map_err(|fault| config(format!("the workspace id {fault}")))?;
        crate::engine::check_segment(self.workspace.as_str())
            .map_err(|fault| config(format!("the workspace id {fault}")))?;
        let Behavior { timeout, connect_timeout, retry } = self.behavior;
        let timeout = self.timeout.unwrap_or(timeout);
        let connect_timeout = self.connect_timeout.unwrap_or(connect_timeout);
        for (name, limit) in [("timeout", timeout), ("connect_timeout", connect_timeout)] {
            if limit.is_zero() {
                return Err(config(format!(
                    "the {name} is zero, in which no request can be made: give it some seconds"
                )));
            }
        }
        if http::HeaderValue::try_from(&self.user_agent).is_err() {
            return Err(config("the user agent has characters that a header cannot carry"));
        }
        if let Some(Err(fault)) = self.pacing.as_ref().map(|pacing| pacing.rules.check()) {
            return Err(config(format!("the pacing {fault}")));
        }
        let transport = match self.transport {
            Some(transport) => match self.network.needs_own_transport() {
                None => transport,
                Some(setting) => {
                    return Err(config(format!(
                        "{setting} is a setting of the built-in transport: with a transport of your \
                                               own, set it there"
                    )));
                }
            },
            None => Arc::new(
                ReqwestTransport::with_network(&base_url, &self.user_agent, connect_timeout, self.network)
                    .map_err(config)?,
            ),
        };
        let transport = self.layers.iter().fold(transport, |inner, layer| layer(inner));
        let settings = Settings {
            base_url,
            credential,
            workspace: self.workspace,
            timeout,
            deadline: self.deadline,
            max_response_bytes: self.max_response_bytes,
            budget: Arc::new(Budget::default()),
            quota: Arc::new(Quota::new(&self.clock, self.pacing, self.on_quota_wait)),
            hooks: self.hooks,
            reported: Arc::new(Reported::default()),
            takes_patch: Arc::default(),
            retry: self.retry.unwrap_or(retry),
            transport,
            clock: self.clock,
        };
        Ok(Configuration {
            settings: Arc::new(settings),
            edits: Arc::default(),
            #[cfg(feature = "blocking")]
            background: Arc::default(),
        })
    }
}

/// The base address, without a slash at its end.
fn check_url(text: &str, insecure_http: bool) -> Result<Url, Error> {
    let purpose = Purpose { what: "the base URL", example: DEFAULT_BASE_URL, carries: "the credential" };
    let mut url = purpose.server(text, insecure_http).map_err(config)?;
    if url.query().is_some() {
        return Err(config("the base URL must end with its path: it has a query (?…)"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if path.is_empty() && url.host_str() == Url::parse(DEFAULT_BASE_URL).ok().as_ref().and_then(Url::host_str) {
        return Err(config(format!("the base URL must end with the path of the API, as {DEFAULT_BASE_URL} does")));
    }
    url.set_path(&path);
    Ok(url)
}

/// A variable of the environment.
fn variable(name: &str) -> Result<Option<String>, Error> {
    environment::variable(name).map_err(config)
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl fmt::Debug for ConfigurationBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigurationBuilder").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

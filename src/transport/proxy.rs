//! Chooses the proxy for an address.

use std::env;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::network::Network;
use crate::environment;
use crate::secret::Secret;
use crate::setting::{self, Form};

/// The proxy of one scheme, and the hosts that are reached without it.
pub(super) struct ProxyRules {
    proxy: Option<Secret>,
    no_proxy: String,
    /// Every host is reached without a proxy.
    is_direct: bool,
}

impl ProxyRules {
    /// The rules for an address. What is set in code comes before the environment, which counts for other machines only.
    ///
    /// The error is one line for the user, without the address, which may carry a password.
    pub(super) fn new(network: &Network, base_url: &Url, is_loopback: bool) -> Result<Self, String> {
        let mut proxy = network.proxy.as_ref().map(|address| parse("the proxy set in code", address)).transpose()?;
        let mut no_proxy = network.no_proxy.clone();
        check_hosts(no_proxy.as_deref().unwrap_or_default())?;
        if proxy.is_none() && !is_loopback {
            if let Some((name, address)) = from_environment(base_url.scheme())? {
                proxy = Some(parse(&format!("the environment variable {name}"), &address)?);
            }
            if no_proxy.is_none() {
                no_proxy = first(&["NO_PROXY", "no_proxy"])?.map(|(_, list)| list);
            }
        }
        let no_proxy = no_proxy.unwrap_or_default();
        // To reqwest `*` stands for names alone, not for numeric addresses.
        let is_direct = no_proxy.split(',').any(|entry| entry.trim() == "*");
        Ok(Self { proxy: proxy.filter(|_| !is_direct), no_proxy, is_direct })
    }

    /// The proxy as errors show it.
    pub(super) fn shown(&self) -> Option<Shown> {
        let url = Url::parse(self.proxy.as_ref()?.expose()).ok()?;
        let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
        let address = format!("{}://{}{port}", url.scheme(), url.host_str()?);
        let hosts = Matcher::builder().all(address.as_str()).no(self.no_proxy.as_str()).build();
        Some(Shown { address, hosts })
    }

    /// Hands the rules to the client. Without a proxy here `reqwest` may still find one in the system's settings.
    pub(super) fn apply(&self, builder: ::reqwest::ClientBuilder) -> Result<::reqwest::ClientBuilder, String> {
        if self.is_direct {
            return Ok(builder.no_proxy());
        }
        let Some(address) = &self.proxy else { return Ok(builder) };
        let proxy = ::reqwest::Proxy::all(address.expose())
            .map_err(|_| "the proxy's address could not be used".to_owned())?
            .no_proxy(::reqwest::NoProxy::from_string(&self.no_proxy));
        Ok(builder.proxy(proxy))
    }
}

/// A proxy without its user and password.
pub(super) struct Shown {
    address: String,
    /// What `reqwest` itself asks whether a host is reached through the proxy.
    hosts: Matcher,
}

impl Shown {
    /// The proxy, if it is on the way to this address.
    pub(super) fn of(&self, url: &Url) -> Option<&str> {
        let target = format!("{}://{}", url.scheme(), url.host_str()?).parse().ok()?;
        self.hosts.intercept(&target).is_some().then_some(self.address.as_str())
    }
}

/// The variable that names the proxy of a scheme.
fn from_environment(scheme: &str) -> Result<Option<(&'static str, Secret)>, String> {
    // A web server hands the header `Proxy` of a request to its CGI programs as HTTP_PROXY.
    let is_cgi = env::var_os("REQUEST_METHOD").is_some();
    let names: &[&'static str] = match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ if is_cgi => &["http_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    Ok(first(names)?.map(|(name, address)| (name, Secret::from(address))))
}

/// The first of the variables that is set to something.
fn first(names: &[&'static str]) -> Result<Option<(&'static str, String)>, String> {
    for name in names {
        if let Some(value) = environment::variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// An entry that cannot be a host would send requests through the proxy that were meant to go around it.
fn check_hosts(list: &str) -> Result<(), String> {
    let is_odd =
        |entry: &str| entry.contains("://") || entry.contains(['@', '?', '#']) || entry.contains(char::is_whitespace);
    if list.split(',').map(str::trim).any(is_odd) {
        return Err(
            "no_proxy set in code has an entry that is not a host: name hosts, domains or networks with commas in \
                    between, such as localhost,.internal.example,10.0.0.0/8"
                .to_owned(),
        );
    }
    Ok(())
}

/// A proxy's address: `http://host:port`, `https://…`, or `host:port`.
fn parse(what: &str, address: &Secret) -> Result<Secret, String> {
    let text = address.expose();
    let example = "name it as http://proxy.example:3128, with special characters of a password percent-encoded";
    let unusable = |fault: &str| format!("{what} {fault}; {example}");
    setting::check(Form::Address, text).map_err(|fault| unusable(&fault.to_string()))?;
    let whole = if text.contains("://") { address.clone() } else { Secret::from(format!("http://{text}")) };
    let url = Url::parse(whole.expose()).map_err(|fault| unusable(&format!("is not a valid address ({fault})")))?;
    if url.scheme().starts_with("socks") {
        return Err(format!("{what} is a SOCKS proxy, which this client cannot use: name an HTTP proxy"));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(unusable("is not the address of an HTTP proxy"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("has more than a host and a port"));
    }
    Ok(whole)
}

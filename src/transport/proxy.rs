//! Which way a request takes, in the words of connection errors.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// How requests get to a host.
pub(super) enum Route {
    /// Never through a proxy.
    Direct,
    /// As the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`); boxed, since it is large.
    Environment(Box<Matcher>),
    /// A client of the user's: only the host is known.
    Unknown,
}

impl Route {
    pub(super) fn environment() -> Self {
        Self::Environment(Box::new(Matcher::from_system()))
    }

    /// Where a request to this address goes.
    pub(super) fn target(&self, url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let host = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let proxy = match self {
            Self::Environment(matcher) => url.as_str().parse().ok().and_then(|uri| matcher.intercept(&uri)),
            Self::Direct | Self::Unknown => None,
        };
        let Some(proxy) = proxy else { return host };
        // The address of a proxy may hold a password; scheme, host and port do not.
        let uri = proxy.uri();
        let scheme = uri.scheme_str().unwrap_or("http");
        let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host} through the environment's proxy {scheme}://{}{port}", uri.host().unwrap_or_default())
    }
}

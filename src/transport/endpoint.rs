//! Checks the addresses that secrets are sent to.

use url::Url;

use crate::setting::{self, Form};

/// What an address is for, in the words of its errors.
pub(crate) struct Purpose<'a> {
    /// The setting: `the base URL`.
    pub(crate) what: &'a str,
    /// A good one.
    pub(crate) example: &'a str,
    /// What is sent there: `the credential`.
    pub(crate) carries: &'a str,
}

impl Purpose<'_> {
    /// A server's address; the error is one line for the user.
    pub(crate) fn server(&self, text: &str, insecure_http: bool) -> Result<Url, String> {
        let Self { what, example, carries } = self;
        setting::check(Form::Address, text).map_err(|fault| format!("{what} {fault}"))?;
        let url = Url::parse(text)
            .map_err(|fault| format!("{what} is not an absolute address such as {example}: {fault}"))?;
        if url.cannot_be_a_base() || !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!("{what} must start with https:// as {example} does"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "{what} must not carry a user name or password: credentials have settings of their own"
            ));
        }
        if url.fragment().is_some() {
            return Err(format!("{what} must not have a fragment (#…), which is never sent"));
        }
        if is_overheard(&url) && !insecure_http {
            return Err(format!(
                "{what} is http:// on another machine, where {carries} would travel in the clear: use https://, or say \
                 allow_insecure_http() if the network in between is yours"
            ));
        }
        Ok(url)
    }
}

/// Whether what is sent to this address can be read on the way: `http://` to another machine.
pub(crate) fn is_overheard(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether the address names this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

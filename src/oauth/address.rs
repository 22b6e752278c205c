//! The addresses of a login: authorisation page, token endpoint, callback.

use url::Url;

use super::error::{OauthError, OauthErrorKind};
use crate::setting::{self, Form};
use crate::transport::endpoint::{Purpose, is_overheard};

/// The site that users log in at.
///
/// Evidence: observed (official login example).
pub const DEFAULT_SITE: &str = "https://onehorizon.ai";

/// The REST API's path below the site: a base URL that ends in it names the same site.
const API_PATH: &str = "/api/v1";

/// An address of the authorisation server; `what` completes the sentence.
pub(super) fn server(what: &str, text: &str, insecure_http: bool) -> Result<Url, OauthError> {
    let purpose = Purpose { what, example: DEFAULT_SITE, carries: "codes and tokens" };
    purpose.server(text, insecure_http).map_err(config)
}

/// An endpoint below the site, which may be given as the REST API's base address too.
pub(super) fn below(site: &Url, path: &str) -> Url {
    let mut url = site.clone();
    url.set_query(None);
    let root = url.path().trim_end_matches('/');
    let root = root.strip_suffix(API_PATH).unwrap_or(root);
    let path = format!("{root}{path}");
    url.set_path(&path);
    url
}

/// Schemes that belong to browsers and protocols, so that no app can own them.
const FOREIGN_SCHEMES: [&str; 24] = [
    "about",
    "blob",
    "cid",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "git",
    "intent",
    "jar",
    "javascript",
    "ldap",
    "mailto",
    "mid",
    "sms",
    "ssh",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// The callback address, kept as written: the service compares it character by character.
pub(super) fn callback(text: &str, insecure_http: bool) -> Result<String, OauthError> {
    setting::check(Form::Address, text).map_err(|fault| config(format!("the callback address {fault}")))?;
    let url = Url::parse(text)
        .map_err(|fault| config(format!("the callback address is not an absolute address: {fault}")))?;
    if url.fragment().is_some() {
        return Err(config("the callback address must not have a fragment (#…)"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config("the callback address must not carry a user name or password"));
    }
    if url.query_pairs().any(|(name, _)| matches!(&*name, "code" | "state" | "error" | "error_description")) {
        return Err(config("the callback address must not have a parameter that the server adds: code, state, error"));
    }
    if is_overheard(&url) && !insecure_http {
        return Err(config(
            "the callback address is http:// on another machine, where the code would travel in the clear",
        ));
    }
    if FOREIGN_SCHEMES.contains(&url.scheme()) {
        return Err(config("the callback address must be https://, http:// on this machine, or an app's own scheme"));
    }
    Ok(text.to_owned())
}

/// Whether a callback came to the registered address: same scheme, host, port and path, and the registered parameters.
///
/// A string without a scheme is a query, or a path and a query: where it came to is not in it. Anything before a query that is
/// not a path names another host, or cannot be read.
pub(super) fn is_registered(callback: &str, registered: &str) -> bool {
    let Ok(callback) = Url::parse(callback) else {
        let (before, _) = parts(callback);
        let is_path = before.starts_with('/') && !before.starts_with("//") && !before.starts_with("/\\");
        return before.is_empty() || is_path;
    };
    let Ok(registered) = Url::parse(registered) else { return false };
    callback.scheme() == registered.scheme()
        && callback.host() == registered.host()
        && callback.port_or_known_default() == registered.port_or_known_default()
        && callback.path() == registered.path()
        && callback.username().is_empty()
        && registered.query_pairs().all(|pair| callback.query_pairs().any(|other| other == pair))
}

/// What comes before the query of a callback, and the query. A question mark behind an equals sign is in a value.
pub(super) fn parts(callback: &str) -> (&str, &str) {
    callback.split_once('?').filter(|(before, _)| !before.contains('=')).unwrap_or(("", callback))
}

fn config(message: impl Into<String>) -> OauthError {
    OauthError::new(OauthErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(site: &str) -> String {
        let site = server("the site", site, false).unwrap_or_else(|error| unreachable!("{error}"));
        below(&site, "/app/auth/token").to_string()
    }

    #[test]
    fn the_site_may_be_given_as_the_api_base() {
        for site in ["https://onehorizon.ai", "https://onehorizon.ai/", "https://onehorizon.ai/api/v1/"] {
            assert_eq!(endpoint(site), "https://onehorizon.ai/app/auth/token");
        }
        assert_eq!(endpoint("https://proxy.example/oh/api/v1"), "https://proxy.example/oh/app/auth/token");
        assert_eq!(endpoint("http://127.0.0.1:8080/api/v1"), "http://127.0.0.1:8080/app/auth/token");
    }

    #[test]
    fn addresses_that_leak_are_refused() {
        for (site, says) in [
            ("http://onehorizon.ai", "in the clear"),
            ("https://me:pw@onehorizon.ai", "password"),
            ("ftp://onehorizon.ai", "https://"),
            ("onehorizon.ai", "absolute"),
        ] {
            let error = server("the site", site, false).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{site}: {error}");
        }
        assert!(server("the site", "http://intranet", true).is_ok());
        for (text, says) in [
            ("http://app.example/cb", "in the clear"),
            ("https://app.example/cb#x", "fragment"),
            ("javascript:alert(1)", "scheme"),
            ("ftp://app.example/cb", "scheme"),
            ("wss://app.example/cb", "scheme"),
            ("blob:https://app.example/cb", "scheme"),
            ("mailto:a@app.example", "scheme"),
            ("https://me@app.example/cb", "user name"),
            ("https://app.example/cb?state=1", "parameter"),
            ("https://app.example/cb\n", "line end"),
            ("https://${HOST}/cb", "placeholder"),
            ("\"https://app.example/cb\"", "quotes"),
            ("", "empty"),
            ("/cb", "absolute"),
        ] {
            let error = callback(text, false).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
        for text in ["https://app.example/cb?x=1", "http://127.0.0.1:3000/cb", "com.example.app:/cb"] {
            assert_eq!(callback(text, false).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn a_callback_is_compared_with_the_registered_address() {
        let registered = "https://app.example/cb?x=1";
        for (callback, same) in [
            ("https://app.example/cb?x=1&code=c&state=s", true),
            ("https://APP.example:443/cb?code=c&x=1", true),
            ("code=c&state=s", true),
            ("?code=c", true),
            ("/cb?code=c", true),
            ("https://evil.example/cb?x=1&code=c", false),
            ("http://app.example/cb?x=1&code=c", false),
            ("https://app.example:8443/cb?x=1", false),
            ("https://app.example/cb/?x=1", false),
            ("https://app.example/cb?code=c", false),
            ("https://app.example@evil.example/cb?x=1", false),
            ("https://me@app.example/cb?x=1", false),
        ] {
            assert_eq!(is_registered(callback, registered), same, "{callback}");
        }
        assert!(is_registered("com.example.app:/cb?code=c", "com.example.app:/cb"));
    }
}

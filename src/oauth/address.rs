//! Addresses of a login: where users and codes are sent.

use url::Url;

use super::error::{OauthError, OauthErrorKind};
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

/// The callback address, kept as written: the service compares it character by character.
pub(super) fn callback(text: &str, insecure_http: bool) -> Result<String, OauthError> {
    let url =
        Url::parse(text).map_err(|fault| config(format!("the callback address is no absolute address: {fault}")))?;
    if url.fragment().is_some() {
        return Err(config("the callback address has a fragment, which the code could not be told from"));
    }
    if is_overheard(&url) && !insecure_http {
        return Err(config(
            "the callback address is http:// on another machine, where the code would travel in the clear",
        ));
    }
    if matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file") {
        return Err(config("the callback address must be https://, http:// on this machine, or an app's own scheme"));
    }
    Ok(text.to_owned())
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
            ("/cb", "absolute"),
        ] {
            let error = callback(text, false).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
        for text in ["https://app.example/cb?x=1", "http://127.0.0.1:3000/cb", "com.example.app:/cb"] {
            assert_eq!(callback(text, false).ok().as_deref(), Some(text));
        }
    }
}

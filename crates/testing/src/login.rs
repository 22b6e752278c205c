//! What tests can do with the fake's login.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, LOCATION};
use http::{Method, Request};
use url::Url;

use crate::fake::FakeOneHorizon;
use crate::service::BASE_PATH;
use crate::service::oauth::AUTHORIZE;

/// Logging in, as the service is known or may be expected to do it.
///
/// - `GET /app/auth/authorize` shows a page that asks which user logs in; the form leads back to the app with a code or
///   with `access_denied`. Wrong apps and callback addresses are shown on a page and lead nowhere.
/// - `POST /app/auth/token` takes `authorization_code` and `refresh_token` as a form, the client secret in it.
/// - PKCE with S256 is a must; a challenge without a method counts as S256.
/// - Codes last a minute and work once; a second use revokes what the first brought. The same goes for refresh tokens,
///   which are replaced with each use unless [`Self::keep_refresh_tokens`] says otherwise.
/// - Access tokens last an hour by the fake's clock and do what their user may do.
///
/// Faults meet the endpoints by the names `authorize` and `token`. The list of requests shows that they were called, not
/// what was sent.
impl FakeOneHorizon {
    /// The site's address, where `/app/auth/authorize` and `/app/auth/token` are.
    #[must_use]
    pub fn site(&self) -> String {
        self.url().strip_suffix(BASE_PATH).unwrap_or_default().to_owned()
    }

    /// Registers an app that users can log in to; without a secret it is a public one.
    ///
    /// An app with several callback addresses is registered once for each.
    pub fn add_oauth_app(&self, client_id: &str, client_secret: Option<&str>, redirect_url: &str) {
        self.core.lock().oauth.add_app(client_id, client_secret, redirect_url);
    }

    /// How long access tokens last that are given from now on; default an hour.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.core.lock().oauth.set_token_lifetime(lifetime);
    }

    /// Leaves refresh tokens valid when they are used, and gives no new ones with a refresh.
    pub fn keep_refresh_tokens(&self) {
        self.core.lock().oauth.keep_refresh_tokens();
    }

    /// Ends all access tokens that came from logins; refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.core.lock().oauth.expire_access_tokens();
    }

    /// Takes back what users have allowed: no token of theirs works any more.
    pub fn revoke_grants(&self) {
        self.core.lock().oauth.revoke_grants();
    }

    /// Makes codes as old as they can get, so that they have expired.
    pub fn expire_codes(&self) {
        let now = self.core.now();
        self.core.lock().oauth.expire_codes(now);
    }

    /// Plays the user at the consent page: opens the address that an app sends its users to, logs in as `user_id` and
    /// presses Allow. The address that the browser is sent back to, or `None` when the page leads nowhere.
    ///
    /// The users are `u_ada` (owner), `u_tomas` (admin) and `u_mira` (member).
    #[must_use]
    pub fn allow(&self, authorize_url: &str, user_id: &str) -> Option<String> {
        self.press(authorize_url, user_id, "allow")
    }

    /// Plays a user who presses Deny.
    #[must_use]
    pub fn deny(&self, authorize_url: &str) -> Option<String> {
        self.press(authorize_url, "", "deny")
    }

    fn press(&self, authorize_url: &str, user_id: &str, decision: &str) -> Option<String> {
        let url = Url::parse(authorize_url).ok()?;
        let mut form = url::form_urlencoded::Serializer::new(url.query().unwrap_or_default().to_owned());
        form.append_pair("user", user_id).append_pair("decision", decision);
        let mut request = Request::new(Bytes::from(form.finish()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = AUTHORIZE.parse().ok()?;
        request
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let response = self.handle(&request);
        response.headers().get(LOCATION)?.to_str().ok().map(str::to_owned)
    }
}

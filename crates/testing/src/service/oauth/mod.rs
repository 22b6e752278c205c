//! The fake's own login: `/app/auth/authorize` with a consent page, and `/app/auth/token`.

mod page;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use sha2::{Digest, Sha256};
use url::Url;

use crate::contract::query;
use crate::record::Record;
use crate::service::reply;
use crate::service::state::{Principal, State};

pub(crate) const AUTHORIZE: &str = "/app/auth/authorize";
const TOKEN: &str = "/app/auth/token";
/// How long a code can be used.
const CODE_TIME: Duration = Duration::from_secs(60);

/// The two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorize,
    Token,
}

impl Endpoint {
    pub(crate) fn find(request: &Request<Bytes>) -> Option<Self> {
        match request.uri().path() {
            AUTHORIZE => Some(Self::Authorize),
            TOKEN => Some(Self::Token),
            _ => None,
        }
    }

    /// The name that faults wait for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Token => "token",
        }
    }
}

/// An app that users log in to.
struct App {
    client_id: String,
    client_secret: Option<String>,
    redirect_url: String,
}

/// What a user has allowed an app; all codes and tokens of one login share it.
struct Grant {
    client_id: String,
    user_id: String,
    scope: String,
    alive: bool,
}

struct Code {
    text: String,
    grant: usize,
    redirect_url: String,
    challenge: String,
    expires: Instant,
    used: bool,
}

struct AccessToken {
    text: String,
    grant: usize,
    expires: Instant,
}

struct RefreshToken {
    text: String,
    grant: usize,
    used: bool,
}

pub(crate) struct Oauth {
    apps: Vec<App>,
    grants: Vec<Grant>,
    codes: Vec<Code>,
    access: Vec<AccessToken>,
    refresh: Vec<RefreshToken>,
    lifetime: Duration,
    rotates: bool,
    issued: u32,
}

/// What tests change in the login.
impl Oauth {
    pub(crate) fn add_app(&mut self, client_id: &str, client_secret: Option<&str>, redirect_url: &str) {
        self.apps.push(App {
            client_id: client_id.to_owned(),
            client_secret: client_secret.map(str::to_owned),
            redirect_url: redirect_url.to_owned(),
        });
    }

    pub(crate) fn set_token_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    pub(crate) fn keep_refresh_tokens(&mut self) {
        self.rotates = false;
    }

    pub(crate) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }

    pub(crate) fn revoke_grants(&mut self) {
        for grant in &mut self.grants {
            grant.alive = false;
        }
    }

    pub(crate) fn expire_codes(&mut self, now: Instant) {
        for code in &mut self.codes {
            code.expires = now;
        }
    }
}

impl Default for Oauth {
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            grants: Vec::new(),
            codes: Vec::new(),
            access: Vec::new(),
            refresh: Vec::new(),
            lifetime: Duration::from_secs(3600),
            rotates: true,
            issued: 0,
        }
    }
}

/// The parameters of a request; a doubled one counts as missing.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(text: &str) -> Self {
        Self(query::parse(text).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() { None } else { first }
    }
}

/// A refusal of the token endpoint: status, code, description.
type Refusal = (StatusCode, &'static str, &'static str);

const fn bad(code: &'static str, words: &'static str) -> Refusal {
    (StatusCode::BAD_REQUEST, code, words)
}

impl Oauth {
    pub(crate) fn respond(
        &mut self,
        endpoint: Endpoint,
        request: &Request<Bytes>,
        state: &State,
        now: Instant,
    ) -> Response<Bytes> {
        let body = std::str::from_utf8(request.body()).unwrap_or_default();
        let query = request.uri().query().unwrap_or_default();
        let mut response = match (endpoint, request.method()) {
            (Endpoint::Authorize, &Method::GET) => self.ask(&Parameters::read(query), state),
            (Endpoint::Authorize, &Method::POST) => self.decide(&Parameters::read(body), state, now),
            (Endpoint::Token, &Method::POST) => self.token(&Parameters::read(body), now),
            _ => reply::empty(StatusCode::METHOD_NOT_ALLOWED),
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The user whom an access token stands for.
    pub(crate) fn principal(&self, token: &str, state: &State, now: Instant) -> Option<Principal> {
        let known = self.access.iter().find(|known| known.text == token && now < known.expires)?;
        let grant = self.grants.get(known.grant).filter(|grant| grant.alive)?;
        let user = state.users.iter().find(|user| user.id == grant.user_id)?;
        Some(Principal::User { id: user.id.clone(), role: user.role })
    }

    /// Shows the consent page, or says why there is none.
    fn ask(&self, parameters: &Parameters, state: &State) -> Response<Bytes> {
        match self.check(parameters) {
            Ok(app) => page::consent(&app.client_id, &parameters.0, state),
            Err(response) => *response,
        }
    }

    /// Sends the browser back with a code, or with the user's no.
    fn decide(&mut self, parameters: &Parameters, state: &State, now: Instant) -> Response<Bytes> {
        let (client_id, redirect_url) = match self.check(parameters) {
            Ok(app) => (app.client_id.clone(), app.redirect_url.clone()),
            Err(response) => return *response,
        };
        let who = parameters.get("user").unwrap_or_default();
        let known = state.users.iter().any(|user| user.id == who);
        if parameters.get("decision") != Some("allow") || !known {
            let denied = [("error", "access_denied"), ("error_description", "the user said no")];
            return back(&redirect_url, &denied, parameters);
        }
        let grant = Grant {
            client_id,
            user_id: who.to_owned(),
            scope: parameters.get("scope").unwrap_or_default().to_owned(),
            alive: true,
        };
        self.grants.push(grant);
        let text = self.fresh("code");
        self.codes.push(Code {
            text: text.clone(),
            grant: self.grants.len() - 1,
            redirect_url: redirect_url.clone(),
            challenge: parameters.get("code_challenge").unwrap_or_default().to_owned(),
            expires: now + CODE_TIME,
            used: false,
        });
        back(&redirect_url, &[("code", &text)], parameters)
    }

    /// An authorisation request that may be shown to a user. What is wrong with the app or the address never goes back
    /// to that address.
    fn check(&self, parameters: &Parameters) -> Result<&App, Box<Response<Bytes>>> {
        let client_id = parameters.get("client_id").unwrap_or_default();
        let redirect_url = parameters.get("redirect_uri").unwrap_or_default();
        let mut apps = self.apps.iter().filter(|app| app.client_id == client_id).peekable();
        if apps.peek().is_none() {
            return Err(Box::new(page::problem("No app has this client id.")));
        }
        let Some(app) = apps.find(|app| app.redirect_url == redirect_url) else {
            return Err(Box::new(page::problem(
                "The callback address is not the one that the app was registered with.",
            )));
        };
        let wrong = |code, words| {
            Err(Box::new(back(&app.redirect_url, &[("error", code), ("error_description", words)], parameters)))
        };
        if parameters.get("response_type") != Some("code") {
            return wrong("unsupported_response_type", "response_type must be code");
        }
        if parameters.get("code_challenge").is_none_or(|challenge| challenge.len() != 43) {
            return wrong("invalid_request", "code_challenge must be an S256 challenge");
        }
        // As the service seems to: without a method the challenge is S256.
        if parameters.get("code_challenge_method").is_some_and(|method| method != "S256") {
            return wrong("invalid_request", "code_challenge_method must be S256");
        }
        Ok(app)
    }

    fn token(&mut self, form: &Parameters, now: Instant) -> Response<Bytes> {
        match self.exchange(form, now) {
            Ok(tokens) => reply::json(StatusCode::OK, &tokens),
            Err((status, code, words)) => {
                reply::json(status, &Record::new().with("error", code).with("error_description", words))
            }
        }
    }

    fn exchange(&mut self, form: &Parameters, now: Instant) -> Result<Record, Refusal> {
        let client_id = form.get("client_id").unwrap_or_default();
        let refused = (StatusCode::UNAUTHORIZED, "invalid_client", "the client is unknown or its secret is wrong");
        let app = self.apps.iter().find(|app| app.client_id == client_id).ok_or(refused)?;
        if app.client_secret.as_deref() != form.get("client_secret") && app.client_secret.is_some() {
            return Err(refused);
        }
        match form.get("grant_type") {
            Some("authorization_code") => self.redeem(form, client_id, now),
            Some("refresh_token") => self.renew(form, client_id, now),
            _ => Err(bad("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")),
        }
    }

    fn redeem(&mut self, form: &Parameters, client_id: &str, now: Instant) -> Result<Record, Refusal> {
        let text = form.get("code").ok_or(bad("invalid_request", "code is missing"))?;
        let unknown = bad("invalid_grant", "the code is unknown");
        let code = self.codes.iter_mut().find(|code| code.text == text).ok_or(unknown)?;
        let grant = self.grants.get_mut(code.grant).filter(|grant| grant.client_id == client_id).ok_or(unknown)?;
        if code.used {
            // Two parties have it, and nobody knows which is the user's.
            grant.alive = false;
            return Err(bad("invalid_grant", "the code was used before; its tokens are revoked"));
        }
        if now >= code.expires {
            return Err(bad("invalid_grant", "the code has expired"));
        }
        if form.get("redirect_uri") != Some(&code.redirect_url) {
            return Err(bad("invalid_grant", "redirect_uri is not the one of the authorisation request"));
        }
        let verifier = form.get("code_verifier").unwrap_or_default();
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            return Err(bad("invalid_grant", "code_verifier does not fit the challenge"));
        }
        code.used = true;
        let grant = code.grant;
        Ok(self.issue(grant, now))
    }

    fn renew(&mut self, form: &Parameters, client_id: &str, now: Instant) -> Result<Record, Refusal> {
        let text = form.get("refresh_token").ok_or(bad("invalid_request", "refresh_token is missing"))?;
        let unknown = bad("invalid_grant", "the refresh token is unknown or revoked");
        let token = self.refresh.iter_mut().find(|token| token.text == text).ok_or(unknown)?;
        let grant = self.grants.get_mut(token.grant).ok_or(unknown)?;
        if grant.client_id != client_id || !grant.alive {
            return Err(unknown);
        }
        if token.used {
            grant.alive = false;
            return Err(bad("invalid_grant", "the refresh token was used before; its tokens are revoked"));
        }
        token.used = self.rotates;
        let grant = token.grant;
        Ok(self.issue(grant, now))
    }

    fn issue(&mut self, grant: usize, now: Instant) -> Record {
        let access = self.fresh("access-token");
        self.access.push(AccessToken { text: access.clone(), grant, expires: now + self.lifetime });
        let scope = self.grants.get(grant).map_or("", |grant| grant.scope.as_str());
        let tokens = Record::new()
            .with("access_token", &access)
            .with("token_type", "Bearer")
            .with("expires_in", &self.lifetime.as_secs())
            .with("scope", scope);
        let known = self.refresh.iter().any(|token| token.grant == grant);
        if known && !self.rotates {
            return tokens;
        }
        let refresh = self.fresh("refresh-token");
        self.refresh.push(RefreshToken { text: refresh.clone(), grant, used: false });
        tokens.with("refresh_token", &refresh)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.issued += 1;
        format!("fake-{what}-{:04}-not-a-secret", self.issued)
    }
}

/// Sends the browser to the callback address.
fn back(redirect_url: &str, pairs: &[(&str, &str)], parameters: &Parameters) -> Response<Bytes> {
    let Ok(mut url) = Url::parse(redirect_url) else {
        return page::problem("The callback address is not a valid URL.");
    };
    url.query_pairs_mut().extend_pairs(pairs).extend_pairs(parameters.get("state").map(|state| ("state", state)));
    let mut response = reply::empty(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::from_str(url.as_str()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

//! What the fake's login page shows and what its token endpoint refuses, request by request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use onehorizon_testing::FakeOneHorizon;
use serde_json::Value;
use url::{Url, form_urlencoded};

const CALLBACK: &str = "https://app.example/callback?tenant=7";
/// The pair that RFC 7636 prints in its appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

type Form = Vec<(&'static str, String)>;

struct Site {
    fake: FakeOneHorizon,
    now: Arc<Mutex<Instant>>,
}

fn site() -> Site {
    #[allow(clippy::disallowed_methods, reason = "where the injected clock starts")]
    let now = Arc::new(Mutex::new(Instant::now()));
    let clock = Arc::clone(&now);
    let fake = FakeOneHorizon::builder().clock(move || *clock.lock().unwrap()).in_process();
    fake.add_oauth_app("web", Some("app-secret"), CALLBACK);
    fake.add_oauth_app("cli", None, CALLBACK);
    Site { fake, now }
}

fn form(pairs: &[(&'static str, &str)]) -> Form {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The form with one parameter changed; `None` leaves it out.
fn but(mut form: Form, name: &str, value: Option<&str>) -> Form {
    form.retain(|(known, _)| *known != name || value.is_some());
    for (_, old) in form.iter_mut().filter(|(known, _)| *known == name) {
        value.unwrap_or_default().clone_into(old);
    }
    form
}

fn asking() -> Form {
    form(&[
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid <b>"),
        ("state", "s&1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

fn redeeming(code: &str) -> Form {
    form(&[
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("client_secret", "app-secret"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ])
}

fn renewing(refresh_token: &str) -> Form {
    form(&[
        ("grant_type", "refresh_token"),
        ("client_id", "web"),
        ("client_secret", "app-secret"),
        ("refresh_token", refresh_token),
    ])
}

fn encoded(form: &Form) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

/// The query of the address that the browser is sent back to.
fn sent_back(response: &Response<Bytes>) -> Vec<(String, String)> {
    assert_eq!(response.status(), 302, "{}", text(response));
    let location = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(CALLBACK), "{location}");
    location.query_pairs().skip(1).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

impl Site {
    fn request(&self, method: &Method, target: &str, body: String) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(target).body(Bytes::from(body)).unwrap();
        self.fake.handle(&request)
    }

    fn asked(&self, form: &Form) -> Response<Bytes> {
        self.request(&Method::GET, &format!("/app/auth/authorize?{}", encoded(form)), String::new())
    }

    /// The response to the form that the page shows, pressed by a user.
    fn decided(&self, user: &str, decision: &str) -> Response<Bytes> {
        let mut form = asking();
        form.extend([("user", user.to_owned()), ("decision", decision.to_owned())]);
        self.request(&Method::POST, "/app/auth/authorize", encoded(&form))
    }

    fn code(&self, user: &str) -> String {
        let pairs = sent_back(&self.decided(user, "allow"));
        assert_eq!((pairs[0].0.as_str(), &pairs[1]), ("code", &("state".to_owned(), "s&1".to_owned())));
        pairs[0].1.clone()
    }

    fn token(&self, form: &Form) -> (u16, Value) {
        let response = self.request(&Method::POST, "/app/auth/token", encoded(form));
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// The status and the reason of a refusal.
    fn refused(&self, form: &Form) -> (u16, String) {
        let (status, body) = self.token(form);
        (status, format!("{}: {}", body["error"].as_str().unwrap(), body["error_description"].as_str().unwrap()))
    }

    /// The status that an access token gets.
    fn status(&self, access_token: &Value) -> u16 {
        let request = Request::builder()
            .uri("/api/v1/workspaces/current/api-keys")
            .header("authorization", format!("Bearer {}", access_token.as_str().unwrap()));
        self.fake.handle(&request.body(Bytes::new()).unwrap()).status().as_u16()
    }

    fn pass(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[test]
fn the_page_shows_who_can_log_in_and_what_the_app_asks_for() {
    let page = site().asked(&asking());
    assert_eq!(
        (page.status().as_u16(), &page.headers()["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let text = text(&page);
    for part in [
        "<title>Fake One Horizon</title>",
        "Let <code>web</code> act for you?",
        "<li><code>openid</code></li><li><code>&lt;b&gt;</code></li>",
        r#"<input type="hidden" name="state" value="s&amp;1">"#,
        r#"value="u_ada" checked> u_ada (owner)"#,
        r#"value="u_tomas"> u_tomas (admin)"#,
        r#"value="u_mira"> u_mira (member)"#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_page_does_not_decide_beforehand() {
    let mut form = asking();
    form.extend([("user", "u_ada".to_owned()), ("decision", "allow".to_owned())]);
    let page = site().asked(&form);
    assert_eq!(text(&page).matches(r#"type="hidden""#).count(), asking().len());
    assert_eq!(text(&page).matches(r#"name="decision""#).count(), 2, "the buttons");
}

#[test]
fn an_unknown_app_or_address_leads_nowhere() {
    let site = site();
    for (name, value, says) in [
        ("client_id", Some("other"), "No app has this client id"),
        ("client_id", None, "No app has this client id"),
        ("redirect_uri", Some("https://evil.example/"), "callback address"),
        ("redirect_uri", None, "callback address"),
    ] {
        let page = site.asked(&but(asking(), name, value));
        assert_eq!((page.status().as_u16(), page.headers().get("location")), (400, None));
        assert!(text(&page).contains(says), "{}", text(&page));
    }
}

#[test]
fn a_wrong_request_of_a_known_app_is_reported_to_the_app() {
    let site = site();
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("response_type", None, "unsupported_response_type"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
    ] {
        let pairs = sent_back(&site.asked(&but(asking(), name, value)));
        assert_eq!(pairs[0], ("error".to_owned(), error.to_owned()));
        assert_eq!(pairs[2], ("state".to_owned(), "s&1".to_owned()));
    }
    assert_eq!(site.asked(&but(asking(), "code_challenge_method", None)).status(), 200);
    let mut doubled = asking();
    doubled.push(("response_type", "code".to_owned()));
    assert_eq!(sent_back(&site.asked(&doubled))[0].1, "unsupported_response_type");
}

#[test]
fn only_a_known_user_who_presses_allow_gets_a_code() {
    let site = site();
    for (user, decision) in [("u_ada", "deny"), ("u_nobody", "allow"), ("", "allow"), ("u_ada", "")] {
        assert_eq!(sent_back(&site.decided(user, decision))[0], ("error".to_owned(), "access_denied".to_owned()));
    }
    assert!(site.code("u_ada").contains("code"));
}

#[test]
fn the_endpoints_have_their_methods() {
    let site = site();
    for (method, path) in
        [(Method::PUT, "/app/auth/authorize"), (Method::GET, "/app/auth/token"), (Method::DELETE, "/app/auth/token")]
    {
        assert_eq!(site.request(&method, path, String::new()).status(), 405, "{method} {path}");
    }
}

#[test]
fn a_code_is_redeemed_by_its_app_with_its_secret_address_and_verifier() {
    let site = site();
    let code = site.code("u_ada");
    for (name, value, status, says) in [
        ("client_id", Some("other"), 401, "invalid_client: the client is unknown"),
        ("client_id", None, 401, "invalid_client: the client is unknown"),
        ("client_secret", Some("wrong"), 401, "invalid_client: "),
        ("client_secret", None, 401, "invalid_client: "),
        ("client_id", Some("cli"), 400, "invalid_grant: the code is unknown"),
        ("grant_type", Some("password"), 400, "unsupported_grant_type: "),
        ("grant_type", None, 400, "unsupported_grant_type: "),
        ("code", Some("guessed"), 400, "invalid_grant: the code is unknown"),
        ("code", None, 400, "invalid_request: code is missing"),
        ("redirect_uri", Some("https://app.example/"), 400, "invalid_grant: redirect_uri"),
        ("redirect_uri", None, 400, "invalid_grant: redirect_uri"),
        ("code_verifier", Some("another"), 400, "invalid_grant: code_verifier"),
        ("code_verifier", None, 400, "invalid_grant: code_verifier"),
    ] {
        let (got, reason) = site.refused(&but(redeeming(&code), name, value));
        assert!(got == status && reason.starts_with(says), "{name} {value:?}: {got} {reason}");
    }
    let (status, tokens) = site.token(&redeeming(&code));
    assert_eq!((status, &tokens["token_type"], &tokens["expires_in"]), (200, &"Bearer".into(), &3600.into()));
    assert_eq!(tokens["scope"], "openid <b>");
    assert_eq!(site.status(&tokens["access_token"]), 200);
    let (_, reason) = site.refused(&redeeming(&code));
    assert!(reason.contains("used before"), "{reason}");
    assert_eq!(site.status(&tokens["access_token"]), 401, "the first user of the code may have stolen it");
}

#[test]
fn a_code_lasts_a_minute_and_an_access_token_its_lifetime() {
    let site = site();
    let (code, late) = (site.code("u_ada"), site.code("u_ada"));
    site.pass(59);
    site.fake.set_token_lifetime(Duration::from_secs(100));
    let (_, tokens) = site.token(&redeeming(&code));
    assert_eq!(tokens["expires_in"], 100);
    site.pass(1);
    assert!(site.refused(&redeeming(&late)).1.contains("expired"));
    site.pass(98);
    assert_eq!(site.status(&tokens["access_token"]), 200);
    site.pass(1);
    assert_eq!(site.status(&tokens["access_token"]), 401);
}

#[test]
fn a_refresh_token_is_used_once_by_its_app() {
    let site = site();
    let (_, tokens) = site.token(&redeeming(&site.code("u_ada")));
    let first = tokens["refresh_token"].as_str().unwrap();
    for (name, value, says) in [
        ("refresh_token", Some("guessed"), "invalid_grant: the refresh token is unknown"),
        ("refresh_token", None, "invalid_request: refresh_token is missing"),
        ("client_id", Some("cli"), "invalid_grant: the refresh token is unknown"),
    ] {
        let (status, reason) = site.refused(&but(renewing(first), name, value));
        assert!(status == 400 && reason.starts_with(says), "{name} {value:?}: {status} {reason}");
    }
    let (status, renewed) = site.token(&renewing(first));
    let second = renewed["refresh_token"].as_str().unwrap();
    assert_eq!(status, 200);
    assert_ne!(first, second);
    assert!(site.refused(&renewing(first)).1.contains("used before"));
    assert!(site.refused(&renewing(second)).1.contains("unknown or revoked"), "the whole login is over");
    assert_eq!(site.status(&renewed["access_token"]), 401);
}

#[test]
fn a_refresh_token_that_stays_is_given_once() {
    let site = site();
    site.fake.keep_refresh_tokens();
    let (_, tokens) = site.token(&redeeming(&site.code("u_ada")));
    let token = tokens["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        let (status, renewed) = site.token(&renewing(token));
        assert_eq!((status, renewed.get("refresh_token")), (200, None));
        assert_eq!(site.status(&renewed["access_token"]), 200);
    }
    site.fake.revoke_grants();
    assert!(site.refused(&renewing(token)).1.contains("unknown or revoked"));
}

#[test]
fn the_record_says_that_a_login_was_there_and_not_what_was_in_it() {
    let site = site();
    site.token(&redeeming(&site.code("u_ada")));
    let seen: Vec<_> = site.fake.requests().iter().map(|one| (one.query().len(), one.body().len())).collect();
    assert_eq!(seen, [(0, 0), (0, 0)]);
    site.asked(&asking());
    assert!(site.fake.requests().iter().all(|one| one.query().is_empty()));
    site.request(&Method::GET, "/api/v1/workspaces/current/tasks?status=a%20b&all=true", String::new());
    let pairs = [("status".to_owned(), "a b".to_owned()), ("all".to_owned(), "true".to_owned())];
    assert_eq!(site.fake.requests().last().unwrap().query(), pairs);
}

//! Logging a user in: the link, the callback, the code for tokens.

use support::oauth as oauth_support;

use std::time::Duration;

use base64::Engine as _;
use onehorizon::Secret;
use onehorizon::oauth::{OauthApp, OauthAppBuilder, OauthError, OauthErrorCode, OauthErrorKind, Tokens};
use onehorizon::transport::Failure;
use sha2::{Digest, Sha256};
use support::oauth::{CALLBACK, Say, Server, parameters};

fn callback(state: &str, code: &str) -> String {
    format!("{CALLBACK}?code={code}&state={state}")
}

fn app() -> OauthApp {
    OauthApp::builder("client-1", CALLBACK).build().unwrap()
}

#[test]
fn the_link_carries_what_the_service_wants() {
    let login = app().login().unwrap();
    assert!(login.url().starts_with("https://onehorizon.ai/app/auth/authorize?"));
    let query = parameters(login.url());
    let names: Vec<&str> = query.keys().map(String::as_str).collect();
    let wanted =
        ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state"];
    assert_eq!(names, wanted);
    assert_eq!(query["client_id"], "client-1");
    assert_eq!(query["redirect_uri"], CALLBACK);
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["scope"], "openid profile email");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["state"], login.state().expose());
    let digest = Sha256::digest(login.verifier().expose());
    assert_eq!(query["code_challenge"], base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest));
    assert!(!login.url().contains(login.verifier().expose()), "the verifier stays here");
}

#[test]
fn the_challenge_method_can_be_left_out_and_parameters_added() {
    let app = OauthApp::builder("client-1", CALLBACK)
        .send_challenge_method(false)
        .scopes(["openid", "offline_access"])
        .authorize_parameter("prompt", "consent")
        .build()
        .unwrap();
    let query = parameters(app.login().unwrap().url());
    assert!(!query.contains_key("code_challenge_method"));
    assert!(query.contains_key("code_challenge"), "the challenge stays");
    assert_eq!((query["scope"].as_str(), query["prompt"].as_str()), ("openid offline_access", "consent"));
}

#[test]
fn every_login_has_a_state_and_a_verifier_of_its_own() {
    let app = app();
    let (one, two) = (app.login().unwrap(), app.login().unwrap());
    assert_ne!(one.state(), two.state());
    assert_ne!(one.verifier(), two.verifier());
    assert!(one.state().expose().len() >= 43 && one.verifier().expose().len() == 86);
}

#[test]
fn a_login_without_random_numbers_is_none() {
    let app = OauthApp::builder("client-1", CALLBACK).entropy(|_| Err("the well is dry")).build().unwrap();
    let error = app.login().unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::Config);
    assert!(error.to_string().contains("random"), "{error}");
}

#[tokio::test]
async fn a_code_buys_tokens_with_the_verifier_and_the_same_callback_address() {
    let server = Server::rotating();
    let login = server.builder().client_secret("client-secret-1").build().unwrap().login().unwrap();
    let verifier = login.verifier().expose().to_owned();
    let url = callback(login.state().expose(), "code-1");
    let before = std::time::SystemTime::now();
    let tokens = login.finish(&url).await.unwrap();

    let form = server.forms().remove(0);
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "code-1"),
        ("code_verifier", verifier.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", "client-1"),
        ("client_secret", "client-secret-1"),
    ];
    assert_eq!(form.0, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(tokens.access_token.expose(), "access-1");
    assert_eq!(tokens.refresh_token.unwrap().expose(), "refresh-1");
    let lifetime = tokens.expires_at.unwrap().duration_since(before).unwrap();
    assert!(lifetime >= Duration::from_secs(3600) && lifetime < Duration::from_secs(3660), "{lifetime:?}");
}

#[tokio::test]
async fn a_public_client_sends_no_secret() {
    let server = Server::rotating();
    let login = server.app().login().unwrap();
    let url = callback(login.state().expose(), "code-1");
    login.finish(&url).await.unwrap();
    assert!(!server.forms()[0].0.contains_key("client_secret"));
}

#[tokio::test]
async fn a_callback_of_another_login_is_refused_and_costs_no_request() {
    let server = Server::rotating();
    let app = server.app();
    let (mine, other) = (app.login().unwrap(), app.login().unwrap());
    for query in [
        callback(other.state().expose(), "stolen"),
        callback("", "stolen"),
        format!("{CALLBACK}?code=stolen"),
        format!("error=access_denied&state={}", other.state().expose()),
    ] {
        assert_eq!(mine.check(&query).unwrap_err().kind(), OauthErrorKind::StateMismatch, "{query}");
    }
    assert_eq!(server.token_requests(), 0);
    // The made-up callbacks did not end the true one.
    let url = callback(mine.state().expose(), "code-1");
    assert_eq!(mine.finish(&url).await.unwrap().access_token.expose(), "access-1");
}

#[test]
fn a_callback_that_can_be_read_in_two_ways_is_refused() {
    let login = app().login().unwrap();
    let state = login.state().expose();
    for query in [
        format!("code=a&code=b&state={state}"),
        format!("code=a&state={state}&state={state}"),
        format!("state={state}"),
        format!("state={state}&code="),
        format!("code={}&state={state}", "a".repeat(20_000)),
    ] {
        let error = login.check(&query).unwrap_err();
        assert_eq!(error.kind(), OauthErrorKind::Callback, "{error}");
    }
}

#[test]
fn the_users_no_is_reported_as_such() {
    let login = app().login().unwrap();
    let state = login.state().expose();
    let query = format!("?error=access_denied&error_description=not+today&state={state}");
    let error = login.check(&query).unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::Refused);
    assert_eq!(error.code(), Some(&OauthErrorCode::AccessDenied));
    assert_eq!(error.message(), "not today");
    let unknown = login.check(&format!("error=brand_new_reason&state={state}")).unwrap_err();
    assert_eq!(unknown.code().unwrap().as_str(), "brand_new_reason");
}

#[tokio::test]
async fn a_callback_without_the_state_is_not_believed_and_leaves_the_login_to_the_true_one() {
    let server = Server::rotating();
    let login = server.app().login().unwrap();
    let state = login.state().expose().to_owned();
    for query in [
        "error=access_denied&error_description=not%20today".to_owned(),
        "error=invalid_request".to_owned(),
        "error=access_denied&state=".to_owned(),
        format!("error=access_denied&state={}", &state[1..]),
        "code=stolen".to_owned(),
        String::new(),
    ] {
        for error in [login.check(&query).unwrap_err(), login.finish(&query).await.unwrap_err()] {
            assert_eq!(error.kind(), OauthErrorKind::StateMismatch, "{query}");
            assert!(!error.to_string().contains("not today"), "{error}");
        }
    }
    assert_eq!(server.token_requests(), 0);
    let url = callback(&state, "code-1");
    assert_eq!(login.finish(&url).await.unwrap().access_token.expose(), "access-1");
    assert_eq!(login.finish(&url).await.unwrap_err().kind(), OauthErrorKind::LoginExpired, "a login is finished once");
    assert_eq!(server.token_requests(), 1);
}

#[test]
fn a_callback_to_another_address_than_the_registered_one_is_refused() {
    let login = app().login().unwrap();
    let query = format!("code=c&state={}", login.state().expose());
    for elsewhere in ["https://evil.example/callback", "http://app.example/callback", "https://app.example/other"] {
        let error = login.check(&format!("{elsewhere}?{query}")).unwrap_err();
        assert_eq!(error.kind(), OauthErrorKind::Callback, "{elsewhere}");
        assert!(error.hint().unwrap().contains("query"), "{error}");
    }
    for elsewhere in ["//evil.example/callback", "/\\evil.example/callback", "evil.example/callback"] {
        assert!(login.check(&format!("{elsewhere}?{query}")).is_err(), "{elsewhere}");
    }
    let nothing_wrong = format!("{query}&error=");
    let nested = format!("{query}&next=/a?b");
    for same in
        [format!("{CALLBACK}?{query}"), format!("/callback?{query}"), format!("?{query}"), query, nothing_wrong, nested]
    {
        assert!(login.check(&same).is_ok(), "{same}");
    }
}

#[test]
fn a_refused_challenge_method_names_the_switch() {
    let login = app().login().unwrap();
    let error = login.check(&format!("error=invalid_request&state={}", login.state().expose())).unwrap_err();
    assert!(error.to_string().contains("send_challenge_method(false)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_took_too_long_is_over() {
    let server = Server::rotating();
    let login = server.app().login().unwrap();
    let url = callback(login.state().expose(), "code-1");
    tokio::time::advance(Duration::from_secs(599)).await;
    assert!(login.check(&url).is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    let error = login.finish(&url).await.unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::LoginExpired);
    assert!(error.needs_login());
    assert_eq!(server.token_requests(), 0, "the verifier was not sent");
}

#[tokio::test(start_paused = true)]
async fn a_login_can_be_finished_by_another_process() {
    let server = Server::rotating();
    let app = server.app();
    let login = app.login().unwrap();
    let (state, verifier) = (login.state().clone(), login.verifier().clone());
    let url = callback(state.expose(), "code-1");
    let resumed = app.resume_login(&state, &verifier, Duration::from_secs(300)).unwrap();
    assert_eq!(resumed.url(), login.url());
    resumed.finish(&url).await.unwrap();
    assert_eq!(server.forms()[0].get("code_verifier"), verifier.expose());

    let old = app.resume_login(&state, &verifier, Duration::from_secs(600)).unwrap();
    assert_eq!(old.check(&url).unwrap_err().kind(), OauthErrorKind::LoginExpired);
    let cut = app.resume_login(&state, "too-short", Duration::ZERO).unwrap_err();
    assert_eq!(cut.kind(), OauthErrorKind::Config);
}

async fn failing(say: Say) -> OauthError {
    let login = Server::new(move |_, _| say.clone()).app().login().unwrap();
    let url = callback(login.state().expose(), "code-1");
    login.finish(&url).await.unwrap_err()
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_are_typed() {
    let grant =
        failing(Say::Json(400, r#"{"error":"invalid_grant","error_description":"code was used"}"#.into())).await;
    assert_eq!((grant.kind(), grant.status()), (OauthErrorKind::Refused, Some(400)));
    assert_eq!(grant.code(), Some(&OauthErrorCode::InvalidGrant));
    assert!(grant.needs_login());
    assert_eq!(
        grant.to_string(),
        "refused by the authorisation server (400): code was used [invalid_grant]; send the user through a new login"
    );
    let client = failing(Say::Json(401, r#"{"error":"invalid_client"}"#.into())).await;
    assert_eq!(client.code(), Some(&OauthErrorCode::InvalidClient));
    assert!(!client.needs_login());
    let polite = failing(Say::Json(200, r#"{"error":"invalid_grant"}"#.into())).await;
    assert_eq!(polite.code(), Some(&OauthErrorCode::InvalidGrant), "some servers refuse with 200");
}

#[tokio::test]
async fn responses_that_are_not_oauth_are_distinguished() {
    let cases = [
        (Say::Json(502, "<html>bad gateway</html>".into()), OauthErrorKind::Api),
        (Say::Json(429, r#"{"code":429,"message":"slow down"}"#.into()), OauthErrorKind::Api),
        (Say::Json(302, String::new()), OauthErrorKind::Api),
        (Say::Json(200, "not json".into()), OauthErrorKind::Decode),
        (Say::Json(200, "{}".into()), OauthErrorKind::Decode),
        (Say::Json(200, r#"{"access_token":"a","token_type":"DPoP"}"#.into()), OauthErrorKind::Decode),
        (Say::Fail(Failure::Connect, "refused"), OauthErrorKind::Connect),
        (Say::Fail(Failure::Interrupted, "reset"), OauthErrorKind::Interrupted),
    ];
    for (say, kind) in cases {
        let error = failing(say).await;
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_says_nothing_is_given_up() {
    let before = tokio::time::Instant::now();
    assert_eq!(failing(Say::Silence).await.kind(), OauthErrorKind::Timeout);
    assert_eq!(before.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn lifetimes_are_read_however_they_are_written() {
    for (written, read) in [("3600", true), (r#""3600""#, true), ("3600.0", true), ("-1", false), ("null", false)] {
        let server = Server::new(move |_, _| {
            Say::Json(200, format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{written}}}"#))
        });
        let tokens = server.app().refresh(&Secret::from("refresh-0")).await.unwrap();
        assert_eq!(tokens.expires_at.is_some(), read, "{written}");
        assert_eq!(tokens.refresh_token.unwrap().expose(), "refresh-0", "none came, so the old one stays");
    }
}

#[test]
fn tokens_survive_a_store() {
    let text = r#"{"access_token":"a","refresh_token":"r","expires_at":1790000000,"scope":"openid","id_token":"i","workspace":"w_1"}"#;
    let tokens: Tokens = serde_json::from_str(text).unwrap();
    assert_eq!(tokens.extra.raw("workspace"), Some(r#""w_1""#));
    assert_eq!(serde_json::to_string(&tokens).unwrap(), text);
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let secrets = ["client/secret 1", "client%2Fsecret+1", "code-1", "access-", "refresh-"];
    let server = Server::new(|_, form| {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.0).finish();
        let echo: Vec<String> = form.0.values().cloned().chain([encoded]).collect();
        Say::Json(400, serde_json::json!({"error": "invalid_grant", "error_description": echo.join(" ")}).to_string())
    });
    let builder = server.builder().client_secret("client/secret 1");
    let app = builder.build().unwrap();
    let login = app.login().unwrap();
    let (state, verifier) = (login.state().expose().to_owned(), login.verifier().expose().to_owned());
    let url = callback(&state, "code-1");
    let code = login.check(&url).unwrap();
    let mut printed = vec![format!("{app:?} {login:?} {code:?}")];
    let error = login.exchange(code).await.unwrap_err();
    printed.push(format!("{error} {error:?}"));
    let login = Server::new(|_, form| Say::Fail(Failure::Interrupted, Box::leak(form.get("code").into())))
        .app()
        .login()
        .unwrap();
    let url = callback(login.state().expose(), "code-1");
    let error = login.finish(&url).await.unwrap_err();
    printed.push(format!("{error} {error:?}"));
    printed.push(format!("{:?}", oauth_support::stale_tokens()));
    printed.push(format!("{:?}", onehorizon::Error::from(error)));
    let printed = printed.concat();
    for secret in secrets.iter().copied().chain([state.as_str(), verifier.as_str()]) {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("[redacted]"));
}

#[test]
fn settings_that_leak_or_cannot_work_are_refused() {
    let build = |change: fn(OauthAppBuilder) -> OauthAppBuilder| {
        change(OauthApp::builder("client-1", CALLBACK)).build().err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (error, says) in [
        (build(|b| b.site("http://onehorizon.ai")), "in the clear"),
        (build(|b| b.token_url("http://onehorizon.ai/token")), "the token endpoint's address"),
        (build(|b| b.authorize_parameter("state", "mine")), "`state` is set by the login"),
        (build(|b| b.client_secret("")), "client secret is empty"),
        (OauthApp::builder(" ", CALLBACK).build().unwrap_err().to_string(), "client id is empty"),
        (OauthApp::builder("c", "http://app.example/cb").build().unwrap_err().to_string(), "in the clear"),
    ] {
        assert!(error.contains(says), "{says}: {error}");
    }
    assert!(build(|b| b.site("http://127.0.0.1:1")).is_empty());
}

#[tokio::test]
async fn a_code_that_never_left_can_be_exchanged_again() {
    let server = Server::new(|number, _| match number {
        1 => Say::Fail(Failure::Connect, "refused"),
        2 => Say::Fail(Failure::Interrupted, "reset"),
        _ => support::oauth::grant(number),
    });
    let login = server.app().login().unwrap();
    let url = callback(login.state().expose(), "code-1");
    assert_eq!(login.finish(&url).await.unwrap_err().kind(), OauthErrorKind::Connect);
    assert_eq!(login.finish(&url).await.unwrap_err().kind(), OauthErrorKind::Interrupted);
    let error = login.finish(&url).await.unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::LoginExpired, "it may be used up: {error}");
    assert_eq!(server.token_requests(), 2);
}

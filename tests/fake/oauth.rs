//! Logins and refreshing end to end, against the fake's own login pages.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use onehorizon::oauth::{OauthApp, OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::{ApiKeysApi, Configuration, ErrorKind};
use onehorizon_testing::{FakeOneHorizon, Fault};

const CALLBACK: &str = "http://127.0.0.1:3000/callback";
const SECRET: &str = "app-secret";

async fn fake() -> FakeOneHorizon {
    let fake = FakeOneHorizon::builder().quota_off().start().await.unwrap();
    fake.add_oauth_app("web", Some(SECRET), CALLBACK);
    fake.add_oauth_app("cli", None, CALLBACK);
    fake
}

fn web(fake: &FakeOneHorizon) -> OauthApp {
    OauthApp::builder("web", CALLBACK).client_secret(SECRET).site(fake.url()).build().unwrap()
}

async fn log_in(fake: &FakeOneHorizon, app: &OauthApp, user: &str) -> Tokens {
    let login = app.login().unwrap();
    let callback = fake.allow(login.url(), user).unwrap();
    login.finish(&callback).await.unwrap()
}

fn configuration(fake: &FakeOneHorizon, credential: &RefreshingCredential) -> Configuration {
    Configuration::builder().base_url(fake.url()).credential(credential.clone().into()).build().unwrap()
}

/// A credential that writes down the refresh tokens it saves.
fn credential(app: &OauthApp, tokens: Tokens) -> (RefreshingCredential, Arc<Mutex<Vec<String>>>) {
    let saved: Arc<Mutex<Vec<String>>> = Arc::default();
    let store = Arc::clone(&saved);
    let credential = RefreshingCredential::builder(app, tokens)
        .on_refresh(move |tokens| {
            store.lock().unwrap().push(tokens.refresh_token.unwrap().expose().to_owned());
            async { Ok::<(), std::io::Error>(()) }
        })
        .build();
    (credential, saved)
}

#[tokio::test]
async fn a_person_logs_in_manages_keys_and_stays_logged_in() {
    let fake = fake().await;
    let app = web(&fake);
    let (credential, saved) = credential(&app, log_in(&fake, &app, "u_ada").await);
    let keys = ApiKeysApi::new(&configuration(&fake, &credential));
    let created = keys.create_api_key("ci-production").await.unwrap();
    assert!(created.secret.is_some());
    fake.expire_access_tokens();
    assert_eq!(keys.list_api_keys().await.unwrap().api_keys.len(), 3);
    assert_eq!(saved.lock().unwrap().len(), 1);
    keys.revoke_api_key(created.api_key_id.as_ref().unwrap()).await.unwrap();
    let users: Vec<_> = fake.requests().iter().filter_map(|request| request.principal().map(str::to_owned)).collect();
    assert!(users.iter().all(|user| user == "u_ada"), "{users:?}");

    fake.revoke_grants();
    let error = keys.list_api_keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("send the user through a new login"), "{error}");
}

#[tokio::test]
async fn a_user_without_the_role_learns_who_may() {
    let fake = fake().await;
    let app = web(&fake);
    let (credential, _) = credential(&app, log_in(&fake, &app, "u_mira").await);
    let error = ApiKeysApi::new(&configuration(&fake, &credential)).list_api_keys().await.unwrap_err();
    assert!(error.is_forbidden() && error.to_string().contains("owner"), "{error}");
}

#[tokio::test]
async fn a_public_app_needs_no_secret_and_a_server_needs_the_right_one() {
    let fake = fake().await;
    let public = OauthApp::builder("cli", CALLBACK).site(fake.site()).build().unwrap();
    assert!(log_in(&fake, &public, "u_ada").await.refresh_token.is_some());
    for secret in [None, Some("wrong")] {
        let mut builder = OauthApp::builder("web", CALLBACK).site(fake.site());
        if let Some(secret) = secret {
            builder = builder.client_secret(secret);
        }
        let login = builder.build().unwrap().login().unwrap();
        let callback = fake.allow(login.url(), "u_ada").unwrap();
        let error = login.finish(&callback).await.unwrap_err();
        assert_eq!(error.code(), Some(&OauthErrorCode::InvalidClient));
        assert!(error.to_string().contains("check the client id"), "{error}");
    }
}

#[tokio::test]
async fn without_a_challenge_method_the_login_works_too() {
    let fake = fake().await;
    let builder = OauthApp::builder("cli", CALLBACK).site(fake.site());
    let app = builder.send_challenge_method(false).build().unwrap();
    log_in(&fake, &app, "u_ada").await;
}

#[tokio::test]
async fn a_replayed_code_buys_nothing_and_ends_what_the_first_use_bought() {
    let fake = fake().await;
    let app = web(&fake);
    let login = app.login().unwrap();
    let callback = fake.allow(login.url(), "u_ada").unwrap();
    let thief = app.resume_login(login.state(), login.verifier(), Duration::ZERO).unwrap();
    let (credential, _) = credential(&app, login.finish(&callback).await.unwrap());
    let error = thief.finish(&callback).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (OauthErrorKind::Refused, Some(&OauthErrorCode::InvalidGrant)));
    assert!(error.needs_login());
    let call = configuration(&fake, &credential).request("GET", "/workspaces/current/tasks").await;
    assert!(call.unwrap_err().is_unauthorized());
}

#[tokio::test]
async fn a_code_is_good_for_its_own_login_alone() {
    let fake = fake().await;
    let app = web(&fake);
    let (one, two) = (app.login().unwrap(), app.login().unwrap());
    let callback = fake.allow(one.url(), "u_ada").unwrap();
    // The state is right and the verifier is another login's: what a stolen code is worth.
    let mixed = app.resume_login(one.state(), two.verifier(), Duration::ZERO).unwrap();
    let error = mixed.finish(&callback).await.unwrap_err();
    assert_eq!(error.code(), Some(&OauthErrorCode::InvalidGrant));
    assert!(error.message().contains("code_verifier"), "{error}");
    assert_eq!(two.check(&callback).unwrap_err().kind(), OauthErrorKind::StateMismatch);
    assert!(one.finish(&callback).await.is_ok(), "the failed attempts did not use it up");
}

#[tokio::test]
async fn an_expired_code_and_verifier_buy_nothing() {
    let fake = fake().await;
    let login = web(&fake).login().unwrap();
    let callback = fake.allow(login.url(), "u_ada").unwrap();
    fake.expire_codes();
    let error = login.finish(&callback).await.unwrap_err();
    assert_eq!(error.code(), Some(&OauthErrorCode::InvalidGrant));
    assert!(error.message().contains("expired"), "{error}");
}

#[tokio::test]
async fn another_callback_address_is_refused_at_both_ends() {
    let fake = fake().await;
    let elsewhere = "http://127.0.0.1:3000/elsewhere";
    let builder = OauthApp::builder("web", elsewhere).client_secret(SECRET).site(fake.site());
    let other = builder.build().unwrap();
    assert!(fake.allow(other.login().unwrap().url(), "u_ada").is_none(), "not registered, so the browser goes nowhere");
    // Registered too, but not the one that the code was asked for with.
    fake.add_oauth_app("web", Some(SECRET), elsewhere);
    let login = web(&fake).login().unwrap();
    let callback = fake.allow(login.url(), "u_ada").unwrap();
    let mixed = other.resume_login(login.state(), login.verifier(), Duration::ZERO).unwrap();
    assert_eq!(mixed.check(&callback).unwrap_err().kind(), OauthErrorKind::Callback, "it came to another address");
    let (_, query) = callback.split_once('?').unwrap();
    let error = mixed.finish(query).await.unwrap_err();
    assert_eq!(error.code(), Some(&OauthErrorCode::InvalidGrant));
    assert!(error.message().contains("redirect_uri"), "{error}");
}

#[tokio::test]
async fn a_user_who_says_no_is_taken_at_their_word() {
    let fake = fake().await;
    let login = web(&fake).login().unwrap();
    let callback = fake.deny(login.url()).unwrap();
    let error = login.finish(&callback).await.unwrap_err();
    assert_eq!(error.code(), Some(&OauthErrorCode::AccessDenied));
    assert!(!error.needs_login());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_of_64_tasks_over_sockets_uses_the_refresh_token_once() {
    let fake = fake().await;
    let app = web(&fake);
    let (credential, saved) = credential(&app, log_in(&fake, &app, "u_ada").await);
    let configuration = configuration(&fake, &credential);
    for round in 1..=5 {
        fake.expire_access_tokens();
        fake.clear_requests();
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let configuration = configuration.clone();
                tokio::spawn(async move { configuration.request("GET", "/workspaces/current/tasks").await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        // A second use would have revoked the grant, and the calls with it.
        let refreshes = fake.requests().iter().filter(|request| request.operation() == Some("token")).count();
        assert_eq!((refreshes, saved.lock().unwrap().len()), (1, round));
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_in_mid_refresh_does_not_log_the_user_out() {
    let fake = fake().await;
    let app = web(&fake);
    let (credential, saved) = credential(&app, log_in(&fake, &app, "u_ada").await);
    let configuration = configuration(&fake, &credential);
    fake.expire_access_tokens();
    let refreshes = || fake.requests().iter().filter(|request| request.operation() == Some("token")).count();
    let mut call = Box::pin(configuration.request("GET", "/workspaces/current/tasks").send_raw());
    // Driven until the server has used up the refresh token, and dropped before its response is looked at.
    while refreshes() < 2 {
        assert!(poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await);
        tokio::task::yield_now().await;
    }
    drop(call);
    assert_eq!((refreshes(), saved.lock().unwrap().len()), (2, 0), "the login and the refresh under way");
    configuration.request("GET", "/workspaces/current/tasks").await.unwrap();
    assert_eq!((refreshes(), saved.lock().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn refresh_tokens_that_stay_are_kept() {
    let fake = fake().await;
    fake.keep_refresh_tokens();
    let app = web(&fake);
    let tokens = log_in(&fake, &app, "u_ada").await;
    let first = tokens.refresh_token.clone();
    let (credential, _) = credential(&app, tokens);
    for _ in 0..3 {
        fake.expire_access_tokens();
        configuration(&fake, &credential).request("GET", "/workspaces/current/tasks").await.unwrap();
        assert_eq!(credential.latest().unwrap().refresh_token, first);
    }
}

#[tokio::test]
async fn a_token_endpoint_behind_a_broken_proxy_fails_with_its_status() {
    let fake = fake().await;
    let login = web(&fake).login().unwrap();
    let callback = fake.allow(login.url(), "u_ada").unwrap();
    fake.fail_next(Fault::html(502).on("token"));
    let error = login.finish(&callback).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (OauthErrorKind::Api, Some(502)));
}

#[tokio::test]
async fn the_fake_keeps_nothing_of_what_a_login_sends() {
    let fake = fake().await;
    log_in(&fake, &web(&fake), "u_ada").await;
    let requests = fake.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.body().is_empty() && request.query().is_empty(), "{request:?}");
    }
}

//! Logins and refreshing against an OAuth server that this project has not written: `.ci/oauth` starts it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::oauth::{Login, OauthApp, OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::{Configuration, Secret};
use support::http::{Caller, Reply};

const CALLBACK: &str = "http://127.0.0.1:3999/callback";

fn issuer() -> String {
    std::env::var("ONE_HORIZON_TEST_ISSUER").unwrap_or_else(|_| panic!("run .ci/oauth, which starts the server"))
}

fn web() -> OauthApp {
    OauthApp::builder("web", CALLBACK).client_secret("secret of the web app").site(issuer()).build().unwrap()
}

/// A browser that keeps cookies by their names.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    async fn send(&mut self, method: &str, url: &str, form: &str) -> Reply {
        let path = url.strip_prefix(&issuer()).unwrap_or(url).trim_start_matches('/');
        let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookies.as_str())];
        let response = Caller::anonymous(&format!("{}/", issuer())).send(method, path, &headers, form).await.unwrap();
        for (_, set) in response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
            if value.is_empty() {
                self.0.remove(name)
            } else {
                self.0.insert(name.to_owned(), value.to_owned())
            };
        }
        response
    }

    /// Logs in and consents on the server's own pages; the address that the server sends the browser back to.
    async fn log_in(&mut self, url: &str) -> String {
        let mut response = self.send("GET", url, "").await;
        for _ in 0..12 {
            if let Some(to) = response.header("location").map(str::to_owned) {
                if to.starts_with("http://127.0.0.1:3999/") {
                    return to;
                }
                response = self.send("GET", &to, "").await;
                continue;
            }
            let between = |start: &str, end: &str| {
                let rest = response.body.split_once(start)?.1;
                rest.split_once(end).map(|(value, _)| value.to_owned())
            };
            let action = between("action=\"", "\"").unwrap_or_else(|| panic!("no form: {response:?}"));
            let prompt = between("name=\"prompt\" value=\"", "\"").unwrap();
            response = self.send("POST", &action, &format!("prompt={prompt}&login=ada&password=any")).await;
        }
        panic!("the server never sends the browser back: {response:?}")
    }
}

async fn came_back(login: &Login) -> String {
    Browser::default().log_in(login.url()).await
}

async fn log_in(app: &OauthApp) -> Tokens {
    let login = app.login().unwrap();
    let callback = came_back(&login).await;
    login.finish(&callback).await.unwrap()
}

/// A configuration whose API is the server's own, which takes an access token too.
fn configuration(credential: &RefreshingCredential) -> Configuration {
    Configuration::builder().base_url(issuer()).credential(credential.clone().into()).build().unwrap()
}

async fn name(configuration: &Configuration) -> String {
    let response = configuration.request("GET", "/userinfo").await.unwrap();
    serde_json::from_slice::<serde_json::Value>(response.raw()).unwrap()["name"].as_str().unwrap().to_owned()
}

/// Has the server end an access token, as time would.
async fn revoke(token: &Secret) {
    let form = format!(
        "token={}&client_id=web&client_secret=secret+of+the+web+app&token_type_hint=access_token",
        token.expose()
    );
    assert_eq!(Browser::default().send("POST", "/revoke", &form).await.status, 200);
}

#[tokio::test]
#[ignore = "run by .ci/oauth"]
async fn servers_and_public_apps_log_in() {
    let public = OauthApp::builder("cli", CALLBACK).site(issuer()).build().unwrap();
    for app in [web(), public] {
        let tokens = log_in(&app).await;
        assert!(tokens.refresh_token.is_some() && tokens.id_token.is_some());
        assert!(tokens.expires_at.is_some());
        assert_eq!(name(&configuration(&RefreshingCredential::builder(&app, tokens).build())).await, "Ada");
    }
}

#[tokio::test]
#[ignore = "run by .ci/oauth"]
async fn a_wrong_secret_is_reported_as_such() {
    let app = OauthApp::builder("web", CALLBACK).client_secret("wrong").site(issuer()).build().unwrap();
    let login = app.login().unwrap();
    let callback = came_back(&login).await;
    assert_eq!(login.finish(&callback).await.unwrap_err().code(), Some(&OauthErrorCode::InvalidClient));
}

#[tokio::test]
#[ignore = "run by .ci/oauth"]
async fn a_replayed_code_another_verifier_and_another_callback_address_are_refused() {
    let app = web();
    let login = app.login().unwrap();
    let callback = came_back(&login).await;
    let again = app.resume_login(login.state(), login.verifier(), Duration::ZERO).unwrap();
    login.finish(&callback).await.unwrap();
    assert_eq!(again.finish(&callback).await.unwrap_err().code(), Some(&OauthErrorCode::InvalidGrant));

    let (login, other) = (app.login().unwrap(), app.login().unwrap());
    let callback = came_back(&login).await;
    let mixed = app.resume_login(login.state(), other.verifier(), Duration::ZERO).unwrap();
    let error = mixed.finish(&callback).await.unwrap_err();
    assert_eq!((error.code(), error.needs_login()), (Some(&OauthErrorCode::InvalidGrant), true));

    let login = app.login().unwrap();
    let callback = came_back(&login).await;
    let elsewhere = OauthApp::builder("web", "http://127.0.0.1:3999/elsewhere").client_secret("secret of the web app");
    let elsewhere = elsewhere.site(issuer()).build().unwrap();
    let mixed = elsewhere.resume_login(login.state(), login.verifier(), Duration::ZERO).unwrap();
    assert_eq!(mixed.finish(&callback).await.unwrap_err().kind(), OauthErrorKind::Callback, "seen here");
    // The query alone does not say where the browser went: then the server refuses.
    let (_, query) = callback.split_once('?').unwrap();
    assert_eq!(mixed.finish(query).await.unwrap_err().code(), Some(&OauthErrorCode::InvalidGrant));
}

#[tokio::test]
#[ignore = "run by .ci/oauth"]
async fn a_standard_server_wants_to_know_the_challenge_method() {
    let builder = OauthApp::builder("cli", CALLBACK).site(issuer());
    let login = builder.send_challenge_method(false).build().unwrap().login().unwrap();
    let callback = came_back(&login).await;
    let error = login.check(&callback).unwrap_err();
    assert_eq!((error.kind(), error.code()), (OauthErrorKind::Refused, Some(&OauthErrorCode::InvalidRequest)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by .ci/oauth"]
async fn a_race_of_64_calls_uses_a_rotating_refresh_token_once() {
    let app = web();
    let tokens = log_in(&app).await;
    let first = tokens.refresh_token.clone().unwrap();
    let saved: Arc<Mutex<Vec<Secret>>> = Arc::default();
    let store = Arc::clone(&saved);
    let credential = RefreshingCredential::builder(&app, tokens)
        .on_refresh(move |tokens| {
            store.lock().unwrap().push(tokens.refresh_token.unwrap());
            async { Ok::<(), std::io::Error>(()) }
        })
        .build();
    let configuration = configuration(&credential);
    for round in 1..=3 {
        revoke(&credential.latest().unwrap().access_token).await;
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let configuration = configuration.clone();
                tokio::spawn(async move { name(&configuration).await })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), "Ada");
        }
        assert_eq!(saved.lock().unwrap().len(), round);
    }
    // The server does rotate: the first one is used up, and using it again ends the whole grant.
    assert_ne!(saved.lock().unwrap()[0], first);
    let error = app.refresh(&first).await.unwrap_err();
    assert_eq!(error.code(), Some(&OauthErrorCode::InvalidGrant));
    let error = credential.refresh().await.unwrap_err();
    assert!(error.needs_login(), "{error}");
}

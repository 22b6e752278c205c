//! What the settings of a login and of a refreshing credential do.

use std::time::Duration;

use onehorizon::Secret;
use onehorizon::oauth::{OauthApp, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::Failure;
use onehorizon_testing::{Reply, ScriptedTransport};
use support::oauth::{CALLBACK, Say, Server, grant, grant_json, parameters, stale_tokens, token};
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_login_asks_at_the_site_or_at_an_address_of_its_own() {
    let server = Server::rotating();
    let url = |app: OauthApp| app.login().unwrap().url().to_owned();
    let at_site = url(server.builder().site("https://oh.example/api/v1").scopes(["openid", "email"]).build().unwrap());
    assert!(at_site.starts_with("https://oh.example/app/auth/authorize?"), "{at_site}");
    assert_eq!(parameters(&at_site)["scope"], "openid email");
    let elsewhere = server.builder().authorize_url("https://login.example/start?tenant=7").connect_timeout(SECOND);
    let elsewhere = url(elsewhere.build().unwrap());
    assert!(elsewhere.starts_with("https://login.example/start?tenant=7&"), "{elsewhere}");
    assert_eq!(
        (&*parameters(&elsewhere)["client_id"], &*parameters(&elsewhere)["redirect_uri"]),
        ("client-1", CALLBACK)
    );
}

#[test]
fn the_switch_of_the_challenge_method_is_named_where_it_may_help() {
    let hint = |method: bool, reason: &str| {
        let app = Server::rotating().builder().send_challenge_method(method).build().unwrap();
        let login = app.login().unwrap();
        let error = login.check(&format!("{CALLBACK}?error={reason}&state={}", login.state().expose())).unwrap_err();
        error.hint().unwrap_or_default().contains("send_challenge_method(false)")
    };
    assert!(hint(true, "invalid_request"));
    assert!(!hint(false, "invalid_request") && !hint(true, "server_error") && !hint(false, "server_error"));
}

#[test]
fn only_what_a_login_may_have_made_is_resumed() {
    let app = Server::rotating().app();
    let resumed = |state: usize, verifier: String| app.resume_login("s".repeat(state), verifier, SECOND).is_ok();
    for (state, verifier, fits) in
        [(15, 43, false), (16, 43, true), (43, 43, true), (16, 42, false), (16, 128, true), (16, 129, false)]
    {
        assert_eq!(resumed(state, "v".repeat(verifier)), fits, "{state} {verifier}");
    }
    assert!(resumed(16, "-._~".repeat(11)) && !resumed(16, "+/=!".repeat(11)));
}

#[tokio::test(start_paused = true)]
async fn a_user_has_as_long_as_the_app_gives() {
    let app = Server::rotating().builder().login_time(30 * SECOND).build().unwrap();
    let login = app.login().unwrap();
    let url = format!("{CALLBACK}?state={}&code=c", login.state().expose());
    advance(29 * SECOND).await;
    assert!(login.check(&url).is_ok());
    advance(SECOND).await;
    assert_eq!(login.check(&url).unwrap_err().kind(), OauthErrorKind::LoginExpired);
}

#[test]
fn a_callback_of_16_kib_is_read_and_a_longer_one_is_none() {
    let login = Server::rotating().app().login().unwrap();
    let mut url = format!("{CALLBACK}?state={}&code=c&x=", login.state().expose());
    url.push_str(&"x".repeat(16 * 1024 - url.len()));
    assert!(login.check(&url).is_ok());
    url.push('x');
    assert_eq!(login.check(&url).unwrap_err().kind(), OauthErrorKind::Callback);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_has_as_long_as_the_app_gives() {
    let server = Server::new(|_, _| Say::Silence);
    let app = server.builder().timeout(3 * SECOND).build().unwrap();
    let credential = RefreshingCredential::builder(&app, stale_tokens()).build();
    let before = Instant::now();
    assert_eq!(credential.access_token().await.unwrap_err().kind(), OauthErrorKind::Timeout);
    assert_eq!(before.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_as_far_ahead_of_its_end_as_wanted() {
    let server = Server::rotating();
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens()).skew(600 * SECOND).build();
    assert_eq!(token(&credential).await, "access-1");
    advance(2999 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    advance(SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_refresh_the_server_is_left_alone_while_the_old_token_is_good() {
    for (wanted, pause) in [(None, 5), (Some(20), 20)] {
        let server =
            Server::new(|number, _| if number == 1 { grant(1) } else { Say::Fail(Failure::Connect, "no route") });
        let mut builder = RefreshingCredential::builder(&server.app(), stale_tokens());
        if let Some(wanted) = wanted {
            builder = builder.retry_pause(wanted * SECOND);
        }
        let credential = builder.build();
        assert_eq!(token(&credential).await, "access-1");
        advance(3541 * SECOND).await;
        assert_eq!(token(&credential).await, "access-1", "the old one is good for another minute");
        assert_eq!(server.token_requests(), 2);
        advance((pause - 1) * SECOND).await;
        assert_eq!((token(&credential).await.as_str(), server.token_requests()), ("access-1", 2));
        advance(SECOND).await;
        assert_eq!((token(&credential).await.as_str(), server.token_requests()), ("access-1", 3));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_beside_the_tokens_is_kept_and_survives_a_shorter_response() {
    let server = Server::new(|number, _| match number {
        1 => {
            let more = r#""scope":"openid","id_token":"id-1","tier":{"level":1.0}}"#;
            Say::Json(200, format!("{},{more}", grant_json(1).trim_end_matches('}')))
        }
        _ => Say::Json(200, r#"{"access_token":"access-2"}"#.to_owned()),
    });
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens()).build();
    credential.refresh().await.unwrap();
    let given = |tokens: &Tokens| {
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        (secret(&tokens.refresh_token), tokens.scope.clone(), secret(&tokens.id_token))
    };
    let some = |text: &str| Some(text.to_owned());
    let tokens = credential.latest().unwrap();
    assert_eq!(given(&tokens), (some("refresh-1"), some("openid"), some("id-1")));
    assert_eq!(tokens.extra.raw("tier"), Some(r#"{"level":1.0}"#));
    let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    assert_eq!(given(&stored), given(&tokens));
    assert_eq!(stored.extra, tokens.extra);
    credential.refresh().await.unwrap();
    let tokens = credential.latest().unwrap();
    assert_eq!(tokens.access_token.expose(), "access-2");
    assert_eq!(given(&tokens), (some("refresh-1"), some("openid"), some("id-1")));
    assert_eq!(tokens.expires_at, None);
}

#[tokio::test]
async fn a_mebibyte_of_tokens_is_enough() {
    let transport = ScriptedTransport::new([Reply::fail(Failure::TooLarge)]);
    let app = OauthApp::builder("client-1", CALLBACK).transport(transport.clone()).build().unwrap();
    let credential = RefreshingCredential::builder(&app, stale_tokens()).build();
    assert_eq!(credential.access_token().await.unwrap_err().kind(), OauthErrorKind::Decode);
    assert_eq!(transport.requests()[0].max_response_bytes, 1024 * 1024);
}

#[test]
fn settings_with_an_accident_of_copying_are_refused_when_the_app_is_built() {
    let app = |id: &str, secret: &str, callback: &str, site: &str| {
        onehorizon::oauth::OauthApp::builder(id, callback).client_secret(secret).site(site).build().map(|_| ())
    };
    let site = "https://onehorizon.ai";
    assert!(app("client", "se cret", CALLBACK, site).is_ok());
    for (wrong, says) in [
        ("s3cr3t\n", "line end"),
        ("s3cr3t\r\n", "line end"),
        ("\u{feff}s3cr3t", "U+FEFF"),
        ("s3c\u{200b}r3t", "U+200B"),
        ("\"s3cr3t\"", "quotes"),
        ("'s3cr3t'", "quotes"),
        ("${VALUE}", "placeholder"),
        ("{{ s3cr3t }}", "placeholder"),
        (" s3cr3t", "white space"),
        ("ONE_SECRET=s3cr3t", "env file"),
        ("\u{ab}s3cr3t\u{bb}", "quotes"),
        ("\u{61c}s3cr3t", "U+061C"),
        ("#{s3cr3t}", "placeholder"),
        ("undefined", "placeholder"),
        ("", "empty"),
    ] {
        let in_url = if wrong.is_empty() { String::new() } else { wrong.replace("s3cr3t", "https://app.example/cb") };
        for (what, built) in [
            ("the client id", app(wrong, "secret", CALLBACK, site)),
            ("the client secret", app("client", wrong, CALLBACK, site)),
            ("the callback address", app("client", "secret", &in_url, site)),
            ("the site", app("client", "secret", CALLBACK, &in_url)),
        ] {
            let in_place = wrong == "s3c\u{200b}r3t" && matches!(what, "the callback address" | "the site");
            let Err(error) = built else {
                assert!(in_place, "{what} {wrong:?} was taken");
                continue;
            };
            let text = error.to_string();
            assert!(in_place || (text.contains(what) && text.contains(says)), "{what} {wrong:?}: {text}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}

#[test]
fn scopes_in_quotes_are_refused() {
    let app = |scopes: &[&str]| Server::rotating().builder().scopes(scopes).build().map(|_| ());
    assert!(app(&["openid", "email"]).is_ok() && app(&[]).is_ok());
    for wrong in [vec!["\"openid", "email\""], vec!["'openid'"], vec!["${SCOPE}"], vec!["openid\n"]] {
        let error = app(&wrong).unwrap_err().to_string();
        assert!(error.contains("the scope"), "{wrong:?}: {error}");
    }
}

#[test]
fn addresses_with_variables_or_the_port_0_are_refused() {
    let app = |callback: &str, site: &str| {
        onehorizon::oauth::OauthApp::builder("client", callback).site(site).build().map(|_| ())
    };
    for (address, says) in [
        ("https://$HOST/cb", "placeholder"),
        ("https://%HOST%/cb", "placeholder"),
        ("https://app.example:0/cb", "port 0"),
    ] {
        for error in [app(address, "https://onehorizon.ai").unwrap_err(), app(CALLBACK, address).unwrap_err()] {
            assert!(error.to_string().contains(says), "{address}: {error}");
        }
    }
    assert!(app("com.example.app:/cb", "https://onehorizon.ai").is_ok());
}

#[test]
fn a_client_secret_is_given_without_its_scheme() {
    let error = Server::rotating().builder().client_secret("Bearer s3cr3t").build().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("begins with `Bearer`"), "{error}");
}

#[tokio::test]
async fn a_request_for_tokens_says_who_asks_and_what_it_reads() {
    let served = support::network::plain_server([(200, "application/json", r#"{"access_token":"new"}"#)]).await;
    let app = OauthApp::builder("client-1", support::oauth::CALLBACK);
    let app = app.token_url(format!("http://{}/token", served.address)).build().unwrap();
    app.refresh(&"old".into()).await.unwrap();
    let head = served.seen().concat().to_lowercase();
    let agent = concat!("user-agent: onehorizon-rust/", env!("CARGO_PKG_VERSION"), "\r\n");
    for line in [
        "post /token http/1.1\r\n",
        "accept: application/json\r\n",
        agent,
        "content-type: application/x-www-form-urlencoded\r\n",
    ] {
        assert!(head.contains(line), "{line:?} is missing: {head}");
    }
    // What the transport sets itself, for those too who do not ask for it.
    let encodings = if cfg!(feature = "gzip") { "accept-encoding: gzip" } else { "accept-encoding: identity\r\n" };
    assert!(head.contains(encodings), "{head}");
}

//! What an error of a login or a refresh says, kind by kind.

use std::error::Error as _;

use onehorizon::oauth::{MemoryTokens, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::Failure;
use onehorizon::{Error, ErrorKind, Sent};
use support::oauth::{Say, Server, stale};

fn refusal(status: u16, code: &str) -> Say {
    Say::Json(status, format!(r#"{{"error":"{code}","error_description":"so it is"}}"#))
}

#[tokio::test(start_paused = true)]
async fn each_failure_of_the_token_endpoint_has_its_kind_its_way_out_and_its_call_error() {
    use OauthErrorKind::{Api, Connect, Decode, Interrupted, Refused, Timeout};
    let fail = |failure| Say::Fail(failure, "the cable");
    #[rustfmt::skip]
    let cases = [
        (refusal(400, "invalid_grant"), Refused, Some(400), Sent::Yes, true, "new login", ErrorKind::Unauthorized),
        (refusal(401, "invalid_client"), Refused, Some(401), Sent::Yes, false, "client secret", ErrorKind::Unauthorized),
        (refusal(403, "access_denied"), Refused, Some(403), Sent::Yes, false, "ask again only if", ErrorKind::Unauthorized),
        (refusal(400, "invalid_scope"), Refused, Some(400), Sent::Yes, false, "", ErrorKind::Unauthorized),
        (Say::Json(502, "<html>".to_owned()), Api, Some(502), Sent::Yes, false, "", ErrorKind::Api),
        (Say::Json(200, "<html>".to_owned()), Decode, Some(200), Sent::Yes, false, "", ErrorKind::Decode),
        (fail(Failure::Connect), Connect, None, Sent::No, false, "", ErrorKind::Connect),
        (fail(Failure::ConnectTimeout), Timeout, None, Sent::No, false, "", ErrorKind::Timeout),
        (fail(Failure::Interrupted), Interrupted, None, Sent::Maybe, false, "", ErrorKind::Interrupted),
        (fail(Failure::TooLarge), Decode, None, Sent::Yes, false, "", ErrorKind::Decode),
        (Say::Silence, Timeout, None, Sent::Maybe, false, "", ErrorKind::Timeout),
    ];
    for (say, kind, status, sent, needs_login, way_out, call_kind) in cases {
        let caused = matches!(say, Say::Fail(..));
        let server = Server::new(move |_, _| say.clone());
        let error = stale(&server).access_token().await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.was_sent()), (kind, status, sent), "{error}");
        assert_eq!(error.needs_login(), needs_login, "{error}");
        assert_eq!(error.hint().is_some(), !way_out.is_empty(), "{error}");
        assert!(error.hint().unwrap_or_default().contains(way_out), "{error}");
        assert_eq!((error.source().is_some(), error.message().contains("the cable")), (caused, caused), "{error:?}");
        let call = Error::from(error.clone());
        assert_eq!((call.kind(), call.was_sent()), (call_kind, Sent::No), "the call itself was never sent");
        assert_eq!(call.message(), format!("no access token: {error}"));
        assert!(call.source().unwrap().downcast_ref::<onehorizon::oauth::OauthError>().is_some());
    }
}

#[tokio::test]
async fn an_error_is_one_line_with_status_words_code_and_way_out() {
    let server = Server::new(|_, _| refusal(400, "invalid_grant"));
    let error = stale(&server).access_token().await.unwrap_err();
    let line = "refused by the authorisation server (400): so it is [invalid_grant]; send the user through a new login";
    assert_eq!(error.to_string(), line);
    assert_eq!((error.message(), error.code().unwrap().as_str()), ("so it is", "invalid_grant"));
}

#[tokio::test]
async fn without_tokens_or_without_a_refresh_token_only_a_login_helps() {
    let server = Server::rotating();
    let credential = RefreshingCredential::builder(&server.app(), Tokens::new("access-0")).build();
    assert_eq!(credential.access_token().await.unwrap().expose(), "access-0");
    let error = credential.refresh().await.unwrap_err();
    assert_eq!((error.kind(), error.needs_login()), (OauthErrorKind::NoRefreshToken, true));
    assert!(error.to_string().starts_with("no refresh token: "), "{error}");
    credential.forget();
    let error = credential.access_token().await.unwrap_err();
    assert_eq!((error.kind(), error.needs_login()), (OauthErrorKind::SignedOut, true));
    assert!(error.to_string().starts_with("signed out: "), "{error}");
    for error in [credential.refresh().await.unwrap_err(), error] {
        assert_eq!(Error::from(error).kind(), ErrorKind::Unauthorized);
    }
    credential.settle().await.unwrap();
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test]
async fn a_refusal_is_read_whatever_is_odd_beside_it() {
    for body in [
        r#"{"error":"invalid_grant","n":1e400}"#,
        r#"{"error":"invalid_grant","error_description":"used \ud83d up"}"#,
        r#"{"error":"invalid_grant","error_description":["used","up"]}"#,
        r#"{"error":"invalid_grant","error_description":7}"#,
        r#"{"error":"invalid_grant","error_uri":null}"#,
        r#"{"error":"INVALID_GRANT"}"#,
        r#"{"error":{"code":"invalid_grant","message":"used up"}}"#,
        "\u{feff}{\"error\":\"invalid_grant\"}",
    ] {
        let server = Server::new(move |_, _| Say::Json(400, body.to_owned()));
        let error = stale(&server).access_token().await.unwrap_err();
        assert_eq!((error.kind(), error.needs_login()), (OauthErrorKind::Refused, true), "{body}: {error}");
        assert_eq!(error.code().map(|code| code.as_str().to_owned()).as_deref(), Some("invalid_grant"), "{body}");
    }
    for (body, words) in [
        (r#"{"error":"invalid_scope","error_description":"no \ud83d such"}"#, "no \u{fffd} such"),
        (r#"{"error":"invalid_scope","error_description":["no","such"]}"#, "no; such"),
        (r#"{"error":"invalid_scope","message":"no such"}"#, "no such"),
        (r#"{"error":{"code":"invalid_scope","message":"no such"}}"#, "no such"),
    ] {
        let server = Server::new(move |_, _| Say::Json(400, body.to_owned()));
        let error = stale(&server).access_token().await.unwrap_err();
        assert_eq!(error.message(), words, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_busy_is_asked_once_in_the_time_that_it_asked_for() {
    let busy = r#"{"error":"temporarily_unavailable","error_description":"retry in 60 seconds"}"#;
    for (status, body, pause) in [
        (429, r#"{"message":"retry in 120 seconds"}"#, 120),
        (429, "{}", 5),
        (503, "{}", 5),
        (400, busy, 5),
        (429, r#"{"message":"retry in 20 hours"}"#, 3_600),
    ] {
        let server = Server::new(move |number, _| match number {
            1 => Say::Json(status, body.to_owned()),
            _ => Say::Json(200, r#"{"access_token":"new","refresh_token":"rotated"}"#.to_owned()),
        });
        let credential = stale(&server);
        for call in 0..10 {
            let error = credential.access_token().await.unwrap_err();
            assert_eq!(server.token_requests(), 1, "{status} {body}");
            let call_error = Error::from(error.clone());
            assert!(call_error.is_retryable(), "{status} {body}: {call_error}");
            assert_eq!(call_error.kind() == ErrorKind::RateLimited, status == 429, "{call_error}");
            assert_eq!(call_error.exit_code(), 75, "{call_error}");
            if call > 0 {
                assert!(error.retry_after().is_some_and(|left| left.as_secs() <= pause), "{error:?}");
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(pause)).await;
        assert_eq!(credential.access_token().await.unwrap().expose(), "new", "{status} {body}");
    }
}

#[tokio::test]
async fn after_a_success_that_cannot_be_read_a_refusal_says_that_the_token_may_be_used_up() {
    let server = Server::new(|number, _| match number {
        1 => Say::Json(200, "<html>Welcome".to_owned()),
        _ => refusal(400, "invalid_grant"),
    });
    let credential = stale(&server);
    let error = credential.access_token().await.unwrap_err();
    assert!(error.message().contains("a page"), "{error}");
    let error = credential.access_token().await.unwrap_err();
    assert!(error.needs_login() && error.hint().unwrap().contains("may have used it up"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_tokens_in_it_shows_its_words_alone() {
    let tokens = r#"{"access_token":"new-value","refresh_token":"rotated-value"}"#;
    for body in [
        tokens.to_owned(),
        format!("[{tokens}]"),
        format!(r#"{{"error":{tokens}}}"#),
        format!(r#"{{"message":{tokens}}}"#),
        format!(r#"{{"errors":[{tokens}]}}"#),
        format!(r#"{{"detail":{tokens},"status":"error"}}"#),
        format!(r#"{{"data":{tokens}}}"#),
        r#"{"value":"new-value","other":["rotated-value"]}"#.to_owned(),
        r#"{"errors":{"session":"new-value"}}"#.to_owned(),
        r#"{"error":"server_error","error_description":"made new-value","access_token":"new-value"}"#.to_owned(),
        r#"{"message":"made new-value","access_token":"new-value"}"#.to_owned(),
        "access_token=new-value&refresh_token=rotated-value".to_owned(),
        "\"new-value\"".to_owned(),
        "new-value".to_owned(),
    ] {
        for status in [303, 400, 401, 500] {
            let body = body.clone();
            let server = Server::new(move |_, _| Say::Json(status, body.clone()));
            let error = stale(&server).access_token().await.unwrap_err();
            let shown = format!("{error} {error:?} {}", Error::from(error.clone()));
            assert!(!shown.contains("new-value") && !shown.contains("rotated-value"), "{shown}");
        }
    }
    for (body, words) in [
        (r#"{"error":"invalid_request","error_description":"no scope"}"#, "no scope"),
        (r#"{"message":"too many requests"}"#, "too many requests"),
        (r#"{"error":{"message":"too many requests"}}"#, "too many requests"),
        (r#"{"title":"Bad","detail":"no such client"}"#, "no such client"),
    ] {
        let server = Server::new(move |_, _| Say::Json(400, body.to_owned()));
        assert_eq!(stale(&server).access_token().await.unwrap_err().message(), words, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tokens_in_use_are_not_shown_when_the_server_repeats_them() {
    let old = Tokens::new("old-access-value").with_refresh_token("old-refresh-value");
    let old = serde_json::to_string(&old).unwrap().replace('}', r#","id_token":"old-id-value","expires_at":1000}"#);
    for secret in ["old-access-value", "old-refresh-value", "old-id-value"] {
        let encoded = secret.replace('-', "%2D");
        for (status, body) in [
            (400, format!(r#"{{"error":"invalid_grant","error_description":"{secret} is over"}}"#)),
            (400, format!(r#"{{"error":"{secret}"}}"#)),
            (400, format!(r#"{{"error":{{"code":"invalid_grant","message":["of {encoded}"]}}}}"#)),
            (401, format!(r#"{{"message":"no session for {secret}"}}"#)),
            (500, format!("the token {secret} is unknown")),
            (502, format!("<html><title>{encoded}</title></html>")),
            (200, secret.to_owned()),
        ] {
            let server = Server::new(move |_, _| Say::Json(status, body.clone()));
            let tokens: Tokens = serde_json::from_str(&old).unwrap();
            let store = MemoryTokens::new();
            let shared = RefreshingCredential::builder(&server.app(), tokens.clone()).token_store(store).build();
            for credential in [RefreshingCredential::builder(&server.app(), tokens).build(), shared] {
                // Into the store they go first.
                credential.settle().await.unwrap();
                let error = credential.access_token().await.unwrap_err();
                let shown = format!("{error} {error:?} {}", Error::from(error.clone()));
                assert!(!shown.contains(secret) && !shown.contains(&encoded), "{shown}");
            }
        }
    }
}

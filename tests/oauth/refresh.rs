//! Access tokens that refresh themselves: once, in time, and without losing anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use onehorizon::oauth::{OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::Failure;
use onehorizon::{Configuration, ErrorKind, Secret, Sent};
use support::oauth::{Say, Server, grant, grant_json, poll_once, stale, stale_tokens, token};
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_of_64_tasks_makes_one_request() {
    let server = Server::rotating();
    server.close();
    let credential = stale(&server);
    let arrived = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (credential, arrived) = (credential.clone(), Arc::clone(&arrived));
            tokio::spawn(async move {
                arrived.fetch_add(1, Ordering::SeqCst);
                token(&credential).await
            })
        })
        .collect();
    while arrived.load(Ordering::SeqCst) < 64 || server.token_requests() == 0 {
        tokio::task::yield_now().await;
    }
    server.open();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "access-1");
    }
    assert_eq!(server.token_requests(), 1);
    assert_eq!(server.forms()[0].get("grant_type"), "refresh_token");
    assert_eq!(server.forms()[0].get("refresh_token"), "refresh-0");
}

#[tokio::test]
async fn all_who_wait_for_a_refresh_get_its_error() {
    let server = Server::new(|_, _| Say::Fail(Failure::Connect, "no route"));
    server.close();
    let credential = stale(&server);
    let mut calls: Vec<_> = (0..64).map(|_| Box::pin(credential.access_token())).collect();
    for call in &mut calls {
        assert!(poll_once(call).await.is_none());
    }
    server.open();
    for call in calls {
        assert_eq!(call.await.unwrap_err().kind(), OauthErrorKind::Connect);
    }
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_a_minute_ahead_of_its_end() {
    let server = Server::rotating();
    let credential = stale(&server);
    assert_eq!(token(&credential).await, "access-1");
    advance(3539 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!(server.token_requests(), 1);
    advance(SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
    assert_eq!(server.forms()[1].get("refresh_token"), "refresh-1", "the rotated one");
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_token_is_used_for_half_of_its_life() {
    let server = Server::new(|number, _| Say::Json(200, grant_json(number).replace("3600", "30")));
    let credential = stale(&server);
    token(&credential).await;
    advance(14 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    advance(SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_known_end_is_used_until_it_is_refused() {
    let server = Server::rotating();
    let tokens = Tokens::new("access-0").with_refresh_token("refresh-0");
    let credential = RefreshingCredential::builder(&server.app(), tokens).build();
    advance(1_000_000 * SECOND).await;
    assert_eq!(token(&credential).await, "access-0");
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_is_ten_minutes_off_changes_nothing() {
    for date in ["Thu, 01 Jan 1970 00:10:00 GMT", "Thu, 31 Dec 2099 23:50:00 GMT"] {
        // Everything that the server says of its time is wrong, in the header and in the body.
        let server = Server::new(move |number, _| {
            let json =
                grant_json(number).replace('}', r#","expires_at":600,"expires_on":"600","issued_at":4102444200}"#);
            Say::Dated(json, date)
        });
        let credential = stale(&server);
        assert_eq!(token(&credential).await, "access-1");
        let end = credential.latest().unwrap().expires_at.unwrap();
        let left = end.duration_since(std::time::SystemTime::now()).unwrap();
        assert!(left > 3590 * SECOND && left <= 3600 * SECOND, "by this machine's clock: {left:?}");
        advance(3539 * SECOND).await;
        assert_eq!(token(&credential).await, "access-1", "{date}");
        advance(SECOND).await;
        assert_eq!(token(&credential).await, "access-2", "{date}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_counted_from_asking_so_that_a_slow_response_does_not_stretch_it() {
    let server = Server::rotating();
    server.close();
    let credential = stale(&server);
    let asking = tokio::spawn({
        let credential = credential.clone();
        async move { token(&credential).await }
    });
    while server.token_requests() == 0 {
        tokio::task::yield_now().await;
    }
    advance(20 * SECOND).await;
    server.open();
    assert_eq!(asking.await.unwrap(), "access-1");
    advance(3519 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    advance(SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn while_the_old_token_is_good_a_failed_refresh_fails_no_call() {
    let server = Server::new(|number, _| match number {
        1 => grant(1),
        2..=13 => Say::Fail(Failure::Connect, "no route"),
        _ => grant(2),
    });
    let credential = stale(&server);
    token(&credential).await;
    advance(3540 * SECOND).await;
    for _ in 0..10 {
        assert_eq!(token(&credential).await, "access-1");
    }
    assert_eq!(server.token_requests(), 2, "the server is left alone for a while");
    advance(5 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!(server.token_requests(), 3);
    advance(55 * SECOND).await;
    let error = credential.access_token().await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (OauthErrorKind::Connect, Sent::No));
    assert!(!error.needs_login());
    while server.token_requests() < 13 {
        assert!(credential.access_token().await.is_err(), "each call tries, since nothing else is left");
    }
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_is_not_tried_again_until_the_user_signs_in() {
    let server = Server::new(|number, _| match number {
        1 => Say::Json(400, r#"{"error":"invalid_grant"}"#.into()),
        _ => grant(number),
    });
    let credential = stale(&server);
    for _ in 0..3 {
        let error = credential.access_token().await.unwrap_err();
        assert_eq!(error.code(), Some(&OauthErrorCode::InvalidGrant));
        assert!(error.needs_login());
    }
    assert_eq!(server.token_requests(), 1);
    credential.sign_in(stale_tokens());
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test]
async fn tokens_can_be_replaced_before_their_time() {
    let server = Server::rotating();
    let credential = fresh(&server);
    credential.refresh().await.unwrap();
    assert_eq!(token(&credential).await, "access-1");
    let alone = RefreshingCredential::builder(&server.app(), Tokens::new("access-0")).build();
    let error = alone.refresh().await.unwrap_err();
    assert_eq!(error.kind(), OauthErrorKind::NoRefreshToken);
    assert!(error.needs_login());
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn a_signed_out_user_has_no_token() {
    let server = Server::rotating();
    let credential = stale(&server);
    credential.forget();
    assert_eq!(credential.access_token().await.unwrap_err().kind(), OauthErrorKind::SignedOut);
    assert!(credential.latest().is_none());
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test]
async fn signing_out_during_a_refresh_is_not_undone_by_it() {
    let server = Server::rotating();
    server.close();
    let saved = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&saved);
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens())
        .on_refresh(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok::<(), std::io::Error>(()) }
        })
        .build();
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    credential.forget();
    server.open();
    assert_eq!(call.await.unwrap_err().kind(), OauthErrorKind::SignedOut);
    assert_eq!(credential.access_token().await.unwrap_err().kind(), OauthErrorKind::SignedOut);
    assert_eq!(saved.load(Ordering::SeqCst), 0);
}

// ---- Under a configuration.

fn configuration(server: &Server, credential: &RefreshingCredential) -> Configuration {
    Configuration::builder().credential(credential.clone().into()).transport(server.clone()).build().unwrap()
}

fn fresh(server: &Server) -> RefreshingCredential {
    let tokens = Tokens::new("access-0").with_refresh_token("refresh-0");
    RefreshingCredential::builder(&server.app(), tokens).build()
}

#[tokio::test]
async fn a_401_replaces_the_token_once_and_repeats_the_call() {
    let server = Server::with_api(|number, _| grant(number), |token| if token == "access-1" { 200 } else { 401 });
    let configuration = configuration(&server, &fresh(&server));
    configuration.request("POST", "/workspaces/{workspaceId}/tasks").await.unwrap();
    assert_eq!(server.api_tokens(), ["access-0", "access-1"]);
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn a_second_401_is_the_error() {
    let server = Server::with_api(|number, _| grant(number), |_| 401);
    let configuration = configuration(&server, &fresh(&server));
    let error = configuration.request("GET", "/x").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
    assert_eq!(server.api_tokens(), ["access-0", "access-1"]);
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn without_a_refresh_token_a_401_is_the_error() {
    let server = Server::with_api(|number, _| grant(number), |_| 401);
    let credential = RefreshingCredential::builder(&server.app(), Tokens::new("access-0")).build();
    let error = configuration(&server, &credential).request("GET", "/x").await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_calls_that_meet_a_401_make_one_request() {
    let server = Server::with_api(|number, _| grant(number), |token| if token == "access-0" { 401 } else { 200 });
    server.close();
    let configuration = configuration(&server, &fresh(&server));
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let configuration = configuration.clone();
            tokio::spawn(async move { configuration.request("GET", "/x").await.map(|response| response.status()) })
        })
        .collect();
    while server.token_requests() == 0 {
        tokio::task::yield_now().await;
    }
    server.open();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn a_server_that_thinks_the_token_is_over_early_is_believed() {
    // Its clock runs ten minutes ahead of ours: by ours the token has most of its hour left.
    let server = Server::with_api(|number, _| grant(number), |token| if token == "access-1" { 401 } else { 200 });
    let credential = stale(&server);
    configuration(&server, &credential).request("GET", "/x").await.unwrap();
    assert_eq!(server.api_tokens(), ["access-1", "access-2"]);
    assert_eq!(token(&credential).await, "access-2");
}

#[tokio::test]
async fn the_calls_error_says_whether_trying_again_makes_sense() {
    let cases = [
        (Say::Fail(Failure::Connect, "no route"), ErrorKind::Connect),
        (Say::Json(400, r#"{"error":"invalid_grant"}"#.into()), ErrorKind::Unauthorized),
        (Say::Json(503, String::new()), ErrorKind::Api),
    ];
    for (say, kind) in cases {
        let server = Server::new(move |_, _| say.clone());
        let error = configuration(&server, &stale(&server)).request("POST", "/x").await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (kind, Sent::No), "{error}");
        assert!(error.to_string().contains("no access token"), "{error}");
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<onehorizon::oauth::OauthError>());
        assert!(server.api_tokens().is_empty(), "the call was not sent");
    }
}

#[test]
fn a_credential_shows_no_token() {
    let server = Server::rotating();
    let credential = stale(&server);
    let printed = format!("{credential:?} {:?}", onehorizon::Credential::from(credential.clone()));
    assert!(!printed.contains("access-0") && !printed.contains("refresh-0"), "{printed}");
    let _ = Secret::from("x");
}

#[tokio::test]
async fn a_late_401_of_a_token_that_was_replaced_meanwhile_costs_no_request() {
    use onehorizon::TokenProvider;

    let server = Server::rotating();
    let credential = fresh(&server);
    let refused = Secret::from("access-0");
    for _ in 0..3 {
        let token = credential.replace(&refused).await.unwrap().unwrap();
        assert_eq!(token.expose(), "access-1");
    }
    assert_eq!(server.token_requests(), 1);
}

/// On several threads: the refresh may end while others have seen that the token is refused, and have not asked for one yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_that_ends_while_others_ask_for_it_is_not_followed_by_a_second_one() {
    use onehorizon::TokenProvider;

    let server = Server::rotating();
    let credential = fresh(&server);
    for round in 0..5_000 {
        let refused = credential.access_token().await.unwrap();
        server.close();
        let callers: Vec<_> = (0..16)
            .map(|_| {
                let (credential, refused) = (credential.clone(), refused.clone());
                tokio::spawn(async move { credential.replace(&refused).await.unwrap().unwrap() })
            })
            .collect();
        server.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap().expose(), format!("access-{}", round + 1));
        }
        assert_eq!(server.token_requests(), round + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_takes_nobodys_wake_up_along() {
    let server = Server::rotating();
    server.close();
    let credential = stale(&server);
    let mut leaves = Box::pin(credential.access_token());
    assert!(poll_once(&mut leaves).await.is_none());
    let stays: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn({
                let credential = credential.clone();
                async move { token(&credential).await }
            })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    drop(leaves);
    server.open();
    for waiter in stays {
        assert_eq!(tokio::time::timeout(SECOND, waiter).await.unwrap().unwrap(), "access-1");
    }
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_response_says_that_the_refresh_token_may_be_used_up() {
    for lost in [Say::Fail(Failure::Interrupted, "reset"), Say::Silence, Say::Json(502, String::new())] {
        let server = Server::new(move |number, _| match number {
            1 => lost.clone(),
            _ => Say::Json(400, r#"{"error":"invalid_grant"}"#.to_owned()),
        });
        let credential = stale(&server);
        assert!(!credential.access_token().await.unwrap_err().needs_login());
        for _ in 0..2 {
            let error = credential.access_token().await.unwrap_err();
            assert!(error.needs_login() && error.to_string().contains("may have used it up"), "{error}");
        }
    }
    for known in [Say::Fail(Failure::Connect, "refused"), Say::Json(429, String::new())] {
        let server = Server::new(move |number, _| match number {
            1 => known.clone(),
            _ => Say::Json(400, r#"{"error":"invalid_grant"}"#.to_owned()),
        });
        let credential = stale(&server);
        assert!(!credential.access_token().await.unwrap_err().needs_login());
        // A server that is busy is left alone for the pause.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let error = credential.access_token().await.unwrap_err();
        assert!(error.needs_login() && !error.to_string().contains("may have used it up"), "{error}");
    }
}

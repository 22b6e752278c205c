//! Access tokens that refresh themselves: once, in time, and without losing anything.
#![allow(clippy::disallowed_methods, reason = "a test measures and guards with real or paused time")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test may panic")]

mod oauth_support;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use oauth_support::{Say, Server, grant, grant_json, stale_tokens};
use onehorizon::oauth::{OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::Failure;
use onehorizon::{Configuration, ErrorKind, Secret, Sent};
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

fn stale(server: &Server) -> RefreshingCredential {
    RefreshingCredential::builder(&server.app(), stale_tokens()).build()
}

async fn token(credential: &RefreshingCredential) -> String {
    credential.access_token().await.unwrap().expose().to_owned()
}

/// Polls a future once, as a task does that is dropped afterwards.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

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
async fn the_end_is_counted_from_asking_so_that_a_slow_answer_does_not_stretch_it() {
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

// ---- Saving.

/// A store that keeps what it is given, and can be made to fail, hang or panic.
#[derive(Clone, Default)]
struct Store {
    kept: Arc<Mutex<Vec<String>>>,
    failing: Arc<AtomicBool>,
    panicking: Arc<AtomicBool>,
    gate: Option<Arc<Semaphore>>,
}

impl Store {
    async fn save(self, tokens: Tokens) -> Result<(), String> {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        assert!(!self.panicking.load(Ordering::SeqCst), "scripted panic");
        if self.failing.load(Ordering::SeqCst) {
            return Err(format!("disk full while writing {}", tokens.access_token.expose()));
        }
        self.kept.lock().unwrap().push(tokens.refresh_token.unwrap().expose().to_owned());
        Ok(())
    }

    fn kept(&self) -> Vec<String> {
        self.kept.lock().unwrap().clone()
    }

    fn credential(&self, server: &Server) -> RefreshingCredential {
        let store = self.clone();
        RefreshingCredential::builder(&server.app(), stale_tokens())
            .on_refresh(move |tokens| store.clone().save(tokens))
            .build()
    }
}

#[tokio::test]
async fn new_tokens_are_saved_before_they_are_used() {
    let store = Store { gate: Some(Arc::new(Semaphore::new(0))), ..Store::default() };
    let server = Server::rotating();
    let credential = store.credential(&server);
    let mut call = Box::pin(credential.access_token());
    for _ in 0..10 {
        assert!(poll_once(&mut call).await.is_none(), "no token before it is saved");
    }
    assert_eq!(server.token_requests(), 1);
    store.gate.as_ref().unwrap().add_permits(1);
    assert_eq!(call.await.unwrap().expose(), "access-1");
    assert_eq!(store.kept(), ["refresh-1"]);
}

#[tokio::test]
async fn tokens_that_could_not_be_saved_are_kept_and_saved_by_the_next_call() {
    let store = Store::default();
    store.failing.store(true, Ordering::SeqCst);
    let server = Server::rotating();
    let credential = store.credential(&server);
    for _ in 0..2 {
        let error = credential.access_token().await.unwrap_err();
        assert_eq!(error.kind(), OauthErrorKind::NotSaved);
        let printed = format!("{error} {error:?}");
        assert!(printed.contains("disk full") && !printed.contains("access-1"), "{printed}");
    }
    let latest = credential.latest().unwrap();
    assert_eq!(latest.refresh_token.unwrap().expose(), "refresh-1", "within reach although it could not be saved");
    store.failing.store(false, Ordering::SeqCst);
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!(server.token_requests(), 1, "the used-up refresh token was not sent again");
    assert_eq!(store.kept(), ["refresh-1"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_old_token_is_good_a_store_that_fails_fails_no_call() {
    let store = Store::default();
    let server = Server::rotating();
    let credential = store.credential(&server);
    token(&credential).await;
    store.failing.store(true, Ordering::SeqCst);
    advance(3540 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    store.failing.store(false, Ordering::SeqCst);
    advance(5 * SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
    assert_eq!((server.token_requests(), store.kept()), (2, vec!["refresh-1".to_owned(), "refresh-2".to_owned()]));
}

#[tokio::test]
async fn a_store_that_panics_takes_nobody_along() {
    let store = Store::default();
    store.panicking.store(true, Ordering::SeqCst);
    let server = Server::rotating();
    let credential = store.credential(&server);
    let crashed = tokio::spawn({
        let credential = credential.clone();
        async move { credential.access_token().await.map(|_| ()) }
    });
    assert!(crashed.await.unwrap_err().is_panic());
    let second = credential.access_token().await.unwrap_err();
    assert_eq!(second.kind(), OauthErrorKind::NotSaved, "{second}");
    store.panicking.store(false, Ordering::SeqCst);
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!((server.token_requests(), store.kept()), (1, vec!["refresh-1".to_owned()]));
}

#[tokio::test]
async fn a_store_that_uses_the_credential_itself_gets_an_error_and_does_not_hang() {
    let server = Server::rotating();
    let slot: Arc<Mutex<Option<RefreshingCredential>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens())
        .on_refresh(move |_| {
            let credential = inner.lock().unwrap().clone().unwrap();
            async move { credential.access_token().await.map(|_| ()) }
        })
        .build();
    *slot.lock().unwrap() = Some(credential.clone());
    let error = credential.access_token().await.unwrap_err();
    assert!(error.to_string().contains("would wait for itself"), "{error}");
    *slot.lock().unwrap() = None;
}

// ---- Calls that are dropped.

#[tokio::test]
async fn a_call_dropped_while_the_server_answers_loses_nothing() {
    let server = Server::rotating();
    server.close();
    let store = Store::default();
    let credential = store.credential(&server);
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    assert_eq!(server.token_requests(), 1, "the refresh token is on its way and may be used up");
    drop(call);
    server.open();
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!((server.token_requests(), store.kept()), (1, vec!["refresh-1".to_owned()]));
}

#[tokio::test]
async fn a_call_dropped_while_saving_loses_nothing() {
    let store = Store { gate: Some(Arc::new(Semaphore::new(0))), ..Store::default() };
    let server = Server::rotating();
    let credential = store.credential(&server);
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    store.gate.as_ref().unwrap().add_permits(1);
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!((server.token_requests(), store.kept()), (1, vec!["refresh-1".to_owned()]), "saved once");
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_nobody_waits_is_not_the_servers_fault() {
    let server = Server::rotating();
    server.close();
    let credential = stale(&server);
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    advance(20 * SECOND).await;
    drop(call);
    advance(600 * SECOND).await;
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none(), "20 of 30 s were driven");
    advance(9 * SECOND).await;
    assert!(poll_once(&mut call).await.is_none());
    server.open();
    assert_eq!(call.await.unwrap().expose(), "access-1");
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_after_30_seconds_of_waiting() {
    let server = Server::new(|_, _| Say::Silence);
    let credential = stale(&server);
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    advance(20 * SECOND).await;
    drop(call);
    advance(600 * SECOND).await;
    let before = Instant::now();
    let error = credential.access_token().await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), (OauthErrorKind::Timeout, Sent::Maybe));
    assert_eq!(before.elapsed(), 10 * SECOND);
}

#[tokio::test]
async fn a_waiter_that_is_not_polled_holds_nobody_up() {
    let server = Server::rotating();
    server.close();
    let credential = stale(&server);
    let mut first = Box::pin(credential.access_token());
    assert!(poll_once(&mut first).await.is_none());
    server.open();
    // `first` drove the refresh so far and is now left lying, as in a `select!` with another branch running.
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!(first.await.unwrap().expose(), "access-1");
    assert_eq!(server.token_requests(), 1);
}

#[tokio::test]
async fn before_the_end_a_refresh_under_way_can_be_settled() {
    let server = Server::rotating();
    server.close();
    let store = Store::default();
    let credential = store.credential(&server);
    credential.settle().await.unwrap();
    assert_eq!(server.token_requests(), 0, "nothing to settle");
    let mut call = Box::pin(credential.access_token());
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    server.open();
    credential.settle().await.unwrap();
    assert_eq!(store.kept(), ["refresh-1"]);
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
            tokio::spawn(async move { configuration.request("GET", "/x").await.map(|answer| answer.status()) })
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
async fn the_calls_error_tells_whether_trying_again_makes_sense() {
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

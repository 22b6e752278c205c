//! Refreshing loses nothing: neither when saving fails nor when calls are dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::oauth::{OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::{Configuration, ErrorKind, Sent};
use support::oauth::{Say, Server, poll_once, stale, stale_tokens, token};
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

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
    for _ in 0..2 {
        let error = credential.access_token().await.unwrap_err();
        assert_eq!(error.kind(), OauthErrorKind::NotSaved);
        assert!(error.to_string().contains("on_refresh panicked"), "{error}");
    }
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
async fn a_call_dropped_while_the_server_responds_loses_nothing() {
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

#[tokio::test]
async fn when_nobody_holds_the_credential_a_refresh_under_way_ends() {
    let server = Server::rotating();
    server.close();
    let held = Arc::new(());
    let watched = Arc::downgrade(&held);
    let credential = RefreshingCredential::builder(&server.app(), stale_tokens())
        .on_refresh(move |_| {
            let _held = Arc::clone(&held);
            async { Ok::<(), std::io::Error>(()) }
        })
        .build();
    let clone = credential.clone();
    let mut call = Box::pin(clone.access_token());
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    drop(credential);
    assert!(watched.upgrade().is_some());
    drop(clone);
    assert!(watched.upgrade().is_none(), "the refresh does not keep itself alive");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_waited_for_only_so_long_and_loses_no_token() {
    let store = Store { gate: Some(Arc::new(Semaphore::new(0))), ..Store::default() };
    let server = Server::rotating();
    let credential = {
        let store = store.clone();
        RefreshingCredential::builder(&server.app(), stale_tokens())
            .on_refresh(move |tokens| store.clone().save(tokens))
            .save_timeout(7 * SECOND)
            .build()
    };
    let began = Instant::now();
    let (first, second) = tokio::join!(credential.access_token(), credential.access_token());
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!(error.kind(), OauthErrorKind::NotSaved);
        assert!(error.to_string().contains("longer than 7 s"), "{error}");
    }
    assert_eq!(began.elapsed(), 7 * SECOND);
    assert_eq!(credential.latest().unwrap().refresh_token.unwrap().expose(), "refresh-1");
    store.gate.as_ref().unwrap().add_permits(1);
    advance(5 * SECOND).await;
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!((server.token_requests(), store.kept()), (1, vec!["refresh-1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn after_a_save_that_hung_the_next_calls_have_the_error_at_once() {
    let store = Store { gate: Some(Arc::new(Semaphore::new(0))), ..Store::default() };
    let server = Server::rotating();
    let credential = store.credential(&server);
    let configuration = Configuration::builder().base_url("https://fake.example/api/v1").transport(server.clone());
    let configuration = configuration.credential(credential.clone().into()).build().unwrap();
    let began = Instant::now();
    credential.access_token().await.unwrap_err();
    assert_eq!(began.elapsed(), 30 * SECOND);
    for _ in 0..20 {
        let error = credential.access_token().await.unwrap_err();
        assert!(error.kind() == OauthErrorKind::NotSaved && error.to_string().contains("longer than 30 s"), "{error}");
        let error = configuration.request("GET", "/x").await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Config, Sent::No), "{error}");
    }
    assert_eq!(began.elapsed(), 30 * SECOND, "none of them waited");
    advance(5 * SECOND).await;
    credential.access_token().await.unwrap_err();
    assert_eq!(began.elapsed(), 65 * SECOND, "from time to time one call tries to save again");
    store.gate.as_ref().unwrap().add_permits(1);
    credential.settle().await.expect("who asks for it saves at once");
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!((server.token_requests(), store.kept()), (1, vec!["refresh-1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_used_while_a_new_one_is_sought() {
    let server = Server::rotating();
    let credential = stale(&server);
    token(&credential).await;
    server.close();
    advance(3550 * SECOND).await;
    let began = Instant::now();
    assert_eq!(token(&credential).await, "access-1");
    assert_eq!(began.elapsed(), 2 * SECOND, "nobody waits long for the server");
    for _ in 0..3 {
        assert_eq!(token(&credential).await, "access-1");
    }
    assert_eq!(began.elapsed(), 2 * SECOND, "the next calls do not wait at all");
    server.open();
    advance(5 * SECOND).await;
    assert_eq!(token(&credential).await, "access-2");
    assert_eq!(server.token_requests(), 2, "the request under way was gone on with");
}

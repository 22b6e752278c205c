//! Several processes, one login: credentials that share a token store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use onehorizon::StoreFuture;
use onehorizon::oauth::token_store::{Begin, RefreshGuard, Save, StoredTokens};
use onehorizon::oauth::{MemoryTokens, OauthApp, OauthErrorKind, RefreshingCredential, TokenStore, Tokens};
use support::oauth::{Say, Server, grant, poll_once, stale_tokens, token};
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

/// A store that several credentials hold, as processes do; it notes how long they keep each other away.
#[derive(Clone, Default)]
struct Shared(Arc<MemoryTokens>, Arc<Mutex<Vec<Duration>>>);

impl TokenStore for Shared {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        self.0.load()
    }
    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        self.0.put(tokens)
    }
    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        self.1.lock().unwrap().push(lease);
        self.0.begin(known, now, lease)
    }
    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        self.0.save(guard, tokens)
    }
    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        self.0.release(guard)
    }
    fn abandon(&self, guard: &RefreshGuard) {
        self.0.abandon(guard);
    }
    fn clear(&self) -> StoreFuture<'_, ()> {
        self.0.clear()
    }
}

/// A server that takes each refresh token once, the last one that it gave.
fn strict() -> Server {
    Server::new(|number, form| {
        if form.get("refresh_token") == format!("refresh-{}", number - 1) {
            grant(number)
        } else {
            Say::Json(400, r#"{"error":"invalid_grant"}"#.to_owned())
        }
    })
}

async fn process(app: &OauthApp, store: &Shared) -> RefreshingCredential {
    RefreshingCredential::open(app, store.clone()).await.unwrap().build()
}

#[tokio::test]
async fn of_many_processes_one_refreshes_and_the_others_take_its_result() {
    let (server, store) = (strict(), Shared::default());
    store.put(&stale_tokens()).await.unwrap();
    let mut processes = Vec::new();
    for _ in 0..16 {
        processes.push(process(&server.app(), &store).await);
    }
    let calls: Vec<_> =
        processes.iter().cloned().map(|credential| tokio::spawn(async move { token(&credential).await })).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "access-1");
    }
    assert_eq!(server.token_requests(), 1);
    for credential in &processes {
        assert_eq!(credential.latest().unwrap().refresh_token.unwrap().expose(), "refresh-1");
    }
}

#[tokio::test]
async fn a_token_that_another_process_has_replaced_is_replaced_here_without_a_request() {
    let (server, store) = (strict(), Shared::default());
    store.put(&stale_tokens()).await.unwrap();
    let (one, other) = (process(&server.app(), &store).await, process(&server.app(), &store).await);
    token(&one).await;
    token(&other).await;
    one.refresh().await.unwrap();
    other.refresh().await.unwrap();
    assert_eq!(token(&other).await, "access-2");
    assert_eq!(server.token_requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_another_process_refreshes_this_one_waits_for_its_result() {
    let (server, store) = (strict(), Shared::default());
    let version = store.put(&stale_tokens()).await.unwrap();
    let Begin::Refresh(guard) = store.begin(version, SystemTime::now(), 60 * SECOND).await.unwrap() else { panic!() };
    let credential = process(&server.app(), &store).await;
    let call = tokio::spawn(async move { token(&credential).await });
    tokio::time::sleep(3 * SECOND).await;
    assert!(!call.is_finished());
    let new = Tokens::new("theirs").with_refresh_token("refresh-9");
    assert!(matches!(store.save(&guard, &new).await.unwrap(), Save::Saved(_)));
    assert_eq!(call.await.unwrap(), "theirs");
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test]
async fn the_tokens_of_a_new_login_replace_those_in_the_store() {
    let (server, store) = (strict(), Shared::default());
    store.put(&stale_tokens()).await.unwrap();
    let old = process(&server.app(), &store).await;
    let new = Tokens::new("fresh").with_refresh_token("refresh-0");
    let credential = RefreshingCredential::builder(&server.app(), new.clone()).token_store(store.clone()).build();
    assert_eq!(token(&credential).await, "fresh");
    assert_eq!(store.load().await.unwrap().unwrap().tokens, new);
    assert_eq!(token(&old).await, "fresh", "the other process takes them when its own are due");
    credential.sign_in(Tokens::new("fresher"));
    credential.settle().await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().tokens.access_token.expose(), "fresher");
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test]
async fn a_login_that_was_ended_elsewhere_is_ended_here_too() {
    let (server, store) = (strict(), Shared::default());
    assert_eq!(
        RefreshingCredential::open(&server.app(), store.clone()).await.unwrap_err().kind(),
        OauthErrorKind::SignedOut
    );
    store.put(&stale_tokens()).await.unwrap();
    let credential = process(&server.app(), &store).await;
    store.clear().await.unwrap();
    let error = credential.access_token().await.unwrap_err();
    assert_eq!((error.kind(), error.needs_login()), (OauthErrorKind::SignedOut, true));
    assert_eq!(server.token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_login_in_another_process_mends_a_refused_refresh_token() {
    let server = Server::new(|_, form| match form.get("refresh_token") {
        "refresh-7" => grant(8),
        _ => Say::Json(400, r#"{"error":"invalid_grant"}"#.to_owned()),
    });
    let store = Shared::default();
    store.put(&stale_tokens()).await.unwrap();
    let credential = process(&server.app(), &store).await;
    for _ in 0..3 {
        assert!(credential.access_token().await.unwrap_err().needs_login());
    }
    assert_eq!(server.token_requests(), 1, "the server is not asked again and again");
    advance(6 * SECOND).await;
    assert!(credential.access_token().await.unwrap_err().needs_login());
    assert_eq!(server.token_requests(), 1, "nobody has logged in");
    let login: Tokens =
        serde_json::from_str(r#"{"access_token":"access-7","refresh_token":"refresh-7","expires_at":1000}"#).unwrap();
    store.put(&login).await.unwrap();
    advance(6 * SECOND).await;
    assert_eq!(token(&credential).await, "access-8");
}

#[tokio::test]
async fn an_error_after_a_process_that_ended_in_the_middle_says_so() {
    let server = Server::new(|_, _| Say::Json(400, r#"{"error":"invalid_grant"}"#.to_owned()));
    let store = Shared::default();
    let version = store.put(&stale_tokens()).await.unwrap();
    let long_ago = SystemTime::now() - 120 * SECOND;
    let Begin::Refresh(_lost) = store.begin(version, long_ago, 60 * SECOND).await.unwrap() else { panic!() };
    let error = process(&server.app(), &store).await.access_token().await.unwrap_err();
    assert!(error.needs_login() && error.to_string().contains("ended in the middle of a refresh"), "{error}");
}

#[tokio::test]
async fn a_call_that_is_dropped_with_its_credential_gives_the_turn_back() {
    let (server, store) = (strict(), Shared::default());
    store.put(&stale_tokens()).await.unwrap();
    server.close();
    {
        let credential = process(&server.app(), &store).await;
        let mut call = Box::pin(credential.access_token());
        assert!(poll_once(&mut call).await.is_none());
    }
    let version = store.load().await.unwrap().unwrap().version;
    assert!(matches!(store.begin(version, SystemTime::now(), SECOND).await.unwrap(), Begin::Refresh(_)));
}

/// A store that stops working.
struct Failing(Shared, Arc<AtomicUsize>, &'static str);

impl Failing {
    async fn maybe(&self, method: &str) -> Result<(), onehorizon::StoreError> {
        if self.2 == "hang" && method == "begin" {
            std::future::pending::<()>().await;
        }
        if self.2 == method && self.1.fetch_add(1, Ordering::SeqCst) < 2 {
            return Err(onehorizon::StoreError::new("no connection for refresh-0 or refresh-1"));
        }
        Ok(())
    }
}

impl TokenStore for Failing {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        self.0.load()
    }
    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        self.0.put(tokens)
    }
    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            self.maybe("begin").await?;
            self.0.begin(known, now, lease).await
        })
    }
    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            self.maybe("save").await?;
            self.0.save(guard, tokens).await
        })
    }
    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        self.0.release(guard)
    }
    fn clear(&self) -> StoreFuture<'_, ()> {
        self.0.clear()
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_store_that_fails_or_hangs_is_an_error_within_its_time_limit_and_loses_no_token() {
    for (method, kind, waits) in
        [("begin", OauthErrorKind::Store, 0), ("save", OauthErrorKind::NotSaved, 0), ("hang", OauthErrorKind::Store, 1)]
    {
        let (server, store) = (strict(), Shared::default());
        store.put(&stale_tokens()).await.unwrap();
        let failing = Failing(store.clone(), Arc::default(), method);
        let credential = RefreshingCredential::open(&server.app(), failing).await.unwrap().build();
        for _ in 0..2 {
            let began = Instant::now();
            let error = credential.access_token().await.unwrap_err();
            assert_eq!((error.kind(), began.elapsed().as_secs()), (kind, waits), "{method}: {error}");
            let known = if method == "save" { "refresh-1" } else { "refresh-0" };
            assert!(!format!("{error} {error:?}").contains(known), "{error}");
        }
        if method != "hang" {
            assert_eq!(token(&credential).await, "access-1", "{method}");
            assert_eq!(server.token_requests(), 1, "{method}");
            assert_eq!(store.load().await.unwrap().unwrap().tokens.access_token.expose(), "access-1");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_keeps_other_processes_away_for_as_long_as_asking_and_saving_may_take() {
    let (server, store) = (strict(), Shared::default());
    store.put(&stale_tokens()).await.unwrap();
    let app = server.builder().timeout(7 * SECOND).build().unwrap();
    let credential = RefreshingCredential::open(&app, store.clone()).await.unwrap().save_timeout(11 * SECOND).build();
    token(&credential).await;
    assert_eq!(*store.1.lock().unwrap(), [18 * SECOND]);
}

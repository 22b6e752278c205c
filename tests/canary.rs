//! One canary of every kind of secret goes through every public type and every failure: it is printed nowhere, and
//! sent to no other host.
//!
//! With `--nocapture` the test names the types that it looked at; `.ci/trust` compares them with all public types.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says so by panicking"
)]

#[path = "support/canary.rs"]
mod canary;
#[macro_use]
#[path = "support/contract.rs"]
mod contract;
#[path = "support/canary_log.rs"]
mod log;
#[path = "support/mutate.rs"]
mod mutate;

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use canary::{
    API_KEY, CLIENT_SECRET, CREATED_KEY, Echo, OAUTH_TOKEN, REFRESH_TOKEN, SIGNED_URL, SIGNING_SECRET, WEBHOOK_KEY,
    Watch,
};
use contract::Contract;
use http::Method;
use log::Log;
use mutate::{Kind, Tree};
use onehorizon::models::{Extra, Field, Json, NewTask, Task, TaskKind, UnknownValue};
use onehorizon::oauth::{OauthApp, OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::quota::{Ending, MemoryQuota, Pacing, QuotaShape, QuotaStore, Slot, Take, WaitReason};
use onehorizon::testing::{
    Cut, FakeOneHorizon, Fault, NewEvent, QuotaModel, Record, Wait, WebhookFailure, WebhookSender,
};
use onehorizon::transport::{Failure, TransportError, TransportRequest};
use onehorizon::webhook::replay::{self, Claim, Commit, Lease, MemoryStore, ReplayStore, StoreError};
use onehorizon::webhook::{BodyCollector, Event, Outcome, Payload, Receiver, Scheme, Signer, Verifier, WebhookError};
use onehorizon::{
    ApiKeysApi, Configuration, ConfigurationBuilder, Credential, CredentialKind, DocumentsApi, ErrorKind, LeftKey,
    RequestOptions, Retry, RotationStep, Secret, Sent, SystemClock, TasksApi, Timestamp,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// All that any part of this program prints about a type, over all tests of this file.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn done(part: &str, watch: &Watch) {
    watch.has_no_leaks();
    let mut seen: MutexGuard<'_, _> = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    println!("scorecard: canary: {part}: {} texts looked at, 0 leaks", watch.looks);
    for name in watch.seen.iter().filter(|name| name.starts_with("onehorizon::")) {
        if seen.insert(name.clone()) {
            println!("covered: {name}");
        }
    }
}

#[test]
fn models_print_no_secret_and_nothing_they_do_not_know() {
    let (contract, mut watch) = (Contract::load(), Watch::default());
    macro_rules! look_at {
        ($($name:ident)*) => {$({
            let (_, schema) = contract.schemas().find(|(name, _)| *name == stringify!($name)).unwrap();
            let mut fixture = contract.fixture(schema, true);
            let mut places = Vec::new();
            contract.reached(&fixture, schema, "", &mut places);
            for (place, _) in places.iter().filter(|(_, kind)| *kind == Kind::Object) {
                let unknown = [("downloadUrl", SIGNED_URL), ("notYetKnown", CREATED_KEY)];
                fixture.members(place).extend(unknown.map(|(name, value)| (name.to_owned(), Tree::text(value))));
            }
            if stringify!($name) == "CreatedApiKey" {
                *fixture.at("/secret") = Tree::text(CREATED_KEY);
            }
            watch.look(&serde_json::from_str::<onehorizon::models::$name>(&fixture.to_string()).unwrap());
        })*};
    }
    for_each_model!(look_at);
    let mut extra = Extra::new();
    extra.insert("notYetKnown", CREATED_KEY).unwrap();
    watch.look(&extra);
    watch.look(&Json::from_value(&[SIGNED_URL]).unwrap());
    watch.look(&Field::Value(Secret::from(CREATED_KEY)));
    watch.look(&Secret::from(CREATED_KEY));
    watch.show(&Timestamp::from("2026-05-10T08:30:00Z"));
    if let TaskKind::Unknown(unknown) = TaskKind::from("not_yet_known") {
        watch.look::<UnknownValue>(&unknown);
    }
    let wrong = serde_json::from_str::<Task>(&format!(r#"{{"taskId":"tsk_1","contributors":"{SIGNED_URL}"}}"#));
    // The reader's own error quotes what it read; the client takes it apart.
    assert!(wrong.unwrap_err().to_string().contains("canary"));
    done("models", &watch);
}

fn builders() -> [ConfigurationBuilder; 4] {
    let builder = || Configuration::builder().retry(Retry::never());
    let provider = RefreshingCredential::builder(&oauth_app(Echo::answering(200, |_| String::new())), tokens()).build();
    [
        builder().api_key(API_KEY),
        builder().oauth_token(OAUTH_TOKEN),
        builder().access_token(OAUTH_TOKEN),
        builder().credential(Credential::from(provider)),
    ]
}

fn tokens() -> Tokens {
    let mut tokens = Tokens::new(OAUTH_TOKEN).with_refresh_token(REFRESH_TOKEN);
    tokens.id_token = Some(Secret::from("canary-id-token"));
    tokens
}

fn oauth_app(echo: Echo) -> OauthApp {
    OauthApp::builder("client-1", "https://app.example/callback")
        .client_secret(CLIENT_SECRET)
        .transport(echo)
        .build()
        .unwrap()
}

/// Answers that repeat what they got, for every way of failing.
fn echoes() -> Vec<Echo> {
    let escaped: fn(&str) -> String = |got| {
        let escaped: String = got.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        format!(r#"{{"message":"{}{escaped}","code":"{escaped}"}}"#, "x".repeat(480))
    };
    let bodies: [fn(&str) -> String; 7] = [
        |got| {
            format!(
                r#"{{"code":"{got}","message":"wrong: {got}","error":"invalid_grant","error_description":"{got}"}}"#
            )
        },
        escaped,
        |got| format!(r#"{{"message":"{}"}}"#, got.replace('/', "\\/")),
        |got| format!("<html>{got}</html>"),
        // One whole at the start moves the cut one at the end of what an error keeps.
        |got| format!("{got}{}{got}", "x".repeat(16 * 1024 - got.len())),
        |got| format!(r#"{{"taskId":["{got}"],"tasks":"{got}","access_token":7,"{got}":1}}"#),
        |got| format!(r#"{{"tasks":{{"{got}":"#),
    ];
    let statuses = [200, 201, 301, 302, 303, 307, 308, 400, 401, 403, 404, 409, 422, 429, 500, 503];
    let answers = statuses.into_iter().flat_map(|status| bodies.map(|body| Echo::answering(status, body)));
    let failures = [Failure::Connect, Failure::ConnectTimeout, Failure::Interrupted, Failure::TooLarge];
    answers.chain(failures.map(Echo::breaking)).collect()
}

#[tokio::test]
async fn the_client_prints_no_credential_whatever_the_service_repeats() {
    let (log, mut watch) = (Log::default(), Watch::default());
    let _on = tracing::subscriber::set_default(log.clone());
    let mut told = 0;
    for echo in echoes() {
        for builder in builders() {
            let builder = builder.transport(echo.clone());
            watch.look(&builder);
            let configuration = builder.build().unwrap();
            watch.look(&configuration);
            watch.look(configuration.credential());
            watch.look(&configuration.credential().kind());
            let (tasks, keys) = (TasksApi::new(&configuration), ApiKeysApi::new(&configuration));
            watch.look(&tasks);
            watch.look(&keys);
            let call =
                tasks.fetch_task("tsk_1").header("x-other-service", "canary-header").idempotency_key("canary-once");
            watch.look(&call);
            let pending = call.send();
            watch.look(&pending);
            match pending.await {
                Ok(response) => watch.look(&response),
                Err(error) => {
                    told += 1;
                    watch.error(&error);
                    watch.text("a body", &String::from_utf8_lossy(error.body()));
                    for text in
                        [error.message(), error.code().unwrap_or_default(), error.request_id().unwrap_or_default()]
                    {
                        watch.text("a part of an error", text);
                    }
                    for name in ["x-request-id", "x-echo", "location", "set-cookie", "content-type"] {
                        watch.text(name, error.header(name).unwrap_or_default());
                    }
                    watch.look(&error.kind());
                    watch.look(&error.was_sent());
                    watch.look(&error.elapsed());
                    error.rate_limit().into_iter().for_each(|limit| watch.look(limit));
                }
            }
            let raw = configuration.request("GET", "/workspaces/{workspaceId}/teams").query("q", SIGNED_URL);
            watch.look(&raw);
            match raw.await {
                Ok(response) => watch.look(&response),
                Err(error) => watch.error(&error),
            }
            let list = keys.list_api_keys().await.map(|_| ()).err();
            list.iter().for_each(|error| watch.error(error));
        }
        echo.requests.lock().unwrap().iter().for_each(|request| watch.text("a request", request));
    }
    assert!(told > 300, "{told} failures");
    log.lines().iter().for_each(|line| watch.text("tracing", line));
    assert!(log.lines().len() > 300);
    done("client", &watch);
}

#[tokio::test]
async fn requests_that_cannot_be_made_print_no_secret() {
    let mut watch = Watch::default();
    let configuration = Configuration::builder().api_key(API_KEY).transport(echoes().swap_remove(0)).build().unwrap();
    for path in [SIGNED_URL, "/a/../b", "/{missing}/b?signature=canary", "/a?signature=canary"] {
        let request = configuration.request("GET", path);
        watch.look(&request);
        request.await.err().iter().for_each(|error| watch.error(error));
    }
    for (name, value) in [("authorization", "canary"), ("no header", "canary"), ("x-b", "canary\n"), ("x-a", "canary")]
    {
        let mut request = configuration.request("GET", "/a").header(name, value);
        watch.look(&request.options_mut().clone());
        request.await.err().iter().for_each(|error| watch.error(error));
    }
    for url in
        ["https://canary:canary@example.com", "https://example.com?sig=canary", "canary", "http://example.com/canary"]
    {
        let builder = Configuration::builder().api_key(API_KEY).base_url(url);
        watch.look(&builder);
        watch.error(&builder.build().unwrap_err());
    }
    for token in ["canary key", "canary\n", "canar\u{fc}"] {
        watch.error(&Credential::api_key(token).unwrap_err());
        watch.error(&Configuration::builder().oauth_token(token).build().unwrap_err());
    }
    done("requests", &watch);
}

const STATE: &str = "canary-state-ssssssssssssssssssssssssssssss";

/// Somebody else's server: it must never hear of us.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn is_empty(&self) -> bool {
        matches!(self.0.accept(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

#[tokio::test]
async fn no_redirect_takes_a_secret_elsewhere() {
    let (trap, mut watch, mut tried) = (Trap::set(), Watch::default(), 0);
    let elsewhere = trap.0.local_addr().unwrap();
    for status in [301, 302, 303, 307, 308] {
        for location in [
            format!("http://{elsewhere}/"),
            format!("https://{elsewhere}/"),
            format!("//{elsewhere}/"),
            format!("http://canary-user:canary-password@{elsewhere}/"),
            "/api/v1/canary".to_owned(),
            format!("ftp://{elsewhere}/canary"),
        ] {
            let server = MockServer::start().await;
            let answer = ResponseTemplate::new(status).insert_header("location", location.as_str());
            Mock::given(any()).respond_with(answer).mount(&server).await;
            let configuration = Configuration::builder()
                .oauth_token(OAUTH_TOKEN)
                .base_url(server.uri())
                .retry(Retry::never())
                .build()
                .unwrap();
            let (tasks, keys) = (TasksApi::new(&configuration), ApiKeysApi::new(&configuration));
            watch.error(&tasks.fetch_task("tsk_1").await.unwrap_err());
            watch.error(&tasks.create_task(NewTask::new("t")).await.unwrap_err());
            watch.error(&keys.create_api_key("ci").await.unwrap_err());
            let app = OauthApp::builder("client-1", "https://app.example/callback").client_secret(CLIENT_SECRET);
            let app = app.token_url(server.uri()).build().unwrap();
            watch.error(&app.refresh(&Secret::from(REFRESH_TOKEN)).await.unwrap_err());
            let sender = WebhookSender::builder(&server.uri()).key(WEBHOOK_KEY).signed(SIGNING_SECRET).build().unwrap();
            watch.look(&sender.deliver_once(&event(), 0).await);
            let requests = server.received_requests().await.unwrap();
            assert_eq!(requests.len(), 5, "one request each: {status} {location}");
            tried += requests.len();
        }
    }
    assert!(trap.is_empty(), "somebody else was called");
    println!("scorecard: canary: {tried} redirects not followed");
    done("redirects", &watch);
}

#[tokio::test]
async fn logins_print_no_secret_whatever_the_server_repeats() {
    let mut watch = Watch::default();
    for echo in echoes() {
        let builder = OauthApp::builder("client-1", "https://app.example/callback").client_secret(CLIENT_SECRET);
        let builder = builder.transport(echo.clone());
        watch.look(&builder);
        let app = builder.build().unwrap();
        watch.look(&app);
        let login = app.resume_login(STATE, format!("canary-verifier{}", "v".repeat(71)), Duration::ZERO);
        let login = login.unwrap();
        watch.look(&login);
        for callback in [
            format!("?error=access_denied&error_description={STATE}&state={STATE}"),
            "?code=canary-code&state=canary".to_owned(),
        ] {
            watch.error(&login.check(&format!("https://app.example/callback{callback}")).unwrap_err());
        }
        let callback = format!("https://app.example/callback?code=canary-code&state={STATE}");
        watch.look(&login.check(&callback).unwrap());
        match login.finish(&callback).await {
            Ok(tokens) => watch.look(&tokens),
            Err(error) => {
                watch.error(&error);
                watch.look(&error.kind());
                watch.text("a message", error.message());
                error.code().into_iter().for_each(|code| watch.show(code));
            }
        }
        watch.error(&app.refresh(&Secret::from(REFRESH_TOKEN)).await.unwrap_err());
        let old = tokens().with_expires_at(SystemTime::UNIX_EPOCH);
        let saved = |_| async { Err::<(), _>("the store is full") };
        let builder = RefreshingCredential::builder(&app, old).on_refresh(saved);
        watch.look(&builder);
        let credential = builder.build();
        watch.look(&credential);
        credential.access_token().await.err().iter().for_each(|error| watch.error(error));
        let configuration = Configuration::builder().credential(credential.into()).transport(echo).build().unwrap();
        TasksApi::new(&configuration).fetch_task("tsk_1").await.err().iter().for_each(|error| watch.error(error));
    }
    watch.look(&tokens());
    watch.look(&OauthErrorKind::Refused);
    watch.look(&OauthErrorCode::from("unknown"));
    done("logins", &watch);
}

fn event() -> Event {
    let event = NewEvent::new("task.created", "evt_1").resource("task", "tsk_1");
    event
        .member(
            "task",
            &Json::from_value(&std::collections::BTreeMap::from([("taskId", "tsk_1"), ("url", SIGNED_URL)])).unwrap(),
        )
        .build()
        .unwrap()
}

#[tokio::test]
async fn webhooks_print_neither_keys_nor_content() {
    let mut watch = Watch::default();
    watch.look(&NewEvent::new("task.created", "evt_1").member("task", &SIGNED_URL));
    let body = event().as_json().as_bytes().to_vec();
    let builder = || Verifier::builder().key("main", WEBHOOK_KEY).signed("relay", SIGNING_SECRET);
    watch.look(&builder());
    let verifier = builder().build().unwrap();
    watch.look(&verifier);
    for secret in ["canary-not-base64-\u{fc}", "whsec_Y2FuYXJ5"] {
        Verifier::signed(secret).err().iter().for_each(|error| watch.error(error));
        Signer::new(secret).err().iter().for_each(|error| watch.error(error));
    }
    for key in ["", "canary\u{7}key"] {
        Verifier::key(key).err().iter().for_each(|error| watch.error(error));
    }
    let signer = Signer::new(SIGNING_SECRET).unwrap();
    watch.look(&signer);
    let headers: Vec<(&str, &str)> = vec![
        ("x-one-webhook-key", WEBHOOK_KEY),
        ("content-type", "application/cloudevents+json"),
        ("x-one-retry-num", "1"),
        ("x-one-retry-reason", "timeout"),
    ];
    let header =
        |name: &str| headers.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value.as_bytes());
    let verified = verifier.event(header, &body).unwrap();
    watch.look(&verified);
    watch.look(&verified.scheme());
    let mut event = verified.into_inner();
    watch.look(&event);
    event.retry().into_iter().for_each(|retry| watch.look(retry));
    watch.look(event.payload());
    event = Event::from_json(event.as_json().replace(r#""taskId":"tsk_1","#, r#""taskId":["canary"],"#)).unwrap();
    watch.look(&event);
    match event.payload() {
        Payload::Undecoded(undecoded) => watch.look(undecoded),
        other => panic!("{other:?}"),
    }
    let broken: [&[u8]; 7] = [
        b"",
        b"canary",
        b"[\"canary\"]",
        b"{\"canary\":",
        b"{}",
        br#"{"specversion":"canary"}"#,
        b"{\"id\":\"\xffcanary\"}",
    ];
    for body in broken {
        watch.error(&verifier.event(header, body).unwrap_err());
    }
    for wrong in ["canary-wrong", ""] {
        let error = verifier
            .event(|name| if name == "x-one-webhook-key" { Some(wrong.as_bytes()) } else { header(name) }, &body);
        let error = error.unwrap_err();
        watch.error(&error);
        if let WebhookError::Unauthorized(failure) = &error {
            watch.look(failure);
        }
    }
    let builder = Receiver::builder(verifier.clone());
    watch.look(&builder);
    let receiver = builder.build();
    watch.look(&receiver);
    for method in ["POST", "GET", "DELETE"] {
        let reply = receiver.receive(method, header, &body, |_| async { Err::<(), _>("the disk is full") }).await;
        watch.look(&reply);
        watch.look::<Outcome>(reply.outcome());
        watch.text("a reply", reply.body());
    }
    let mut collector = BodyCollector::new(100);
    collector.push(WEBHOOK_KEY.as_bytes()).unwrap();
    watch.look(&collector);
    watch.look(&Scheme::Key);
    replay_types(&mut watch).await;
    done("webhooks", &watch);
}

async fn replay_types(watch: &mut Watch) {
    let store = MemoryStore::new();
    let lease = Lease::new("evt_1", 7);
    store.claim("evt_1", SystemTime::UNIX_EPOCH, Duration::from_secs(1)).await.unwrap();
    watch.look(&store);
    watch.look(&lease);
    watch.look(&Claim::Fresh(lease));
    watch.look(&Commit::Recorded);
    watch.error(&StoreError::new("no connection"));
    let conformance = replay::conformance::Conformance::new(MemoryStore::new);
    watch.look(&conformance);
    watch.look(&replay::conformance::Violation::Failed(StoreError::new("no connection")));
}

#[tokio::test]
async fn the_fake_and_the_sender_print_no_secret() {
    let mut watch = Watch::default();
    watch.look(&FakeOneHorizon::builder());
    let fake = FakeOneHorizon::start().await.unwrap();
    let hidden = [fake.api_key(), fake.oauth_token()];
    for token in hidden {
        let configuration = Configuration::builder().access_token(token).base_url(fake.url()).retry(Retry::never());
        let configuration = configuration.build().unwrap();
        let (tasks, keys) = (TasksApi::new(&configuration), ApiKeysApi::new(&configuration));
        let created = keys.create_api_key("canary-free").await;
        if let Ok(created) = &created {
            let secret = created.secret.get().unwrap().expose();
            assert!(!format!("{created:?} {fake:?} {:?}", fake.requests()).contains(secret));
        }
        tasks.list_tasks().header("x-other", "canary").await.unwrap();
        let wrong =
            configuration.request("POST", "/workspaces/{workspaceId}/tasks").json(&["canary"]).await.unwrap_err();
        assert!(!format!("{wrong:?}").contains(token));
    }
    let stranger =
        Configuration::builder().api_key(API_KEY).base_url(fake.url()).retry(Retry::never()).build().unwrap();
    watch.error(&TasksApi::new(&stranger).list_tasks().await.unwrap_err());
    for request in fake.requests() {
        watch.look(&request);
        watch.text("a header", request.header("authorization").unwrap_or_default());
        request.violations().iter().for_each(|violation| watch.look(violation));
    }
    let shown = format!("{fake:?} {:?}", fake.requests());
    assert!(hidden.iter().all(|token| !shown.contains(token)), "{shown}");
    watch.look(&fake);
    watch.look(&fake.transport());
    watch.look(&Record::new().with("url", &SIGNED_URL));
    watch.look(&Fault::status(500).body("text/plain", SIGNED_URL).header("x-secret", "canary"));
    watch.look(&Cut::Head);
    watch.look(&Wait::Untold);
    watch.look(&QuotaModel::FixedWindow);
    watch.look(&onehorizon::testing::Delivery::default());

    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("canary")).mount(&server).await;
    let address = format!("{}/hook?token=canary", server.uri());
    let builder = || WebhookSender::builder(&address).key(WEBHOOK_KEY).signed(SIGNING_SECRET);
    watch.look(&builder());
    let sender = builder().build().unwrap();
    watch.look(&sender);
    watch.look(&sender.deliver_once(&event(), 0).await);
    watch.look(&sender.deliver(&event()).await);
    watch.look(&sender.probe().await);
    watch.look(&WebhookFailure::TimedOut);
    watch.look(&fake.register_webhook(builder().build().unwrap()).unwrap());
    watch.error(&WebhookSender::builder("canary").build().unwrap_err());
    watch.error(&WebhookSender::new("https://example.com", "canary\n").unwrap_err());
    done("testing", &watch);
}

#[tokio::test]
async fn everything_else_prints_no_secret() {
    let mut watch = Watch::default();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&waits);
    let fake = FakeOneHorizon::builder().in_process();
    let pacing = Pacing::new().window(1, Duration::from_secs(60));
    let configuration = Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport());
    let configuration = configuration
        .pacing(pacing.clone())
        .on_quota_wait(move |wait| seen.lock().unwrap().push(format!("{wait:?}")))
        .build()
        .unwrap();
    watch.look(&pacing);
    watch.look(pacing.rules());
    watch.look(&pacing.rules().windows()[0]);
    let (tasks, keys) = (TasksApi::new(&configuration), ApiKeysApi::new(&configuration));
    let documents = DocumentsApi::new(&configuration);
    watch.look(&documents);
    watch.look(&documents.list_documents());
    watch.look(&tasks.list_tasks());
    watch.look(&tasks.create_task(NewTask::new("canary-free".replace("canary", "nothing"))));
    let task: Task = serde_json::from_str(r#"{"taskId":"tsk_1"}"#).unwrap();
    watch.look(&tasks.update_task("tsk_1", &task));
    watch.look(&keys.create_api_key(SIGNED_URL));
    watch.look(&keys.list_api_keys());
    watch.look(&keys.revoke_api_key("key_1"));
    watch.look(&keys.rotate_api_key("key_1"));
    watch.look(&configuration.quota());
    let store = MemoryQuota::new(Arc::new(SystemClock));
    watch.look(&store);
    let usage = store.usage(pacing.rules(), 1);
    watch.look(&usage);
    usage.windows.iter().for_each(|window| watch.look(window));
    watch.look(&Take::Granted(Slot::new(1)));
    watch.look(&Slot::new(1));
    watch.look(&Ending::Lost);
    watch.look(&QuotaShape::Any);
    watch.look(&WaitReason::Pacing);
    watch.look(&SystemClock);
    watch.look(&Retry::default());
    watch.look(&CredentialKind::ApiKey);
    watch.look(&(ErrorKind::Api, Sent::No));
    watch.look(&RotationStep::Check);
    watch.look(&LeftKey::Unknown);
    let mut request = TransportRequest::new(Method::GET, SIGNED_URL.parse().unwrap());
    request.headers.insert("authorization", "canary".parse().unwrap());
    watch.look(&request);
    watch.look(&onehorizon::transport::TransportResponse::new(
        http::StatusCode::OK,
        request.headers,
        CREATED_KEY.into(),
    ));
    watch.look(&TransportError::from(Failure::Connect));
    watch.look(&Failure::Connect);
    done("the rest", &watch);
}

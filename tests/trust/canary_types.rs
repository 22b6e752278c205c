//! One canary of every kind of secret goes through every public type: `Debug` and `Display` do not let it out.
//!
//! With `--nocapture` this and `canary` name the types that they looked at; `.ci/trust` compares those with all public
//! types, so that a new one cannot be forgotten.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::Method;
use onehorizon::apis::{OrphanedKey, RotationStep};
use onehorizon::models::{Extra, Json, NewTask, Task, TaskKind, UnknownValue};
use onehorizon::quota::{
    Fallback, Lane, MemoryQuota, Pacing, QuotaShape, QuotaStore, Slot, SlotRequest, Take, WaitReason, Waiter,
};
use onehorizon::transport::{Failure, TransportError, TransportRequest};
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, MemoryClaims, StoreError};
use onehorizon::webhook::{BodyCollector, Event, Outcome, Payload, Receiver, Scheme, Signer, Verifier, WebhookError};
use onehorizon::{
    ApiKeysApi, Behavior, Configuration, CredentialKind, DocumentsApi, ErrorKind, Retry, Secret, Sent, SystemClock,
    TasksApi, Timestamp,
};
use onehorizon::{RateLimit, WaitSource};
use onehorizon_testing::{
    Cut, FakeOneHorizon, Fault, NewEvent, QuotaModel, Record, Wait, WebhookFailure, WebhookSender,
};
use support::canary::{API_KEY, CREATED_KEY, SIGNED_URL, SIGNING_SECRET, WEBHOOK_KEY, Watch, event};
use support::contract::Contract;
use support::for_each_model;
use support::mutate::{Kind, Tree};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[test]
fn models_print_no_secret_and_nothing_they_do_not_know() {
    let (contract, mut watch) = (Contract::load(), Watch::default());
    macro_rules! look_at {
        ($($schema:literal $model:ident,)*) => {$({
            let (_, schema) = contract.schemas().find(|(name, _)| *name == $schema).unwrap();
            let mut fixture = contract.fixture(schema, true);
            let mut places = Vec::new();
            contract.reached(&fixture, schema, "", &mut places);
            for (place, _) in places.iter().filter(|(_, kind)| *kind == Kind::Object) {
                let unknown = [("downloadUrl", SIGNED_URL), ("notYetKnown", CREATED_KEY)];
                fixture.fields(place).extend(unknown.map(|(name, value)| (name.to_owned(), Tree::text(value))));
            }
            if stringify!($model) == "CreatedApiKey" {
                *fixture.at(&format!("/{}", contract.field("createApiKey", "secret"))) = Tree::text(CREATED_KEY);
            }
            watch.look(&serde_json::from_str::<onehorizon::models::$model>(&fixture.to_string()).unwrap());
        })*};
    }
    for_each_model!(look_at);
    let mut extra = Extra::new();
    extra.insert("notYetKnown", CREATED_KEY).unwrap();
    watch.look(&extra);
    watch.look(&Json::from_value(&[SIGNED_URL]).unwrap());
    watch.look(&Some(Secret::from(CREATED_KEY)));
    watch.look(&Secret::from(CREATED_KEY));
    watch.show(&Timestamp::from("2026-05-10T08:30:00Z"));
    if let TaskKind::Unknown(unknown) = TaskKind::other("not_yet_known") {
        watch.look::<UnknownValue>(&unknown);
    }
    let odd: Task = serde_json::from_str(&format!(r#"{{"taskId":"tsk_1","contributors":"{SIGNED_URL}"}}"#)).unwrap();
    watch.look(&odd);
    watch.look(&odd.unreadable());
    // The reason quotes what it read; only the accessor shows it.
    assert!(odd.unreadable()[0].error().contains("canary"));
    watch.done("models");
}

#[tokio::test]
async fn webhooks_print_neither_keys_nor_content() {
    let mut watch = Watch::default();
    watch.look(&NewEvent::new("task.created", "evt_1").field("task", &SIGNED_URL));
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
    let proven = verifier.event(header, &body).unwrap();
    watch.look(&proven);
    watch.look(&proven.scheme());
    let mut event = proven.into_inner();
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
            .event(|name: &str| if name == "x-one-webhook-key" { Some(wrong.as_bytes()) } else { header(name) }, &body);
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
    watch.done("webhooks");
}

async fn replay_types(watch: &mut Watch) {
    let store = MemoryClaims::new();
    let lease = Lease::new("evt_1", 7);
    store.claim("evt_1", SystemTime::UNIX_EPOCH, Duration::from_secs(1)).await.unwrap();
    watch.look(&store);
    watch.look(&lease);
    watch.look(&Claim::Fresh(lease));
    watch.look(&Commit::Recorded);
    watch.show(&StoreError::new("no connection"));
    let open = |_: String| async { Ok(Arc::new(MemoryClaims::new())) };
    let conformance = onehorizon_testing::conformance::claims::Conformance::new(open);
    watch.look(&conformance);
    watch.error(&conformance.check().await.unwrap_err());
    let open = |_: String| async { Ok(Arc::new(MemoryQuota::default())) };
    watch.look(&onehorizon_testing::conformance::quota::Conformance::new(open));
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
            let secret = created.secret.as_ref().unwrap().expose();
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
    watch.look(&onehorizon_testing::Delivery::default());

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
    watch.done("testing");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_prints_no_secret() {
    let watch = Arc::new(Mutex::new(Watch::default()));
    let fake = FakeOneHorizon::builder().in_process();
    let configuration = Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport()).build();
    let keys = ApiKeysApi::new(&configuration.unwrap());
    for quoting in [true, false] {
        let (ears, more) = (Arc::clone(&watch), Arc::clone(&watch));
        let rotation = keys.rotate_api_key("key_1001").install(move |secret| async move {
            ears.lock().unwrap().beware(secret.expose());
            if quoting { Err(format!("the store does not take {}", secret.expose())) } else { Ok(()) }
        });
        let rotation = rotation.on_progress(move |progress| more.lock().unwrap().look(progress));
        watch.lock().unwrap().look(&rotation);
        let ended = rotation.await;
        let mut watch = watch.lock().unwrap();
        match ended {
            Ok(rotated) => watch.look(&rotated),
            Err(error) => {
                watch.error(&error);
                watch.text("a message", error.message());
                error.orphaned_keys().iter().for_each(|left| watch.look(left));
                error.created().into_iter().for_each(|created| watch.look(created));
            }
        }
    }
    watch.lock().unwrap().done("rotation");
}

#[tokio::test(start_paused = true)]
async fn everything_else_prints_no_secret() {
    let mut watch = Watch::default();
    let waits = Arc::new(Mutex::new(Watch::default()));
    let ears = Arc::clone(&waits);
    let fake = FakeOneHorizon::builder().in_process();
    let pacing = Pacing::new().window(1, Duration::from_secs(60));
    let configuration = Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport());
    let configuration = configuration
        .pacing(pacing.clone())
        .on_quota_wait(move |wait| ears.lock().unwrap().look(wait))
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
    for _ in 0..2 {
        tasks.list_tasks().await.unwrap();
    }
    watch.look(&configuration.quota());
    watch.look(&RateLimit::default());
    watch.look(&WaitSource::Message);
    let store = MemoryQuota::new();
    watch.look(&store);
    let usage = store.usage(pacing.rules(), Lane::Normal, 1);
    watch.look(&usage);
    usage.windows.iter().for_each(|window| watch.look(window));
    watch.look(&Take::Granted);
    watch.look(&SlotRequest::new(Slot::new(1), Duration::from_secs(1)));
    watch.look(&Waiter::new(1));
    watch.look(&Fallback::Share);
    watch.look(&Lane::Interactive);
    watch.look(&Slot::new(1));
    watch.look(&onehorizon::quota::Outcome::Lost);
    watch.look(&QuotaShape::Any);
    watch.look(&WaitReason::Pacing);
    watch.look(&SystemClock);
    watch.look(&Retry::default());
    watch.look(&Behavior::default());
    watch.look(&CredentialKind::ApiKey);
    watch.look(&(ErrorKind::Api, Sent::No));
    watch.look(&RotationStep::Check);
    watch.look(&OrphanedKey::Unknown { description: "ci".to_owned() });
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
    waits.lock().unwrap().done("waits");
    watch.done("the rest");
}

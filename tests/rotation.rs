//! Every row of the table in `docs/key-rotation.md`, played against the fake.
#![allow(clippy::disallowed_methods, reason = "a test measures and guards with real or paused time")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken test may panic")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use onehorizon::testing::{FakeOneHorizon, FakeTransport, Fault};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{
    ApiKeysApi, Configuration, Credential, ErrorKind, LeftKey, Rotation, RotationError, RotationProgress, RotationStep,
    Secret,
};

const OLD: &str = "key_1001";
const OLD_SECRET: &str = "fake-api-key-1001-not-a-secret";

/// The fake, whose answers to `createApiKey` can be rewritten.
#[derive(Clone)]
struct Wire {
    fake: FakeTransport,
    rewrite: fn(String) -> String,
}

impl Transport for Wire {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let creates = request.method == "POST" && request.url.path().ends_with("/api-keys");
        Box::pin(async move {
            let answer = self.fake.send(request).await?;
            if !creates {
                return Ok(answer);
            }
            let text = (self.rewrite)(String::from_utf8(answer.body.to_vec()).unwrap());
            Ok(TransportResponse::new(answer.status, answer.headers, Bytes::from(text)))
        })
    }
}

/// A secret store that starts with the old secret.
#[derive(Clone)]
struct Store(Arc<Mutex<String>>);

impl Store {
    fn put(self, secret: String) -> std::future::Ready<io::Result<()>> {
        *self.0.lock().unwrap() = secret;
        std::future::ready(Ok(()))
    }

    fn holds(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Stage {
    fake: FakeOneHorizon,
    wire: Wire,
    store: Store,
    token: &'static str,
    key: &'static str,
    progress: Arc<Mutex<Vec<RotationProgress>>>,
}

impl Stage {
    fn new() -> Self {
        let fake = FakeOneHorizon::builder().quota_off().in_process();
        let wire = Wire { fake: fake.transport(), rewrite: |body| body };
        let store = Store(Arc::new(Mutex::new(OLD_SECRET.to_owned())));
        let token = fake.oauth_token();
        Self { fake, wire, store, token, key: OLD, progress: Arc::default() }
    }

    fn configuration(&self) -> Configuration {
        Configuration::builder().oauth_token(self.token).transport(self.wire.clone()).build().unwrap()
    }

    /// A rotation with an installer and nothing else.
    fn plain(&self) -> Rotation {
        let (store, progress) = (self.store.clone(), Arc::clone(&self.progress));
        ApiKeysApi::new(&self.configuration())
            .rotate_api_key(self.key)
            .install(move |secret| store.put(secret.expose().to_owned()))
            .on_progress(move |step| progress.lock().unwrap().push(step.clone()))
    }

    /// A rotation that can put the old secret back.
    fn restoring(&self) -> Rotation {
        let store = self.store.clone();
        self.plain().restore(move || store.put(OLD_SECRET.to_owned()))
    }

    fn refusing_installer(&self) -> Rotation {
        ApiKeysApi::new(&self.configuration())
            .rotate_api_key(self.key)
            .install(|secret| async move { Err(io::Error::other(format!("store is read-only: {}", secret.expose()))) })
    }

    /// The secrets of the keys that appeared, by what the fake's numbering makes of their ids.
    fn new_secrets(&self) -> Vec<String> {
        let new = self.fake.active_keys().into_iter().filter(|id| id.starts_with("key_5"));
        new.map(|id| format!("fake-api-key-{}-not-a-secret", id.trim_start_matches("key_"))).collect()
    }

    async fn works(&self, secret: &str) -> bool {
        let configuration = Configuration::builder().api_key(secret).transport(self.fake.transport()).build().unwrap();
        self.fake.clear_script();
        configuration.request("GET", "/workspaces/current/tasks").await.is_ok()
    }
}

/// One row: what the table says, or what happened.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    step: String,
    works: String,
    store: String,
    left: String,
}

fn confirm_fails(stage: &Stage) {
    stage.fake.fail_next(Fault::status(401).on("listTasks").forever());
}

/// Sets a case up and runs it.
async fn play(case: &str, stage: &mut Stage) -> Result<onehorizon::RotatedApiKey, RotationError> {
    let fault = |fault: Fault| stage.fake.fail_next(fault);
    match case {
        "nothing fails" => {}
        "the old key is revoked by somebody else meanwhile" => {
            let owner = ApiKeysApi::new(&stage.configuration());
            let rotation = stage.plain().confirm_with(move |_| {
                let owner = owner.clone();
                async move { owner.revoke_api_key(OLD).await.map(|_| ()) }
            });
            return rotation.await;
        }
        "the answer to revoking is lost" => fault(Fault::drop_after().on("revokeApiKey")),
        "the key is not confirmed at first" => fault(Fault::status(401).on("listTasks").times(4)),
        "the service has no key listing" => fault(Fault::status(404).on("listApiKeys").forever()),
        "the credential is an API key" => {
            let configuration = stage.configuration().with_credential(Credential::api_key(OLD_SECRET).unwrap());
            let store = stage.store.clone();
            let rotation = ApiKeysApi::new(&configuration).rotate_api_key(OLD);
            let result = rotation.install(move |secret| store.put(secret.expose().to_owned())).await;
            assert!(stage.fake.requests().is_empty(), "refused before sending");
            return result;
        }
        "the member may not manage keys" => stage.token = stage.fake.member_token(),
        "the workspace has no such key" => stage.key = "key_1010",
        "the service cannot be reached" => fault(Fault::drop_before().forever()),
        "the workspace has 20 keys" => {
            let owner = ApiKeysApi::new(&stage.configuration());
            while stage.fake.active_keys().len() < 20 {
                owner.create_api_key("filler").await.unwrap();
            }
        }
        "creating is refused" => fault(Fault::status(422).on("createApiKey")),
        "the request to create is lost" => fault(Fault::drop_before().on("createApiKey")),
        "the answer to creating is lost" => fault(Fault::drop_after().on("createApiKey")),
        "the answer to creating is lost, and so is the listing after it" => {
            fault(Fault::pass().on("listApiKeys"));
            fault(Fault::status(503).on("listApiKeys").forever());
            fault(Fault::drop_after().on("createApiKey"));
        }
        "the answer to creating is no JSON" => stage.wire.rewrite = |_| "<html>created</html>".to_owned(),
        "the secret has another name in the answer" => {
            stage.wire.rewrite = |body| body.replace("\"secret\"", "\"token\"");
        }
        "the answer does not tell the new key's id" => stage.wire.rewrite = |body| body.replace("apiKeyId", "uid"),
        "installing fails" => return stage.refusing_installer().await,
        "installing fails, and so does revoking the new key" => {
            fault(Fault::status(500).on("revokeApiKey").forever());
            return stage.refusing_installer().await;
        }
        "confirming fails, with a restorer" => {
            confirm_fails(stage);
            return stage.restoring().await;
        }
        "confirming fails, without a restorer" => confirm_fails(stage),
        "confirming fails, and so does the restorer" => {
            confirm_fails(stage);
            return stage.plain().restore(|| async { Err::<(), _>("the store is gone") }).await;
        }
        "confirming fails, and so does revoking the new key" => {
            confirm_fails(stage);
            fault(Fault::status(500).on("revokeApiKey").forever());
            return stage.restoring().await;
        }
        "revoking the old key fails" => fault(Fault::status(500).on("revokeApiKey").forever()),
        other => panic!("the table has a case that nobody plays: {other}"),
    }
    stage.plain().await
}

async fn observe(stage: &Stage, result: &Result<onehorizon::RotatedApiKey, RotationError>) -> Row {
    let fillers = stage.new_secrets().len() > 10;
    let new = if fillers { None } else { stage.new_secrets().pop() };
    let mut works = Vec::new();
    if stage.works(OLD_SECRET).await {
        works.push("old");
    }
    if let Some(new) = &new
        && stage.works(new).await
    {
        works.push("new");
    }
    let store = stage.store.holds();
    let store = if store == OLD_SECRET { "old" } else { "new" };
    let none = || "-".to_owned();
    let left = result.as_ref().err().map(RotationError::left).unwrap_or_default();
    let left: Vec<&str> = left
        .iter()
        .map(|left| {
            if let Some(id) = left.id() {
                assert!(stage.fake.active_keys().iter().any(|known| id == known.as_str()), "{left} is no key");
            }
            match left {
                LeftKey::New(id) | LeftKey::Suspected(id) if id == OLD => panic!("{left} is the old key"),
                LeftKey::New(_) => "new",
                LeftKey::Old(id) if id == OLD => "old",
                LeftKey::Suspected(_) => "suspected",
                LeftKey::Unknown => "unknown",
                other => panic!("{other}"),
            }
        })
        .collect();
    Row {
        step: result.as_ref().err().map_or_else(none, |error| error.step().to_string()),
        works: works.join(", "),
        store: store.to_owned(),
        left: if left.is_empty() { none() } else { left.join(", ") },
    }
}

/// The rows of the table, by case.
fn table() -> BTreeMap<String, Row> {
    let document = include_str!("../docs/key-rotation.md");
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case "));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [case, step, works, store, left] = cells[..] else { panic!("five cells: {line}") };
        let [step, works, store, left] = [step, works, store, left].map(str::to_owned);
        (case.to_owned(), Row { step, works, store, left })
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_table_comes_true() {
    let table = table();
    assert_eq!(table.len(), 24, "rows of the table");
    let mut wrong = Vec::new();
    for (case, says) in &table {
        let mut stage = Stage::new();
        let result = play(case, &mut stage).await;
        let seen = observe(&stage, &result).await;
        if seen != *says {
            wrong.push(format!("{case}: the table says {says:?}, seen {seen:?}: {:?}", result.as_ref().err()));
        }
        if let Err(error) = result {
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains("not-a-secret"), "{case}: {printed}");
            assert!(!printed.contains('\n'), "{case}: one line: {printed}");
            for id in error.left().iter().filter_map(LeftKey::id) {
                assert!(error.to_string().contains(id.as_str()), "{case}: {error}");
            }
        }
        assert!(!says.works.is_empty(), "{case}: there is always a working key");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn steps_come_in_the_documented_order_and_are_told() {
    let stage = Stage::new();
    let rotated = stage.plain().await.unwrap();
    let operations: Vec<String> =
        stage.fake.requests().iter().filter_map(|request| request.operation().map(str::to_owned)).collect();
    assert_eq!(operations, ["listApiKeys", "createApiKey", "listTasks", "revokeApiKey"]);
    let principals: Vec<_> =
        stage.fake.requests().iter().map(|request| request.principal().unwrap().to_owned()).collect();
    assert_eq!(principals, ["u_ada", "u_ada", rotated.new_key.as_str(), "u_ada"], "confirmed with the new key");
    let new_key = rotated.new_key.clone();
    assert_eq!(
        *stage.progress.lock().unwrap(),
        [
            RotationProgress::Created(new_key),
            RotationProgress::Installed,
            RotationProgress::Confirmed(1),
            RotationProgress::OldRevoked(OLD.into())
        ]
    );
    assert_eq!(rotated.created.secret.get().unwrap().expose(), stage.store.holds());
    assert_eq!(
        rotated.created.description.get().map(String::as_str),
        Some("ci-production"),
        "the old key's description"
    );
    assert!(stage.fake.violations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_way_back_restores_before_it_revokes() {
    let stage = Stage::new();
    confirm_fails(&stage);
    let error = stage.restoring().await.unwrap_err();
    let progress = stage.progress.lock().unwrap().clone();
    let [RotationProgress::Created(id), tail @ ..] = &progress[..] else { panic!("{progress:?}") };
    assert_eq!(
        tail,
        [RotationProgress::Installed, RotationProgress::Restored, RotationProgress::NewRevoked(id.clone())]
    );
    assert_eq!(error.call().map(onehorizon::Error::kind), Some(ErrorKind::Unauthorized));
}

#[tokio::test(start_paused = true)]
async fn confirming_is_tried_five_times_with_growing_pauses() {
    let stage = Stage::new();
    confirm_fails(&stage);
    let before = tokio::time::Instant::now();
    stage.plain().await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::from_secs(1 + 2 + 4 + 8));
    let tries = stage.fake.requests().iter().filter(|request| request.operation() == Some("listTasks")).count();
    assert_eq!(tries, 5);

    let stage = Stage::new();
    confirm_fails(&stage);
    stage.plain().confirm_attempts(0).await.unwrap_err();
    let tries = stage.fake.requests().iter().filter(|request| request.operation() == Some("listTasks")).count();
    assert_eq!(tries, 1, "at least once");
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_a_minute_or_to_the_first_of_them() {
    for (first, waited) in [(20, 20 + 40 + 60 + 60), (90, 90 * 4)] {
        let stage = Stage::new();
        confirm_fails(&stage);
        let before = tokio::time::Instant::now();
        stage.plain().confirm_pause(Duration::from_secs(first)).await.unwrap_err();
        assert_eq!(before.elapsed().as_secs(), waited);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_the_way_back_is_told_beside_the_failure_itself() {
    let mut stage = Stage::new();
    let error = play("confirming fails, and so does the restorer", &mut stage).await.unwrap_err();
    assert_eq!(error.undo_failure().unwrap().to_string(), "the store is gone");
    assert!(error.to_string().contains("[undoing failed: the store is gone]"), "{error}");
    assert!(error.hint().unwrap().contains("put the old secret back"), "{error}");
    assert!(error.message().contains("401"), "{}", error.message());
    assert!(!error.is_limit_reached() && error.created().is_none());
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<onehorizon::Error>().unwrap().is_unauthorized());
    let mut stage = Stage::new();
    assert!(play("creating is refused", &mut stage).await.unwrap_err().undo_failure().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_of_ones_own_gets_the_new_key() {
    let stage = Stage::new();
    let rotation = stage.plain().confirm_with(|configuration| async move {
        let documents = onehorizon::DocumentsApi::new(&configuration);
        documents.list_documents().limit(1_u64).await.map(|_| ())
    });
    let rotated = rotation.await.unwrap();
    let confirming = stage.fake.requests().into_iter().find(|request| request.operation() == Some("listDocuments"));
    assert_eq!(confirming.unwrap().principal(), Some(rotated.new_key.as_str()));
}

#[tokio::test(start_paused = true)]
async fn one_key_too_many_is_a_typed_error_with_the_remedy() {
    let mut stage = Stage::new();
    let error = play("the workspace has 20 keys", &mut stage).await.unwrap_err();
    assert!(error.is_limit_reached());
    assert!(error.to_string().contains("revoke one that nothing uses"), "{error}");
    assert_eq!(error.to_string().matches("at most 20").count(), 1, "said once: {error}");

    let keys = ApiKeysApi::new(&stage.configuration());
    let plain = keys.create_api_key("one more").await.unwrap_err();
    assert!(plain.is_key_limit() && plain.is_conflict());
    assert!(plain.hint().unwrap().contains("revoke one"), "{plain}");
    let other = keys.revoke_api_key("key_0").await.unwrap_err();
    assert!(!other.is_key_limit());
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_known_whatever_status_the_service_has_for_it() {
    for status in [400, 402, 403, 409, 422] {
        let mut stage = Stage::new();
        let refusal = Fault::status(status).body("application/json", r#"{"code":"nope","message":"no"}"#);
        let owner = ApiKeysApi::new(&stage.configuration());
        while stage.fake.active_keys().len() < 20 {
            owner.create_api_key("filler").await.unwrap();
        }
        stage.fake.fail_next(refusal.on("createApiKey"));
        let error = play("nothing fails", &mut stage).await.unwrap_err();
        assert!(error.is_limit_reached(), "{status}: {error}");
    }
    let stage = Stage::new();
    let refusal = Fault::status(403).body("application/json", r#"{"code":403,"message":"API key limit reached"}"#);
    stage.fake.fail_next(refusal.on("createApiKey"));
    assert!(ApiKeysApi::new(&stage.configuration()).create_api_key("x").await.unwrap_err().is_key_limit());
    for words in ["limit of words reached", "a key cannot be that long", "no"] {
        let body = format!(r#"{{"code":422,"message":"{words}"}}"#);
        stage.fake.fail_next(Fault::status(422).body("application/json", body).on("createApiKey"));
        let error = ApiKeysApi::new(&stage.configuration()).create_api_key("x").await.unwrap_err();
        assert!(!error.is_key_limit(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_under_another_name_is_within_reach() {
    let mut stage = Stage::new();
    let error = play("the secret has another name in the answer", &mut stage).await.unwrap_err();
    assert_eq!(error.step(), RotationStep::Read);
    assert!(error.to_string().contains("token"), "the members that came instead: {error}");
    let created = error.created().unwrap();
    assert!(stage.works(created.extra.get::<Secret>("token").unwrap().unwrap().expose()).await);
    assert!(String::from_utf8_lossy(created.raw()).contains("not-a-secret"));

    let mut stage = Stage::new();
    stage.wire.rewrite = |body| body.replace("\"secret\"", "\"token\"");
    let rotation = stage.plain().secret_from(|created| created.extra.get("token")?.ok());
    rotation.await.unwrap();
    assert!(stage.works(&stage.store.holds()).await);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_no_header_can_carry_is_told_before_it_is_installed() {
    let mut stage = Stage::new();
    stage.wire.rewrite = |body| body.replace("fake-api-key", "fake api key");
    let error = stage.plain().await.unwrap_err();
    assert_eq!((error.step(), stage.store.holds().as_str()), (RotationStep::Read, OLD_SECRET));
    assert!(error.created().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_api_key_is_told_what_it_cannot_do_before_anything_is_sent() {
    let mut stage = Stage::new();
    let error = play("the credential is an API key", &mut stage).await.unwrap_err();
    assert!(error.to_string().contains("OAuth token of a workspace owner or admin"), "{error}");
    assert_eq!(error.call().unwrap().kind(), ErrorKind::Forbidden);
    // A token of which nobody knows the kind is let through: the service decides.
    let token = Credential::access_token(stage.fake.oauth_token()).unwrap();
    let keys = ApiKeysApi::new(&stage.configuration().with_credential(token));
    assert_eq!(keys.list_api_keys().await.unwrap().api_keys.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_rotation_stops_where_it_stands_and_has_told_the_new_keys_id() {
    let stage = Stage::new();
    let rotation = stage.plain().confirm_with(|_| std::future::pending::<Result<(), io::Error>>());
    tokio::time::timeout(Duration::from_secs(1), rotation.into_future()).await.unwrap_err();
    let progress = stage.progress.lock().unwrap().clone();
    let [RotationProgress::Created(id), RotationProgress::Installed] = &progress[..] else { panic!("{progress:?}") };
    assert!(stage.fake.active_keys().contains(&id.to_string()));
    assert!(stage.works(OLD_SECRET).await && stage.works(&stage.store.holds()).await);
}

#[tokio::test(start_paused = true)]
async fn another_workspace_and_description_reach_every_call() {
    let stage = Stage::new();
    let store = stage.store.clone();
    let workspace = stage.fake.workspace_id();
    let elsewhere = Configuration::builder()
        .oauth_token(stage.token)
        .workspace("w_other")
        .transport(stage.wire.clone())
        .build()
        .unwrap();
    let rotated = ApiKeysApi::new(&elsewhere)
        .rotate_api_key(OLD)
        .workspace(workspace)
        .description("ci-staging")
        .install(move |secret| store.put(secret.expose().to_owned()))
        .await
        .unwrap();
    assert_eq!(rotated.created.description.get().map(String::as_str), Some("ci-staging"));
    for request in stage.fake.requests() {
        assert!(request.path().contains(&format!("/workspaces/{workspace}/")), "{}", request.path());
    }
}

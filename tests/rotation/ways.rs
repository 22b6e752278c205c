//! The ways that a rotation goes: its steps, its pauses, its failures and the way back.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::apis::{OrphanedKey, RotationProgress, RotationStep};
use onehorizon::models::ApiKeyId;
use onehorizon::{ApiKeysApi, Configuration, Credential, ErrorKind, Secret};
use onehorizon_testing::Fault;
use support::stage::{OLD, OLD_SECRET, Stage, confirm_fails, play, secret_field};

#[tokio::test(start_paused = true)]
async fn steps_come_in_the_documented_order_and_are_reported() {
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
    assert_eq!(rotated.created.secret.as_ref().unwrap().expose(), stage.store.holds());
    assert_eq!(rotated.created.description.as_deref(), Some("ci-production"), "the old key's description");
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
async fn a_failure_on_the_way_back_is_reported_beside_the_failure_itself() {
    let mut stage = Stage::new();
    let error = play("confirming fails, and so does the restorer", &mut stage).await.unwrap_err();
    assert_eq!(error.undo_failure().unwrap().to_string(), "the store is gone");
    let id = error.orphaned_keys().iter().find_map(OrphanedKey::id).unwrap();
    assert!(stage.fake.active_keys().iter().any(|key| id == key.as_str()), "{id}");
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
    let error = play("the secret has an unknown name in the response", &mut stage).await.unwrap_err();
    assert_eq!(error.step(), RotationStep::Read);
    assert!(error.to_string().contains("bearer"), "the fields that came instead: {error}");
    let created = error.created().unwrap();
    assert!(stage.works(created.extra.get::<Secret>("bearer").unwrap().unwrap().expose()).await);
    assert!(String::from_utf8_lossy(created.raw()).contains("not-a-secret"));

    let mut stage = Stage::new();
    stage.wire.rewrite = |body| body.replace(&secret_field(), "\"bearer\"");
    let rotation = stage.plain().secret_from(|created| created.extra.get("bearer")?.ok());
    rotation.await.unwrap();
    assert!(stage.works(&stage.store.holds()).await);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_no_header_can_carry_is_reported_before_it_is_installed() {
    let mut stage = Stage::new();
    stage.wire.rewrite = |body| body.replace("fake-api-key", "fake api key");
    let error = stage.plain().await.unwrap_err();
    assert_eq!((error.step(), stage.store.holds().as_str()), (RotationStep::Read, OLD_SECRET));
    assert!(error.created().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_api_key_learns_what_it_cannot_do_before_anything_is_sent() {
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
async fn a_dropped_rotation_stops_where_it_stands_and_has_reported_the_new_keys_id() {
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
    assert_eq!(rotated.created.description.as_deref(), Some("ci-staging"));
    for request in stage.fake.requests() {
        assert!(request.path().contains(&format!("/workspaces/{workspace}/")), "{}", request.path());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_room_for_more_keys_is_not_about_their_number() {
    let mut stage = Stage::new();
    let error = play("creating is refused", &mut stage).await.unwrap_err();
    assert!(!error.is_limit_reached() && error.orphaned_keys().is_empty(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_at_creating_may_have_made_a_key() {
    let unknown = || OrphanedKey::Unknown { description: "ci-production".to_owned() };
    for (status, left) in [(500, &[unknown()][..]), (599, &[unknown()]), (418, &[])] {
        let mut stage = Stage::new();
        stage.fake.script([
            Fault::pass().on("listApiKeys"),
            Fault::status(503).on("listApiKeys").forever(),
            Fault::status(status).on("createApiKey"),
        ]);
        let error = play("nothing fails", &mut stage).await.unwrap_err();
        assert_eq!(error.orphaned_keys(), left, "{status}: {error}");
        assert!(error.orphaned_keys().iter().all(|left| left.id().is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_that_is_gone_already_is_not_left_over() {
    let stage = Stage::new();
    let owner = ApiKeysApi::new(&stage.configuration());
    let created = Arc::new(Mutex::new(None));
    let (seen, id) = (Arc::clone(&created), Arc::clone(&created));
    let rotation = ApiKeysApi::new(&stage.configuration()).rotate_api_key(OLD).install(move |_| async move {
        let id: ApiKeyId = id.lock().unwrap().clone().unwrap();
        owner.revoke_api_key(id).await.unwrap();
        Err(io::Error::other("the store is read-only"))
    });
    let rotation = rotation.on_progress(move |step| {
        if let RotationProgress::Created(id) = step {
            *seen.lock().unwrap() = Some(id.clone());
        }
    });
    let error = rotation.await.unwrap_err();
    assert!(error.orphaned_keys().is_empty() && error.undo_failure().is_none(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn code_of_the_caller_that_never_ends_is_cut_off() {
    let stuck = std::future::pending::<Result<(), io::Error>>;
    let stage = Stage::new();
    let before = tokio::time::Instant::now();
    let error = stage.stuck_installer().step_timeout(Duration::from_secs(7)).await.unwrap_err();
    assert_eq!((error.step(), before.elapsed().as_secs()), (RotationStep::Install, 7));
    assert!(error.message().contains("the installer took longer than its time limit (7s)"), "{error}");

    let stage = Stage::new();
    let rotation = stage.plain().confirm_with(move |_| stuck()).confirm_attempts(1).restore(stuck);
    let error = rotation.step_timeout(Duration::from_secs(7)).await.unwrap_err();
    assert_eq!(error.step(), RotationStep::Confirm);
    assert!(error.undo_failure().unwrap().to_string().contains("the restorer took longer"), "{error}");
    assert_eq!(error.orphaned_keys().len(), 1, "{error}");
}

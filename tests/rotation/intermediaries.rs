//! What a rotation believes of a response that an intermediary may have written, and of a listing that lags.

use onehorizon::apis::{OrphanedKey, RotationStep};
use onehorizon_testing::Fault;
use support::stage::{OLD, OLD_SECRET, Stage, page_for};

#[tokio::test(start_paused = true)]
async fn only_a_listing_with_the_other_key_proves_that_a_key_is_gone() {
    let listing = |keys: &str| {
        let body = format!(r#"{{"apiKeys": [{keys}]}}"#);
        Fault::status(200).body("application/json", body).on("listApiKeys").forever()
    };
    let [old, new, other] = [OLD, "key_5001", "key_1002"].map(|id| format!(r#"{{"apiKeyId": "{id}"}}"#));
    let revoked = |field: &str| format!(r#"{{"apiKeyId": "{OLD}", {field}}}, {new}"#);
    for (keys, gone) in [
        (new.clone(), true),
        (format!("{other}, {new}"), true),
        (revoked(r#""revokedAt": "2026-01-01T00:00:00Z""#), true),
        (revoked(r#""status": "Revoked""#), true),
        (revoked(r#""active": false"#), true),
        (revoked(r#""revokedAt": null"#), false),
        (revoked(r#""status": "active""#), false),
        (format!("{old}, {new}"), false),
        (String::new(), false),
        (other.clone(), false),
    ] {
        for refusal in [Fault::html(404), Fault::status(404), Fault::html(410), Fault::html(200), Fault::html(202)] {
            let case = format!("{keys} after {refusal:?}");
            let stage = Stage::new();
            let refusal = refusal.on("revokeApiKey").forever();
            stage.fake.script([Fault::pass().on("listApiKeys"), listing(&keys), refusal]);
            match stage.plain().await {
                Ok(_) => assert!(gone, "{case}"),
                Err(error) => {
                    assert!(!gone, "{case}: {error}");
                    assert_eq!(error.orphaned_keys(), [OrphanedKey::Old(OLD.into())], "{case}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_response_to_creating_that_the_service_did_not_write_leaves_the_new_key_named() {
    for status in
        [200, 202, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 408, 409, 413, 422, 429, 499, 500, 502, 504]
    {
        let mut stage = Stage::new();
        stage.wire.meddle = page_for("createApiKey", status);
        let error = stage.plain().await.unwrap_err();
        let active = stage.fake.active_keys();
        let created: Vec<_> = active.iter().filter(|id| id.starts_with("key_5")).collect();
        assert!(!created.is_empty(), "{status}: the fake created none");
        for id in created {
            let is_named = error.orphaned_keys().contains(&OrphanedKey::Suspected(id.as_str().into()));
            assert!(is_named, "{status}: {error}");
        }
        assert!(!error.is_limit_reached(), "{status}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_confirmed_by_a_list_of_tasks_and_by_nothing_else() {
    let json = |body: &'static str| Fault::status(200).body("application/json", body).on("listTasks").forever();
    for (fault, confirmed) in [
        (json(r#"{"tasks": []}"#), true),
        (json(r#"{"tasks": [{"taskId": 7}], "next": null}"#), true),
        (json(r#"{"tasks": null}"#), true),
        (json(r#"{"ok": true}"#), false),
        (json(r#"{"tasks": "none"}"#), false),
        (json("[]"), false),
        (json("null"), false),
        (json(""), false),
        (Fault::status(204).body("text/plain", "").on("listTasks").forever(), false),
        (Fault::html(200).on("listTasks").forever(), false),
        (Fault::html(203).on("listTasks").forever(), false),
        (Fault::status(302).header("location", "/login").on("listTasks").forever(), false),
    ] {
        let stage = Stage::new();
        let case = format!("{fault:?}");
        stage.fake.fail_next(fault);
        let result = stage.restoring().await;
        assert_eq!(result.is_ok(), confirmed, "{case}: {:?}", result.err());
        if !confirmed {
            assert!(stage.works(OLD_SECRET).await, "{case}");
            assert_eq!(stage.store.holds(), OLD_SECRET, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_a_new_one_is_never_revoked() {
    let mut stage = Stage::new();
    stage.wire.rewrite = |body| body.replace("key_5001", OLD);
    let error = stage.refusing_installer().await.unwrap_err();
    assert_eq!(error.step(), RotationStep::Read, "{error}");
    assert!(stage.works(OLD_SECRET).await);
    assert_eq!(error.orphaned_keys(), [OrphanedKey::Suspected("key_5001".into())], "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_of_somebody_else_is_named_beside_the_unknown_one() {
    let stage = Stage::new();
    let listing = r#"{"apiKeys": [{"apiKeyId": "key_1001"}, {"apiKeyId": "key_1002"},
                                  {"apiKeyId": "key_9", "description": "other"}]}"#;
    stage.fake.script([
        Fault::pass().on("listApiKeys"),
        Fault::status(200).body("application/json", listing).on("listApiKeys").forever(),
        Fault::drop_after().on("createApiKey"),
    ]);
    let error = match stage.plain_with("mine").await {
        Ok(rotated) => panic!("{rotated:?}"),
        Err(error) => error,
    };
    let unknown = OrphanedKey::Unknown { description: "mine".to_owned() };
    assert_eq!(error.orphaned_keys(), [unknown, OrphanedKey::Suspected("key_9".into())], "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_counts_when_the_response_says_it_or_a_listing_shows_it() {
    let json = |body: &'static str| Fault::status(200).body("application/json", body);
    let active = format!(r#"{{"apiKeys": [{{"apiKeyId": "{OLD}"}}, {{"apiKeyId": "key_5001"}}]}}"#);
    for (response, is_believed) in [
        (Fault::status(204).body("", ""), true),
        (json(""), true),
        (json(r#"{"apiKeyId": "key_1001", "revokedAt": "2026-05-10T09:30:00Z"}"#), true),
        (json(r#"{"apiKeyId": "key_1001", "status": "revoked", "more": [1]}"#), true),
        (json("{}"), false),
        (json("null"), false),
        (json(r#""OK""#), false),
        (json(r#"{"success": true}"#), false),
        (json(r#"{"success": false}"#), false),
        (json(r#"{"code": 500, "message": "could not revoke"}"#), false),
        (json(r#"{"apiKeyId": "key_1001", "revoked": false, "status": "active"}"#), false),
        (json(r#"{"apiKeyId": "key_9", "revoked": true}"#), false),
        (json(r#"{"status": "pending"}"#), false),
        (Fault::status(202).body("", ""), false),
        (Fault::status(200).body("text/html", ""), false),
        (Fault::html(200), false),
    ] {
        let case = format!("{response:?}");
        let stage = Stage::new();
        let still_there = Fault::status(200).body("application/json", active.clone()).on("listApiKeys").forever();
        stage.fake.script([Fault::pass().on("listApiKeys"), still_there, response.on("revokeApiKey").forever()]);
        match stage.plain().await {
            Ok(_) => assert!(is_believed, "{case}"),
            Err(error) => {
                assert!(!is_believed, "{case}: {error}");
                assert_eq!(error.orphaned_keys(), [OrphanedKey::Old(OLD.into())], "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_with_a_sign_of_more_pages_proves_no_absence() {
    for sign in [
        r#""nextCursor": "c2""#,
        r#""next": "/api-keys?page=2""#,
        r#""hasMore": true"#,
        r#""has_more": true"#,
        r#""total": 21"#,
        r#""pagination": {"totalCount": 21}"#,
        r#""meta": {"page": {"hasNextPage": true}}"#,
        r#""links": {"next": {"href": "/api-keys?page=2"}}"#,
        r#""links": [{"rel": "self"}, {"rel": "next", "href": "/api-keys?page=2"}]"#,
        r#""page": 1, "pages": 2"#,
        r#""paging": {"page": "2"}"#,
        r#""meta": {"totalPages": 2}"#,
        r#""offset": 0, "limit": 1"#,
        r#""offset": 20"#,
        r#""@odata.nextLink": "https://onehorizon.ai/api/v1/x""#,
        r#""continuationToken": "t""#,
        r#""cursor": "c2""#,
        r#""remaining": 1"#,
        r#""LastEvaluatedKey": {"id": "key_5001"}"#,
        r#""partial": true"#,
        r#""complete": false"#,
        r#""last": false"#,
        r#""warnings": ["shard 2 is away"]"#,
    ] {
        let page = format!(r#"{{"apiKeys": [{{"apiKeyId": "key_5001"}}], {sign}}}"#);
        let page = || Fault::status(200).body("application/json", page.clone()).on("listApiKeys");
        let stage = Stage::new();
        let refusal = Fault::html(404).on("revokeApiKey").forever();
        stage.fake.script([Fault::pass().on("listApiKeys"), page().forever(), refusal]);
        let error = stage.plain().await.unwrap_err();
        assert_eq!(error.orphaned_keys(), [OrphanedKey::Old(OLD.into())], "{sign}");

        // That the old key is not on the first page says nothing about it.
        let stage = Stage::new();
        stage.fake.script([page()]);
        assert!(stage.plain().await.is_ok(), "{sign}");
    }
    for none in [
        r#""nextCursor": null"#,
        r#""nextCursor": """#,
        r#""hasMore": false"#,
        r#""total": 1"#,
        r#""links": {"next": null}"#,
        r#""links": [{"rel": "self", "href": "/api-keys"}]"#,
        r#""page": 1, "pages": 1, "limit": 50, "offset": 0, "remaining": 0"#,
        r#""pageInfo": {"startCursor": "a", "endCursor": "b", "hasNextPage": false}"#,
        r#""last": true, "complete": true, "partial": false, "warnings": []"#,
        r#""workspaceId": "w_1", "requestId": "r", "updatedAt": "2026-05-10T08:30:00Z", "version": 3"#,
    ] {
        let page = format!(r#"{{"apiKeys": [{{"apiKeyId": "key_5001"}}], {none}}}"#);
        let stage = Stage::new();
        let page = Fault::status(200).body("application/json", page).on("listApiKeys").forever();
        stage.fake.script([Fault::pass().on("listApiKeys"), page, Fault::html(404).on("revokeApiKey").forever()]);
        assert!(stage.plain().await.is_ok(), "{none}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_cannot_be_read_may_be_the_old_key() {
    for (entry, is_gone) in [
        ("7", false),
        ("{}", false),
        (r#"{"apiKeyId": 1001}"#, false),
        (r#"{"apiKeyId": "key_9", "createdAt": [7]}"#, true),
    ] {
        let listing = format!(r#"{{"apiKeys": [{{"apiKeyId": "key_5001"}}, {entry}]}}"#);
        let stage = Stage::new();
        let listing = Fault::status(200).body("application/json", listing).on("listApiKeys").forever();
        stage.fake.script([Fault::pass().on("listApiKeys"), listing, Fault::html(404).on("revokeApiKey").forever()]);
        assert_eq!(stage.plain().await.is_ok(), is_gone, "{entry}");
    }
}

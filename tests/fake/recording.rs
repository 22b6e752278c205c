//! Recordings hold no secret, replay what was recorded and show drift.

use onehorizon::models::NewTask;
use onehorizon::{ApiKeysApi, Configuration, TasksApi};
use onehorizon_testing::{Cassette, FakeOneHorizon, Record, Recorder, ReplayTransport, Reply, ScriptedTransport};

fn config(transport: impl onehorizon::transport::Transport, token: &str) -> Configuration {
    Configuration::builder().oauth_token(token).transport(transport).build().unwrap()
}

#[tokio::test]
async fn a_recording_replays_strictly_in_any_order() {
    let fake = FakeOneHorizon::builder().in_process();
    let recorder = Recorder::in_memory();
    let tasks = TasksApi::new(&config(recorder.wrap(fake.transport()), fake.oauth_token()));
    tasks.fetch_task("tsk_1001").await.unwrap();
    tasks.create_task(NewTask::new("New")).await.unwrap();
    tasks.fetch_task("tsk_0").await.unwrap_err();
    let text = recorder.cassette().to_text();
    assert_eq!(text.lines().count(), 4);
    assert!(!text.contains(fake.oauth_token()));

    let replay = ReplayTransport::strict(Cassette::from_text(&text).unwrap());
    let tasks = TasksApi::new(&config(replay.clone(), "another"));
    assert!(tasks.fetch_task("tsk_0").await.unwrap_err().is_not_found());
    let error = tasks.create_task(NewTask::new("Other")).await.unwrap_err();
    assert_eq!(error.status(), Some(501));
    assert!(error.message().contains("POST /api/v1/workspaces/current/tasks with this body"), "{error}");
    assert_eq!(tasks.create_task(NewTask::new("New")).await.unwrap().title, "New");
    assert_eq!(tasks.fetch_task("tsk_1001").await.unwrap().title, "Self-serve onboarding");
    assert_eq!(replay.remaining(), 0);
    assert_eq!(
        tasks.fetch_task("tsk_1001").attempts(1).await.unwrap_err().status(),
        Some(501),
        "each is replayed once"
    );
}

#[tokio::test]
async fn a_lenient_replay_repeats_itself_and_ignores_bodies() {
    let fake = FakeOneHorizon::builder().in_process();
    let recorder = Recorder::in_memory();
    let tasks = TasksApi::new(&config(recorder.wrap(fake.transport()), fake.oauth_token()));
    tasks.create_task(NewTask::new("New")).await.unwrap();
    let tasks = TasksApi::new(&config(ReplayTransport::lenient(recorder.cassette()), "another"));
    for _ in 0..3 {
        assert_eq!(tasks.create_task(NewTask::new("Other")).await.unwrap().title, "New");
    }
}

#[tokio::test]
async fn a_created_key_and_the_credential_are_in_no_recording_in_any_spelling() {
    let fake = FakeOneHorizon::builder().in_process();
    let recorder = Recorder::in_memory();
    let config_of = |token: &str| config(recorder.wrap(fake.transport()), token);
    let created = ApiKeysApi::new(&config_of(fake.oauth_token())).create_api_key("for a test").await.unwrap();
    let text = recorder.cassette().to_text();
    assert!(text.contains("for a test") && text.contains("[redacted]"), "{text}");
    let secret = fake.active_keys().last().unwrap().replace("key_", "fake-api-key-") + "-not-a-secret";
    assert!(!text.contains(&secret) && !text.contains(fake.oauth_token()), "{text}");
    drop(created);
}

#[tokio::test]
async fn an_echo_of_the_credential_is_removed_in_every_spelling() {
    let token = "tok/en+with=odd\"signs-0123456789";
    let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let escaped = serde_json::to_string(token).unwrap();
    let unicode: String = token.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("user:{token}"))
    };
    let spellings = [percent, escaped.trim_matches('"').to_owned(), unicode, base64];
    for spelling in &spellings {
        let body = format!("{{\"taskId\":\"tsk_1\",\"title\":\"you sent {spelling}\"}}");
        let transport = ScriptedTransport::new([Reply::json(200, body).header("x-request-id", "id"), Reply::html(502)]);
        let recorder = Recorder::in_memory();
        let tasks = TasksApi::new(&config(recorder.wrap(transport), token));
        let _ = tasks.fetch_task("tsk_1").await;
        let text = recorder.cassette().to_text();
        assert!(text.contains("[redacted]") && text.contains("you sent"), "{text}");
        assert!(!text.contains(spelling.as_str()), "{text}");
    }
}

#[tokio::test]
async fn fields_that_are_secrets_by_name_are_removed_and_others_are_not() {
    let body = r#"{"taskId":"tsk_1","title":"T","apiKeyId":"key_1001","client_secret":"s3cr3t-value","nested":{"refreshToken":["r3fresh-value"]},"pin_password":1234567,"note":"s3cr3t-value"}"#;
    let recorder = Recorder::in_memory();
    let transport = recorder.wrap(ScriptedTransport::new([
        Reply::json(200, body),
        Reply::json(200, r#"{"taskId":"t","title":"s3cr3t-value","secret":"ab"}"#),
    ]));
    let tasks = TasksApi::new(&config(transport, "the-credential"));
    tasks.fetch_task("tsk_1").await.unwrap();
    let text = recorder.cassette().to_text();
    for secret in ["s3cr3t-value", "r3fresh-value", "1234567"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("key_1001"), "an id is not a secret: {text}");
    tasks.fetch_task("tsk_2").await.unwrap();
    let text = recorder.cassette().to_text();
    assert!(!text.contains("\"ab\"") && !text.contains("s3cr3t-value"), "a short secret takes its body along: {text}");
}

#[test]
fn a_recording_that_cannot_be_used_says_which_line() {
    let good = r#"{"onehorizon_recording":1}"#;
    for (text, said) in [
        (String::new(), "empty"),
        ("not json".to_owned(), "not the head"),
        (r#"{"onehorizon_recording":2}"#.to_owned(), "version 2, and this program reads version 1"),
        (format!("{good}\n{{\"method\":\"GET\""), "line 2 of the recording is damaged"),
        (format!("{good}\n\n{{\"method\":\"GET\",\"path\":\"/\",\"status\":200,\"more\":1}}"), "line 3"),
        (format!("{good}\n{{\"method\":\"GET\",\"path\":\"/\",\"status\":2}}"), "2 for a status"),
    ] {
        let error = Cassette::from_text(&text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    assert!(Cassette::load("/nowhere/at/all").unwrap_err().to_string().contains("/nowhere/at/all"));
}

#[tokio::test]
async fn drift_lists_what_appeared_went_away_or_changed_its_type() {
    let record = |body: &str| {
        let recorder = Recorder::in_memory();
        let transport = recorder.wrap(ScriptedTransport::new([Reply::json(200, body)]));
        async move {
            let _ = TasksApi::new(&config(transport, "t0ken-value")).fetch_task("tsk_1").await;
            recorder.cassette()
        }
    };
    let old = record(r#"{"taskId":"a","title":"x","points":1,"tags":["a"]}"#).await;
    let same = record(r#"{"taskId":"b","title":"y","points":2,"tags":["b","c"]}"#).await;
    let new = record(r#"{"taskId":"b","title":"y","points":"2","labels":[]}"#).await;
    assert!(old.drift(&same).is_empty());
    assert_eq!(
        old.drift(&new),
        [
            "fetchTask 200: $.points was a number and is a string",
            "fetchTask 200: $.tags went away",
            "fetchTask 200: $.tags[] went away",
            "fetchTask 200: $.labels is new, a list",
        ]
    );
}

#[tokio::test]
async fn numbers_and_unknown_fields_survive_a_recording() {
    let body = "{\"taskId\":\"a\",\n  \"title\":\"x\",\n  \"n\": 12345678901234567890.10}";
    let recorder = Recorder::in_memory();
    let tasks = TasksApi::new(&config(recorder.wrap(ScriptedTransport::new([Reply::json(200, body)])), "t0ken-value"));
    tasks.fetch_task("a").await.unwrap();
    let again = Cassette::from_text(&recorder.cassette().to_text()).unwrap();
    let replayed = again.interactions()[0].to_response();
    let record: Record = serde_json::from_slice(&replayed.body).unwrap();
    assert_eq!(record.raw("n"), Some("12345678901234567890.10"));
}

//! One canary of every kind of credential goes through every failure of the client and of a login, with a service that
//! repeats what it gets wherever it can: it is printed nowhere, and sent to no other host.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use metrics_util::debugging::DebuggingRecorder;
use onehorizon::metrics::Metrics;
use onehorizon::models::NewTask;
use onehorizon::oauth::{OauthApp, OauthErrorCode, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::Failure;
use onehorizon::{ApiKeysApi, Configuration, ConfigurationBuilder, Credential, Retry, Secret, TasksApi};
use onehorizon_testing::WebhookSender;
use support::canary::{
    API_KEY, CLIENT_SECRET, Echo, OAUTH_TOKEN, REFRESH_TOKEN, SIGNED_URL, SIGNING_SECRET, WEBHOOK_KEY, Watch, event,
};
use support::canary_hooks::Hooked;
use support::canary_log::Log;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn builders() -> [ConfigurationBuilder; 4] {
    let builder = || Configuration::builder().retry(Retry::never());
    let provider =
        RefreshingCredential::builder(&oauth_app(Echo::responding(200, |_| String::new())), tokens()).build();
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

/// Responses that repeat what they got, for every way of failing.
fn echoes() -> Vec<Echo> {
    let escaped: fn(&str) -> String = |got| {
        let escaped: String = got.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        format!(r#"{{"message":"{}{escaped}","code":"{escaped}"}}"#, "x".repeat(480))
    };
    let bodies: [fn(&str) -> String; 8] = [
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
        // A task and a list of tasks that this version does not know all of.
        |got| format!(r#"{{"taskId":"t","status":"{got}","{got}":1,"tasks":[{{"taskId":"t","status":"{got}"}}]}}"#),
    ];
    let statuses = [200, 201, 301, 302, 303, 307, 308, 400, 401, 403, 404, 409, 422, 429, 500, 503];
    let responses = statuses.into_iter().flat_map(|status| bodies.map(|body| Echo::responding(status, body)));
    let failures = [Failure::Connect, Failure::ConnectTimeout, Failure::Interrupted, Failure::TooLarge];
    responses.chain(failures.map(Echo::breaking)).collect()
}

#[tokio::test]
async fn the_client_prints_no_credential_whatever_the_service_repeats() {
    let (log, mut watch) = (Log::default(), Watch::default());
    // For all threads: where only one thread listens, a test beside it can have the events switched off for good.
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let (hooked, recorder) = (Hooked::default(), DebuggingRecorder::new());
    let metrics = recorder.snapshotter();
    recorder.install().unwrap();
    let mut failed = 0;
    for echo in echoes() {
        for builder in builders() {
            let builder = builder.transport(echo.clone()).hooks(hooked.clone()).hooks(Metrics::new());
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
                    failed += 1;
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
            if let Err(error) = keys.list_api_keys().await {
                watch.error(&error);
            }
        }
        echo.requests.lock().unwrap().iter().for_each(|request| watch.text("a request", request));
    }
    assert!(failed > 300, "{failed} failures");
    log.lines().iter().for_each(|line| watch.text("tracing", line));
    assert!(log.lines().len() > 300);
    hooked.lines().iter().for_each(|line| watch.text("hooks", line));
    assert!(hooked.lines().iter().any(|line| line.contains("UnknownField")), "the echo's own field");
    let metrics = metrics.snapshot().into_vec();
    for (key, ..) in &metrics {
        watch.text("metrics", &format!("{key:?}"));
    }
    assert!(metrics.len() > 20, "{} series", metrics.len());
    watch.done("client");
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
        let request = configuration.request("GET", "/a").header(name, value);
        watch.look(&request);
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
    watch.done("requests");
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
            let response = ResponseTemplate::new(status).insert_header("location", location.as_str());
            Mock::given(any()).respond_with(response).mount(&server).await;
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
            match app.refresh(&Secret::from(REFRESH_TOKEN)).await {
                Ok(tokens) => watch.look(&tokens),
                Err(error) => watch.error(&error),
            }
            let sender = WebhookSender::builder(&server.uri()).key(WEBHOOK_KEY).signed(SIGNING_SECRET).build().unwrap();
            watch.look(&sender.deliver_once(&event(), 0).await);
            let requests = server.received_requests().await.unwrap();
            assert_eq!(requests.len(), 5, "one request each: {status} {location}");
            tried += requests.len();
        }
    }
    assert!(trap.is_empty(), "somebody else was called");
    println!("scorecard: canary: {tried} redirects not followed");
    watch.done("redirects");
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
        match app.refresh(&Secret::from(REFRESH_TOKEN)).await {
            Ok(tokens) => watch.look(&tokens),
            Err(error) => watch.error(&error),
        }
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
    watch.look(&OauthErrorCode::other("unknown"));
    watch.done("logins");
}

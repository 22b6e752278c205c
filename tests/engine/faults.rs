//! What every operation does under every fault, against a raw socket: attempts and outcome are those of
//! `docs/retry-safety.md`, and no write that must not be done twice is executed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onehorizon::apis::{CommentsApi, TaxonomyApi, TeamsApi, UsersApi, WorkspacesApi};
use onehorizon::models::{NewTask, Task};
use onehorizon::transport::BoxFuture;
use onehorizon::{ApiKeysApi, Clock, Configuration, Credential, DocumentsApi, Error, Secret, TasksApi, TokenProvider};
use onehorizon_testing::ManualClock;
use support::contract::Contract;
use support::fault_server::{Fault, FaultServer};
use support::step_clock::step_clock;

/// How a call ended: its attempts, and `ok` or the kind of its error.
type Outcome = (u32, String);

type Run = fn(&Configuration) -> BoxFuture<'_, Result<u32, Error>>;

/// Every operation of this project's contract, by its name there.
const OPERATIONS: [(&str, Run); 18] = [
    ("listTasks", |c| Box::pin(async { Ok(TasksApi::new(c).list_tasks().await?.attempts()) })),
    ("createTask", |c| Box::pin(async { Ok(TasksApi::new(c).create_task(NewTask::new("new")).await?.attempts()) })),
    ("fetchTask", |c| Box::pin(async { Ok(TasksApi::new(c).fetch_task("tsk_1001").await?.attempts()) })),
    ("updateTask", |c| {
        Box::pin(async { Ok(TasksApi::new(c).update_task("tsk_1001", task()).replace_whole().await?.attempts()) })
    }),
    ("listDocuments", |c| Box::pin(async { Ok(DocumentsApi::new(c).list_documents().await?.attempts()) })),
    ("listApiKeys", |c| Box::pin(async { Ok(ApiKeysApi::new(c).list_api_keys().await?.attempts()) })),
    ("createApiKey", |c| Box::pin(async { Ok(ApiKeysApi::new(c).create_api_key("new").await?.attempts()) })),
    ("revokeApiKey", |c| Box::pin(async { Ok(ApiKeysApi::new(c).revoke_api_key("key_1002").await?.attempts()) })),
    ("listTaskComments", |c| {
        Box::pin(async { Ok(CommentsApi::new(c).list_task_comments("tsk_1001").await?.attempts()) })
    }),
    ("createTaskComment", |c| {
        Box::pin(async { Ok(CommentsApi::new(c).create_task_comment("tsk_1001", "new").await?.attempts()) })
    }),
    ("toggleCommentReaction", |c| {
        let comments = CommentsApi::new(c);
        Box::pin(
            async move { Ok(comments.toggle_comment_reaction("tsk_1001", "comment_1001", "+1").await?.attempts()) },
        )
    }),
    ("fetchDocument", |c| Box::pin(async { Ok(DocumentsApi::new(c).fetch_document("doc_1001").await?.attempts()) })),
    ("listTeams", |c| Box::pin(async { Ok(TeamsApi::new(c).list_teams().await?.attempts()) })),
    ("listUsers", |c| Box::pin(async { Ok(UsersApi::new(c).list_users().await?.attempts()) })),
    ("fetchCurrentUser", |c| Box::pin(async { Ok(UsersApi::new(c).fetch_current_user().await?.attempts()) })),
    ("listTaxonomyLabels", |c| Box::pin(async { Ok(TaxonomyApi::new(c).list_taxonomy_labels().await?.attempts()) })),
    ("listWorkspaces", |c| Box::pin(async { Ok(WorkspacesApi::new(c).list_workspaces().await?.attempts()) })),
    ("fetchWorkspace", |c| Box::pin(async { Ok(WorkspacesApi::new(c).fetch_workspace().await?.attempts()) })),
];

fn task() -> Task {
    serde_json::from_str(r#"{"taskId":"tsk_1001","title":"changed"}"#).unwrap()
}

/// `docs/retry-safety.md`: operation, then fault, then what the cell says.
struct Table(BTreeMap<String, BTreeMap<String, String>>);

impl Table {
    fn read() -> Self {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/retry-safety.md")).unwrap();
        let cells = |line: &str| -> Vec<String> {
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let mut lines = text.lines().skip_while(|line| !line.starts_with("| operation |"));
        let faults = cells(lines.next().unwrap());
        let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
        let contract = Contract::load();
        Self(rows.map(|row| (contract.role(&row[0]), faults.iter().cloned().zip(row).skip(1).collect())).collect())
    }

    fn is_unsafe(&self, operation: &str) -> bool {
        self.0[operation]["class"] == "unsafe write"
    }

    /// Whether a cell such as `3, Api`, `1-2, ok` or `1, ok or Interrupted` allows this outcome.
    fn allows(&self, operation: &str, fault: &str, (attempts, end): &Outcome) -> bool {
        let cell = &self.0[operation][fault];
        let (counts, ends) = cell.split_once(", ").unwrap();
        let (least, most) = counts.split_once('-').unwrap_or((counts, counts));
        (least.parse().unwrap()..=most.parse().unwrap()).contains(attempts) && ends.split(" or ").any(|one| one == end)
    }
}

/// A bug may make a test hang; this ends it. Nothing waits for it otherwise.
const GUARD: Duration = Duration::from_secs(60);

fn configuration(server: &FaultServer, clock: &ManualClock) -> Configuration {
    with_credential(server, clock, Credential::oauth_token(server.token()).unwrap())
}

fn with_credential(server: &FaultServer, clock: &ManualClock, credential: Credential) -> Configuration {
    Configuration::builder().base_url(server.url()).credential(credential).clock(clock.clone()).build().unwrap()
}

async fn outcome(run: Run, configuration: &Configuration) -> Outcome {
    match tokio::time::timeout(GUARD, run(configuration)).await.unwrap() {
        Ok(attempts) => (attempts, "ok".to_owned()),
        Err(error) => (error.attempts(), format!("{:?}", error.kind())),
    }
}

/// Runs every operation under a fault that goes on, and compares with the table's column.
async fn column(name: &str, make: impl Fn(&ManualClock) -> Fault) {
    let table = Table::read();
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let server = FaultServer::start(&clock, vec![make(&clock)]).await;
        let outcome = outcome(run, &configuration(&server, &clock)).await;
        let cell = &table.0[operation][name];
        assert!(table.allows(operation, name, &outcome), "{operation}, {name}: {outcome:?}, the table says {cell:?}");
        if table.is_unsafe(operation) {
            assert!(server.executed(operation) <= 1, "{operation}, {name}: executed twice");
        }
    }
}

/// Runs every operation under a fault that stops in time: what is repeated succeeds, the rest fails as before.
async fn column_that_stops(name: &str, make: impl Fn(&ManualClock) -> Fault) {
    let table = Table::read();
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let fault = make(&clock);
        let server = FaultServer::start(&clock, vec![fault.clone(), fault.clone(), Fault::None]).await;
        let outcome = outcome(run, &configuration(&server, &clock)).await;
        let cell = &table.0[operation][name];
        if cell.starts_with("3,") {
            // A second execution finds the key revoked by the first.
            let done_before = operation == "revokeApiKey" && server.executed(operation) == 1 && outcome.1 == "NotFound";
            assert!(outcome == (3, "ok".to_owned()) || done_before, "{operation}, {name}: {outcome:?}");
        } else {
            assert!(table.allows(operation, name, &outcome), "{operation}, {name}: {outcome:?}, not {cell:?}");
        }
        if table.is_unsafe(operation) {
            assert!(server.executed(operation) <= 1, "{operation}, {name}: executed twice");
        }
        if outcome.1 == "ok" {
            assert!(server.executed(operation) >= 1, "{operation}, {name}: success without the work");
        }
    }
}

macro_rules! faults {
    ($($test:ident, $name:literal, $make:expr;)*) => {$(
        #[tokio::test]
        async fn $test() {
            column($name, $make).await;
            column_that_stops($name, $make).await;
        }
    )*};
}

fn refusal(status: u16, header: Option<(&'static str, String)>, words: &str) -> Fault {
    Fault::Refusal(status, header, format!(r#"{{"code":{status},"message":"standard rate limit exceeded{words}"}}"#))
}

fn date(clock: &ManualClock, seconds: u64) -> Option<(&'static str, String)> {
    Some(("retry-after", httpdate::fmt_http_date(clock.time_of_day() + Duration::from_secs(seconds))))
}

fn seconds(text: &str) -> Option<(&'static str, String)> {
    Some(("retry-after", text.to_owned()))
}

const PAGE: &str = "<html><body><h1>502 Bad Gateway</h1></body></html>";

faults! {
    reset_before_the_request_is_read, "reset before", |_| Fault::ResetBefore;
    reset_after_the_request_is_read, "reset after", |_| Fault::ResetAfter;
    response_that_ends_in_its_head, "head cut", |_| Fault::HeadCut;
    response_that_ends_in_its_body, "body cut", |_| Fault::BodyCut;
    response_that_is_too_slow, "slow body", |_| Fault::SlowBody;
    refused_with_seconds_in_the_message, "429 short", |_| refusal(429, None, ", retry in 2 seconds");
    refused_with_one_second_in_the_message, "429 short", |_| refusal(429, None, ", RETRY IN 1 SECOND (workspace)");
    refused_with_seconds_in_the_header, "429 short", |_| refusal(429, seconds("2"), ", retry in 43 seconds");
    refused_with_a_fraction_in_the_header, "429 short", |_| refusal(429, seconds("0.5"), "");
    refused_with_a_date_in_the_header, "429 short", |clock| refusal(429, date(clock, 5), "");
    refused_without_a_wait, "429 short", |_| refusal(429, None, "");
    refused_by_somebody_else, "429 foreign", |_| Fault::Refusal(429, seconds("2"), "<html>Slow down</html>".to_owned());
    refused_without_words, "429 foreign", |_| Fault::Refusal(429, None, String::new());
    refused_with_another_code, "429 foreign", |_| Fault::Refusal(429, None, r#"{"code":1015,"message":"slow down"}"#.to_owned());
    server_error, "500", |_| Fault::Failure(500, "application/json", r#"{"code":500,"message":"it broke"}"#);
    proxy_page, "502 HTML", |_| Fault::Failure(502, "text/html", PAGE);
    unavailable, "503", |_| Fault::Failure(503, "application/json", r#"{"message":"overloaded for 5 seconds"}"#);
    unavailable_with_a_wait, "503 wait", |_| refusal(503, seconds("2"), "");
    unavailable_behind_a_cache, "503 wait", |_| Fault::Refusal(503, seconds("5"), "<html>Guru Meditation</html>".to_owned());
}

#[tokio::test]
async fn refused_for_a_long_time() {
    column("429 long", |_| refusal(429, None, ", retry in 43 seconds")).await;
    column("429 long", |_| refusal(429, None, ", retry in 15 minutes")).await;
    column("429 long", |_| refusal(429, seconds("31"), "")).await;
    column("429 long", |clock| refusal(429, date(clock, 90), "")).await;
}

/// A credential that has another token for each that is refused.
struct Replaceable(String);

type Provided<'a, T> = BoxFuture<'a, Result<T, Box<dyn std::error::Error + Send + Sync>>>;

impl TokenProvider for Replaceable {
    fn token(&self) -> Provided<'_, Secret> {
        Box::pin(async { Ok(self.0.as_str().into()) })
    }

    fn replace(&self, _: &Secret) -> Provided<'_, Option<Secret>> {
        Box::pin(async { Ok(Some(self.0.as_str().into())) })
    }
}

#[tokio::test]
async fn refused_tokens() {
    let table = Table::read();
    let refused = refusal(401, None, "");
    let page = Fault::Refusal(401, None, "<html>Please log in</html>".to_owned());
    for (operation, run) in OPERATIONS {
        for fault in [&refused, &page] {
            for (name, stops) in [("401", false), ("401 replaced", false), ("401 replaced", true)] {
                let clock = step_clock();
                let plan = if stops { vec![fault.clone(), Fault::None] } else { vec![fault.clone()] };
                let server = FaultServer::start(&clock, plan).await;
                let credential = match name {
                    "401" => Credential::oauth_token(server.token()).unwrap(),
                    _ => Credential::provider(Replaceable(server.token().to_owned())),
                };
                let configuration = with_credential(&server, &clock, credential);
                let outcome = outcome(run, &configuration).await;
                let executed = server.executed(operation);
                if stops {
                    assert_eq!((outcome, executed), ((2, "ok".to_owned()), 1), "{operation}");
                } else {
                    assert!(table.allows(operation, name, &outcome), "{operation}, {name}: {outcome:?}");
                    assert_eq!(executed, 0, "{operation}");
                }
            }
        }
    }
}

#[tokio::test]
async fn refused_connections() {
    let table = Table::read();
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let server = FaultServer::start(&clock, vec![Fault::None]).await;
        let configuration = configuration(&server, &clock);
        server.refuse().await;
        let outcome = outcome(run, &configuration).await;
        assert!(table.allows(operation, "refuse", &outcome), "{operation}: {outcome:?}");
        assert_eq!((server.executed(operation), server.connections()), (0, 0), "{operation}");
    }
}

#[tokio::test]
async fn a_pooled_connection_that_the_server_has_closed() {
    let table = Table::read();
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let server = FaultServer::start(&clock, vec![Fault::None]).await;
        server.close_silently();
        let configuration = configuration(&server, &clock);
        configuration.request("GET", "/workspaces/{workspaceId}/tasks").await.unwrap();
        let outcome = outcome(run, &configuration).await;
        assert!(table.allows(operation, "stale", &outcome), "{operation}: {outcome:?}");
        assert!(server.executed(operation) <= if operation == "listTasks" { 2 } else { 1 }, "{operation}");
    }
}

#[tokio::test]
async fn a_pooled_connection_that_is_reset_under_the_request() {
    let table = Table::read();
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let server = FaultServer::start(&clock, vec![Fault::None, Fault::ResetBefore, Fault::None]).await;
        let configuration = configuration(&server, &clock);
        configuration.request("GET", "/workspaces/{workspaceId}/tasks").await.unwrap();
        let before = server.executed(operation);
        let outcome = outcome(run, &configuration).await;
        assert!(table.allows(operation, "stale", &outcome), "{operation}: {outcome:?}");
        assert!(server.executed(operation) - before <= 1, "{operation}: executed twice");
    }
}

#[tokio::test]
async fn a_redirect_does_not_take_the_credential_elsewhere() {
    for (operation, run) in OPERATIONS {
        let clock = step_clock();
        let elsewhere = FaultServer::start(&clock, vec![Fault::None]).await;
        let location = Some(("location", elsewhere.url()));
        let server = FaultServer::start(&clock, vec![Fault::Refusal(307, location, String::new())]).await;
        let outcome = outcome(run, &configuration(&server, &clock)).await;
        assert_eq!(outcome, (1, "Api".to_owned()), "{operation}");
        assert_eq!(elsewhere.connections(), 0, "{operation}");
    }
}

/// Client and server on runtimes of their own, so that the client's tasks can be counted.
#[test]
fn a_dropped_call_leaves_no_task_behind() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (client, server) = (runtime(), runtime());
    let clock = step_clock();
    // The time limit that the server would end is not the client's.
    let faults = server.block_on(FaultServer::start(&step_clock(), vec![Fault::SlowBody]));
    let configuration = configuration(&faults, &clock);
    for (operation, run) in OPERATIONS {
        client.block_on(async {
            let executed = faults.executed(operation);
            let call = tokio::spawn({
                let configuration = configuration.clone();
                async move { run(&configuration).await }
            });
            while faults.executed(operation) == executed {
                tokio::task::yield_now().await;
            }
            call.abort();
            let metrics = tokio::runtime::Handle::current().metrics();
            tokio::time::timeout(GUARD, async {
                while metrics.num_alive_tasks() > 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .unwrap();
        });
    }
}

#[test]
fn the_table_has_every_operation_and_every_fault() {
    let table = Table::read();
    let rows: BTreeSet<&str> = table.0.keys().map(String::as_str).collect();
    let operations: BTreeSet<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    // The official document may have more; those are of the classes that are tried here.
    if Contract::load().is_official() {
        assert!(rows.is_superset(&operations), "{:?}", operations.difference(&rows));
    } else {
        assert_eq!(rows, operations);
    }
    let faults = [
        "401",
        "401 replaced",
        "429 foreign",
        "429 long",
        "429 short",
        "500",
        "502 HTML",
        "503",
        "503 wait",
        "body cut",
        "class",
        "head cut",
        "refuse",
        "reset after",
        "reset before",
        "slow body",
        "stale",
    ];
    for row in table.0.values() {
        assert_eq!(row.keys().map(String::as_str).collect::<Vec<_>>(), faults);
    }
}

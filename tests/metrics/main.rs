//! The feature `metrics`: names and labels as documented, without ids and secrets, and of a bounded number.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use onehorizon::metrics::Metrics;
use onehorizon::quota::Pacing;
use onehorizon::transport::Failure;
use onehorizon::webhook::{Receiver, Verified, Verifier};
use onehorizon::{Configuration, TasksApi};
use onehorizon_testing::Reply;
use support::bench::{HEADERS, KEY, body};
use support::wire::{self, Wire, limited, plain, status};

/// Name, then labels in order, then values.
type Seen = BTreeMap<(String, Vec<(String, String)>), Vec<f64>>;

fn recorded<F: Future>(work: impl FnOnce() -> F) -> Seen {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { work().await })
    });
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, _, value)| {
            let labels = key.key().labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
            let values = match value {
                #[allow(clippy::cast_precision_loss)]
                DebugValue::Counter(count) => vec![count as f64],
                DebugValue::Gauge(value) => vec![value.0],
                DebugValue::Histogram(values) => values.into_iter().map(|value| value.0).collect(),
            };
            ((key.key().name().to_owned(), labels), values)
        })
        .collect()
}

/// The values of a metric by its labels, written as `label=value label=value`.
fn of<'a>(seen: &'a Seen, name: &str) -> Vec<(String, &'a [f64])> {
    let one = seen.iter().filter(|((candidate, _), _)| candidate == name);
    one.map(|((_, labels), values)| {
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        (labels.join(" "), values.as_slice())
    })
    .collect()
}

async fn post(receiver: &Receiver, id: &str, kind: &str, result: Result<(), &'static str>) {
    let text = body(id).replace("task.created", kind).replace(r#""taskId":"#, r#""mood":1,"taskId":"#);
    receiver.receive("POST", &HEADERS, text.as_bytes(), async |_: Verified<_>| result).await;
}

/// Everything that can be recorded, from calls with these ids and secrets.
async fn everything(id: &str, secret: &str) {
    let metrics = Metrics::new();
    let task = format!(r#"{{"taskId":"{id}","mood":1,"status":"{id}"}}"#);
    let failed = Reply::fail(Failure::Connect);
    let with_quota = plain(200, task).header("x-ratelimit-limit", "15").header("x-ratelimit-remaining", "7");
    let wire = Wire::new([failed, limited(2), with_quota, status(404), plain(200, "<"), Reply::never()]);
    let builder = wire.builder().api_key(secret).workspace(id).hooks(metrics);
    let builder = builder.pacing(Pacing::new().window(100, Duration::from_secs(10)));
    let configuration = builder.base_url("https://one.example/api").build().unwrap();
    let tasks = TasksApi::new(&configuration);
    tasks.fetch_task(id).await.unwrap();
    let raw = configuration.request("GET", &format!("/raw/{id}")).query("q", id).header("x-h", id);
    raw.await.unwrap_err();
    tasks.fetch_task(id).await.unwrap_err();
    let limit = Duration::from_secs(5);
    assert!(tokio::time::timeout(limit, configuration.request("PURGE", "/x").into_future()).await.is_err());
    let receiver = Receiver::builder(Verifier::builder().key("old", KEY).build().unwrap()).hooks(metrics).build();
    post(&receiver, id, "task.created", Ok(())).await;
    post(&receiver, id, id, Err("no")).await;
    receiver.receive("POST", &[("x-one-webhook-key", secret)], b"{}", async |_: Verified<_>| Ok::<_, &str>(())).await;
}

#[test]
fn calls_attempts_waits_quota_and_deliveries_are_recorded() {
    let seen = recorded(|| everything("id_1", "key-of-the-user"));
    let server = "server.address=one.example server.port=443";
    let route = "url.template=/workspaces/{workspaceId}/tasks/{taskId}";
    let requests: BTreeMap<_, _> = of(&seen, "http.client.request.duration").into_iter().collect();
    let expected = [
        (format!("http.request.method=GET {server} {route} error.type=Connect"), 0.0),
        (format!("http.request.method=GET {server} {route} http.response.status_code=429 error.type=429"), 0.0),
        (format!("http.request.method=GET {server} {route} http.response.status_code=200"), 0.0),
        (format!("http.request.method=GET {server} http.response.status_code=404 error.type=404"), 0.0),
        (format!("http.request.method=_OTHER {server} error.type=cancelled"), 5.0),
    ];
    assert_eq!(requests.len(), expected.len(), "{requests:?}");
    for (labels, seconds) in expected {
        assert_eq!(requests[&labels].last(), Some(&seconds), "{labels}");
    }
    let calls: BTreeMap<_, _> = of(&seen, "onehorizon.call.duration").into_iter().collect();
    for (labels, values) in [
        ("onehorizon.operation=fetchTask", [3.0]),
        ("onehorizon.operation=request error.type=404", [0.0]),
        ("onehorizon.operation=fetchTask error.type=Decode", [0.0]),
        ("onehorizon.operation=request error.type=cancelled", [5.0]),
    ] {
        assert_eq!(calls.get(labels), Some(&values.as_slice()), "{labels} in {calls:?}");
    }
    let retries = ["Connect", "RateLimited"].map(|kind| format!("onehorizon.operation=fetchTask error.type={kind}"));
    assert_eq!(of(&seen, "onehorizon.retries"), retries.map(|labels| (labels, [1.0].as_slice())));
    let waits = ["backoff", "refused"].map(|reason| (format!("reason={reason}"), [1.0].as_slice()));
    assert_eq!(of(&seen, "onehorizon.waits"), waits);
    assert_eq!(of(&seen, "onehorizon.quota.wait")[0].1, [2.0]);
    assert_eq!(of(&seen, "onehorizon.quota.remaining")[0], ("window=10".to_owned(), [5.0].as_slice()));
    assert_eq!(of(&seen, "onehorizon.quota.remaining")[1], ("window=service".to_owned(), [7.0].as_slice()));
    assert_eq!(
        of(&seen, "onehorizon.quota.limit").iter().map(|(_, values)| values[0]).collect::<Vec<_>>(),
        [100.0, 15.0]
    );
    let drift = ["unknown_field", "unknown_value"].map(|kind| format!("onehorizon.operation=fetchTask kind={kind}"));
    assert_eq!(of(&seen, "onehorizon.drift"), drift.map(|labels| (labels, [1.0].as_slice())));
    assert_eq!(
        of(&seen, "onehorizon.deliveries"),
        [
            ("event_type=_OTHER outcome=duplicate key_label=old".to_owned(), [1.0].as_slice()),
            ("event_type=task.created outcome=handled key_label=old".to_owned(), [1.0].as_slice()),
        ]
    );
    let drift = [("_OTHER", "unknown_value"), ("task.created", "unknown_field")];
    let drift = drift.map(|(kind, found)| (format!("event_type={kind} kind={found}"), [1.0].as_slice()));
    assert_eq!(of(&seen, "onehorizon.deliveries.drift"), drift);
    assert_eq!(of(&seen, "onehorizon.deliveries.refused")[0].0, "reason=unauthorized");
    assert_eq!(of(&seen, "onehorizon.delivery.duration").len(), 2);
}

#[test]
fn names_and_labels_are_those_of_the_documented_tables() {
    let seen = recorded(|| everything("id_1", "key-of-the-user"));
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, labels) in seen.into_keys() {
        used.entry(name).or_default().extend(labels.into_iter().map(|(label, _)| label));
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for file in ["src/metrics.rs", "docs/observability.md"] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap().replace("//! ", "");
        let rows = text.lines().skip_while(|line| *line != "| name | kind | labels |").skip(2);
        let documented: BTreeMap<_, BTreeSet<_>> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| {
                let quoted =
                    |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
                let cells: Vec<_> = row.split('|').collect();
                (quoted(cells[1])[0].clone(), quoted(cells[3]).into_iter().collect())
            })
            .collect();
        assert_eq!(used, documented, "{file}");
    }
}

#[test]
fn neither_ids_nor_secrets_are_in_labels_and_more_ids_make_no_more_series() {
    let one = recorded(|| everything("id_0", "key-of-the-user"));
    let shown = format!("{:?}", one.keys());
    assert!(!shown.contains("id_0") && !shown.contains("key-of-the-user") && !shown.contains(KEY), "{shown}");
    let many = recorded(|| async {
        for number in 0..50 {
            everything(&format!("id_{number}"), "key-of-the-user").await;
        }
    });
    assert_eq!(one.keys().collect::<Vec<_>>(), many.keys().collect::<Vec<_>>());
}

#[test]
fn every_operation_of_the_contract_has_one_series_for_each_way_to_end() {
    let seen = recorded(|| async {
        let configuration: Configuration = Wire::new([]).builder().hooks(Metrics::new()).build().unwrap();
        for task in ["a", "b", "c"] {
            let _ = TasksApi::new(&configuration).fetch_task(task).await;
            let _ = wire::read(&configuration).path("task", task).await;
        }
    });
    assert_eq!(of(&seen, "onehorizon.call.duration").len(), 2);
}

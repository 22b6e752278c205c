//! The table in `docs/observability.md` is what is emitted, and what makes several calls is their parent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use onehorizon::models::NewTask;
use onehorizon::quota::{Lane, MemoryQuota, Outcome, Pacing, QuotaRules, QuotaStore, Slot, SlotRequest, Take, Usage};
use onehorizon::webhook::{Receiver, Verifier};
use onehorizon::{ApiKeysApi, BoxFuture, Configuration, RateLimit, StoreError, TasksApi};
use onehorizon_testing::FakeOneHorizon;
use support::bench::KEY;
use support::wire::{self, Wire, status};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::deliver;
use crate::log::{Reader, logged, value};

#[test]
fn what_makes_several_calls_is_the_parent_of_their_spans() {
    let log = logged(|| async {
        let fake = FakeOneHorizon::builder().in_process();
        let builder = Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport());
        let configuration = builder.build().unwrap();
        let tasks = TasksApi::new(&configuration);
        tasks.edit_task("tsk_1001", |task| task.title.push('!')).await.unwrap();
        tasks.find_or_create("nightly", NewTask::new("The nightly build fails")).await.unwrap();
        let report = tasks.bulk().edit_each(["tsk_1001", "tsk_1002"], |task| task.title.push('?')).await.unwrap();
        assert_eq!((&report).into_iter().count(), 2);
        let rotation = ApiKeysApi::new(&configuration).rotate_api_key("key_1001");
        rotation.install(|_| async { Ok::<(), String>(()) }).await.unwrap();
    });
    let log = log.0.lock().unwrap();
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for span in log.spans.iter().filter(|span| span.name == "call") {
        let parent = &log.spans[usize::try_from(span.parent.expect("a call on its own")).unwrap() - 1];
        assert!(parent.name == "calls" && parent.closed);
        children.entry(value(parent, "otel.name").unwrap()).or_default().push(value(span, "operation").unwrap());
    }
    assert_eq!(children["editTask"][..2], ["fetchTask", "updateTask"]);
    assert_eq!(children["findOrCreate"], ["listTasks", "createTask"]);
    assert!(children["rotateApiKey"].contains(&"createApiKey"), "{children:?}");
    let several: Vec<_> = log.spans.iter().filter(|span| span.name == "calls").collect();
    let bulk = several.iter().position(|span| value(span, "otel.name") == Some("bulk"));
    let id = log.spans.iter().position(|span| std::ptr::eq(span, several[bulk.expect("a span of the bulk run")]));
    let edits = several.iter().filter(|span| span.parent == id.map(|id| id as u64 + 1));
    assert_eq!(edits.count(), 2, "an edit in a bulk run is in its span");
}

/// The table of spans and events in `docs/observability.md`: name, then fields.
fn documented() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| name | kind | level |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let fields = cells[3].split(", ").filter(|field| !field.is_empty());
            let fields = fields.map(|field| field.trim_matches('`').to_owned());
            (cells[0].trim_matches('`').to_owned(), fields.collect())
        })
        .collect()
}

/// Keeps the names of fields that spans and events are declared with.
#[derive(Clone, Default)]
struct Declared(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl<S: Subscriber> Layer<S> for Declared {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == "onehorizon" && metadata.is_span() {
            let fields = metadata.fields().iter().map(|field| field.name().to_owned()).collect();
            self.0.lock().unwrap().insert(metadata.name().to_owned(), fields);
        }
        Interest::always()
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "onehorizon" {
            let mut read = Vec::new();
            event.record(&mut Reader(&mut read));
            let message = read.iter().find(|(name, _)| name == "message").unwrap().1.clone();
            let fields = read.into_iter().map(|(name, _)| name).filter(|name| name != "message").collect();
            self.0.lock().unwrap().insert(message, fields);
        }
    }
}

/// A store that is away.
struct Away(MemoryQuota);

impl QuotaStore for Away {
    fn take<'a>(&'a self, _: &'a QuotaRules, _: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        Box::pin(async { Err(StoreError::new("the store is away")) })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        self.0.settle(rules, slot, outcome);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        self.0.learn(rules, reported);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        self.0.usage(rules, lane, ahead)
    }
}

#[test]
fn the_table_of_spans_and_events_is_what_is_emitted() {
    let declared = Declared::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(declared.clone()), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let wire = Wire::new([status(500)]);
            wire::read(&wire.configuration()).await.unwrap();
            let away = Away(MemoryQuota::new());
            let pacing = Pacing::documented().store(Arc::new(away));
            wire::read(&Wire::new([]).builder().pacing(pacing).build().unwrap()).await.unwrap();
            let tasks = onehorizon::TasksApi::new(&wire.configuration());
            let _ = tasks.edit_task("tsk_1", |_| {}).await;
            let receiver = Receiver::new(Verifier::key(KEY).unwrap());
            deliver(&receiver, "evt_1", Ok(())).await;
        });
    });
    assert_eq!(*declared.0.lock().unwrap(), documented());
}

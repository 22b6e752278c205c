//! What watches and repairs sees no secret: the contexts of hooks, reconciliation, inboxes.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use onehorizon::hooks::{AttemptEnd, AttemptInfo, CallEnd, CallHooks, CallInfo, Drift, WaitInfo};
use onehorizon::metrics::Metrics;
use onehorizon::models::NewTask;
use onehorizon::reconcile::{Checkpoint, Reconciler};
use onehorizon::transport::Redactor;
use onehorizon::webhook::inbox::{self, DeadEvent, InboxSettings, InboxStats, Job, Worked};
use onehorizon::webhook::{DeliveryEnd, DeliveryHooks, DeliveryInfo, Event, Receiver, Verified, Verifier};
use onehorizon::{AtRest, Configuration, Encryption, StoreError, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Reply};
use support::canary::{API_KEY, CREATED_KEY, SIGNED_URL, WEBHOOK_KEY, Watch, event};
use support::wire::{Wire, limited, plain};

/// Looks at all that hooks are called with.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<Watch>>);

impl Ears {
    fn with(&self, look: impl FnOnce(&mut Watch)) {
        look(&mut self.0.lock().unwrap());
    }
}

impl CallHooks for Ears {
    fn call_started(&self, call: &CallInfo<'_>) {
        self.with(|watch| watch.look(call));
    }

    fn attempt_started(&self, attempt: &AttemptInfo<'_>) {
        self.with(|watch| watch.look(attempt));
    }

    fn attempt_ended(&self, _: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
        self.with(|watch| watch.look(end));
    }

    fn wait_started(&self, _: &CallInfo<'_>, wait: &WaitInfo) {
        self.with(|watch| {
            watch.look(wait);
            watch.look(&wait.reason);
        });
    }

    fn drift_found(&self, _: &CallInfo<'_>, drift: &Drift<'_>) {
        self.with(|watch| {
            watch.look(drift);
            watch.look(&drift.kind);
        });
    }

    fn call_ended(&self, _: &CallInfo<'_>, end: &CallEnd) {
        self.with(|watch| watch.look(end));
    }
}

impl DeliveryHooks for Ears {
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        self.with(|watch| watch.look(delivery));
    }

    fn drift_found(&self, _: &DeliveryInfo<'_>, drift: &Drift<'_>) {
        self.with(|watch| watch.look(drift));
    }

    fn ended(&self, _: &DeliveryInfo<'_>, end: &DeliveryEnd) {
        self.with(|watch| watch.look(end));
    }
}

/// Repeats the key wherever a service can: in names, enum values, ids and values of fields.
fn echo() -> Reply {
    let task = format!(
        r#"{{"taskId":"t","{API_KEY}":1,"status":"{API_KEY}","mood":"{SIGNED_URL}","contributors":[{{"{API_KEY}":2}}]}}"#
    );
    plain(200, task).header("x-request-id", API_KEY)
}

#[tokio::test(start_paused = true)]
async fn the_contexts_of_hooks_have_no_secret() {
    let ears = Ears::default();
    ears.with(|watch| watch.look(&Metrics::new()));
    let wire = Wire::new([limited(2), echo()]);
    let configuration = wire.builder().api_key(API_KEY).hooks(ears.clone()).build().unwrap();
    TasksApi::new(&configuration).fetch_task("t").await.unwrap();
    let receiver = Receiver::builder(Verifier::builder().key("now", WEBHOOK_KEY).build().unwrap()).hooks(ears.clone());
    let headers = [("x-one-webhook-key", WEBHOOK_KEY), ("content-type", "application/cloudevents+json")];
    let text = event().as_json().replacen(r#""task":{"#, &format!(r#""task":{{"mood":"{SIGNED_URL}","#), 1);
    let handler = async |_: Verified<Event>| Err::<(), _>(format!("no {CREATED_KEY}"));
    receiver.build().receive("POST", &headers, text.as_bytes(), handler).await;
    assert_eq!(configuration.hook_panics(), 0);
    let ears = ears.0.lock().unwrap();
    assert!(ears.seen.iter().any(|name| name.ends_with("DeliveryEnd")), "{:?}", ears.seen);
    ears.done("hooks");
}

#[tokio::test(start_paused = true)]
async fn a_reconciliation_prints_no_secret() {
    let mut watch = Watch::default();
    let fake = FakeOneHorizon::builder().in_process();
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
    watch.beware(fake.api_key());
    let tasks = TasksApi::new(&configuration);
    let verifier = Verifier::key(WEBHOOK_KEY).unwrap();
    let receiver = Receiver::builder(verifier.clone()).track_task_states(true).build();
    let reconciler = Reconciler::new(&tasks, &receiver);
    watch.look(&reconciler);
    let since: Checkpoint = reconciler.baseline().await.unwrap();
    watch.look(&since);
    watch.error(&CREATED_KEY.parse::<Checkpoint>().unwrap_err());
    tasks.create_task(NewTask::new("missed")).await.unwrap();
    let run = reconciler.run(&since, async |_: Verified<Event>| Err::<(), _>(CREATED_KEY)).await.unwrap();
    watch.show(&run);
    assert_eq!(run.unfinished().len(), 1, "{run}");
    run.unfinished().iter().for_each(|task| watch.look(task));
    watch.look(run.gap());
    run.gap().unrepaired().iter().for_each(|loss| watch.show(loss));
    let without = Receiver::new(verifier);
    let refused = Reconciler::new(&tasks, &without).run(&since, async |_: Verified<Event>| Ok::<(), &str>(())).await;
    watch.error(&refused.unwrap_err());
    watch.done("reconciliation");
}

struct Plain;

impl Encryption for Plain {
    fn encrypt(&self, _: &str, json: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(json.to_vec())
    }

    fn decrypt(&self, _: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(kept.to_vec())
    }
}

#[test]
fn stores_and_inboxes_print_no_secret() {
    let mut watch = Watch::default();
    let at_rest = AtRest::encrypted(Plain);
    watch.look(&at_rest);
    let kept = at_rest.write("tokens", &format!(r#"{{"token":"{API_KEY}"}}"#)).unwrap();
    watch.show(&at_rest.read_value::<u8>("tokens", &kept).unwrap_err());
    watch.look(&Redactor::new([API_KEY, CREATED_KEY]));
    watch.look(&Job::new(event(), SystemTime::UNIX_EPOCH));
    let mut worked = Worked::default();
    worked.count(inbox::AttemptEnd::Done);
    watch.look(&worked);
    watch.look(&inbox::AttemptEnd::Done);
    watch.look(&InboxStats::default());
    let settings = InboxSettings::default();
    watch.look(&settings);
    watch.look(&settings.order);
    let mut dead = DeadEvent::default();
    dead.body = event().as_json().to_owned();
    dead.error = format!("the handler was given {CREATED_KEY}");
    watch.look(&dead);
    watch.done("inboxes");
}

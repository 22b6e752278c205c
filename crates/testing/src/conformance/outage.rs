//! Ten virtual minutes without a receiver, repaired through a claim store by two replicas.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use onehorizon::models::{NewTask, Task};
use onehorizon::reconcile::{Checkpoint, Reconciler};
use onehorizon::webhook::claims::ClaimStore;
use onehorizon::webhook::{Event, Payload, Receiver, Verified, Verifier};
use onehorizon::{Configuration, TasksApi};

use super::{Checked, Violation, broken};
use crate::FakeOneHorizon;

const RULE: &str = "after an outage the last state of every task is handled once";

const TASKS: usize = 12;

/// Changes in ten minutes, one every seven seconds.
const MISSED: usize = 85;

/// Rounds of repair, more than rivals ever need.
const ROUNDS: usize = 20;

/// A change of a task, as it is delivered.
#[derive(Clone)]
struct Delivery {
    id: String,
    body: String,
}

/// How often each state of each task was handled.
type Handled = Arc<Mutex<BTreeMap<(String, String), usize>>>;

struct Stage {
    fake: FakeOneHorizon,
    tasks: TasksApi,
    receivers: [Receiver; 2],
    handled: Handled,
    /// The seconds that have passed for the fake.
    seconds: Arc<AtomicU64>,
    changes: AtomicU64,
}

pub(super) async fn an_outage_is_repaired_once<S: ClaimStore + ?Sized>(stores: [Arc<S>; 2]) -> Checked {
    let stage = Stage::new(stores)?;
    let mut ids = Vec::new();
    for number in 0..TASKS {
        let task = stage.tasks.create_task(NewTask::new(format!("task {number}"))).await.map_err(failed)?;
        stage.deliver(&stage.delivery(&task)).await?;
        ids.push(task.task_id.to_string());
    }
    for step in 0..TASKS {
        stage.deliver(&stage.change(&ids, step).await?).await?;
    }
    let mut checkpoint = stage.reconciler(0).baseline().await.map_err(failed)?;

    // Nobody receives: of what is delivered late, every third is given up for good.
    let new = stage.tasks.create_task(NewTask::new("created while nobody received")).await.map_err(failed)?;
    let mut late = vec![stage.delivery(&new)];
    ids.push(new.task_id.to_string());
    for step in 0..MISSED {
        let delivery = stage.change(&ids, scattered(step)).await?;
        if step % 3 != 0 {
            late.push(delivery);
        }
    }
    late.sort_by_key(|delivery| scattered(delivery.body.len() + delivery.id.len()));

    // Two replicas repair, while late deliveries arrive at both and changes go on.
    for round in 0..ROUNDS {
        let deliveries = async {
            for delivery in late.iter().skip(round * late.len() / 4).take(late.len() / 4 + 1) {
                stage.deliver(delivery).await?;
            }
            if round < 4 {
                stage.deliver(&stage.change(&ids, scattered(round)).await?).await?;
            }
            Ok::<_, Violation>(())
        };
        let (delivered, one, other) =
            tokio::join!(deliveries, stage.repair(0, &checkpoint), stage.repair(1, &checkpoint));
        delivered?;
        let ((next, first), (_, second)) = (one?, other?);
        checkpoint = next;
        if round >= 4 && first + second == 0 {
            return stage.check(&ids).await;
        }
    }
    Err(broken("a repair ends when nothing changes", "nothing to handle or left", "claims that are never free"))
}

impl Stage {
    fn new<S: ClaimStore + ?Sized>(stores: [Arc<S>; 2]) -> Result<Self, Violation> {
        let (start, seconds) = (now(), Arc::new(AtomicU64::new(0)));
        let passed = Arc::clone(&seconds);
        let clock = move || start + Duration::from_secs(passed.load(Ordering::SeqCst));
        let fake = FakeOneHorizon::builder().empty().quota_off().clock(clock).in_process();
        let config = Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
        let tasks = TasksApi::new(&config.build().map_err(failed)?);
        let verifier = Verifier::insecure_accept_all();
        let receivers = stores.map(|store| {
            Receiver::builder(verifier.clone())
                .store(store)
                .store_timeout(Duration::from_secs(10))
                .track_task_states(true)
                .build()
        });
        Ok(Self { fake, tasks, receivers, handled: Handled::default(), seconds, changes: AtomicU64::new(0) })
    }

    fn receiver(&self, number: usize) -> &Receiver {
        let [one, other] = &self.receivers;
        if number & 1 == 0 { one } else { other }
    }

    fn reconciler(&self, number: usize) -> Reconciler {
        Reconciler::new(&self.tasks, self.receiver(number))
    }

    /// Changes one of the tasks, seven seconds later.
    async fn change(&self, ids: &[String], which: usize) -> Result<Delivery, Violation> {
        self.seconds.fetch_add(7, Ordering::SeqCst);
        let id = ids.get(which % ids.len()).cloned().unwrap_or_default();
        let title = format!("change {}", self.changes.fetch_add(1, Ordering::SeqCst));
        let task = self.tasks.edit_task(id, |task| task.title = title).await.map_err(failed)?;
        Ok(self.delivery(&task))
    }

    fn delivery(&self, task: &Task) -> Delivery {
        let id = format!("evt_{}_{}", task.task_id, self.seconds.load(Ordering::SeqCst));
        let body = serde_json::json!({
            "specversion": "1.0", "id": id, "type": "task.updated", "source": "onehorizon/workspaces/w_1",
            "time": "2026-06-01T09:00:00Z", "datacontenttype": "application/json", "workspaceid": "w_1",
            "data": {"resource": {"type": "task", "id": task.task_id.as_str()}, "task": task},
        });
        Delivery { id, body: body.to_string() }
    }

    async fn handle(&self, event: Verified<Event>) -> Result<(), Infallible> {
        // Others get their turn between the claim and the commit.
        tokio::task::yield_now().await;
        if let Payload::Task(task) = event.payload() {
            let state = (task.task_id.to_string(), task.title.clone());
            *self.handled.lock().unwrap_or_else(PoisonError::into_inner).entry(state).or_default() += 1;
        }
        Ok(())
    }

    /// Delivers until it is confirmed, as the service does for a while.
    async fn deliver(&self, delivery: &Delivery) -> Checked {
        let headers = [("content-type", "application/cloudevents+json")];
        for attempt in 0..100 {
            let receiver = self.receiver(delivery.body.len() + attempt);
            let reply = receiver.receive("POST", &headers, delivery.body.as_bytes(), |event| self.handle(event)).await;
            match reply.status() {
                200 => return Ok(()),
                503 => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => return Err(broken("a delivery is handled, a duplicate or under way", "no failure", reply)),
            }
        }
        Err(broken("a claim that is given back can be had again", "a confirmation", &delivery.id))
    }

    /// The next checkpoint, and how many tasks were handled or left.
    async fn repair(&self, replica: usize, since: &Checkpoint) -> Result<(Checkpoint, usize), Violation> {
        let run = self.reconciler(replica).run(since, |event| self.handle(event)).await.map_err(failed)?;
        let open = run.handled().len() + run.unfinished().len();
        Ok((run.accept_gap(), open))
    }

    async fn check(&self, ids: &[String]) -> Checked {
        let handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(again) = handled.iter().find(|(_, times)| **times > 1) {
            return Err(broken("no state is handled again after an outage", 1, again));
        }
        for id in ids {
            let title = self.tasks.fetch_task(id.as_str()).await.map_err(failed)?.into_inner().title;
            let times = handled.get(&(id.clone(), title.clone())).copied().unwrap_or_default();
            if times != 1 {
                return Err(broken(RULE, 1, (id, title, times)));
            }
        }
        let runs = self.fake.executed("listTasks");
        if runs == 0 { Err(broken("a run lists the tasks", "requests", runs)) } else { Ok(()) }
    }
}

/// Numbers without an order that are the same in each run.
fn scattered(number: usize) -> usize {
    (number.wrapping_mul(0x9e37_79b1) >> 8) & 0xffff
}

#[allow(clippy::disallowed_methods, reason = "where the fake's clock begins; it moves by itself")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(fault: impl std::fmt::Display) -> Violation {
    broken("the outage can be played", "no error", fault.to_string())
}

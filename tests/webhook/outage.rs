//! An outage of ten minutes, with what was missed handled afterwards, beside deliveries that go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use onehorizon::models::NewTask;
use onehorizon::reconcile::Reconciler;
use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::{Event, MemoryClaims, Payload, Receiver, Scheme, Verified};
use onehorizon::{Configuration, TasksApi};
use onehorizon_testing::{FakeOneHorizon, WebhookSender};
use support::bench::KEY;

use super::reconcile::{Failed, receiver};

/// What handlers have seen: the state of each task, by its title, and how it came.
#[derive(Default)]
struct Seen {
    log: Mutex<Vec<(String, String, bool)>>,
    runs: AtomicUsize,
}

impl Seen {
    async fn handle(&self, event: Verified<Event>) -> Result<(), Failed> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis((scattered(run) % 1_500) as u64)).await;
        if run % 7 == 3 {
            return Err("the handler fails now and then".into());
        }
        let Payload::Task(task) = event.payload() else { return Err("no task".into()) };
        assert_eq!(event.is_reconciled(), event.scheme() == Scheme::Reconciled);
        let entry = (task.task_id.to_string(), task.title.clone(), event.is_reconciled());
        self.log.lock().unwrap().push(entry);
        Ok(())
    }

    fn times(&self, task: &str, title: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|(id, seen, _)| id == task && seen == title).count()
    }
}

/// Numbers that differ from run to run of a handler, and not from run to run of the test.
fn scattered(run: usize) -> usize {
    run.wrapping_mul(0x9e37_79b1) >> 8 & 0xffff
}

/// The way from the service to the receiver, which is down at times.
struct Line {
    is_up: AtomicBool,
    receiver: Receiver,
    seen: Arc<Seen>,
}

struct To(Arc<Line>);

impl Transport for To {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            if !self.0.is_up.load(Ordering::SeqCst) {
                return Err(Failure::Connect.into());
            }
            let handler = |event| self.0.seen.handle(event);
            let reply =
                self.0.receiver.receive(request.method.as_str(), &request.headers, &request.body, handler).await;
            let status = StatusCode::from_u16(reply.status()).unwrap();
            Ok(TransportResponse::new(status, HeaderMap::new(), reply.into_body().into()))
        })
    }
}

struct Stage {
    fake: FakeOneHorizon,
    tasks: TasksApi,
    store: Arc<MemoryClaims>,
    line: Arc<Line>,
    webhook: onehorizon_testing::RegisteredWebhook,
}

impl Stage {
    fn new() -> Self {
        let fake =
            FakeOneHorizon::builder().empty().quota_off().clock(|| tokio::time::Instant::now().into_std()).in_process();
        let config = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap();
        let store = Arc::new(MemoryClaims::new());
        let line = Arc::new(Line { is_up: AtomicBool::new(true), receiver: receiver(&store), seen: Arc::default() });
        let sender = WebhookSender::builder("http://receiver.invalid/webhook").key(KEY).transport(To(line.clone()));
        let webhook = fake.register_webhook(sender.build().unwrap()).unwrap();
        Self { fake, tasks: TasksApi::new(&config), store, line, webhook }
    }

    fn reconciler(&self) -> Reconciler {
        Reconciler::new(&self.tasks, &receiver(&self.store))
    }

    /// Changes tasks for `minutes`, one every seven seconds.
    async fn change(&self, ids: &[String], step: &mut usize, minutes: u64) {
        for _ in 0..minutes * 60 / 7 {
            tokio::time::sleep(Duration::from_secs(7)).await;
            *step += 1;
            let (id, title) = (&ids[scattered(*step) % ids.len()], format!("step {step}"));
            self.tasks.edit_task(id.as_str(), |task| task.title.clone_from(&title)).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_ten_minutes_without_a_receiver_the_last_state_of_every_task_is_handled_once() {
    for (changes_before_run, rivals) in [(0, 1), (0, 3), (2, 1), (6, 2)] {
        let stage = Stage::new();
        let (mut ids, mut step) = (Vec::new(), 0);
        for number in 0..12 {
            let task = stage.tasks.create_task(NewTask::new(format!("task {number}"))).await.unwrap();
            ids.push(task.task_id.to_string());
        }
        stage.change(&ids, &mut step, 3).await;
        stage.webhook.settled().await;
        let checkpoint = stage.reconciler().baseline().await.unwrap();

        stage.change(&ids, &mut step, 3).await;
        stage.line.is_up.store(false, Ordering::SeqCst);
        let new = stage.tasks.create_task(NewTask::new("created while down")).await.unwrap();
        stage.change(&ids, &mut step, 10).await;
        stage.line.is_up.store(true, Ordering::SeqCst);

        ids.push(new.task_id.to_string());
        // Late deliveries arrive before, during and after the runs, and the stream goes on.
        stage.change(&ids[..12], &mut step, changes_before_run).await;
        let listed = stage.fake.executed("listTasks");
        let mut checkpoint = checkpoint;
        let mut reconciled = BTreeSet::new();
        for round in 0..6 {
            let runs: Vec<_> = (0..rivals)
                .map(|_| {
                    let (reconciler, since, seen) = (stage.reconciler(), checkpoint.clone(), stage.line.seen.clone());
                    tokio::spawn(async move { reconciler.run(&since, |event| seen.handle(event)).await.unwrap() })
                })
                .collect();
            for run in runs {
                let run = run.await.unwrap();
                reconciled.extend(run.handled().iter().map(ToString::to_string));
                checkpoint = run.accept_gap().to_string().parse().unwrap();
            }
            assert_eq!(stage.fake.executed("listTasks") - listed, (round + 1) * rivals, "one request for each run");
            if round < 3 {
                stage.change(&ids[..12], &mut step, 1).await;
            }
        }
        stage.webhook.settled().await;
        assert!(reconciled.contains(new.task_id.as_str()), "missed for good: {reconciled:?}");

        let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (id, title, _) in stage.line.seen.log.lock().unwrap().iter() {
            *times.entry((id.clone(), title.clone())).or_default() += 1;
        }
        let again: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(again.is_empty(), "handled again: {again:?}");
        for id in &ids {
            let title = stage.fake.task(id).unwrap().text("title").unwrap();
            assert_eq!(stage.line.seen.times(id, &title), 1, "{id} {title}");
        }
        let run = stage.reconciler().run(&checkpoint, |event| stage.line.seen.handle(event)).await.unwrap();
        assert!(run.handled().is_empty() && run.unfinished().is_empty(), "{run:?}");
    }
}

//! The blocking clients: without a runtime, inside one, and from several threads.

use std::thread;
use std::time::{Duration, Instant};

use onehorizon::blocking::{self, ApiKeysApi, DocumentsApi, TasksApi};
use onehorizon::models::{NewTask, TaskStatus};
use onehorizon::{Configuration, ErrorKind};
use onehorizon_testing::{FakeOneHorizon, Fault};

/// A fake behind a port, on a runtime of its own.
struct Served {
    fake: FakeOneHorizon,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let fake = runtime.block_on(FakeOneHorizon::builder().quota_off().start()).unwrap();
        Self { fake, _runtime: runtime }
    }

    fn configuration(&self) -> Configuration {
        Configuration::builder().base_url(self.fake.url()).api_key(self.fake.api_key()).build().unwrap()
    }
}

fn assert_send<T: Send + Sync + 'static>(_: &T) {}

#[test]
fn calls_work_without_a_runtime() {
    let served = Served::start();
    let configuration = served.configuration();
    let tasks = TasksApi::new(&configuration);
    assert_send(&tasks);
    let list =
        tasks.list_tasks().all(true).status([TaskStatus::Planned]).timeout(Duration::from_secs(5)).send().unwrap();
    assert!(list.tasks.iter().all(|task| task.status == TaskStatus::Planned));
    let created = tasks.create_task(NewTask::new("from a script")).send().unwrap();
    let edited = tasks.edit_task(&created.task_id, |task| task.status = TaskStatus::Completed).send().unwrap();
    assert!(edited.was_written());
    assert_eq!(tasks.fetch_task(&created.task_id).send().unwrap().status, TaskStatus::Completed);
    assert!(!DocumentsApi::new(&configuration).list_documents().send().unwrap().documents.is_empty());
    let error = ApiKeysApi::new(&configuration).list_api_keys().send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(!tasks.find_or_create("ci/nightly", NewTask::new("x")).send().unwrap().task_id.as_str().is_empty());
}

#[test]
fn a_closure_may_borrow_what_it_uses() {
    let served = Served::start();
    let title = String::from("borrowed");
    let tasks = TasksApi::new(&served.configuration());
    tasks.edit_task("tsk_1001", |task| task.title.clone_from(&title)).deadline(Duration::from_secs(9)).send().unwrap();
    assert!(served.fake.task("tsk_1001").unwrap().is("title", &title));
}

#[test]
fn waits_and_time_limits_work() {
    let served = Served::start();
    let tasks = TasksApi::new(&served.configuration());
    served.fake.fail_next(Fault::hang().on("fetchTask").forever());
    let before = Instant::now();
    let call = tasks.fetch_task("tsk_1001").timeout(Duration::from_millis(150)).attempts(1);
    assert!(call.send().unwrap_err().is_timeout());
    assert!(before.elapsed() >= Duration::from_millis(150), "{:?}", before.elapsed());
    served.fake.clear_script();
    served.fake.fail_next(Fault::status(503).on("fetchTask"));
    assert_eq!(tasks.fetch_task("tsk_1001").send().unwrap().attempts(), 2);
}

#[test]
fn several_threads_call_at_once() {
    let served = Served::start();
    let tasks = TasksApi::new(&served.configuration());
    served.fake.fail_next(Fault::slow(Duration::from_millis(200)).on("fetchTask").forever());
    let before = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| tasks.clone().fetch_task("tsk_1001").send().unwrap());
        }
    });
    assert!(before.elapsed() < Duration::from_millis(1_200), "side by side: {:?}", before.elapsed());
}

#[test]
fn everything_else_runs_through_block_on() {
    let served = Served::start();
    let configuration = served.configuration();
    let bulk = onehorizon::TasksApi::new(&configuration)
        .bulk()
        .edit_each(["tsk_1001", "tsk_1002"], |task| task.topic = Some("Growth".to_owned()));
    let report = blocking::block_on(&configuration, bulk.into_future()).unwrap().unwrap();
    assert!(report.is_complete());
}

#[tokio::test]
async fn inside_async_code_a_call_works_and_dropping_does_not_panic() {
    let served = thread::spawn(Served::start).join().unwrap();
    let configuration = served.configuration();
    let tasks = TasksApi::new(&configuration);
    tasks.fetch_task("tsk_1001").send().unwrap();
    // The same configuration serves both.
    onehorizon::TasksApi::new(&configuration).fetch_task("tsk_1001").await.unwrap();
    drop(tasks);
    drop(configuration);
    tokio::task::yield_now().await;
    let clients = (0..20).map(|_| TasksApi::new(&served.configuration())).collect::<Vec<_>>();
    for client in clients {
        client.fetch_task("tsk_1001").send().unwrap();
    }
    thread::spawn(move || drop(served)).join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn clones_share_one_thread_which_ends_with_the_last_of_them() {
    let threads = || {
        let names = std::fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.trim() == "onehorizon-bloc").count()
    };
    let served = Served::start();
    // Other tests of this program have such threads, too.
    let script = |configuration: &Configuration| {
        for _ in 0..5 {
            TasksApi::new(&configuration.clone()).fetch_task("tsk_1001").send().unwrap();
        }
    };
    let before = threads();
    let configurations: Vec<_> = (0..30).map(|_| served.configuration()).collect();
    configurations.iter().for_each(script);
    let during = threads();
    assert!(during >= before.saturating_sub(10) + 30 && during <= before + 40, "{before} {during}");
    drop(configurations);
    let end = Instant::now() + Duration::from_secs(10);
    while threads() > before + 10 {
        assert!(Instant::now() < end, "{} threads are left of {during}, before {before}", threads());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_call_prints_as_its_async_twin_and_nothing_secret() {
    let configuration = Configuration::builder().api_key("s3cret").build().unwrap();
    let printed = format!("{:?}", TasksApi::new(&configuration).fetch_task("tsk_1"));
    assert!(printed.contains("fetchTask") && !printed.contains("s3cret"), "{printed}");
}

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
        self.fake.configuration()
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
fn a_bulk_run_blocks_until_all_of_it_is_done() {
    let served = Served::start();
    let tasks = TasksApi::new(&served.configuration());
    let mut finished = Vec::new();
    let bulk = tasks
        .bulk()
        .edit("tsk_1001", |task| task.topic = Some("Growth".to_owned()))
        .edit_each(["tsk_1002", "tsk_none"], |task| task.topic = Some("Growth".to_owned()))
        .edit_task(tasks.edit_task("tsk_1003", |task| task.title.push('!')).attempts(1))
        .create("new", NewTask::new("New"))
        .find_or_create("once", NewTask::new("Once"))
        .concurrency(1)
        .on_progress(|progress| finished.push(progress.finished()));
    assert_eq!((bulk.len(), bulk.requests(), bulk.is_empty()), (6, 11, false));
    let report = bulk.send().unwrap();
    assert_eq!(report.done().count(), 5);
    assert_eq!(report.failed().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["tsk_none"]);
    assert_eq!(finished, [0, 1, 2, 3, 4, 5, 6]);
    assert!(served.fake.task("tsk_1002").unwrap().is("topic", "Growth"));
    let report = tasks.bulk().edit_each(["tsk_1001"], |task| task.title.clear()).stop_when(async {}).send().unwrap();
    assert!(report.was_stopped() && report.not_begun().count() == 1);
}

#[test]
fn an_entry_of_a_list_is_fetched_through_the_client_that_listed_it() {
    let served = Served::start();
    let configuration = served.configuration();
    let tasks = TasksApi::new(&configuration);
    let list = tasks.list_tasks().all(true).send().unwrap();
    let whole = list[0].fetch(&tasks).send().unwrap();
    assert_eq!(whole.task_id, list[0].task_id);
    let shared = std::sync::Arc::new(onehorizon::TasksApi::new(&configuration));
    let whole = blocking::block_on(&configuration, list[1].fetch(&shared).into_future()).unwrap().unwrap();
    assert_eq!(whole.task_id, list[1].task_id);
}

#[test]
fn everything_else_runs_through_block_on() {
    let served = Served::start();
    let configuration = served.configuration();
    let keys = onehorizon::ApiKeysApi::new(&configuration);
    let rotation = keys.rotate_api_key("key_1001").install(|_| async { Ok::<_, std::io::Error>(()) });
    let error = blocking::block_on(&configuration, rotation.into_future()).unwrap().unwrap_err();
    assert_eq!(error.call().map(onehorizon::Error::kind), Some(ErrorKind::Forbidden));
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

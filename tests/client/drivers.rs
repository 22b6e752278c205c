//! Tokio runtimes that were built without a timer or without I/O: an error that names the remedy, never a panic.

use std::cell::Cell;
use std::future::IntoFuture;
use std::sync::Once;
use std::time::Duration;

use onehorizon::models::NewTask;
use onehorizon::oauth::{OauthApp, OauthErrorKind, RefreshingCredential, Tokens};
use onehorizon::transport::ReqwestTransport;
use onehorizon::{Configuration, Error, ErrorKind, Retry, Secret, Sent, TasksApi, blocking};
use onehorizon_testing::{FakeOneHorizon, Fault};
use tokio::runtime::{Builder, Runtime};

/// Runtimes that lack something, and what an error says of each.
fn incomplete() -> Vec<(Runtime, &'static str)> {
    let one = Builder::new_current_thread;
    let many = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    };
    vec![
        (one().build().unwrap(), "neither a timer nor I/O"),
        (one().enable_time().build().unwrap(), "it has no I/O"),
        (one().enable_io().build().unwrap(), "it has no timer"),
        (many().build().unwrap(), "neither a timer nor I/O"),
        (many().enable_time().build().unwrap(), "it has no I/O"),
        (many().enable_io().build().unwrap(), "it has no timer"),
    ]
}

/// A port where nobody would notice that nothing is sent; never reached.
fn builder() -> onehorizon::ConfigurationBuilder {
    Configuration::builder().base_url("http://127.0.0.1:9/api").api_key("key")
}

#[track_caller]
fn assert_names_the_remedy(error: &Error, missing: &str) {
    assert_eq!((error.kind(), error.was_sent(), error.attempts()), (ErrorKind::Config, Sent::No, 1), "{error}");
    assert!(error.message().contains(missing), "{error}");
    assert!(error.to_string().contains("build the runtime with enable_all()"), "{error}");
}

#[test]
fn a_call_names_the_remedy() {
    let tasks = TasksApi::new(&builder().build().unwrap());
    for (runtime, missing) in incomplete() {
        let error = runtime.block_on(tasks.list_tasks().into_future()).unwrap_err();
        assert_names_the_remedy(&error, missing);
        // On a worker thread, where the runtime has some.
        let call = tasks.create_task(NewTask::new("x")).into_future();
        let error = runtime.block_on(runtime.spawn(call)).unwrap().unwrap_err();
        assert_names_the_remedy(&error, missing);
    }
}

#[test]
fn a_transport_with_a_client_of_the_users_own_does_so_too() {
    let transport = ReqwestTransport::new(reqwest::Client::builder()).unwrap();
    let tasks = TasksApi::new(&builder().transport(transport).build().unwrap());
    for (runtime, missing) in incomplete() {
        let error = runtime.block_on(tasks.list_tasks().into_future()).unwrap_err();
        assert_names_the_remedy(&error, missing);
    }
}

#[test]
fn edits_bulk_runs_and_find_or_create_end_in_the_same_error() {
    let tasks = TasksApi::new(&builder().build().unwrap());
    for (runtime, missing) in incomplete() {
        let edit = tasks.edit_task("tsk_1", |task| task.title = "x".to_owned());
        assert_names_the_remedy(&runtime.block_on(edit.into_future()).unwrap_err(), missing);
        let find = tasks.find_or_create("nightly", NewTask::new("x"));
        assert_names_the_remedy(&runtime.block_on(find.into_future()).unwrap_err(), missing);
        let bulk = tasks.bulk().edit_each(["tsk_1"], |task| task.title = "x".to_owned());
        let report = runtime.block_on(bulk.into_future()).unwrap();
        let error = report.failed().next().unwrap().outcome.error().unwrap();
        assert_names_the_remedy(error, missing);
    }
}

#[test]
fn a_refresh_of_oauth_tokens_names_the_remedy_and_keeps_the_tokens() {
    let app = OauthApp::builder("client-1", "http://127.0.0.1:9/callback").site("http://127.0.0.1:9").build().unwrap();
    for (runtime, missing) in incomplete() {
        let mut tokens = Tokens::new("access");
        tokens.refresh_token = Some(Secret::from("refresh"));
        let credential = RefreshingCredential::builder(&app, tokens).build();
        let error = runtime.block_on(credential.refresh()).unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (OauthErrorKind::Config, Sent::No), "{error}");
        let text = error.to_string();
        assert!(text.contains(missing) && text.contains("build the runtime with enable_all()"), "{text}");
        assert_eq!(credential.latest().unwrap().refresh_token.unwrap().expose(), "refresh");
    }
}

#[test]
fn a_transport_that_needs_no_tokio_works_there_with_its_waits_and_time_limits() {
    let fake = FakeOneHorizon::builder().quota_off().in_process();
    let retry = Retry::default().backoff(Duration::from_millis(2), Duration::from_millis(2));
    let configuration = Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
    let tasks = TasksApi::new(&configuration.retry(retry).build().unwrap());
    for (runtime, _) in incomplete() {
        fake.fail_next(Fault::status(503).on("fetchTask"));
        let task = runtime.block_on(tasks.fetch_task("tsk_1001").into_future()).unwrap();
        assert_eq!(task.attempts(), 2, "one wait was on a thread, where the runtime has no timer");
    }
}

#[test]
fn blocking_clients_work_inside_such_a_runtime() {
    let service = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = service.block_on(FakeOneHorizon::builder().quota_off().start()).unwrap();
    let configuration = Configuration::builder().base_url(fake.url()).api_key(fake.api_key()).build().unwrap();
    for (runtime, _) in incomplete() {
        let tasks = blocking::TasksApi::new(&configuration);
        runtime.block_on(async { tasks.fetch_task("tsk_1001").send() }).unwrap();
    }
    // An incomplete runtime leaves nothing behind that a complete one would trip over.
    let whole = Builder::new_current_thread().enable_all().build().unwrap();
    whole.block_on(TasksApi::new(&configuration).fetch_task("tsk_1001").into_future()).unwrap();
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn what_a_runtime_lacks_is_found_out_once() {
    static COUNT: Once = Once::new();
    COUNT.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
    let tasks = TasksApi::new(&builder().build().unwrap());
    let runtime = Builder::new_current_thread().build().unwrap();
    for _ in 0..50 {
        runtime.block_on(tasks.list_tasks().into_future()).unwrap_err();
    }
    assert_eq!(PANICS.get(), 2, "the timer and I/O");
    let whole = Builder::new_current_thread().enable_all().build().unwrap();
    whole.block_on(tasks.list_tasks().attempts(1).into_future()).unwrap_err();
    assert_eq!(PANICS.get(), 2, "a complete runtime is tried out in silence");
}

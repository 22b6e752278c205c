//! Many edits and creates: a result for each, and a later run that goes on where this one stopped.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::apis::{Bulk, BulkOutcome};
use onehorizon::models::NewTask;
use onehorizon::quota::Pacing;
use onehorizon::{Configuration, ErrorKind, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Record};
use support::unknowns::counted_updates;

fn fake(count: u32) -> FakeOneHorizon {
    let fake = FakeOneHorizon::builder().unknowns(counted_updates()).empty().quota_off().in_process();
    for number in 1..=count {
        fake.put_task(
            Record::new()
                .with("taskId", &format!("tsk_{number}"))
                .with("title", &format!("Task {number}"))
                .with("status", &"planned"),
        );
    }
    fake
}

fn tasks(fake: &FakeOneHorizon) -> TasksApi {
    TasksApi::new(&Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).build().unwrap())
}

fn ids(count: u32) -> Vec<String> {
    (1..=count).map(|number| format!("tsk_{number}")).collect()
}

fn with_topic<'a>(bulk: Bulk<'a>, count: u32, topic: &'a str) -> Bulk<'a> {
    bulk.edit_each(ids(count), move |task| task.topic = Some(topic.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn every_item_has_its_result_in_the_order_given() {
    let fake = fake(5);
    fake.fail_next(Fault::slow(Duration::from_secs(5)).on("fetchTask"));
    let bulk = tasks(&fake).bulk();
    let bulk = with_topic(bulk, 4, "Growth")
        .edit("tsk_5", |_| {})
        .edit("tsk_404", |task| task.title.clear())
        .create("a", NewTask::new("created"))
        .find_or_create("b", NewTask::new("created once"));
    assert_eq!((bulk.len(), bulk.requests()), (8, 6 * 2 + 1 + 2));
    let report = bulk.await.unwrap();
    let keys: Vec<_> = report.items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!(keys, ["tsk_1", "tsk_2", "tsk_3", "tsk_4", "tsk_5", "tsk_404", "a", "b"]);
    for item in report.items.iter().take(4) {
        assert!(matches!(item.outcome, BulkOutcome::Edited(_)), "{item}");
    }
    assert!(matches!(report.items[4].outcome, BulkOutcome::Unchanged(_)));
    assert!(report.items[5].outcome.error().unwrap().is_not_found());
    assert!(matches!(report.items[6].outcome, BulkOutcome::Created(_)));
    assert!(matches!(report.items[7].outcome, BulkOutcome::Created(_)));
    assert_eq!((report.done().count(), report.failed().count(), report.is_complete()), (7, 1, false));
    assert!(!report.was_stopped());
    assert_eq!(fake.tasks().iter().filter(|task| task.is("topic", "Growth")).count(), 4);
}

#[tokio::test(start_paused = true)]
async fn no_more_items_run_at_a_time_than_were_asked_for() {
    for most in [1, 3, 50] {
        let fake = fake(20);
        fake.fail_next(Fault::slow(Duration::from_secs(1)).on("fetchTask").forever());
        let before = tokio::time::Instant::now();
        let report = with_topic(tasks(&fake).bulk(), 20, "x").concurrency(most).await.unwrap();
        assert!(report.is_complete());
        let rounds = 20_u64.div_ceil(most.min(20) as u64);
        assert_eq!(before.elapsed().as_secs(), rounds, "{most}");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_reported_after_each_item() {
    let fake = fake(3);
    fake.fail_next(Fault::status(422).on("updateTask"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let bulk = with_topic(tasks(&fake).bulk(), 3, "x").concurrency(1);
    let report = bulk.on_progress(move |progress| {
        let last = progress.last().map(|(key, outcome)| (key.to_owned(), outcome.is_done()));
        record.lock().unwrap().push((progress.finished(), progress.failed(), progress.total(), last));
    });
    drop(report.await.unwrap());
    let last = |key: &str, is_done| Some((key.to_owned(), is_done));
    let expected = [
        (0, 0, 3, None),
        (1, 1, 3, last("tsk_1", false)),
        (2, 1, 3, last("tsk_2", true)),
        (3, 1, 3, last("tsk_3", true)),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_ends_what_is_under_way_and_begins_nothing_more() {
    let fake = fake(10);
    fake.fail_next(Fault::slow(Duration::from_secs(2)).on("fetchTask").forever());
    let stop = tokio::time::sleep(Duration::from_secs(3));
    let report = with_topic(tasks(&fake).bulk(), 10, "x").concurrency(2).stop_when(stop).await.unwrap();
    assert!(report.was_stopped() && !report.is_complete());
    assert_eq!((report.done().count(), report.not_begun().count(), report.unfinished().count()), (4, 6, 0));

    fake.clear_script();
    fake.fail_next(Fault::hang().on("updateTask").forever());
    let stop = tokio::time::sleep(Duration::from_secs(3));
    let before = tokio::time::Instant::now();
    let bulk = with_topic(tasks(&fake).bulk(), 10, "y").concurrency(2).stop_when(stop);
    let report = bulk.stop_grace(Duration::from_secs(4)).await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 7);
    assert_eq!((report.unfinished().count(), report.not_begun().count()), (2, 8));
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_ends_the_run() {
    let fake = fake(50);
    fake.fail_next(Fault::status(401).on("fetchTask").forever());
    let report = with_topic(tasks(&fake).bulk(), 50, "x").concurrency(1).await.unwrap();
    assert_eq!((report.failed().count(), report.not_begun().count()), (1, 49));
    assert!(report.was_stopped());
}

#[tokio::test(start_paused = true)]
async fn a_later_run_goes_on_where_this_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.state");
    let fake = fake(10);
    fake.fail_next(Fault::slow(Duration::from_secs(1)).on("fetchTask").forever());
    let job = || with_topic(tasks(&fake).bulk(), 10, "x").concurrency(1).state_file(&file);
    let report = job().stop_when(tokio::time::sleep(Duration::from_millis(3_500))).await.unwrap();
    assert_eq!(report.done().count(), 4);
    assert!(file.exists());
    fake.clear_requests();
    let report = job().await.unwrap();
    assert!(report.is_complete() && report.state_failure().is_none());
    let before = report.items.iter().filter(|item| matches!(item.outcome, BulkOutcome::DoneBefore(_))).count();
    assert_eq!((before, fake.requests().len()), (4, 12));
    assert!(!file.exists(), "a finished run leaves no file behind");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_have_been_done_is_never_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.state");
    let fake = fake(0);
    let job = || {
        let bulk = tasks(&fake).bulk().concurrency(1).state_file(&file);
        bulk.create("lost", NewTask::new("lost"))
            .create("refused", NewTask::new("refused"))
            .create("good", NewTask::new("good"))
    };
    fake.script([Fault::drop_after().on("createTask"), Fault::status(422).on("createTask")]);
    let report = job().await.unwrap();
    assert_eq!((report.failed().count(), report.done().count(), fake.tasks().len()), (2, 1, 2));
    let report = job().await.unwrap();
    assert!(matches!(report.items[0].outcome, BulkOutcome::Unfinished), "{report:?}");
    assert!(matches!(report.items[1].outcome, BulkOutcome::Created(_)), "it was certainly not done before");
    assert!(matches!(report.items[2].outcome, BulkOutcome::DoneBefore(_)));
    assert_eq!(fake.tasks().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_state_file_that_a_crash_cut_off_is_used_as_far_as_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.state");
    let whole = "{\"onehorizon-bulk\":1}\n{\"done\":\"tsk_1\",\"task\":\"tsk_1\"}\n";
    for rest in ["", "{\"done\":\"tsk_2\",\"ta", "{\"done\":\"tsk_2\",\"task\":\"tsk_2\"}"] {
        let fake = fake(2);
        fs::write(&file, format!("{whole}{rest}")).unwrap();
        let report = with_topic(tasks(&fake).bulk(), 2, "x").state_file(&file).await.unwrap();
        assert!(report.is_complete());
        assert_eq!(fake.executed("updateTask"), 1, "{rest:?}");
    }
    for start in ["", "{\"oneho"] {
        fs::write(&file, start).unwrap();
        assert!(with_topic(tasks(&fake(2)).bulk(), 2, "x").state_file(&file).await.unwrap().is_complete(), "{start:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_file_that_is_none_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    for content in ["tsk_1\ntsk_2\n", "my notes", "{\"onehorizon-bulk\":1}\nnonsense\n", "{\"onehorizon-bulk\":2}\n"] {
        fs::write(&file, content).unwrap();
        let fake = fake(1);
        let error = with_topic(tasks(&fake).bulk(), 1, "x").state_file(&file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("notes.txt"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        assert!(fake.requests().is_empty());
    }
    let error = tasks(&fake(0)).bulk().state_file(folder.path()).await.unwrap_err();
    assert!(error.message().contains("cannot be used"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn two_items_of_one_key_are_refused_before_anything_is_sent() {
    let fake = fake(1);
    let bulk = tasks(&fake).bulk().edit("tsk_1", |_| {}).create("tsk_1", NewTask::new("x"));
    let error = bulk.await.unwrap_err();
    assert!(error.is_invalid() && error.message().contains("\"tsk_1\""), "{error}");
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_takes_as_long_as_the_pacing_estimates() {
    let fake = FakeOneHorizon::builder().unknowns(counted_updates()).empty().in_process();
    for id in ids(150) {
        fake.put_task(Record::new().with("taskId", &id).with("title", &id).with("status", &"planned"));
    }
    let pacing = Pacing::documented();
    let builder = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).pacing(pacing.clone());
    let tasks = TasksApi::new(&builder.build().unwrap());
    let bulk = with_topic(tasks.bulk(), 150, "x");
    let estimate = pacing.estimate(bulk.requests());
    let before = tokio::time::Instant::now();
    assert!(bulk.await.unwrap().is_complete());
    let took = before.elapsed();
    assert!(took >= estimate.mul_f64(0.9) && took <= estimate.mul_f64(1.1), "{took:?} instead of {estimate:?}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_run_is_complete() {
    let report = tasks(&fake(0)).bulk().await.unwrap();
    assert!(report.is_complete() && report.items.is_empty());
}

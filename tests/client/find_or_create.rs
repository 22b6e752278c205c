//! A task that is created once, however often and however badly a program runs.

use std::time::Duration;

use onehorizon::models::{NewTask, TaskId, TaskStatus};
use onehorizon::{Configuration, ErrorKind, Retry, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault, Record};

fn fake() -> FakeOneHorizon {
    FakeOneHorizon::builder().empty().quota_off().in_process()
}

fn tasks(fake: &FakeOneHorizon) -> TasksApi {
    let retry = Retry::default().backoff(Duration::from_millis(1), Duration::from_millis(1));
    let builder = Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).retry(retry);
    TasksApi::new(&builder.build().unwrap())
}

fn report() -> NewTask {
    NewTask::new("The nightly job fails").description("x".repeat(1_000))
}

#[tokio::test(start_paused = true)]
async fn the_first_run_creates_and_the_next_ones_find() {
    let fake = fake();
    let first = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap();
    assert!(first.was_created() && first.duplicates().is_empty());
    let text = first.description.clone().unwrap();
    assert_eq!(text, format!("[ref: ci/nightly]\n\n{}", "x".repeat(1_000)));
    let second = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap();
    assert!(!second.was_created());
    assert_eq!(second.description, Some(text), "whole, although the list shortens it");
    for other in ["ci/night", "ci/nightly2", "CI/nightly"] {
        assert!(tasks(&fake).find_or_create(other, NewTask::new("other")).await.unwrap().was_created());
    }
    assert_eq!(fake.tasks().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_runs_with_responses_lost_at_every_point_leave_one_task() {
    let fake = fake();
    let mut random = fastrand::Rng::with_seed(7);
    let mut worked = 0;
    for _ in 0..1_000 {
        fake.clear_script();
        for operation in ["listTasks", "createTask", "fetchTask"] {
            for _ in 0..random.u32(0..4) {
                let fault = match random.u32(0..7) {
                    0 => Fault::drop_before(),
                    1 => Fault::drop_after(),
                    2 => Fault::truncate(random.usize(0..40)),
                    3 => Fault::html(502),
                    4 => Fault::status(503),
                    5 => Fault::slow(Duration::from_secs(100)),
                    _ => Fault::pass(),
                };
                fake.fail_next(fault.on(operation));
            }
        }
        let result = tasks(&fake).find_or_create("ci/nightly", report()).await;
        worked += u32::from(result.is_ok());
        assert!(fake.tasks().len() <= 1, "{:?}", result.err());
    }
    assert_eq!(fake.tasks().len(), 1);
    assert!(worked > 300, "{worked}");
}

#[tokio::test(start_paused = true)]
async fn clones_of_one_configuration_take_turns() {
    let fake = fake();
    fake.fail_next(Fault::slow(Duration::from_secs(1)).on("listTasks").forever());
    let tasks = tasks(&fake);
    let runs = (0..10).map(|_| tokio::spawn(tasks.find_or_create("ci/nightly", report()).into_future()));
    let mut created = 0;
    for run in runs.collect::<Vec<_>>() {
        created += u32::from(run.await.unwrap().unwrap().was_created());
    }
    assert_eq!((created, fake.tasks().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_task_does_not_count_as_found() {
    let fake = fake();
    let tasks = tasks(&fake);
    let once = || {
        let found = tasks.find_or_create("ci/nightly", report());
        found.ignoring(|task| task.status == TaskStatus::Completed)
    };
    let first = once().await.unwrap();
    assert!(!once().await.unwrap().was_created());
    tasks.edit_task(&first.task_id, |task| task.status = TaskStatus::Completed).await.unwrap();
    let second = once().await.unwrap();
    assert!(second.was_created());
    assert_eq!(once().await.unwrap().task_id, second.task_id);
}

#[tokio::test(start_paused = true)]
async fn of_several_the_oldest_is_found_and_the_others_are_named() {
    let fake = fake();
    for (id, time) in
        [("tsk_b", "2026-01-02T00:00:00Z"), ("tsk_a", "2026-01-03T00:00:00Z"), ("tsk_c", "2026-01-01T00:00:00Z")]
    {
        let task = Record::new().with("taskId", &id).with("title", &"twice").with("createdAt", &time);
        fake.put_task(task.with("description", &"[ref: k]\n\ntext"));
    }
    let found = tasks(&fake).find_or_create("k", report()).await.unwrap();
    assert_eq!(found.task_id, "tsk_c");
    let duplicates: Vec<_> = found.duplicates().iter().map(TaskId::as_str).collect();
    assert_eq!(duplicates, ["tsk_b", "tsk_a"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_is_not_repeated_and_a_busy_one_is() {
    let fake = fake();
    for status in [400, 403, 422] {
        fake.fail_next(Fault::status(status).on("createTask"));
        let error = tasks(&fake).find_or_create("k", report()).await.unwrap_err();
        assert_eq!((error.status(), fake.tasks().len()), (Some(status), 0));
    }
    fake.fail_next(Fault::rate_limited(onehorizon_testing::Wait::RetryAfter(2)).on("createTask"));
    assert!(tasks(&fake).find_or_create("k", report()).await.unwrap().was_created());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_the_key_out_is_reported() {
    let fake = fake();
    let body = r#"{"taskId":"tsk_9","title":"x","description":"without"}"#;
    fake.fail_next(Fault::status(201).body("application/json", body).on("createTask"));
    let error = tasks(&fake).find_or_create("k", report()).await.unwrap_err();
    assert!(error.is_conflict() && error.message().contains("tsk_9 was created"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_empty_or_too_long_is_refused_before_anything_is_sent() {
    let fake = fake();
    let long = "k".repeat(81);
    for key in ["", &long, "            and many blanks            ", &"ü".repeat(14)] {
        let error = tasks(&fake).find_or_create(key, report()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{key:?}");
    }
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_key_is_one_of_its_own() {
    let fake = fake();
    let keys =
        [" ", "nightly build", "nightly%20build", "nightly-build", "a]", "a", "ü", "a\nb", "a\\b", "%", "[ref: a]"];
    for was_created in [true, false] {
        for key in keys {
            let found = tasks(&fake).find_or_create(key, report()).await.unwrap();
            assert_eq!(found.was_created(), was_created, "{key:?}");
            assert!(found.duplicates().is_empty(), "{key:?}");
        }
    }
    assert_eq!(fake.tasks().len(), keys.len());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_found_wherever_people_and_editors_put_its_line() {
    let descriptions = [
        "[ref: ci/my_job#1]",
        "A person wrote this.\n\n[ref: ci/my_job#1]\n\nThe log.",
        "\\[ref: ci/my_job#1\\]\n\nThe log.",
        "Text\r\n  \\[ref: ci/my\\_job\\#1\\] and more",
    ];
    for description in descriptions {
        let fake = fake();
        fake.put_task(Record::new().with("taskId", &"tsk_1").with("title", &"x").with("description", &description));
        let found = tasks(&fake).find_or_create("ci/my_job#1", report()).await.unwrap();
        assert!(!found.was_created(), "{description:?}");
    }
    for description in ["see [ref: ci/my_job#1]", "ref: ci/my_job#1", "[ref: ci/my_job#12]", "\\\\[ref: ci/my_job#1]"] {
        let fake = fake();
        fake.put_task(Record::new().with("taskId", &"tsk_1").with("title", &"x").with("description", &description));
        let found = tasks(&fake).find_or_create("ci/my_job#1", report()).await.unwrap();
        assert!(found.was_created(), "{description:?}");
    }
}

/// A list with one entry, as it stands in the JSON.
fn listing(entries: &str) -> Fault {
    Fault::status(200).body("application/json", format!(r#"{{"tasks":[{entries}]}}"#)).on("listTasks").forever()
}

#[tokio::test(start_paused = true)]
async fn the_mark_is_found_as_editors_write_it() {
    for (description, is_found) in [
        ("[ref: ci/nightly]", true),
        ("hello\n  [ref: ci/nightly] and more", true),
        ("\\[ref: ci/nightly\\]", true),
        ("- [ref: ci/nightly]", true),
        ("> > [ref: ci/nightly]", true),
        ("**[ref: ci/nightly]**", true),
        ("# [ref: ci/nightly]", true),
        ("`[ref: ci/nightly]`", true),
        ("<p>[ref: ci/nightly]</p><p>text</p>", true),
        ("<div class=\"a\">hello<br/>[ref: ci/nightly]</div>", true),
        ("<ul><li><b>[ref: ci/nightly]</b></li></ul>", true),
        ("[ref:\u{a0}ci/nightly]", true),
        ("1 < 2\n[ref: ci/nightly]", true),
        ("see [ref: ci/nightly]", false),
        ("<p>see <i>[ref: ci/nightly]</i></p>", false),
        ("[ref: ci/nightly2]", false),
        ("[ref: ci/night]", false),
    ] {
        let fake = fake();
        let found = tasks(&fake).create_task(NewTask::new("by hand").description(description)).await.unwrap();
        let task = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap();
        assert_eq!((task.task_id == found.task_id, task.was_created()), (is_found, !is_found), "{description:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_with_the_mark_that_cannot_be_read_is_an_error_and_not_a_reason_to_create() {
    for entry in [
        r#"{"taskId":9,"description":"[ref: ci/nightly]\n\nx"}"#,
        r#"{"taskId":null,"description":"[ref: ci\/nightly]"}"#,
        r#"{"description":"[ref: ci/nightly]"}"#,
        r#""[ref: ci/nightly]""#,
    ] {
        let fake = fake();
        fake.fail_next(listing(entry));
        let error = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{entry}: {error}");
        assert!(error.to_string().contains("tasks[0]") && error.hint().is_some(), "{entry}: {error}");
        assert_eq!(fake.tasks().len(), 0, "{entry}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_description_of_another_type_is_looked_through() {
    let fake = fake();
    let made = tasks(&fake).create_task(NewTask::new("by hand")).await.unwrap();
    let entry = format!(r#"{{"taskId":"{}","description":["[ref: ci/nightly]"]}}"#, made.task_id);
    fake.fail_next(listing(&entry));
    let task = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap();
    assert_eq!((&task.task_id, task.was_created()), (&made.task_id, false));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_the_earliest_in_time_whatever_the_offset() {
    let fake = fake();
    let mut entries = Vec::new();
    for at in ["2026-05-10T09:30:00Z", "2026-05-10T10:30:00+02:00", "2026-05-10T08:45:00.000Z"] {
        let made = tasks(&fake).create_task(NewTask::new(at).description("[ref: ci/nightly]")).await.unwrap();
        let id = &made.task_id;
        entries.push(format!(r#"{{"taskId":"{id}","description":"[ref: ci/nightly]","createdAt":"{at}"}}"#));
    }
    fake.fail_next(listing(&entries.join(",")));
    let task = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap();
    assert_eq!((&*task.title, task.duplicates().len()), ("2026-05-10T10:30:00+02:00", 2));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_not_be_whole_is_no_reason_to_create() {
    for body in [
        r#"{"tasks":null}"#,
        r#"{"tasks":[],"nextCursor":"c2"}"#,
        r#"{"tasks":[],"hasMore":true}"#,
        r#"{"tasks":[],"error":"timeout"}"#,
        r#"{"tasks":[],"errors":[{"message":"shard 3 is away"}]}"#,
        r#"{"tasks":[{"taskId":"t1"}],"pagination":{"total":2}}"#,
        r#"{"tasks":[{"taskId":"t1","labels":7,"description":8}],"total":2}"#,
        r#"{"tasks":[{"taskId":"t1","n":1e400,"x":"\ud83d"}],"n":1e400,"hasMore":true}"#,
    ] {
        let fake = fake();
        fake.fail_next(Fault::status(200).body("application/json", body).on("listTasks").forever());
        let error = tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Decode && error.to_string().contains("not whole"), "{body}: {error}");
        assert_eq!(fake.tasks().len(), 0, "{body}");
    }
    for body in [
        r#"{"tasks":[],"nextCursor":null,"hasMore":false,"total":0,"error":null,"errors":[]}"#,
        r#"{"tasks":[{"taskId":"t1"},7],"total":2}"#,
    ] {
        let fake = fake();
        fake.fail_next(Fault::status(200).body("application/json", body).on("listTasks").forever());
        assert!(tasks(&fake).find_or_create("ci/nightly", report()).await.unwrap().was_created(), "{body}");
    }
}

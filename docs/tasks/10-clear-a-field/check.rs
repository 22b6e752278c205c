use onehorizon_testing::{FakeOneHorizon, Record};

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration, &str) -> Result<(), onehorizon::Error>) {
    let fake = FakeOneHorizon::builder().empty().in_process();
    let json = r#"{"taskId":"tsk_1","workspaceId":"W","title":"t","status":"planned","topic":"Recap","description":"long"}"#;
    fake.put_task(Record::parse(&json.replace('W', fake.workspace_id())).unwrap());
    run(&super::configuration(&fake), "tsk_1").await.unwrap();
    let task = fake.task("tsk_1").unwrap();
    assert!(task.raw("topic").is_none_or(|topic| topic == "null"), "{:?}", task.raw("topic"));
    assert_eq!(task.text("description").as_deref(), Some("long"));
    assert_eq!(task.text("title").as_deref(), Some("t"));
    assert_eq!(fake.executed("updateTask"), 1);
}

use onehorizon_testing::{FakeOneHorizon, Record};

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration, &str) -> Result<(), onehorizon::Error>) {
    let fake = FakeOneHorizon::builder().empty().in_process();
    let json = r#"{"taskId":"tsk_1","workspaceId":"W","title":"t","status":"planned","topic":null,"mood":"calm","score":12345678901234567890123}"#;
    fake.put_task(Record::parse(&json.replace('W', fake.workspace_id())).unwrap());
    let config = super::configuration(&fake);
    run(&config, "tsk_1").await.unwrap();
    let task = fake.task("tsk_1").unwrap();
    assert_eq!(task.text("status").as_deref(), Some("in_progress"));
    assert_eq!(task.text("title").as_deref(), Some("t"));
    assert_eq!(task.raw("mood"), Some(r#""calm""#));
    assert_eq!(task.raw("score"), Some("12345678901234567890123"));
    assert_eq!(task.raw("topic"), Some("null"));
    run(&config, "tsk_1").await.unwrap();
    assert_eq!(fake.executed("updateTask"), 1, "an unchanged task is not written");
}

use onehorizon_testing::{FakeOneHorizon, Record};

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration) -> Result<Vec<String>, onehorizon::Error>) {
    let fake = FakeOneHorizon::builder().empty().in_process();
    for (number, (title, status)) in
        [("b", "planned"), ("a", "in_progress"), ("c", "completed"), ("d", "planned"), ("e", "on_ice")]
            .iter()
            .enumerate()
    {
        let json = format!(
            r#"{{"taskId":"tsk_{number}","workspaceId":"{}","title":"{title}","status":"{status}"}}"#,
            fake.workspace_id()
        );
        fake.put_task(Record::parse(&json).unwrap());
    }
    let titles = run(&super::configuration(&fake)).await.unwrap();
    assert_eq!(titles, ["a", "b", "d"]);
    assert_eq!(fake.requests().len(), 1);
}

use onehorizon_testing::FakeOneHorizon;

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration, &str, &str) -> Result<String, onehorizon::Error>) {
    let fake = FakeOneHorizon::builder().in_process();
    let config = super::configuration(&fake);
    let id = run(&config, "Recap is sent twice", "Seen on Monday.").await.unwrap();
    let task = fake.task(&id).expect("the task exists under the id that was returned");
    assert_eq!(task.text("title").as_deref(), Some("Recap is sent twice"));
    assert_eq!(task.text("description").as_deref(), Some("Seen on Monday."));
    assert_eq!(task.text("kind").as_deref(), Some("bug"));
    assert_eq!(task.text("userId").as_deref(), Some("u_1"));
    assert_eq!(fake.executed("createTask"), 1);
    assert!(fake.violations().is_empty(), "{:?}", fake.violations());
}

use onehorizon_testing::{FakeOneHorizon, Fault};

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration, &str) -> &'static str) {
    let fake = FakeOneHorizon::builder().in_process();
    let config = super::configuration(&fake);
    assert_eq!(run(&config, "one").await, "created");
    fake.fail_next(Fault::drop_after().on("createTask"));
    assert_eq!(run(&config, "two").await, "unknown");
    assert_eq!(fake.executed("createTask"), 2, "the second was executed once");
    fake.spend_quota();
    assert_eq!(run(&config, "three").await, "not created");
    assert_eq!(fake.executed("createTask"), 2);
}

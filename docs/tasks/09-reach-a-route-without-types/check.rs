use onehorizon_testing::FakeOneHorizon;

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration) -> Result<usize, onehorizon::Error>) {
    let fake = FakeOneHorizon::builder().in_process();
    assert_eq!(run(&super::configuration(&fake)).await.unwrap(), fake.tasks().len());
    assert!(fake.violations().is_empty(), "{:?}", fake.violations());
}

use std::time::Duration;

use onehorizon_testing::FakeOneHorizon;
use tokio::time::Instant;

pub async fn check(
    run: impl AsyncFn(onehorizon::ConfigurationBuilder, &[&str]) -> Result<Vec<String>, onehorizon::Error>,
) {
    let fake = FakeOneHorizon::builder().clock(|| Instant::now().into_std()).in_process();
    let builder = onehorizon::Configuration::builder().transport(fake.transport()).api_key(fake.api_key());
    let before = Instant::now();
    let titles = run(builder, &["tsk_1001"; 90]).await.unwrap();
    assert_eq!(titles.len(), 90);
    assert_eq!(fake.executed("fetchTask"), 90);
    assert_eq!(fake.requests().len(), 90, "nothing was refused or sent twice");
    assert!(before.elapsed() < Duration::from_secs(180), "{:?}", before.elapsed());
}

use onehorizon_testing::{FakeOneHorizon, Fault};

pub async fn check(run: impl AsyncFn(&onehorizon::Configuration, &str) -> String) {
    let fake = FakeOneHorizon::builder().in_process();
    let config = super::configuration(&fake);
    let title = fake.task("tsk_1001").unwrap().text("title").unwrap();
    assert_eq!(run(&config, "tsk_1001").await, format!("found: {title}"));
    assert_eq!(run(&config, "tsk_nowhere").await, "missing");
    for (status, expected) in [(401, "denied"), (403, "denied"), (400, "failed"), (500, "failed")] {
        fake.script([Fault::status(status).forever()]);
        assert_eq!(run(&config, "tsk_1001").await, expected, "{status}");
        fake.clear_script();
    }
    fake.spend_quota();
    let later = run(&config, "tsk_1001").await;
    let seconds: u64 = later.strip_prefix("later: ").expect("later").parse().expect("seconds");
    assert!((60..=900).contains(&seconds), "{later}");
}

//! `examples/ci_report.rs` as a CI job runs it.

use std::process::Stdio;
use std::time::Duration;

use onehorizon_testing::FakeOneHorizon;
use support::example::binary;
use tokio::process::Command;

async fn run(fake: &FakeOneHorizon, key: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("ci_report"));
    command.env("ONE_API_KEY", key).env("ONE_HORIZON_BASE_URL", fake.url()).env_remove("ONE_USER_ID").args(words);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[tokio::test]
async fn a_failing_job_is_one_bug_until_it_passes() {
    let fake = FakeOneHorizon::builder().empty().quota_off().start().await.unwrap();
    let key = fake.api_key();
    let (code, first) = run(&fake, key, &["nightly", "failed", "https://ci.example/1"]).await;
    assert_eq!(code, Some(0), "{first}");
    assert!(first.starts_with("created "), "{first}");
    let (_, again) = run(&fake, key, &["nightly", "failed"]).await;
    assert_eq!(again, first.replace("created", "known as"));
    let (_, passed) = run(&fake, key, &["nightly", "passed"]).await;
    assert_eq!(passed, first.replace("created", "completed"));
    let (_, passed) = run(&fake, key, &["nightly", "passed"]).await;
    assert_eq!(passed, "");
    let (_, anew) = run(&fake, key, &["nightly", "failed"]).await;
    assert!(anew.starts_with("created ") && anew != first, "{anew}");
    assert_eq!(fake.tasks().len(), 2);
}

#[tokio::test]
async fn errors_end_it_with_the_code_of_their_kind() {
    let fake = FakeOneHorizon::builder().empty().quota_off().start().await.unwrap();
    assert_eq!(run(&fake, "wrong-key", &["nightly", "failed"]).await.0, Some(77));
    assert_eq!(run(&fake, fake.api_key(), &[&"k".repeat(81), "failed"]).await.0, Some(65));
    assert_eq!(run(&fake, fake.api_key(), &["nightly"]).await.0, Some(64));
}

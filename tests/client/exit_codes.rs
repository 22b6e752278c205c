//! The exit code that a program ends with for each kind of error.

use onehorizon::{Configuration, Error, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Fault};

async fn after(fault: Fault) -> Error {
    let fake = FakeOneHorizon::builder().quota_off().in_process();
    fake.fail_next(fault.forever());
    let builder = Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
    let retry = onehorizon::Retry::never();
    TasksApi::new(&builder.retry(retry).build().unwrap()).list_tasks().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_script_knows_what_to_do_by_the_exit_code() {
    for (fault, code) in [
        (Fault::status(429), 75),
        (Fault::hang(), 75),
        (Fault::drop_before(), 75),
        (Fault::status(409), 75),
        (Fault::status(503), 75),
        (Fault::status(504), 75),
        (Fault::status(500), 69),
        (Fault::html(502), 69),
        (Fault::html(302), 69),
        (Fault::status(401), 77),
        (Fault::status(403), 77),
        (Fault::status(400), 65),
        (Fault::status(422), 65),
        (Fault::status(404), 65),
        (Fault::html(200), 65),
    ] {
        let case = format!("{fault:?}");
        let error = after(fault).await;
        assert_eq!(error.exit_code(), code, "{case}: {error}");
    }
    assert_eq!(Configuration::builder().build().unwrap_err().exit_code(), 78);
    let nowhere = Configuration::builder().api_key("key").base_url("http://127.0.0.1:1").build().unwrap();
    assert_eq!(TasksApi::new(&nowhere).list_tasks().await.unwrap_err().exit_code(), 69);
}

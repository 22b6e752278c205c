//! The receivers' cases, played by `play.mjs` with receivers of this SDK over HTTP. They need node: `.ci/cases` runs them.

use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use onehorizon::webhook::axum_routes::route;
use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
use serde_json::Value;
use tokio::process::Command;

use crate::format;

/// Starts a receiver that shows what it has handled at `/handled`, and plays the cases with it.
async fn played(verifier: impl FnOnce(&Value) -> Verifier, options: &[&str]) -> Output {
    let setup: Value = serde_json::from_str(&format::file("receiver.json")).unwrap();
    let receiver = Receiver::new(verifier(&setup["setup"]));
    let (handled, failed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let shown = Arc::clone(&handled);
    let handler = move |event: Verified<Event>| {
        let (handled, failed) = (Arc::clone(&handled), Arc::clone(&failed));
        async move {
            let id = event.id().to_string();
            let subject = event.subject().unwrap_or_default();
            let is_first = !failed.lock().unwrap().contains(&id);
            if subject == "fails" || (subject == "fails-once" && is_first) {
                failed.lock().unwrap().push(id);
                return Err("inside-of-the-handler");
            }
            handled.lock().unwrap().push(id);
            Ok(())
        }
    };
    let list = move || async move { serde_json::to_string(&*shown.lock().unwrap()).unwrap() };
    let app = Router::new().route("/webhook", route(receiver, handler)).route("/handled", get(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let player = format!("{}/../crates/testing/cases/play.mjs", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.args([
        &player,
        "receiver",
        "--url",
        &format!("{site}/webhook"),
        "--handled-url",
        &format!("{site}/handled"),
    ]);
    let output = command.args(options).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), output).await.unwrap().unwrap();
    server.abort();
    output
}

fn of_the_setup(setup: &Value) -> Verifier {
    let text = |name: &str| setup[name].as_str().unwrap().to_owned();
    Verifier::builder().key("key", text("key")).signed("relay", text("secret")).build().unwrap()
}

/// What the census says of a state, for all categories: held, broken, not played.
fn census(output: &Output) -> [usize; 3] {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = text.lines().find(|line| line.starts_with("all ")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<usize> = all.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn counts() -> (usize, usize) {
    let of = |names: &[&str]| -> usize {
        let all = format::categories();
        all.iter().filter(|one| names.is_empty() || names.contains(&&*one.name)).map(|one| one.cases.len()).sum()
    };
    (of(&["receiver", "webhooks"]), of(&[]))
}

#[tokio::test]
#[ignore = "needs node: .ci/cases runs it"]
async fn a_receiver_of_this_sdk_holds_every_case_over_http() {
    let output = played(of_the_setup, &["--handler"]).await;
    let (receivers, all) = counts();
    assert_eq!(census(&output), [receivers, 0, all - receivers], "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "needs node: .ci/cases runs it"]
async fn a_receiver_that_accepts_anyone_breaks_the_cases_that_ask_for_proof() {
    let output = played(|_| Verifier::insecure_accept_all(), &["--only", "webhooks", "--handler"]).await;
    let [held, broken, left] = census(&output);
    assert_eq!((output.status.code(), left), (Some(1), 0), "{output:?}");
    assert!(broken >= 18 && held >= 5, "{output:?}");
}

#[tokio::test]
#[ignore = "needs node: .ci/cases runs it"]
async fn what_is_not_played_has_its_reason_in_the_census() {
    let output = played(of_the_setup, &[]).await;
    let (receivers, all) = counts();
    assert_eq!(census(&output), [receivers - 2, 0, all - receivers + 2], "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("not played, 2: the handler of this receiver does not fail on demand"), "{text}");
    let wrong = played(of_the_setup, &["--onyl", "retry"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

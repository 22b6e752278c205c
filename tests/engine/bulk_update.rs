//! `examples/bulk_update.rs` as a user runs it: to the end, and stopped and run again.
#![cfg(unix)]

use std::path::Path;
use std::process::Stdio;

use support::example::binary;
use support::unknowns::counted_updates;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

fn start(state: &Path, speed: &str) -> Child {
    let mut command = Command::new(binary("bulk_update"));
    // Its output counts the requests of its updates.
    command.env("ONEHORIZON_FAKE_UNKNOWNS", counted_updates().to_string());
    command.env_remove("ONE_API_KEY").args(["--speed", speed, "--state"]).arg(state);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

async fn rest(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn it_updates_everything_without_a_refusal_and_shows_its_waits() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("done");
    let (code, output) = rest(start(&state, "1000")).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("Done: 300 of 300."), "{output}");
    assert!(output.contains(" 0 times for a refusal."), "{output}");
    assert!(output.contains("seen 601 requests and has 300 tasks with the new topic"), "{output}");
    assert!(output.contains("waiting ") && output.contains("the quota is used up"), "{output}");
    assert!(!state.exists(), "a finished job leaves no state behind");
}

#[tokio::test]
async fn stopped_it_says_what_is_done_and_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("done");
    let mut child = start(&state, "300");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut output = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("waiting") {
            let id = child.id().unwrap().to_string();
            let _ = std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
        }
        output.push_str(&line);
        output.push('\n');
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(130), "{output}");
    let done = std::fs::read_to_string(&state).unwrap().matches("\"done\"").count();
    assert!((1..300).contains(&done));
    assert!(output.contains(&format!("Done: {done} of 300.")), "{output}");
    assert!(output.contains("Stopped. Not begun: ") && output.contains("perhaps done: tsk_"), "{output}");

    let (code, output) = rest(start(&state, "4000")).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains(&format!("{done} of 300 tasks were done")), "{output}");
    assert!(output.contains("Done: 300 of 300."), "{output}");
    assert!(output.contains(&format!("has {} tasks with the new topic", 300 - done)), "{output}");
}

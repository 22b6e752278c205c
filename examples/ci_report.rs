//! Reports a failing CI job as one bug, however often the job runs, and completes the bug when the job passes again.
//!
//! ```text
//! ONE_API_KEY=… ci_report nightly failed https://ci.example/runs/4711
//! ONE_API_KEY=… ci_report nightly passed
//! ```
//!
//! The exit code says what a script can do about an error: see `Error::exit_code`. `ONE_USER_ID` names the bug's owner.

use std::process::ExitCode;

use onehorizon::models::{NewTask, TaskKind, TaskStatus};
use onehorizon::{Configuration, Error, TasksApi};

const USAGE: &str = "usage: ci_report JOB failed [URL] | ci_report JOB passed";

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [job, "failed"] => failed(job, None).await,
        [job, "failed", url] => failed(job, Some(url)).await,
        [job, "passed"] => passed(job).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code().into()
        }
    }
}

/// Creates a bug for the job unless there is an open one.
async fn failed(job: &str, url: Option<&str>) -> Result<(), Error> {
    let tasks = TasksApi::new(&Configuration::from_env()?);
    let mut bug = NewTask::new(format!("CI job {job} fails")).kind(TaskKind::Bug);
    if let Some(url) = url {
        bug = bug.description(format!("First seen in {url}"));
    }
    if let Ok(owner) = std::env::var("ONE_USER_ID") {
        bug = bug.user_id(owner);
    }
    let report = tasks.find_or_create(format!("ci/{job}"), bug);
    let bug = report.ignoring(|task| task.status == TaskStatus::Completed).await?;
    println!("{} {}", if bug.was_created() { "created" } else { "known as" }, bug.task_id);
    Ok(())
}

/// Completes the job's bugs that are still open.
async fn passed(job: &str) -> Result<(), Error> {
    let tasks = TasksApi::new(&Configuration::from_env()?);
    let mark = format!("[ref: ci/{job}]");
    let is_open = move |text: Option<&str>, status: &TaskStatus| {
        text.is_some_and(|text| text.starts_with(&mark)) && *status != TaskStatus::Completed
    };
    let open = tasks.list_tasks().all(true).filter(move |task| is_open(task.description.as_deref(), &task.status));
    for bug in open.await? {
        let edited = tasks.edit_task(&bug.task_id, |task| task.status = TaskStatus::Completed).await?;
        println!("completed {}", edited.task_id);
    }
    Ok(())
}

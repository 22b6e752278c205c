//! Changes the topic of 300 tasks within the quota: 600 requests, 200 in a quarter of an hour.
//!
//! `cargo run --example bulk_update` runs against an embedded fake of the service, 200 times as fast as the clock. With
//! `ONE_API_KEY` set and `--yes` given it changes **every task of your workspace**, in real time.
//!
//! Ctrl-C stops it: it says what is done and what is not, and the next run goes on from there.
//!
//! Options: `--topic TEXT`, `--state FILE`, `--speed N` (fake only), `--yes`.

#[path = "bulk_update/fast.rs"]
mod fast;
#[path = "bulk_update/show.rs"]
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use fast::FastClock;
use onehorizon::apis::{BulkItem, BulkOutcome};
use onehorizon::quota::Pacing;
use onehorizon::{Clock, Configuration, ConfigurationBuilder, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Record};
use show::Show;

type AnyError = Box<dyn std::error::Error>;

struct Options {
    topic: String,
    state: PathBuf,
    speed: u32,
    yes: bool,
}

impl Options {
    fn read() -> Result<Self, AnyError> {
        let state = std::env::temp_dir().join("onehorizon-bulk-update.done");
        let mut options = Self { topic: "Roadmap 2027".to_owned(), state, speed: 200, yes: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--topic" => options.topic = value()?,
                "--state" => options.state = value()?.into(),
                "--speed" => options.speed = value()?.parse()?,
                "--yes" => options.yes = true,
                _ => return Err(format!("unknown option {word}; see the top of examples/bulk_update.rs").into()),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let options = Options::read()?;
    if std::env::var_os("ONE_API_KEY").is_some() {
        if !options.yes {
            return Err("ONE_API_KEY is set: say --yes to change every task of that workspace, or unset it".into());
        }
        return run(ConfigurationBuilder::from_env()?, &options).await;
    }
    println!("No ONE_API_KEY: an embedded fake of One Horizon, {} times as fast as the clock.", options.speed);
    let clock = FastClock::new(options.speed);
    let fake = FakeOneHorizon::builder().empty().clock(move || clock.now()).start().await?;
    for number in 1..=300 {
        fake.put_task(
            Record::new()
                .with("taskId", &format!("tsk_{number:03}"))
                .with("title", &format!("Task {number}"))
                .with("status", &"planned"),
        );
    }
    let builder = Configuration::builder()
        .base_url(fake.url())
        .api_key(fake.api_key())
        .clock(clock)
        // The connection is not faster than it is.
        .timeout(Duration::from_secs(30) * options.speed);
    let code = run(builder, &options).await?;
    let changed = fake.tasks().iter().filter(|task| task.is("topic", &options.topic)).count();
    println!("The fake has seen {} requests and has {changed} tasks with the new topic.", fake.requests().len());
    Ok(code)
}

async fn run(builder: ConfigurationBuilder, options: &Options) -> Result<ExitCode, AnyError> {
    let show = Show::new();
    let waiting = show.clone();
    let pacing = Pacing::documented();
    let configuration = builder.pacing(pacing.clone()).on_quota_wait(move |wait| waiting.waiting(wait)).build()?;
    let tasks = TasksApi::new(&configuration);

    let list = tasks.list_tasks().all(true).await?;
    let ids = list.tasks.iter().map(|task| &task.task_id);
    let bulk = tasks
        .bulk()
        .edit_each(ids, |task| task.topic = Some(options.topic.clone()))
        .state_file(&options.state)
        .on_progress(|progress| show.progress(progress))
        .stop_when(tokio::signal::ctrl_c())
        .stop_grace(Duration::from_millis(100));
    println!("{} tasks, about {:.0?} if all of them have to be changed.", bulk.len(), pacing.estimate(bulk.requests()));
    let report = bulk.await?;
    show.end();

    let before = report.items.iter().filter(|item| matches!(item.outcome, BulkOutcome::DoneBefore(_))).count();
    if before > 0 {
        println!("Went on where the last run stopped: {before} of {} tasks were done.", report.items.len());
    }
    for item in report.failed() {
        println!("  {item}");
    }
    let (waits, refusals) = show.counts();
    println!(
        "Done: {} of {}. Waited {waits} times for the quota, {refusals} times for a refusal.",
        report.done().count(),
        report.items.len()
    );
    if let Some(fault) = report.state_failure() {
        println!("{} could not be written: {fault}", options.state.display());
    }
    if report.was_stopped() {
        let keys = |items: &mut dyn Iterator<Item = &BulkItem>| {
            items.map(|item| item.key.as_str()).collect::<Vec<_>>().join(", ")
        };
        println!(
            "Stopped. Not begun: {}. Begun, perhaps done: {}.",
            report.not_begun().count(),
            keys(&mut report.unfinished())
        );
        println!("Updating a task again does no harm. Run the same command to go on ({}).", options.state.display());
        return Ok(ExitCode::from(130));
    }
    if report.is_complete() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} tasks failed; run the same command to try them again.", report.failed().count());
    Ok(ExitCode::FAILURE)
}

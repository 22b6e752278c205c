//! Changes the topic of 300 tasks within the quota: 600 requests, 200 in a quarter of an hour.
//!
//! `cargo run --example bulk_update` runs against an embedded fake of the service, 200 times as fast as the clock. With
//! `ONE_API_KEY` set and `--yes` given it changes **every task of your workspace**, in real time.
//!
//! Ctrl-C stops it: it tells what is done and what is not, and the next run goes on from there.
//!
//! Options: `--topic TEXT`, `--state FILE`, `--speed N` (fake only), `--yes`.

#[path = "bulk_update/fast.rs"]
mod fast;
#[path = "bulk_update/show.rs"]
mod show;
#[path = "bulk_update/state.rs"]
mod state;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fast::FastClock;
use onehorizon::models::TaskId;
use onehorizon::quota::Pacing;
use onehorizon::{Clock, Configuration, ConfigurationBuilder, Error, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Record};
use show::Show;
use state::State;
use tokio::task::JoinSet;

type AnyError = Box<dyn std::error::Error>;

/// More at a time would not be faster: the quota is the limit, not the connection.
const AT_A_TIME: usize = 8;

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
            Record::new().with("taskId", &format!("tsk_{number:03}")).with("title", &format!("Task {number}")),
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

/// What the workers share.
struct Job {
    todo: Vec<TaskId>,
    under_way: BTreeSet<TaskId>,
    failed: Vec<(TaskId, Error)>,
    state: State,
}

async fn run(builder: ConfigurationBuilder, options: &Options) -> Result<ExitCode, AnyError> {
    let state = State::open(options.state.clone())?;
    let before = state.count();
    let show = Show::new();
    let configuration = {
        let show = show.clone();
        builder.pacing(Pacing::documented()).on_quota_wait(move |wait| show.waiting(wait)).build()?
    };

    // The list is short enough for one request; descriptions in it may be cut, so each task is fetched before it is
    // written back.
    let tasks = TasksApi::new(&configuration).list_tasks().all(true).await?.into_inner().tasks;
    let total = tasks.len();
    let mut todo: Vec<TaskId> = tasks.into_iter().map(|task| task.task_id).collect();
    todo.retain(|id| !state.is_done(id.as_str()));
    todo.reverse();
    if before > 0 {
        println!(
            "Going on where the last run stopped: {before} of {total} tasks are done ({}).",
            options.state.display()
        );
    }

    show.begin(total, total - todo.len());
    let job = Arc::new(Mutex::new(Job { todo, under_way: BTreeSet::new(), failed: Vec::new(), state }));
    let mut workers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (tasks, job, show, topic) =
            (TasksApi::new(&configuration), Arc::clone(&job), show.clone(), options.topic.clone());
        workers.spawn(async move { work(&tasks, &job, &show, &topic).await });
    }
    let finished = tokio::select! {
        finished = async {
            while let Some(worker) = workers.join_next().await {
                worker.map_err(std::io::Error::other)??;
            }
            Ok::<_, std::io::Error>(true)
        } => finished?,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            false
        }
    };
    // Dropping a call ends it: nothing is sent after this line.
    workers.shutdown().await;
    show.end();
    let job =
        Arc::into_inner(job).ok_or("a worker is still there")?.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(job, &show, finished, total, options)
}

/// One worker: takes task after task until there are none.
async fn work(tasks: &TasksApi, job: &Mutex<Job>, show: &Show, topic: &str) -> std::io::Result<()> {
    let job = || job.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let id = {
            let mut job = job();
            let Some(id) = job.todo.pop() else { return Ok(()) };
            job.under_way.insert(id.clone());
            id
        };
        let result = tasks.edit_task(&id, |task| task.topic = topic.to_owned().into()).await;
        let mut job = job();
        job.under_way.remove(&id);
        match result {
            Ok(_) => {
                job.state.mark(id.as_str())?;
                show.one_more();
            }
            Err(error) => job.failed.push((id, error)),
        }
    }
}

fn report(job: Job, show: &Show, finished: bool, total: usize, options: &Options) -> Result<ExitCode, AnyError> {
    let (waits, refusals) = show.counts();
    for (id, error) in &job.failed {
        println!("  {id} failed: {error}");
    }
    println!(
        "Done: {} of {total}. Waited {waits} times for the quota, {refusals} times for a refusal.",
        job.state.count()
    );
    if finished && job.failed.is_empty() {
        job.state.remove()?;
        return Ok(ExitCode::SUCCESS);
    }
    if !finished {
        let under_way: Vec<&str> = job.under_way.iter().map(TaskId::as_str).collect();
        println!("Stopped. Not begun: {}. Begun, perhaps done: {}.", job.todo.len(), under_way.join(", "));
        println!("Updating a task again does no harm. Run the same command to go on ({}).", options.state.display());
        return Ok(ExitCode::from(130));
    }
    println!("{} tasks failed; run the same command to try them again.", job.failed.len());
    Ok(ExitCode::FAILURE)
}

//! Runs the items of a bulk run, a few at a time.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::builder::{Bulk, Item, Report, Work};
use super::report::{BulkItem, BulkOutcome, BulkProgress, BulkReport};
use super::state::State;
use crate::apis::TasksApi;
use crate::apis::steps::may_have_arrived;
use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;

impl<'a> IntoFuture for Bulk<'a> {
    type Output = Result<BulkReport, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(crate::trace::several("bulk", run(self)))
    }
}

async fn run(bulk: Bulk<'_>) -> Result<BulkReport, Error> {
    let Bulk { tasks, items, concurrency, state_file, report, stop, grace } = bulk;
    let keys: Vec<String> = items.iter().map(|item| item.key.clone()).collect();
    if let Some(key) = first_twice(&keys) {
        return Err(Error::new(ErrorKind::Invalid, format!("two items of the bulk run have the key {key:?}")));
    }
    let state =
        state_file.as_deref().map(State::open).transpose().map_err(|fault| Error::new(ErrorKind::Config, fault))?;
    let job = Mutex::new(Job::new(&keys, items, state, report));
    lock(&job).report_progress(None);
    let workers = concurrency.min(keys.len());
    let mut workers: Vec<BoxFuture<'_, ()>> = (0..workers).map(|_| Box::pin(work(&job, &tasks)) as _).collect();
    let clock = &tasks.configuration.settings().clock;
    let (mut stop, mut end) = (stop, None);
    poll_fn(|context| {
        if stop.as_mut().is_some_and(|stop| stop.as_mut().poll(context).is_ready()) {
            stop = None;
            lock(&job).was_stopped = true;
            end = Some(clock.sleep(grace));
        }
        workers.retain_mut(|worker| worker.as_mut().poll(context).is_pending());
        if workers.is_empty() || end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    // Dropping a call ends it: nothing is sent after this line.
    drop(workers);
    Ok(job.into_inner().unwrap_or_else(PoisonError::into_inner).finish(keys))
}

/// What the workers share.
struct Job<'a> {
    todo: VecDeque<(usize, Item<'a>)>,
    outcomes: Vec<Option<BulkOutcome>>,
    begun: BTreeSet<usize>,
    state: Option<State>,
    state_failure: Option<std::io::Error>,
    report: Option<Report<'a>>,
    was_stopped: bool,
    done: usize,
    failed: usize,
}

impl<'a> Job<'a> {
    /// The work that an earlier run has not done.
    fn new(keys: &[String], items: Vec<Item<'a>>, state: Option<State>, report: Option<Report<'a>>) -> Self {
        let mut outcomes: Vec<Option<BulkOutcome>> = keys.iter().map(|_| None).collect();
        let mut todo = VecDeque::new();
        for ((number, item), outcome) in items.into_iter().enumerate().zip(&mut outcomes) {
            let done = state.as_ref().and_then(|state| state.done(&item.key));
            let is_unfinished = state.as_ref().is_some_and(|state| state.is_unfinished(&item.key));
            match done {
                Some(task) => *outcome = Some(BulkOutcome::DoneBefore(task.clone())),
                None if is_unfinished && !item.work.can_be_repeated() => *outcome = Some(BulkOutcome::Unfinished),
                None => todo.push_back((number, item)),
            }
        }
        let done = outcomes.iter().flatten().filter(|outcome| outcome.is_done()).count();
        Self {
            todo,
            outcomes,
            begun: BTreeSet::new(),
            state,
            state_failure: None,
            report,
            was_stopped: false,
            done,
            failed: 0,
        }
    }

    /// The next item, unless the run is to stop.
    fn begin(&mut self) -> Option<(usize, Item<'a>)> {
        if self.was_stopped {
            return None;
        }
        let (number, item) = self.todo.pop_front()?;
        if !item.work.can_be_repeated() && !self.write(|state| state.mark_begun(&item.key)) {
            self.todo.push_front((number, item));
            return None;
        }
        self.begun.insert(number);
        Some((number, item))
    }

    fn end(&mut self, number: usize, key: &str, outcome: BulkOutcome) {
        match &outcome {
            BulkOutcome::Failed(error) => {
                self.failed += 1;
                // Every further call would be refused as well.
                self.was_stopped |= error.is_unauthorized();
                if !may_have_arrived(error) {
                    self.write(|state| state.mark_not_done(key));
                }
            }
            outcome => {
                self.done += 1;
                if let Some(task) = outcome.task_id() {
                    self.write(|state| state.mark_done(key, task));
                }
            }
        }
        self.report_progress(Some((key, &outcome)));
        if let Some(slot) = self.outcomes.get_mut(number) {
            *slot = Some(outcome);
        }
    }

    /// Writes the state; a run that cannot be resumed must not go on.
    fn write(&mut self, write: impl FnOnce(&mut State) -> std::io::Result<()>) -> bool {
        let Some(state) = &mut self.state else { return true };
        match write(state) {
            Ok(()) => true,
            Err(fault) => {
                self.was_stopped = true;
                self.state_failure.get_or_insert(fault);
                false
            }
        }
    }

    fn report_progress(&mut self, last: Option<(&str, &BulkOutcome)>) {
        let progress = BulkProgress { total: self.outcomes.len(), done: self.done, failed: self.failed, last };
        if let Some(report) = &mut self.report {
            report(&progress);
        }
    }

    fn finish(self, keys: Vec<String>) -> BulkReport {
        let Self { outcomes, begun, state, state_failure, was_stopped, .. } = self;
        let items = keys.into_iter().zip(outcomes).enumerate().map(|(number, (key, outcome))| {
            let not_ended = if begun.contains(&number) { BulkOutcome::Unfinished } else { BulkOutcome::NotBegun };
            BulkItem { key, outcome: outcome.unwrap_or(not_ended) }
        });
        let mut report = BulkReport { items: items.collect(), was_stopped, state_failure };
        // A run that was asked to stop when everything was done was not stopped.
        report.was_stopped &= !report.is_complete() || report.state_failure.is_some();
        if report.is_complete()
            && let Some(state) = state
            && let Err(fault) = state.remove()
        {
            report.state_failure.get_or_insert(fault);
        }
        report
    }
}

/// One worker: takes item after item until there are none.
async fn work(job: &Mutex<Job<'_>>, tasks: &TasksApi) {
    loop {
        let next = lock(job).begin();
        let Some((number, Item { key, work })) = next else { return };
        let outcome = match work {
            Work::Edit(edit) => (*edit).await.map(|edited| {
                let id = edited.task_id.clone();
                if edited.was_written() { BulkOutcome::Edited(id) } else { BulkOutcome::Unchanged(id) }
            }),
            Work::Create(task) => tasks.create_task(*task).await.map(|task| BulkOutcome::Created(task.task_id.clone())),
            Work::FindOrCreate(work) => (*work).await.map(|found| {
                let id = found.task_id.clone();
                if found.was_created() { BulkOutcome::Created(id) } else { BulkOutcome::Found(id) }
            }),
        };
        lock(job).end(number, &key, outcome.unwrap_or_else(BulkOutcome::Failed));
    }
}

fn lock<'m, 'a>(job: &'m Mutex<Job<'a>>) -> MutexGuard<'m, Job<'a>> {
    // The job is whole whatever happened to a callback.
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first key that was there before.
fn first_twice(keys: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    keys.iter().find(|key| !seen.insert(*key))
}

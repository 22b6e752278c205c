//! A progress bar on a terminal, lines elsewhere; waiting is shown as waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use onehorizon::apis::BulkProgress;
use onehorizon::quota::{QuotaWait, WaitReason};

#[derive(Clone)]
pub(crate) struct Show {
    bar: ProgressBar,
    waits: Arc<AtomicUsize>,
    refusals: Arc<AtomicUsize>,
}

impl Show {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{spinner} [{bar:40}] {pos}/{len} tasks  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, waits: Arc::default(), refusals: Arc::default() }
    }

    /// Moves the bar to where the run is.
    pub(crate) fn progress(&self, progress: &BulkProgress<'_>) {
        self.bar.set_length(progress.total() as u64);
        self.bar.set_position(progress.finished() as u64);
        self.bar.set_message("updating");
    }

    /// A call begins to wait for the quota. Those behind it in the queue are not worth a word.
    pub(crate) fn waiting(&self, wait: &QuotaWait) {
        if wait.ahead > 0 {
            return;
        }
        let why = match wait.reason {
            WaitReason::Refused => "the service asked to wait",
            _ => "the quota is used up",
        };
        let counter = if wait.reason == WaitReason::Refused { &self.refusals } else { &self.waits };
        counter.fetch_add(1, Ordering::Relaxed);
        let words = format!("waiting {:.0} s: {why}", wait.wait.as_secs_f64());
        self.bar.set_message(words.clone());
        if self.bar.is_hidden() && wait.wait > Duration::from_secs(10) {
            println!("{}/{} tasks  {words}", self.bar.position(), self.bar.length().unwrap_or_default());
        }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// How often the first in the queue waited for the quota, and how often because the service had refused.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.waits.load(Ordering::Relaxed), self.refusals.load(Ordering::Relaxed))
    }
}

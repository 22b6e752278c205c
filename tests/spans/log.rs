//! A subscriber that keeps spans and events.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

/// Keeps spans and events of this crate as text.
#[derive(Clone, Default)]
pub struct Log(pub Arc<Mutex<Entries>>);

#[derive(Default)]
pub struct Entries {
    pub spans: Vec<Span>,
    pub events: Vec<Values>,
    open: Vec<u64>,
}

#[derive(Default)]
pub struct Span {
    pub name: &'static str,
    /// The id of the span that it was made in.
    pub parent: Option<u64>,
    pub values: Values,
    /// Every value that a field ever had.
    pub history: Vec<(String, String)>,
    pub closed: bool,
}

pub type Values = BTreeMap<String, String>;

pub struct Reader<'a>(pub &'a mut Vec<(String, String)>);

impl Visit for Reader<'_> {
    fn record_u64(&mut self, field: &Field, _: u64) {
        panic!("{field} is unsigned: exporters to OpenTelemetry write that as a string");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned()));
    }
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == "onehorizon" { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "onehorizon" && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut history = Vec::new();
        span.record(&mut Reader(&mut history));
        let mut log = self.0.lock().unwrap();
        let values = history.iter().cloned().collect();
        let parent = log.open.last().copied();
        log.spans.push(Span { name: span.metadata().name(), parent, values, history, closed: false });
        Id::from_u64(log.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut read = Vec::new();
        values.record(&mut Reader(&mut read));
        let span = &mut self.0.lock().unwrap().spans[index(span)];
        span.values.extend(read.iter().cloned());
        span.history.extend(read);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut read = Vec::new();
        event.record(&mut Reader(&mut read));
        let mut log = self.0.lock().unwrap();
        assert!(!log.open.is_empty(), "an event belongs to its call");
        let open = log.open.last().map(|id| format!("{} {id}", log.spans[usize::try_from(*id).unwrap() - 1].name));
        let mut values: Values = read.into_iter().collect();
        values.insert("in".to_owned(), open.unwrap());
        log.events.push(values);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().open.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        self.0.lock().unwrap().open.retain(|open| *open != span.into_u64());
    }

    fn try_close(&self, span: Id) -> bool {
        self.0.lock().unwrap().spans[index(&span)].closed = true;
        true
    }
}

fn index(span: &Id) -> usize {
    usize::try_from(span.into_u64()).unwrap() - 1
}

/// Runs with a log that is this thread's alone.
pub fn logged<F: Future>(work: impl FnOnce() -> F) -> Log {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { work().await })
    });
    log
}

pub fn value<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.values.get(name).map(String::as_str)
}

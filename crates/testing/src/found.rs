//! What a fake has seen and holds, with expectations that explain themselves when they fail.

#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "an expectation of a test reports by panicking, as its first line says"
)]
#![allow(clippy::must_use_candidate, reason = "an expectation is often called for its panic alone")]

use std::fmt::{self, Display, Write};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde_json::Value;

use crate::diff::differences;
use crate::record::Record;
use crate::service::recorded::RecordedRequest;

/// More lines than this are not printed.
const PRINTED: usize = 30;

/// Requests, all or some, in the order in which they came. It reads like a `Vec`.
///
/// ```should_panic
/// # let fake = onehorizon_testing::FakeOneHorizon::builder().in_process();
/// // Panics with the list of the requests that came instead.
/// fake.requests().of("createTask").expect_count(1);
/// ```
#[derive(Clone)]
pub struct Requests {
    found: Vec<RecordedRequest>,
    all: Arc<Vec<RecordedRequest>>,
    filters: Vec<String>,
}

impl Requests {
    pub(crate) fn new(all: Vec<RecordedRequest>) -> Self {
        let all = Arc::new(all);
        Self { found: all.to_vec(), all, filters: Vec::new() }
    }

    /// Those of an operation, such as `createTask`.
    #[must_use]
    pub fn of(self, operation_id: &str) -> Self {
        self.keep(format!("of {operation_id}"), |request| request.operation() == Some(operation_id))
    }

    /// Those of a path below the base path, such as `/workspaces/current/tasks`.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        self.keep(format!("at {path}"), |request| request.path().strip_prefix(crate::service::BASE_PATH) == Some(path))
    }

    /// Those that were responded to with this status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.keep(format!("with status {status}"), |request| request.status() == Some(status))
    }

    /// Those sent with the API key or by the user of this id, such as `key_1001` or `u_mira`.
    #[must_use]
    pub fn by(self, id: &str) -> Self {
        self.keep(format!("by {id}"), |request| request.principal() == Some(id))
    }

    /// Those that a closure likes; `what` says what it looks for, in a message of failure.
    #[must_use]
    pub fn that(self, what: &str, wanted: impl Fn(&RecordedRequest) -> bool) -> Self {
        self.keep(what.to_owned(), wanted)
    }

    fn keep(mut self, filter: String, wanted: impl Fn(&RecordedRequest) -> bool) -> Self {
        self.found.retain(wanted);
        self.filters.push(filter);
        self
    }

    /// Panics unless there are so many, with a list of the requests that there are.
    #[track_caller]
    pub fn expect_count(&self, count: usize) -> &Self {
        assert!(self.found.len() == count, "{}", self.complaint(&format!("{count} requests")));
        self
    }

    /// The one request that there is; panics if there is none or more than one.
    #[track_caller]
    pub fn expect_one(&self) -> &RecordedRequest {
        match self.found.as_slice() {
            [one] => one,
            _ => panic!("{}", self.complaint("one request")),
        }
    }

    /// Panics if there is any.
    #[track_caller]
    pub fn expect_none(&self) {
        assert!(self.found.is_empty(), "{}", self.complaint("no request"));
    }

    /// Panics unless these are the operations, in this order.
    #[track_caller]
    pub fn expect_operations(&self, operations: &[&str]) -> &Self {
        let got: Vec<&str> = self.found.iter().map(|request| request.operation().unwrap_or("(none)")).collect();
        assert!(got == operations, "{}", self.complaint(&format!("requests of {}", operations.join(", "))));
        self
    }

    fn complaint(&self, expected: &str) -> String {
        let filters: String = self.filters.iter().map(|filter| format!(" {filter}")).collect();
        let mut text = format!("expected {expected}{filters}, found {}", self.found.len());
        let seen: Vec<&RecordedRequest> = self.all.iter().collect();
        list(&mut text, "requests so far", &seen, |request| request.line());
        text
    }
}

impl Deref for Requests {
    type Target = Vec<RecordedRequest>;

    fn deref(&self) -> &Self::Target {
        &self.found
    }
}

impl DerefMut for Requests {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.found
    }
}

impl IntoIterator for Requests {
    type Item = RecordedRequest;
    type IntoIter = std::vec::IntoIter<RecordedRequest>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'r> IntoIterator for &'r Requests {
    type Item = &'r RecordedRequest;
    type IntoIter = std::slice::Iter<'r, RecordedRequest>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.iter()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.found).finish()
    }
}

/// Objects that the fake holds, all or some. It reads like a `Vec`.
#[derive(Clone)]
pub struct Records {
    found: Vec<Record>,
    all: Arc<Vec<Record>>,
    filters: Vec<String>,
    what: &'static str,
}

impl Records {
    pub(crate) fn new(what: &'static str, all: Vec<Record>) -> Self {
        let all = Arc::new(all);
        Self { found: all.to_vec(), all, filters: Vec::new(), what }
    }

    /// Those with this title.
    #[must_use]
    pub fn titled(self, title: &str) -> Self {
        self.with("title", title)
    }

    /// Those in this status: a string or a `TaskStatus`.
    #[must_use]
    pub fn in_status(self, status: impl Display) -> Self {
        self.with("status", &status.to_string())
    }

    /// Those with this string in a field.
    #[must_use]
    pub fn with(self, field: &str, value: &str) -> Self {
        self.that(&format!("with {field} \"{value}\""), |record| record.is(field, value))
    }

    /// Those that a closure likes; `what` says what it looks for, in a message of failure.
    #[must_use]
    pub fn that(mut self, what: &str, wanted: impl Fn(&Record) -> bool) -> Self {
        self.found.retain(wanted);
        self.filters.push(what.to_owned());
        self
    }

    /// Panics unless there are so many, with a list of what there is.
    #[track_caller]
    pub fn expect_count(&self, count: usize) -> &Self {
        assert!(self.found.len() == count, "{}", self.complaint(&format!("{count} {}s", self.what)));
        self
    }

    /// The one that there is; panics if there is none or more than one.
    #[track_caller]
    pub fn expect_one(&self) -> &Record {
        match self.found.as_slice() {
            [one] => one,
            _ => panic!("{}", self.complaint(&format!("one {}", self.what))),
        }
    }

    /// Panics if there is any.
    #[track_caller]
    pub fn expect_none(&self) {
        assert!(self.found.is_empty(), "{}", self.complaint(&format!("no {}", self.what)));
    }

    fn complaint(&self, expected: &str) -> String {
        let filters: String = self.filters.iter().map(|filter| format!(" {filter}")).collect();
        let mut text = format!("expected {expected}{filters}, found {}", self.found.len());
        let there: Vec<&Record> = self.all.iter().collect();
        list(&mut text, "there are", &there, |record| record.line());
        text
    }
}

impl Deref for Records {
    type Target = Vec<Record>;

    fn deref(&self) -> &Self::Target {
        &self.found
    }
}

impl DerefMut for Records {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.found
    }
}

impl IntoIterator for Records {
    type Item = Record;
    type IntoIter = std::vec::IntoIter<Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'r> IntoIterator for &'r Records {
    type Item = &'r Record;
    type IntoIter = std::slice::Iter<'r, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.iter()
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.found).finish()
    }
}

impl Record {
    /// Panics unless the record has these fields with these values, with a line for each difference. Fields that are
    /// not named may be anything.
    #[track_caller]
    pub fn expect(&self, fields: &Value) -> &Self {
        let got = serde_json::from_str(&self.to_json()).unwrap_or_default();
        expect("the record", fields, &got);
        self
    }

    /// Its id, status and title.
    fn line(&self) -> String {
        let ids = ["taskId", "documentId", "commentId"];
        let id = ids.iter().find_map(|name| self.text(name)).unwrap_or_default();
        let field = |name: &str| self.text(name).unwrap_or_default();
        format!("{id:<12} {:<12} {}", field("status"), field("title"))
    }
}

impl RecordedRequest {
    /// Panics unless the JSON body has these fields with these values, with a line for each difference. Fields that are
    /// not named may be anything.
    #[track_caller]
    pub fn expect_body(&self, fields: &Value) -> &Self {
        expect("the body", fields, &self.json::<Value>().unwrap_or_default());
        self
    }

    /// Method, path, operation and what became of it.
    pub(crate) fn line(&self) -> String {
        let status = self.status().map_or_else(|| "no response".to_owned(), |status| status.to_string());
        let mut line = format!("{:<6} {}", self.method().as_str(), self.path());
        let _ = write!(line, "  {}  {status}", self.operation().unwrap_or("no operation"));
        if let Some(first) = self.violations().first() {
            let _ = write!(line, "  {} {}: {}", first.place, first.path, first.message);
        }
        line
    }
}

#[track_caller]
fn expect(what: &str, fields: &Value, got: &Value) {
    let found = differences(fields, got);
    assert!(found.is_empty(), "{what} is not as expected:\n  {}", found.join("\n  "));
}

fn list<T>(text: &mut String, title: &str, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        let _ = write!(text, "\n{title}: none");
        return;
    }
    let _ = write!(text, "\n{title} ({}):", items.len());
    let skipped = items.len().saturating_sub(PRINTED);
    if skipped > 0 {
        let _ = write!(text, "\n  … {skipped} earlier");
    }
    for item in items.iter().skip(skipped) {
        let _ = write!(text, "\n  {}", line(item));
    }
}

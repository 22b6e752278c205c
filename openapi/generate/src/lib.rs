//! Turns an OpenAPI document (3.0 or 3.1) and its curation into the models and API clients of `onehorizon`.
//!
//! The way: `document` loads and resolves, `lower` reads it into a small representation (`ir`) and applies the
//! `curation`, `emit` prints that as Rust. What cannot be expressed is a [`Finding`] with its JSON pointer:
//! an error for our own contract, a list and a lesser type for foreign documents ([`Mode::Lenient`]).
//!
//! Not expressed, and therefore findings: bodies and responses that are not JSON, cookies, objects as parameters
//! (`deepObject`), lists in paths and headers, servers of single operations, callbacks, path segments that mix text and
//! parameters, responses of several types or with and without a body, tuples, `patternProperties`, `if`/`not` and their like.
//! Not emitted because nothing is lost by it: bodies of errors (the client keeps them as they came), limits of values
//! (written in the comments), `security` (the client has one credential), headers of responses (kept on every response).

pub mod check;
mod curation;
mod document;
mod emit;
mod error;
mod findings;
mod hand_written;
mod intake;
mod ir;
mod lower;
mod naming;
mod pointer;
mod reading;
pub mod rules;
mod rustdoc;

use std::collections::BTreeMap;

pub use error::Error;
pub use findings::Finding;
pub use hand_written::{Methods, methods};
pub use intake::{Fact, Intake, IntakeInput, Report, Verdict, intake, remerge};
pub use reading::text;

/// What becomes of constructs that cannot be expressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are errors.
    #[default]
    Strict,
    /// They are listed, and the field becomes free-form JSON or the operation is left out.
    Lenient,
}

/// What to generate from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The text of the document.
    pub document: &'a str,
    /// The text of the curation; may be empty.
    pub curation: &'a str,
    /// What the emitted files call the document.
    pub source: &'a str,
    /// What becomes of constructs that cannot be expressed.
    pub mode: Mode,
    /// The methods that clients have already ([`methods`]).
    pub written: &'a Methods,
}

/// What came out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// The text of each file, by its path under the output directory.
    pub files: BTreeMap<String, String>,
    /// The text of `docs/retry-safety.md`.
    pub retry_safety: String,
    /// The text of `docs/evidence.md`.
    pub evidence: String,
    /// The text of `tests/support/models.rs`.
    pub model_list: String,
    /// What could not be expressed (lenient mode; in strict mode there is nothing of the kind).
    pub findings: Vec<Finding>,
    /// What could not be expressed and was accepted by the curation.
    pub accepted: Vec<Finding>,
    /// How many operations were emitted.
    pub operations: usize,
    /// How many named types were emitted.
    pub models: usize,
}

/// Generates.
///
/// # Errors
/// When the document or the curation cannot be read, and in strict mode when a construct cannot be expressed.
pub fn generate(input: &Input<'_>) -> Result<Output, Error> {
    let document = document::Document::parse(input.document)?;
    let curation = curation::Curation::parse(input.curation)?;
    let (program, findings) = lower::lower(&document, &curation, input.written);
    let sorted = findings.sorted(&curation.accept);
    if input.mode == Mode::Strict && !(sorted.open.is_empty() && sorted.stale.is_empty()) {
        return Err(Error::Findings(sorted.open.into_iter().chain(sorted.stale).collect()));
    }
    if !sorted.stale.is_empty() {
        return Err(Error::Stale(sorted.stale));
    }
    Ok(Output {
        files: emit::emit(&program, input.source)?,
        retry_safety: emit::retry_safety(&program, input.source),
        evidence: emit::evidence::page(&program, input.source),
        model_list: emit::model_list(&program, input.source),
        findings: sorted.open,
        accepted: sorted.accepted,
        operations: program.groups.iter().map(|group| group.operations.len()).sum(),
        models: program.items.len(),
    })
}

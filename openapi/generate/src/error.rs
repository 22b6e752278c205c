//! Why there is no output.

use std::path::PathBuf;

use crate::findings::Finding;

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document could not be read; the text says where, why, and what to do.
    #[error("{0}")]
    Unreadable(String),
    /// The curation does not parse.
    #[error("the curation does not parse: {0}")]
    Curation(#[source] Box<toml::de::Error>),
    /// The curation gives a name that Rust does not take.
    #[error("the curation calls something {0:?}, which is not a Rust name")]
    CurationName(String),
    /// The document or the curation says what the generator cannot express (strict mode only).
    #[error("{} construct(s) cannot be expressed:\n{}", .0.len(), lines(.0))]
    Findings(Vec<Finding>),
    /// The curation says what the document does not bear out (in every mode).
    #[error("{} entries of the curation do not fit the document:\n{}", .0.len(), lines(.0))]
    Stale(Vec<Finding>),
    /// The emitted code does not parse: a mistake of the generator.
    #[error("emitted code does not parse (a mistake of the generator): {0}")]
    Emitted(#[source] syn::Error),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn unreadable(what: impl Into<String>) -> Self {
        Self::Unreadable(what.into())
    }
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

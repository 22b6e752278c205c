//! What is on disk against what would be written there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::error::Error;

/// How a file on disk differs from what the generator says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It should be there.
    Missing(PathBuf),
    /// It should not be there.
    Superfluous(PathBuf),
    /// Its text is another.
    Changed {
        /// Which file.
        path: PathBuf,
        /// From the text on disk to the right one.
        diff: String,
    },
}

/// The differences between the files on disk and the right ones. Files under `directory` that are not among them are superfluous.
///
/// # Errors
/// When a file cannot be read.
pub fn compare(directory: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for (path, right) in files {
        match read(path)? {
            None => differences.push(Difference::Missing(path.clone())),
            Some(found) if found != *right => {
                differences.push(Difference::Changed { path: path.clone(), diff: unified(path, &found, right) });
            }
            Some(_) => {}
        }
    }
    for path in listing(directory)? {
        if !files.contains_key(&path) {
            differences.push(Difference::Superfluous(path));
        }
    }
    Ok(differences)
}

/// Writes what is missing or changed and removes what is superfluous, all or nothing; returns how many files that touched.
///
/// # Errors
/// When a file cannot be read or written; then every file is as it was.
pub fn write(directory: &Path, files: &BTreeMap<PathBuf, String>) -> Result<usize, Error> {
    let differences = compare(directory, files)?;
    let mut staged = Vec::new();
    let result = stage(&differences, files, &mut staged).and_then(|()| {
        let mut done = Vec::new();
        let result = differences.iter().try_for_each(|difference| {
            let path = difference.path();
            done.push((path, std::fs::read(path).ok()));
            match difference {
                Difference::Superfluous(path) => std::fs::remove_file(path).map_err(|source| io(path, source)),
                _ => std::fs::rename(beside(path), path).map_err(|source| io(path, source)),
            }
        });
        if result.is_err() {
            for (path, before) in done {
                // The first error is the one to report.
                let _ = match before {
                    Some(bytes) => std::fs::write(path, bytes),
                    None => std::fs::remove_file(path),
                };
            }
        }
        result
    });
    for path in staged {
        let _ = std::fs::remove_file(path);
    }
    result.map(|()| differences.len())
}

/// Writes every new text beside its place, so that only renaming is left to do.
fn stage(
    differences: &[Difference],
    files: &BTreeMap<PathBuf, String>,
    staged: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    for difference in differences {
        if matches!(difference, Difference::Superfluous(_)) {
            continue;
        }
        let path = difference.path();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
        }
        let beside = beside(path);
        staged.push(beside.clone());
        let text = files.get(path).map(String::as_str).unwrap_or_default();
        std::fs::write(&beside, text).map_err(|source| io(&beside, source))?;
    }
    Ok(())
}

/// Where the new text of a file waits.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

impl Difference {
    fn path(&self) -> &Path {
        match self {
            Self::Missing(path) | Self::Superfluous(path) | Self::Changed { path, .. } => path,
        }
    }
}

/// The differences for people.
#[must_use]
pub fn report(differences: &[Difference]) -> String {
    let mut text = String::new();
    for difference in differences {
        let _ = match difference {
            Difference::Missing(path) => writeln!(text, "missing: {}", path.display()),
            Difference::Superfluous(path) => writeln!(text, "superfluous: {}", path.display()),
            Difference::Changed { diff, .. } => write!(text, "{diff}"),
        };
    }
    text
}

fn unified(path: &Path, found: &str, right: &str) -> String {
    let diff = TextDiff::from_lines(found, right);
    let path = path.display();
    diff.unified_diff()
        .context_radius(3)
        .header(&format!("{path} (on disk)"), &format!("{path} (generated)"))
        .to_string()
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path, error)),
    }
}

/// Every file below a directory, in order; none if it does not exist.
pub(crate) fn listing(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(directory, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| io(directory, source))?.path();
        if path.is_dir() {
            files.extend(listing(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}

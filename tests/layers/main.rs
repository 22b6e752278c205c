//! Imports between the modules of the SDK run downwards only, as in the table here, and no two modules import each other.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Who may import whom. A module stands with all that it imports; what is not listed is a breach.
const ALLOWED: &[(&str, &[&str])] = &[
    ("drift", &["models"]),
    ("metrics", &["error", "hooks", "models", "webhook"]),
    ("blocking", &["apis", "background", "configuration", "error", "models", "options", "response", "secret"]),
    ("reconcile", &["apis", "error", "models", "store", "webhook"]),
    (
        "apis",
        &[
            "configuration",
            "credential",
            "deadline",
            "engine",
            "error",
            "future",
            "keyed_locks",
            "limits",
            "metadata",
            "models",
            "options",
            "redact",
            "response",
            "secret",
            "trace",
        ],
    ),
    (
        "configuration",
        &[
            "background",
            "clock",
            "credential",
            "drift",
            "engine",
            "environment",
            "error",
            "hooks",
            "keyed_locks",
            "limits",
            "models",
            "quota",
            "secret",
            "setting",
            "store",
            "transport",
        ],
    ),
    (
        "engine",
        &[
            "clock",
            "credential",
            "deadline",
            "drift",
            "error",
            "future",
            "hooks",
            "metadata",
            "models",
            "options",
            "quota",
            "redact",
            "response",
            "retry_after",
            "setting",
            "trace",
            "transport",
        ],
    ),
    (
        "oauth",
        &[
            "clock",
            "contained",
            "credential",
            "environment",
            "error",
            "future",
            "metadata",
            "models",
            "redact",
            "retry_after",
            "secret",
            "setting",
            "store",
            "time_limit",
            "transport",
        ],
    ),
    (
        "webhook",
        &[
            "clock",
            "drift",
            "future",
            "limits",
            "media_type",
            "models",
            "runtime",
            "secret",
            "setting",
            "store",
            "time_limit",
            "watchers",
        ],
    ),
    ("options", &["quota", "setting"]),
    ("quota", &["clock", "contained", "deadline", "future", "limits", "metadata", "store", "trace"]),
    ("credential", &["error", "future", "redact", "secret", "setting"]),
    ("transport", &["clock", "environment", "error", "future", "limits", "redact", "runtime", "secret", "setting"]),
    ("response", &["metadata"]),
    ("retry_after", &["clock", "error", "limits", "media_type", "metadata"]),
    ("hooks", &["drift", "error", "metadata", "quota", "watchers"]),
    ("trace", &["error"]),
    ("error", &["media_type", "metadata", "models", "redact"]),
    ("deadline", &["clock", "metadata", "time_limit"]),
    ("time_limit", &["clock"]),
    ("keyed_locks", &["clock", "time_limit"]),
    ("watchers", &["contained"]),
    ("models", &["secret"]),
    ("clock", &["future", "runtime"]),
    ("store", &["clock", "future", "setting"]),
];

/// Sources by their path below `src`.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn gather(root: &Path, dir: &Path, sources: &mut Sources) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(root, &path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut sources = Sources::new();
    gather(&root, &root, &mut sources);
    sources
}

/// The module of a file; generated code counts as part of the module that it is written for.
fn module(path: &str) -> Option<&str> {
    let path = path.strip_prefix("generated/").unwrap_or(path);
    let first = path.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "mod")).then_some(name)
}

/// The first names of all paths below `root::`, also of those in braces.
fn names(text: &str, root: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (at, start) in code.match_indices(root) {
        let before = code.get(..at).unwrap().chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
            continue;
        }
        let rest = code.get(at + start.len()..).unwrap();
        let ident =
            |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            for part in group.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    names.insert(ident(part));
                }
                depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
                if depth < 0 {
                    break;
                }
            }
        } else {
            names.insert(ident(rest));
        }
    }
    names.remove("");
    names
}

/// What the sources do against the table.
fn breaches(sources: &Sources) -> Vec<String> {
    let modules: BTreeSet<&str> = sources.keys().filter_map(|path| module(path)).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut breaches = Vec::new();
    let mut siblings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources {
        let Some(own) = module(path) else { continue };
        for name in names(text, "crate::").iter().filter(|name| modules.contains(name.as_str()) && *name != own) {
            if !allowed.get(own).is_some_and(|allowed| allowed.contains(&name.as_str())) {
                breaches.push(format!("{path} imports {name}, which `{own}` may not"));
            }
        }
        // Within a directory: which file imports which other one.
        let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
        if file != "mod.rs" {
            for name in names(text, "super::") {
                let other = [format!("{dir}/{name}.rs"), format!("{dir}/{name}/mod.rs")];
                let other = other.into_iter().find(|other| sources.contains_key(other) && other != path);
                siblings.entry(path.clone()).or_default().extend(other);
            }
        }
    }
    breaches.extend(cycles(&siblings).into_iter().map(|cycle| format!("{cycle} import each other")));
    let table =
        ALLOWED.iter().map(|(name, below)| ((*name).to_owned(), below.iter().map(|name| (*name).to_owned()).collect()));
    breaches
        .extend(cycles(&table.collect()).into_iter().map(|cycle| format!("the table lets {cycle} import each other")));
    breaches
}

/// The cycles that a walk along the imports meets.
fn cycles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    fn walk<'a>(
        at: &'a str,
        imports: &'a BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
        found: &mut Vec<String>,
    ) {
        if let Some(start) = way.iter().position(|name| *name == at) {
            found.push(way[start..].join(" and "));
            return;
        }
        if !done.insert(at) {
            return;
        }
        way.push(at);
        for next in imports.get(at).into_iter().flatten() {
            walk(next, imports, way, done, found);
        }
        way.pop();
    }
    let (mut done, mut found) = (BTreeSet::new(), Vec::new());
    for name in imports.keys() {
        walk(name, imports, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

#[test]
fn imports_run_downwards_only() {
    let sources = sources();
    assert!(sources.len() > 80 && sources.contains_key("engine/run.rs"), "the sources are not where they were");
    let breaches = breaches(&sources);
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_table_names_only_modules_that_are_there() {
    let sources = sources();
    let modules: BTreeSet<&str> = sources.keys().filter_map(|path| module(path)).collect();
    for name in ALLOWED.iter().flat_map(|(name, below)| below.iter().chain([name])) {
        assert!(modules.contains(name), "{name} is in the table and not in src");
    }
}

#[test]
fn a_breach_is_noticed_however_it_is_written() {
    for (path, line, breach) in [
        ("quota/mod.rs", "use crate::engine::Retry;", "quota/mod.rs imports engine"),
        ("quota/gate.rs", "use crate::{clock::Clock, engine::{Retry, Call}};", "quota/gate.rs imports engine"),
        ("webhook/mod.rs", "fn f(t: &dyn crate::transport::Transport) {}", "webhook/mod.rs imports transport"),
        ("oauth/app.rs", "pub use crate::engine::Retry;", "oauth/app.rs imports engine"),
        ("secret.rs", "use crate::models::Task;", "secret.rs imports models"),
        ("generated/models/task.rs", "use crate::apis::TasksApi;", "generated/models/task.rs imports apis"),
        ("engine/retry.rs", "use super::run::run;", "engine/"),
        ("engine/call.rs", "use super::{query::Query, run::{self, run}};", "engine/"),
    ] {
        let mut sources = sources();
        sources.get_mut(path).unwrap_or_else(|| panic!("{path}")).push_str(line);
        let found = breaches(&sources);
        assert!(found.iter().any(|found| found.contains(breach)), "{line} in {path}: {found:?}");
    }
    let mut sources = sources();
    sources.get_mut("quota/mod.rs").unwrap().push_str("// use crate::engine::Retry;");
    assert!(breaches(&sources).is_empty(), "a comment is not an import");
}

#[test]
fn secrets_of_strangers_are_compared_in_constant_time() {
    let sources = sources();
    for (path, compares) in [
        ("webhook/verifier/key.rs", ".ct_eq("),
        ("webhook/verifier/signature.rs", ".ct_eq("),
        ("secret.rs", "black_box(differing)"),
    ] {
        assert!(sources[path].contains(compares), "{path}");
    }
    // Neither digest nor signature can be compared in another way.
    let key = &sources["webhook/verifier/key.rs"];
    assert!(!key.contains(" == ") && !key.contains("PartialEq") && !key.contains("pub(super) [u8"), "{key}");
    assert!(!sources["webhook/verifier/signature.rs"].contains("mac =="));
    // The state of a login is compared as the secret that it is.
    assert!(sources["oauth/login.rs"].contains("state: Option<Secret>"));
}

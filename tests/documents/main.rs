//! What documents say of kinds of error, features and commands is so, and their search finds what people look for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const README: &str = include_str!("../../README.md");
const ERRORS: &str = include_str!("../../docs/guide/src/errors.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The words in backticks of the first cells of a table's rows, from the row `header` to the end of the table.
fn first_cells(text: &str, header: &str) -> BTreeSet<String> {
    let table = text.split_once(header).expect(header).1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn kinds() -> BTreeSet<String> {
    let source = include_str!("../../src/error/mod.rs");
    let body = source.split_once("pub enum ErrorKind {").unwrap().1.split_once("\n}").unwrap().0;
    let variants = body.lines().filter_map(|line| line.trim().strip_suffix(','));
    variants.filter(|line| !line.starts_with("//")).map(str::to_owned).collect()
}

#[test]
fn each_kind_of_error_has_a_row_in_the_readme_and_in_the_guide() {
    let kinds = kinds();
    assert!(kinds.len() >= 14 && kinds.contains("RateLimited"), "{kinds:?}");
    assert_eq!(first_cells(README, "\n| kind | meaning |"), kinds);
    assert_eq!(first_cells(ERRORS, "\n| kind | cause | remedy |"), kinds);
}

/// The packages of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn features(package: &Value) -> BTreeSet<String> {
    package["features"].as_object().unwrap().keys().cloned().collect()
}

fn named<'a>(packages: &'a [Value], name: &str) -> Option<&'a Value> {
    packages.iter().find(|package| package["name"] == name)
}

#[test]
fn the_readme_lists_each_feature() {
    let packages = packages();
    let mut features = features(named(&packages, "onehorizon").unwrap());
    features.remove("default");
    assert_eq!(first_cells(README, "\n| feature | default | |"), features);
}

/// Markdown and Rust files in a folder and below.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                walk(&path, found);
            }
        } else if [Some("md"), Some("rs")].contains(&path.extension().and_then(|ending| ending.to_str())) {
            found.push(path);
        }
    }
}

/// Markdown and examples, where commands to paste stand.
fn documents() -> Vec<PathBuf> {
    let (root, mut found) = (root(), Vec::new());
    for file in ["README.md", "AGENTS.md", "CONTRIBUTING.md", "RELEASING.md"] {
        found.push(root.join(file));
    }
    for folder in ["docs", "examples", "src", "crates", "openapi/README.md"] {
        let path = root.join(folder);
        if path.is_dir() { walk(&path, &mut found) } else { found.push(path) }
    }
    found
}

/// What follows `command` on a line, to the end of the command: its words.
fn commands<'a>(text: &'a str, command: &str) -> impl Iterator<Item = Vec<&'a str>> {
    text.match_indices(command).map(move |(at, _)| {
        let rest = &text[at + command.len()..];
        let end = rest.find(['\n', '`', ';', '#', '&', '|']).unwrap_or(rest.len());
        rest[..end].split_whitespace().collect()
    })
}

fn value<'a>(words: &[&'a str], names: &[&str]) -> Option<&'a str> {
    words.iter().position(|word| names.contains(word)).and_then(|at| words.get(at + 1)).copied()
}

/// The features that a command names, and what is wrong with it.
fn checked(words: &[&str], package: &Value) -> Result<(), String> {
    let given: BTreeSet<String> =
        value(words, &["--features", "-F"]).into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    let known = features(package);
    if let Some(unknown) = given.iter().find(|feature| !known.contains(*feature)) {
        return Err(format!("there is no feature {unknown}"));
    }
    let Some(example) = value(words, &["--example"]) else { return Ok(()) };
    let targets = package["targets"].as_array().unwrap();
    let target = targets
        .iter()
        .find(|target| target["name"] == example && target["kind"] == serde_json::json!(["example"]))
        .ok_or_else(|| format!("there is no example {example}"))?;
    let default = package["features"]["default"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let on: BTreeSet<&str> = default.chain(given.iter().map(String::as_str)).collect();
    match target["required-features"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|needed| !on.contains(needed.as_str().unwrap()))
    {
        Some(needed) => Err(format!("the example needs --features {needed}")),
        None => Ok(()),
    }
}

#[test]
fn each_command_in_a_document_names_an_example_and_features_that_exist() {
    let packages = packages();
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for words in commands(&text, "cargo run ") {
            let name = value(&words, &["-p", "--package"]).unwrap_or("onehorizon");
            if value(&words, &["--example"]).is_none() {
                continue;
            }
            seen += 1;
            let package = named(&packages, name).ok_or_else(|| format!("there is no package {name}"));
            if let Err(what) = package.and_then(|package| checked(&words, package)) {
                wrong.push(format!("{}: cargo run {}: {what}", path.display(), words.join(" ")));
            }
        }
        for words in commands(&text, "cargo add ") {
            let Some(package) = words.iter().find_map(|word| named(&packages, word)) else { continue };
            seen += 1;
            if let Err(what) = checked(&words, package) {
                wrong.push(format!("{}: cargo add {}: {what}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(seen >= 15, "{seen} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn contributing_lists_each_script() {
    let contributing = include_str!("../../CONTRIBUTING.md");
    let scripts = std::fs::read_dir(root().join(".ci")).unwrap().map(|entry| entry.unwrap());
    let scripts = scripts.filter(|entry| entry.file_type().unwrap().is_file());
    let names: BTreeSet<String> = scripts.map(|entry| format!(".ci/{}", entry.file_name().to_str().unwrap())).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut listed = first_cells(contributing, "\n| script | what it checks |");
    // The first is what the page begins with; the second has what the others share.
    listed.extend([".ci/run".to_owned(), ".ci/tools".to_owned()]);
    assert_eq!(listed, names);
}

/// What people look for who know the JavaScript SDK, another client, or the HTTP library: the search of the documentation
/// finds items by their names and by their aliases.
const GUESSES: &[&str] = &[
    "Client",
    "Configuration",
    "ErrorKind",
    "PaginationExt",
    "Response",
    "ResponseError",
    "Retry",
    "Sleep",
    "Timestamp",
    "Webhook",
    "accessToken",
    "api_key",
    "apiKey",
    "assignee",
    "backoff",
    "basePath",
    "base_url",
    "bearer_token",
    "ca_bundle",
    "ca_file",
    "concurrency",
    "construct_event",
    "createTask",
    "dedupe",
    "fetchApi",
    "fetchTask",
    "get_task",
    "headers",
    "idempotency_key",
    "interceptor",
    "into_inner",
    "is_retryable",
    "lane",
    "limit",
    "listTasks",
    "max_attempts",
    "max_retries",
    "middleware",
    "pagination",
    "patch_task",
    "prelude",
    "proxy",
    "rate_limit",
    "request_id",
    "retries",
    "retry",
    "retry_after",
    "revokeApiKey",
    "search",
    "status_code",
    "sync",
    "throttle",
    "timeout",
    "updateTask",
    "upsert",
    "user_agent",
    "verify_signature",
    "webhook_secret",
];

#[test]
fn the_search_of_the_documentation_finds_what_people_look_for() {
    let mut sources = Vec::new();
    walk(&root().join("src"), &mut sources);
    let text: String = sources.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let names = ["pub fn ", "pub async fn ", "pub struct ", "pub enum ", "pub trait ", "pub mod ", "#[doc(alias = \""];
    let found: BTreeSet<&str> = names
        .iter()
        .flat_map(|start| text.split(start).skip(1))
        .map(|rest| &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())])
        .collect();
    let missing: Vec<_> = GUESSES.iter().filter(|name| !found.contains(*name)).collect();
    assert!(missing.is_empty(), "no item and no alias is called {missing:?}");
}

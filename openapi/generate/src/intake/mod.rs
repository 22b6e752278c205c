//! The day the official document appears: `cargo generate --intake FILE` compares it with the contract, reports every
//! fact, merges both and proposes the curation. Nothing is written here: [`Intake`] holds what would be.

mod compare;
mod facts;
mod flat;
mod matching;
mod merge;
mod propose;
mod references;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use facts::{Fact, Verdict};
pub use report::Report;

use crate::curation::{Access, Curation};
use crate::document::Document;
use crate::error::Error;
use crate::hand_written::Methods;
use crate::intake::compare::Comparison;
use crate::intake::matching::{Operation, Reason};
use crate::intake::propose::Proposal;
use crate::lower::BASE_URL;
use crate::pointer::{Located, Pointer};

/// What an intake reads.
#[derive(Clone, Copy, Debug)]
pub struct IntakeInput<'a> {
    /// The official document as it came, JSON or YAML.
    pub official: &'a str,
    /// The contract that it is compared with.
    pub contract: &'a str,
    /// The curation of the contract.
    pub curation: &'a str,
    /// The methods that clients have already.
    pub written: &'a Methods,
}

/// What an intake found and would write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Intake {
    /// Every fact, and what is to be decided.
    pub report: Report,
    /// What the official document lacks: `openapi/overlay.json`.
    pub overlay: String,
    /// Both together: `openapi/onehorizon.json`.
    pub merged: String,
    /// `openapi/curation.toml`.
    pub curation: String,
    /// Version and SHA-256 of the document: `openapi/official.lock.json`.
    pub lock: String,
    /// The name under which the document is kept as it came.
    pub kept_as: &'static str,
}

/// Compares, merges and proposes.
///
/// # Errors
/// When a document or the curation cannot be read, or the official document has a reference that leads nowhere.
pub fn intake(input: &IntakeInput<'_>) -> Result<Intake, Error> {
    let theirs = Document::parse(input.official)?;
    references::check(&theirs)?;
    let ours = Document::parse(input.contract)?;
    let curation = Curation::parse(input.curation)?;
    let mut comparison = Comparison::new(&ours, &theirs, &curation);
    let our_operations = matching::operations(&ours, &curation, input.written);
    let their_operations = matching::operations(&theirs, &curation, input.written);
    let pairs = matching::pair((&ours, &our_operations), (&theirs, &their_operations), &curation);
    let pairs: Vec<(&Operation<'_>, Option<(&Operation<'_>, Reason)>)> = our_operations
        .iter()
        .zip(&pairs)
        .map(|(mine, found)| (mine, found.and_then(|(index, reason)| Some((their_operations.get(index)?, reason)))))
        .collect();
    comparison.distinguishes = their_operations.iter().any(|operation| operation.access == Access::Oauth);
    base_url(&mut comparison);
    for (mine, found) in &pairs {
        match found {
            Some((other, reason)) => comparison.operation(mine, other, *reason),
            None => comparison.missing(mine),
        }
    }
    for other in &their_operations {
        if !pairs.iter().any(|(_, found)| found.is_some_and(|(known, _)| known.node.at == other.node.at)) {
            comparison.added(other);
        }
    }
    rest(&mut comparison);
    pages(&mut comparison, &their_operations);

    let (overlay, needed) = merge::overlay(&comparison, &roles(&pairs, &comparison), &pairs);
    let merged = merge::apply(theirs.root().value, &overlay)?;
    let merged_document = Document::new(merged.clone())?;
    let mut proposal = Proposal::new(input.curation)?;
    proposal.operations(&pairs);
    proposal.to_decide.extend(needed);
    proposal.to_decide.append(&mut comparison.to_decide);
    let (renamed, known) = parameters(&pairs, &their_operations);
    proposal.parameters(&renamed, &known);
    proposal.models(&comparison, &merged_document);
    let version = theirs.root().get("info").and_then(|info| info.text("version")).unwrap_or("unknown").to_owned();
    let not_expressed = settle(&mut proposal, &merged, &version, input.written)?;

    let sha256 = hash(input.official);
    let facts = comparison.facts.into_list();
    let count = |verdict: Verdict| facts.iter().filter(|fact| fact.verdict == verdict).count();
    let report = Report {
        openapi: theirs.root().text("openapi").unwrap_or_default().to_owned(),
        sha256: sha256.clone(),
        confirmed: count(Verdict::Confirmed),
        refuted: count(Verdict::Refuted),
        silent: count(Verdict::Silent),
        new: count(Verdict::New),
        not_expressed,
        to_decide: proposal.to_decide.clone(),
        version: version.clone(),
        facts,
    };
    let kept_as = if input.official.trim_start().starts_with('{') { "official.json" } else { "official.yaml" };
    Ok(Intake {
        report,
        overlay: pretty(&overlay),
        merged: pretty(&merged),
        curation: proposal.text(),
        lock: pretty(&json!({ "file": kept_as, "version": version, "sha256": sha256 })),
        kept_as,
    })
}

/// What the fake service must know of their operations: which of ours each is, who may call it, and what the fields of
/// its response are called.
fn roles(
    pairs: &[(&Operation<'_>, Option<(&Operation<'_>, Reason)>)],
    comparison: &Comparison<'_>,
) -> BTreeMap<String, Value> {
    let found = pairs.iter().filter_map(|(mine, found)| Some((mine, found.as_ref()?.0)));
    let entries = found.filter_map(|(mine, other)| {
        let mut entry = serde_json::Map::new();
        if mine.id != other.id {
            entry.insert("x-role".to_owned(), Value::from(mine.id.as_str()));
        }
        let keeps = compare::keeps_access(mine, other, comparison.distinguishes);
        if (other.access == Access::Oauth || keeps) && other.node.text("x-access").is_none() {
            entry.insert("x-access".to_owned(), Value::from("oauth"));
        }
        let (renamed, of_items) = renamed_in_response(mine, comparison);
        for (key, names) in [("x-renamed", renamed), ("x-renamed-items", of_items)] {
            if !names.is_empty() {
                entry.insert(key.to_owned(), Value::Object(names));
            }
        }
        if sends_whole(comparison.theirs, &other.node) {
            entry.insert("x-sends-whole".to_owned(), Value::Bool(true));
        }
        (!entry.is_empty()).then(|| (other.node.at.to_string(), Value::Object(entry)))
    });
    entries.collect()
}

/// Is what a POST sends described by the schema of what comes back?
fn sends_whole(document: &Document, operation: &Located<'_>) -> bool {
    let body = operation.get("requestBody").and_then(|body| document.resolve(&body).ok());
    let sent = body.and_then(|body| matching::json_schema(&body));
    let received = matching::success(document, operation).and_then(|(_, response)| matching::json_schema(&response));
    let at = |schema: &Located<'_>| flat::Flat::of(document, schema).at;
    let is_post = operation.at.steps().last().is_some_and(|method| method == "post");
    is_post && sent.zip(received).is_some_and(|(sent, received)| at(&sent) == at(&received))
}

/// The fields of an operation's response under the names of both sides, and those of what the lists in it contain.
fn renamed_in_response(mine: &Operation<'_>, comparison: &Comparison<'_>) -> (Names, Names) {
    let component = |schema: &Located<'_>| Pointer::parse(schema.text("$ref")?)?.component("schemas");
    let names = |model: &str| -> Names {
        let renamed = comparison.renamed.iter().filter(|((owner, _), _)| owner == model);
        renamed.map(|((_, ours), theirs)| (ours.clone(), Value::from(theirs.as_str()))).collect()
    };
    let responses = mine.node.get("responses");
    let success = responses.iter().flat_map(Located::fields).find(|(status, _)| status.starts_with('2'));
    let schema = success.and_then(|(_, response)| response.get("content")?.get("application/json")?.get("schema"));
    let Some(schema) = schema else { return (Names::new(), Names::new()) };
    let fields = flat::Flat::of(comparison.ours, &schema).fields;
    let items = fields.iter().filter_map(|field| flat::Flat::of(comparison.ours, &field.schema).items);
    let of_items = items.filter_map(|items| component(&items)).flat_map(|model| names(&model)).collect();
    (component(&schema).map(|model| names(&model)).unwrap_or_default(), of_items)
}

/// Names of fields on both sides.
type Names = serde_json::Map<String, Value>;

/// The merged document of a lock, an official document and an overlay.
///
/// # Errors
/// When the official document is not the one that was taken in, or one of them cannot be read.
pub fn remerge(official: &str, lock: &str, overlay: &str) -> Result<String, Error> {
    let lock = crate::reading::value(lock)?;
    let wanted = lock.get("sha256").and_then(Value::as_str).unwrap_or_default();
    let found = hash(official);
    if wanted != found {
        return Err(Error::unreadable(format!(
            "the official document has the SHA-256 {found}, but {wanted} was taken in: restore it, or take the new one in by `cargo generate --intake`"
        )));
    }
    Ok(pretty(&merge::apply(&crate::reading::value(official)?, &crate::reading::value(overlay)?)?))
}

/// The curation without what the merged document makes stale, and with every finding accepted by itself.
fn settle(
    proposal: &mut Proposal,
    merged: &Value,
    version: &str,
    written: &Methods,
) -> Result<Vec<crate::Finding>, Error> {
    let document = merged.to_string();
    let mut found = Vec::new();
    for _ in 0..8 {
        let curation = proposal.text();
        let input = crate::Input {
            document: &document,
            curation: &curation,
            source: "openapi/onehorizon.json",
            mode: crate::Mode::Lenient,
            written,
        };
        match crate::generate(&input) {
            Ok(output) if output.findings.is_empty() => return Ok(found),
            Ok(output) => {
                let (servers, others): (Vec<_>, Vec<_>) =
                    output.findings.into_iter().partition(|finding| finding.pointer().starts_with("#/servers/"));
                if !servers.is_empty() {
                    let url = crate::lower::first_server(merged).unwrap_or_default();
                    proposal.base_url(&url);
                }
                let (named, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|finding| proposal.name(finding));
                if named.is_empty() {
                    proposal.accept(&others, version);
                    found.extend(others);
                }
            }
            Err(Error::Stale(stale)) => proposal.remove_stale(&stale),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The server of the document against the client's base URL.
fn base_url(comparison: &mut Comparison<'_>) {
    let url = |document: &Document| {
        let server = document.section(&["servers"]).and_then(|servers| servers.elements().next())?;
        Some((crate::lower::server_url(&server)?, server.at))
    };
    let at = Pointer::root().field("servers");
    match url(comparison.theirs) {
        Some((found, at)) => {
            let fits = crate::lower::serves_base_url(comparison.theirs, comparison.curation).unwrap_or_default();
            let verdict = if fits { Verdict::Confirmed } else { Verdict::Refuted };
            comparison.fact("base URL".to_owned(), verdict, (BASE_URL, &found), Some("documented"), &at);
        }
        None => comparison.fact("base URL".to_owned(), Verdict::Silent, (BASE_URL, "none"), Some("documented"), &at),
    }
}

/// Schemas that no operation led to: by the curation's name or their own, else the document is silent on them.
fn rest(comparison: &mut Comparison<'_>) {
    let (ours, theirs) = (comparison.ours, comparison.theirs);
    let section = |document: &'static str| ["components", document];
    let mine = ours.section(&section("schemas"));
    let other = theirs.section(&section("schemas"));
    let other: Vec<(&str, Located<'_>)> = other.iter().flat_map(Located::fields).collect();
    for (name, schema) in mine.iter().flat_map(Located::fields) {
        if comparison.roles.iter().any(|role| role.ours == name) {
            continue;
        }
        let called = |key: &str| comparison.curation.models.get(key).and_then(|model| model.name.clone());
        let wanted = matching::plain(name);
        let found = other
            .iter()
            .find(|(key, _)| called(key).is_some_and(|called| called == name) || matching::plain(key) == wanted)
            .or_else(|| other.iter().find(|(key, _)| matching::plain(key) == format!("webhook{wanted}")));
        match found {
            Some((_, found)) => comparison.schema(name, &schema, found),
            None => silent(comparison, name, &schema),
        }
    }
}

fn silent(comparison: &mut Comparison<'_>, name: &str, schema: &Located<'_>) {
    let flat = flat::Flat::of(comparison.ours, schema);
    for value in &flat.values {
        let subject = format!("value {name} `{}`", value.text);
        comparison.fact(subject, Verdict::Silent, (value.text, "nothing"), value.mark, &schema.at);
    }
    for field in &flat.fields {
        let mark = compare::mark(&field.schema);
        comparison.fact(
            format!("field {name}.{}", field.name),
            Verdict::Silent,
            (field.name, "nothing"),
            mark,
            &field.schema.at,
        );
    }
}

/// Operations that take a cursor: pages are new, the contract knows none.
fn pages(comparison: &mut Comparison<'_>, operations: &[Operation<'_>]) {
    for operation in operations {
        let names = operation.parameters.iter().filter_map(|parameter| parameter.text("name"));
        let cursor = names.filter(|name| crate::lower::is_cursor(name)).collect::<Vec<_>>().join(", ");
        if !cursor.is_empty() {
            let said = format!("pages by `{cursor}`");
            comparison.fact(
                format!("operation {}, pages", operation.id),
                Verdict::New,
                ("", &said),
                None,
                &operation.node.at,
            );
        }
    }
}

/// Path parameters by the names of both sides, and every parameter name of theirs.
fn parameters(
    pairs: &[(&Operation<'_>, Option<(&Operation<'_>, Reason)>)],
    theirs: &[Operation<'_>],
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let names = |route: &str| {
        route
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .collect::<Vec<_>>()
    };
    let mut renamed = BTreeMap::new();
    for (mine, found) in pairs {
        let Some((other, _)) = found else { continue };
        for (mine, other) in names(mine.route).into_iter().zip(names(other.route)) {
            if mine != other {
                renamed.entry(mine).or_insert(other);
            }
        }
    }
    let known =
        theirs.iter().flat_map(|operation| &operation.parameters).filter_map(|parameter| parameter.text("name"));
    (renamed, known.map(str::to_owned).collect())
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

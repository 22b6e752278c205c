//! Small documents, each written as one family of public services writes them: what of them cannot be expressed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

mod support;

use std::path::Path;

use onehorizon_generate::{Finding, Mode, Output};
use support::{everything, read};

/// Generates from a document, with a curation.
fn document(name: &str) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/traits").join(name).with_extension("yaml");
    read(&std::fs::read_to_string(path).unwrap(), "", Mode::Lenient).unwrap()
}

/// The code of a document and its findings, which are these and no others.
fn code(name: &str, operations: usize, findings: &[&str]) -> String {
    let output = document(name);
    let found: Vec<String> = output.findings.iter().map(Finding::to_string).collect();
    assert_eq!(found.len(), findings.len(), "{name}: {found:?}");
    for (found, wanted) in found.iter().zip(findings) {
        assert!(found.starts_with(wanted), "{name}: {found}");
    }
    assert_eq!(output.operations, operations, "{name}");
    everything(&output)
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn envelopes_and_lists_of_fields() {
    let code = code("envelope", 3, &[]);
    has(&code, &["\"opt_fields\"", "Some(\",\")", "pub struct ItemRequest ", "\"assignee.name\""]);
    // What is only read is not part of a request.
    let request = code.split("pub struct ItemRequest ").nth(1).unwrap().split("\n}").next().unwrap().to_owned();
    assert!(request.contains("\"custom_fields\"") && !request.contains("\"gid\""), "{request}");
}

#[test]
fn forms_in_chains_of_all_of() {
    let upload = "#/paths/~1files~1content/post/requestBody: a body of multipart/form-data";
    let code = code("inheritance", 2, &[upload]);
    has(&code, &["pub enum Item ", "FileFull(Box<FileFull>)", "\"web_link\"", "header(\"if-none-match\""]);
}

#[test]
fn numbers_as_text_and_null_in_unions() {
    let code = code(
        "snowflakes",
        3,
        &["#/components/schemas/Message/properties/resolved/properties/users/propertyNames: `propertyNames`"],
    );
    has(&code, &["channels/{channel_id}/messages/@me/{emoji_name}", "send_empty()"]);
}

#[test]
fn trees_of_many_kinds_of_nodes() {
    let code = code("tree", 2, &[]);
    has(&code, &["pub enum Sub ", "pub children: Vec<Sub>", "\"FRAME\""]);
}

#[test]
fn versions_in_headers_and_bodies_of_several_types() {
    let code = code("versioned", 3, &[]);
    has(&code, &["header(\"Service-Version\"", "pub fn from_create_contact_request(", "ContactsCompaniesApi"]);
}

#[test]
fn media_types_of_a_vendor_and_filters_in_brackets() {
    let code = code("vendor-media", 3, &[]);
    has(&code, &["\"statuses[]\"", "header(\"From\"", "pub enum CreateIncidentResponseByStatus ", "Accepted("]);
    assert!(!code.contains("header(\"Accept\""), "{code}");
}

#[test]
fn calls_with_credentials_in_headers_of_their_own() {
    let code =
        code("rpc", 2, &["#/components/securitySchemes/secret: the document wants the credential in the header"]);
    has(&code, &["send_bytes(\"application/pdf\")", "\"401k\"", "N401k"]);
}

#[test]
fn forms_and_paths_with_a_suffix() {
    let code =
        code("forms", 3, &["#/paths/~1v1~1Elsewhere/servers: the operations of the path have a server of their own"]);
    has(&code, &["Messages/{Sid}.json", "call.form(", "\"DateSent<\"", "\"DateSent>\""]);
}

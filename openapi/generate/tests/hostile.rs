//! Documents that are broken, hostile or huge: an error that names the place and the remedy, or a result in good time;
//! never a panic, an abort or a half-written tree.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]
#![allow(clippy::disallowed_methods, reason = "how long a process may run is a matter of real time")]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The repository, as far as the command reads it.
fn repository() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let (contract, curation) = support::own_reading();
    std::fs::create_dir_all(copy.path().join("openapi")).unwrap();
    std::fs::write(copy.path().join("openapi/onehorizon.json"), contract).unwrap();
    std::fs::write(copy.path().join("openapi/curation.toml"), curation).unwrap();
    std::fs::create_dir_all(copy.path().join("src/apis")).unwrap();
    std::fs::create_dir_all(copy.path().join("docs")).unwrap();
    copy
}

/// Every file with its content.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Runs the command with a limit of time.
fn run(arguments: &[&str], root: &Path) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_onehorizon-generate"))
        .arg("--root")
        .arg(root)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut from: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            from.read_to_end(&mut text).map(|_| text).unwrap_or_default()
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{arguments:?} ran for a minute");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

/// Takes the bytes in with `--write`: refused with status 2, a message with all parts, and nothing on disk changed.
fn refused(document: &[u8], parts: &[&str]) {
    let root = repository();
    let file = root.path().join("official");
    std::fs::write(&file, document).unwrap();
    let before = files(root.path());
    let output = run(&["--intake", file.to_str().unwrap(), "--write"], root.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in parts {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("a mistake of the generator"), "{said}");
    assert!(said.len() < 2_000, "{} bytes of message", said.len());
    assert!(files(root.path()) == before, "something was written");
}

#[test]
fn what_is_no_openapi_document_is_refused_with_the_remedy() {
    refused(b"", &["empty"]);
    refused(b"<!doctype html><title>Sign in</title>", &["a web page", "save the raw JSON or YAML"]);
    refused(b"Not Found", &["save the OpenAPI document itself"]);
    refused(b"[]", &["#: the document is not an object"]);
    refused(b"{\"message\": \"Unauthorized\"}", &["#/openapi: missing", "must begin with `openapi: 3.x`"]);
    refused(b"{\"swagger\": \"2.0\", \"paths\": {}}", &["#/swagger", "npx swagger2openapi"]);
    refused(b"swagger: '2.0'\npaths: {}\n", &["#/swagger", "npx swagger2openapi"]);
    refused(b"{\"openapi\": \"4.0.0\"}", &["#/openapi: version `4.0.0`", "3.0, 3.1 and 3.2"]);
    refused(b"{\"openapi\": \"3.1.0\", \"paths\": []}", &["#/paths: not an object"]);
    refused(b"{\"openapi\": \"3.1.0\", \"components\": {\"schemas\": 7}}", &["#/components/schemas: not an object"]);
    refused(&[0xff, 0xfe, b'{', 0], &["UTF-16", "iconv"]);
    refused(b"{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"\xe9\"}}", &["not UTF-8 (byte "]);
}

#[test]
fn a_document_that_was_cut_off_is_refused_wherever_it_ends() {
    let whole = include_str!("documents/close.json");
    for length in [1, 100, whole.len() / 2, whole.trim_end().len() - 1] {
        refused(&whole.as_bytes()[..length], &["line ", "download it again"]);
    }
}

#[test]
fn fields_that_stand_twice_are_named_by_their_pointer() {
    refused(
        b"{\"openapi\": \"3.1.0\", \"paths\": {\"/a\": {}, \"/a\": {\"get\": {}}}}",
        &["#/paths/~1a: the field stands twice", "remove one"],
    );
}

#[test]
fn references_that_lead_nowhere_or_outside_are_named_by_their_pointer() {
    let document = |to: &str| {
        json!({ "openapi": "3.1.0", "paths": {}, "components": { "schemas": { "A": { "properties": { "b": { "$ref": to } } } } } })
            .to_string()
    };
    let at = "#/components/schemas/A/properties/b/$ref";
    for (to, parts) in [
        ("#/components/schemas/Gone", [at, "points at nothing"]),
        ("https://example.com/openapi.json#/A", [at, "npx @redocly/cli bundle"]),
        ("../shared.yaml#/A", [at, "npx @redocly/cli bundle"]),
        ("file:///etc/passwd", [at, "npx @redocly/cli bundle"]),
    ] {
        refused(document(to).as_bytes(), &parts);
    }
}

#[test]
fn documents_made_to_exhaust_the_reader_are_refused() {
    let deep = "[".repeat(100_000);
    refused(format!("{{\"openapi\": \"3.1.0\", \"x\": {deep}").as_bytes(), &["nested deeper than 128"]);
    let mut bomb = "openapi: 3.1.0\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    refused(bomb.as_bytes(), &["neither JSON nor YAML"]);
}

#[test]
fn schemas_that_lead_into_each_other_in_every_way_end() {
    let refer = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut schemas = serde_json::Map::new();
    for index in 0..60 {
        let next = format!("S{}", (index + 1) % 60);
        let other = format!("S{}", (index * 7 + 3) % 60);
        schemas.insert(
            format!("S{index}"),
            match index % 4 {
                0 => json!({ "allOf": [refer(&next)], "properties": { "a": refer(&other) } }),
                1 => json!({ "oneOf": [refer(&next), refer(&other)] }),
                2 => json!({ "type": "array", "items": refer(&next) }),
                _ => json!({ "properties": { "self": refer(&next) }, "additionalProperties": refer(&other) }),
            },
        );
    }
    let document = json!({ "openapi": "3.1.0", "paths": {}, "components": { "schemas": schemas } }).to_string();
    let root = repository();
    let file = root.path().join("official.json");
    std::fs::write(&file, document).unwrap();
    let output = run(&["--intake", file.to_str().unwrap()], root.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
}

#[test]
fn a_document_that_is_taken_in_again_changes_nothing_but_what_was_decided() {
    let root = repository();
    let file = root.path().join("downloaded.json");
    std::fs::write(&file, include_str!("documents/other-vocabulary.json")).unwrap();
    let arguments = ["--intake", file.to_str().unwrap(), "--write"];
    assert_eq!(run(&arguments, root.path()).status.code(), Some(1));
    let code = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        let is_code = |path: &str| path.contains("src/generated") || path.contains("retry-safety");
        files.into_iter().filter(|(path, _)| is_code(path)).collect()
    };
    let once = code(files(root.path()));
    assert_eq!(run(&arguments, root.path()).status.code(), Some(1));
    assert!(once == code(files(root.path())), "the second intake gives other code");
    let check = run(&["--check"], root.path());
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// A service of many operations: lists, creation, reading, change and removal of many things.
fn service(things: usize, fields: usize) -> Value {
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for thing in 0..things {
        let name = format!("Thing{thing}");
        let entity = json!({ "$ref": format!("#/components/schemas/{name}") });
        let reply = |schema: &Value| json!({ "200": { "description": "Done.", "content": { "application/json": { "schema": schema } } } });
        let body = json!({ "required": true, "content": { "application/json": { "schema": entity } } });
        let id = json!([{ "name": "thingId", "in": "path", "required": true, "schema": { "type": "string" } }]);
        let list = json!({ "type": "object", "properties": {
            "things": { "type": "array", "items": entity }, "nextCursor": { "type": "string" } } });
        let tag = json!([format!("Group {}", thing % 10)]);
        let operation = |verb: &str, parameters: &Value, replies: Value, body: Option<&Value>| {
            let mut operation = json!({ "operationId": format!("{verb}{name}"), "tags": tag, "parameters": parameters,
                "summary": format!("{verb} one of {name}."), "responses": replies });
            if let Some(body) = body {
                operation["requestBody"] = body.clone();
            }
            operation
        };
        let page = json!([{ "name": "cursor", "in": "query", "schema": { "type": "string" } },
            { "name": "status", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } }]);
        paths.insert(
            format!("/workspaces/current/thing{thing}"),
            json!({ "get": operation("list", &page, reply(&list), None),
                "post": operation("create", &json!([]), reply(&entity), Some(&body)) }),
        );
        paths.insert(
            format!("/workspaces/current/thing{thing}/{{thingId}}"),
            json!({ "get": operation("fetch", &id, reply(&entity), None),
                "put": operation("update", &id, reply(&entity), Some(&body)),
                "delete": operation("delete", &id, json!({ "204": { "description": "Gone." } }), None) }),
        );
        let mut properties = serde_json::Map::new();
        for field in 0..fields {
            let other = format!("#/components/schemas/Thing{}", (thing + field) % things);
            properties.insert(
                format!("field{field}"),
                match field % 6 {
                    0 => json!({ "type": "string", "description": "Some words about it." }),
                    1 => json!({ "type": "integer" }),
                    2 => json!({ "type": "string", "enum": ["open", "done", "in review"] }),
                    3 => json!({ "type": "array", "items": { "$ref": other } }),
                    4 => json!({ "type": "string", "format": "date-time" }),
                    _ => json!({ "anyOf": [{ "$ref": other }, { "type": "null" }] }),
                },
            );
        }
        schemas.insert(name, json!({ "type": "object", "required": ["field0"], "properties": properties }));
    }
    json!({ "openapi": "3.1.0", "info": { "title": "Many", "version": "1" }, "paths": paths, "components": { "schemas": schemas } })
}

/// Generates from a document in a new process and says how long it took.
fn generated(document: &Value, out: &Path) -> (Duration, String) {
    let root = repository();
    let file = root.path().join("document.json");
    std::fs::write(&file, format!("{document:#}")).unwrap();
    let began = Instant::now();
    let output = run(&["--document", file.to_str().unwrap(), "--out", out.to_str().unwrap(), "--lenient"], root.path());
    let took = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (took, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_service_of_250_operations_is_generated_within_two_seconds() {
    let out = tempfile::tempdir().unwrap();
    let (took, said) = generated(&service(50, 12), out.path());
    assert!(said.contains("250 operations"), "{said}");
    // The limit is that of an optimised build; this one is not, and the machine may be busy.
    let limit = if cfg!(debug_assertions) { 20 } else { 2 };
    assert!(took < Duration::from_secs(limit), "{took:?}");
}

#[test]
fn a_document_of_100_000_lines_is_read() {
    let mut document = service(60, 24);
    document["x-notes"] = (0..95_000).collect::<Value>();
    assert!(format!("{document:#}").lines().count() > 100_000);
    let out = tempfile::tempdir().unwrap();
    let (_, said) = generated(&document, out.path());
    assert!(said.contains("300 operations"), "{said}");
}

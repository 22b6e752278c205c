//! Other documents of the kinds that `cases.rs` has one of each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use onehorizon_generate::{Mode, Output};
use serde_json::{Value, json};
use support::{everything, read};

fn generated(document: &Value) -> Output {
    read(&document.to_string(), "", Mode::Lenient).unwrap()
}

fn found(document: &Value) -> Vec<String> {
    generated(document).findings.iter().map(ToString::to_string).collect()
}

fn document(paths: &Value) -> Value {
    json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": paths })
}

fn empty(id: &str) -> Value {
    json!({ "operationId": id, "tags": ["Things"], "responses": { "204": { "description": "" } } })
}

/// A document with these servers and one path.
fn served(servers: &Value, path: &str) -> Value {
    let mut document = document(&json!({ path: { "get": empty("listThings") } }));
    document["servers"] = servers.clone();
    document
}

#[test]
fn servers_in_any_spelling_that_give_the_base_url_do() {
    let one = |url: &str| json!([{ "url": url }]);
    let variables = json!([{ "url": "https://{host}/{base}",
        "variables": { "host": { "default": "onehorizon.ai" }, "base": { "default": "api/v1" } } }]);
    let several = json!([{ "url": "http://localhost:3000/api/v1" }, { "url": "https://onehorizon.ai/api/v1" }]);
    for (servers, path) in [
        (json!([]), "/things"),
        (one("https://onehorizon.ai/api/v1"), "/things"),
        (one("https://onehorizon.ai/api/v1/"), "/things"),
        (one("HTTPS://OneHorizon.AI:443/api/v1"), "/things"),
        (one("//onehorizon.ai/api/v1"), "/things"),
        (one("/api/v1"), "/things"),
        (one("./api/v1"), "/things"),
        (one("../api/v1"), "/things"),
        (one("/"), "/api/v1/things"),
        (one("https://onehorizon.ai"), "/api/v1/things"),
        (one("https://onehorizon.ai/api"), "/v1/things"),
        (json!([{ "url": "http://localhost:3000" }, { "url": "https://onehorizon.ai" }]), "/api/v1/things"),
        (variables, "/things"),
        (several, "/things"),
    ] {
        let output = generated(&served(&servers, path));
        assert!(output.findings.is_empty(), "{servers}: {:?}", output.findings);
        assert!(everything(&output).contains("path: \"/things\""), "{servers}");
    }
}

#[test]
fn servers_that_lead_elsewhere_are_findings() {
    for url in [
        "https://onehorizon.ai",
        "/",
        "/api",
        "http://onehorizon.ai/api/v1",
        "https://onehorizon.ai/API/v1",
        "https://onehorizon.ai:8443/api/v1",
        "https://api.onehorizon.ai/v1",
        "https://{region}.onehorizon.ai/api/v1",
    ] {
        let found = found(&served(&json!([{ "url": url }]), "/things"));
        assert!(
            matches!(found.as_slice(), [one] if one.starts_with("#/servers/0: the document's server is")),
            "{url}: {found:?}"
        );
    }
    let twice = found(&served(&json!([{ "url": "https://onehorizon.ai/api/v1" }]), "/api/v1/things"));
    assert!(matches!(twice.as_slice(), [one] if one.contains("calls would go to `/api/v1/api/v1/…`")), "{twice:?}");
}

#[test]
fn operations_with_another_server_are_left_out_and_those_with_the_same_are_not() {
    let at = |url: &str| json!([{ "url": url }]);
    let mut own = empty("own");
    own["servers"] = at("https://uploads.onehorizon.ai");
    let mut same = empty("same");
    same["servers"] = at("/api/v1");
    let document = document(&json!({ "/a": { "get": own }, "/b": { "get": same },
        "/c": { "servers": at("https://uploads.onehorizon.ai"), "get": empty("below") } }));
    let output = generated(&document);
    assert_eq!((output.operations, output.findings.len()), (1, 2), "{:?}", output.findings);
}

/// The access of each operation, and the findings, for these schemes; `null` leaves an operation to the default.
fn access(schemes: &Value, default: &Value, operations: &[Value]) -> (Vec<bool>, Vec<String>) {
    let mut paths = serde_json::Map::new();
    for (index, security) in operations.iter().enumerate() {
        let mut operation = empty(&format!("operation{index}"));
        if !security.is_null() {
            operation["security"] = security.clone();
        }
        paths.insert(format!("/a{index}"), json!({ "get": operation }));
    }
    let mut document = document(&Value::Object(paths));
    document["components"] = json!({ "securitySchemes": schemes });
    document["security"] = default.clone();
    let output = generated(&document);
    let code = everything(&output);
    let only_oauth = (0..operations.len()).map(|index| {
        let rest = code.split(&format!("id: \"operation{index}\"")).nth(1).unwrap();
        rest.split("};").next().unwrap().contains("Access::OauthOnly")
    });
    (only_oauth.collect(), output.findings.iter().map(ToString::to_string).collect())
}

#[test]
fn who_may_call_is_read_in_every_form() {
    let bearer = json!({ "type": "http", "scheme": "bearer" });
    let jwt = json!({ "type": "http", "scheme": "Bearer", "bearerFormat": "JWT" });
    let oauth = json!({ "type": "oauth2", "flows": {} });
    let schemes = json!({ "apiKey": bearer, "user": oauth });
    let either = json!([{ "apiKey": [] }, { "user": [] }]);
    let operations = [
        Value::Null,
        json!([{ "user": ["keys:write"] }]),
        json!([]),
        json!([{}]),
        json!([{}, { "user": [] }]),
        json!([{ "apiKey": [], "user": [] }]),
    ];
    assert_eq!(access(&schemes, &either, &operations), (vec![false, true, false, false, false, true], vec![]));
    // Where API keys have a scheme of their own, another bearer token is a user's.
    for schemes in [
        json!({ "apiKey": bearer, "user": bearer }),
        json!({ "apiKey": bearer, "user": jwt }),
        json!({ "apiKey": { "type": "apiKey", "in": "header", "name": "Authorization" }, "user": jwt }),
        json!({ "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key." }, "user": { "type": "openIdConnect" } }),
    ] {
        let operations = [Value::Null, json!([{ "user": [] }])];
        assert_eq!(access(&schemes, &either, &operations), (vec![false, true], vec![]), "{schemes}");
    }
    // One scheme for all says nothing of the two credentials.
    let only = |scheme: &Value| access(&json!({ "user": scheme }), &json!([{ "user": [] }]), &[Value::Null]);
    assert_eq!(only(&bearer), (vec![false], vec![]));
    assert_eq!(only(&oauth), (vec![false], vec![]));
}

#[test]
fn what_the_document_leaves_open_about_credentials_is_a_finding() {
    let bearer = json!({ "type": "http", "scheme": "bearer" });
    let default = json!([{ "one": [] }, { "two": [] }]);
    let operations = [Value::Null, json!([{ "two": [] }])];
    let (_, unclear) = access(&json!({ "one": bearer, "two": bearer }), &default, &operations);
    assert_eq!(unclear.len(), 2, "{unclear:?}");
    assert!(unclear[0].contains("say by `security.one.credential`"), "{unclear:?}");
    // The key would travel in another header: who has one alone cannot call.
    let own = json!({ "type": "apiKey", "in": "header", "name": "X-API-Key" });
    let (only_oauth, foreign) = access(&json!({ "one": own, "two": bearer }), &default, &operations);
    assert_eq!((only_oauth, foreign.len()), (vec![true, true], 1), "{foreign:?}");
    assert!(foreign[0].contains("the document wants the credential in the header `X-API-Key`"), "{foreign:?}");
    let (_, both) = access(&json!({ "one": own, "two": bearer }), &json!([{ "one": [], "two": [] }]), &[Value::Null]);
    assert_eq!(both.len(), 1, "{both:?}");
    let (_, unknown) = access(&json!({}), &json!([{ "gone": [] }]), &[Value::Null]);
    assert!(unknown[0].contains("there is no security scheme `gone`"), "{unknown:?}");
}

#[test]
fn call_options_are_not_shadowed_under_any_spelling() {
    for name in [
        "maxWait",
        "max-wait",
        "MAX_WAIT",
        "Max.Wait",
        "Timeout",
        "timeout_",
        "_timeout",
        "DEADLINE",
        "idempotencyKey",
        "Header",
    ] {
        let mut operation = empty("listThings");
        operation["parameters"] = json!([{ "name": name, "in": "query", "schema": { "type": "string" } }]);
        let found = found(&document(&json!({ "/things": { "get": operation } })));
        assert!(matches!(found.as_slice(), [one] if one.contains("is an option of every call")), "{name}: {found:?}");
    }
    let mut deep = empty("listTasks");
    let object = |field: &str| json!({ "type": "object", "properties": { field: { "type": "string" } } });
    deep["tags"] = json!(["Tasks"]);
    deep["parameters"] = json!([{ "name": "max", "in": "query", "style": "deepObject", "schema": object("wait") },
        { "name": "updated", "in": "query", "style": "deepObject", "schema": object("since") }]);
    let document = document(&json!({ "/tasks": { "get": deep } }));
    let found = found(&document);
    assert!(found[0].contains("`max_wait` is an option of every call"), "{found:?}");
    assert!(found[1].contains("`updated_since` is a method that `ListTasks` has already"), "{found:?}");
    let curation = "[operations.listTasks.parameters.\"max[wait]\"]\nname = \"longest\"\n[operations.listTasks.parameters.\"updated[since]\"]\nname = \"changed\"\n";
    let output = read(&document.to_string(), curation, Mode::Strict).unwrap();
    assert!(
        everything(&output).contains("pub fn longest(mut self") && everything(&output).contains("\"updated[since]\"")
    );
}

#[test]
fn what_version_3_2_adds_is_a_finding_where_it_stands() {
    let mut document =
        document(&json!({ "/a": { "query": empty("search"), "additionalOperations": { "COPY": empty("copy") } } }));
    document["openapi"] = json!("3.2.0");
    let found = found(&document);
    assert_eq!(found[0], "#/paths/~1a/query: an operation of the method QUERY (OpenAPI 3.2); left out");
    assert!(found[1].starts_with("#/paths/~1a/additionalOperations/COPY: "), "{found:?}");
}

#[test]
fn names_that_are_one_in_upper_case_or_have_none_are_kept_apart() {
    let fields = json!({ "ß": { "type": "string" }, "ss": { "type": "string" }, "名前": { "type": "string" },
        "set_additional": { "type": "string" }, "additional": { "type": "string" } });
    let mut document = document(
        &json!({ "/a": { "post": { "operationId": "create", "responses": { "204": { "description": "" } },
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/名前" } } } } } } }),
    );
    document["components"] = json!({ "schemas": { "名前": { "type": "object", "properties": fields } } });
    let output = generated(&document);
    let code = everything(&output);
    for part in
        ["= SS \"ß\"", "= SS2 \"ss\"", "= 名前_2 \"名前\"", "pub fn set_additional(", "pub fn set_additional_2("]
    {
        assert!(code.contains(part), "no `{part}` in\n{code}");
    }
    assert!(output.files.keys().all(|path| path.is_ascii()), "{:?}", output.files.keys());
}

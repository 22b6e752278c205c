//! One tiny document per construct of operations.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{apis, everything, paths, strict};

/// A response of the given schema.
fn ok(schema: &Value) -> Value {
    json!({ "200": { "description": "ok", "content": { "application/json": { "schema": schema } } } })
}

/// A response without a body.
fn empty() -> Value {
    json!({ "204": { "description": "done" } })
}

#[test]
fn an_operation_is_a_method_and_a_builder() {
    let document = paths(
        &json!({ "/workspaces/{workspaceId}/tasks/{taskId}": { "get": {
            "operationId": "fetchTask", "tags": ["Tasks"], "summary": "Fetch a task", "description": "With everything in it.",
            "x-evidence": "inferred", "x-source": "NPM; the path follows the listing's",
            "parameters": [
                { "name": "workspaceId", "in": "path", "required": true, "schema": { "type": "string" }, "description": "The workspace." },
                { "name": "taskId", "in": "path", "required": true, "schema": { "type": "string" } }
            ],
            "responses": ok(&json!({ "$ref": "#/components/schemas/Task" }))
        } } }),
        &json!({ "schemas": { "Task": { "type": "object", "properties": { "taskId": { "type": "string" } } } } }),
    );
    let curation = "[ids.TaskId]\nproperties = [\"taskId\"]\nparameters = [\"taskId\"]\n[ids.WorkspaceId]\nparameters = [\"workspaceId\"]\n[parameters.workspaceId]\nname = \"workspace\"\ndefault = \"configuration.workspace\"\n";
    assert_snapshot!(everything(&strict(&document, curation).unwrap()).split("==== models").next().unwrap());
}

#[test]
fn parameters_travel_in_path_query_and_headers() {
    assert_snapshot!(apis(
        &json!({ "/a/{b}/c/{d}": {
            "parameters": [
                { "name": "d", "in": "path", "required": true, "schema": { "type": "integer" } },
                { "name": "same", "in": "query", "schema": { "type": "integer" }, "description": "Of the path." }
            ],
            "get": { "operationId": "get", "responses": empty(), "parameters": [
                { "name": "needed", "in": "query", "required": true, "schema": { "type": "string" } },
                { "name": "b", "in": "path", "required": true, "schema": { "type": "string", "enum": ["x", "y"] } },
                { "name": "same", "in": "query", "schema": { "type": "boolean" }, "description": "Of the operation." },
                { "name": "since", "in": "query", "schema": { "type": ["string", "null"], "format": "date-time" } },
                { "name": "send", "in": "query", "schema": { "type": "string", "default": "no" } },
                { "name": "either", "in": "query", "schema": { "type": ["string", "integer"] } },
                { "name": "any", "in": "query", "schema": {} },
                { "name": "X-Trace", "in": "header", "schema": { "type": "string" } },
                { "name": "Accept", "in": "header", "schema": { "type": "string" } },
                { "$ref": "#/components/parameters/Shared" }
            ] }
        } }),
        &json!({ "parameters": { "Shared": { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1 }, "deprecated": true } } }),
        ""
    ));
}

#[test]
fn lists_travel_in_several_styles() {
    let list = |name: &str, style: &Value| {
        let mut parameter =
            json!({ "name": name, "in": "query", "schema": { "type": "array", "items": { "type": "string" } } });
        parameter.as_object_mut().unwrap().extend(style.as_object().unwrap().clone());
        parameter
    };
    assert_snapshot!(apis(
        &json!({ "/a": { "get": { "operationId": "list", "responses": empty(), "parameters": [
            list("repeated", &json!({})),
            list("comma", &json!({ "style": "form", "explode": false })),
            list("space", &json!({ "style": "spaceDelimited", "explode": false })),
            list("pipe", &json!({ "style": "pipeDelimited", "explode": false, "required": true })),
            { "name": "ids[]", "in": "query", "schema": { "type": "array", "items": { "type": "integer" } } },
            { "name": "status", "in": "query", "schema": { "$ref": "#/components/schemas/Statuses" } },
            { "name": "one_or_more", "in": "query", "schema": { "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] } }
        ] } } }),
        &json!({ "schemas": {
            "Status": { "type": "string", "enum": ["on", "off"] },
            "Statuses": { "type": "array", "items": { "$ref": "#/components/schemas/Status" } }
        } }),
        ""
    ));
}

#[test]
fn request_bodies() {
    let body = |schema: Value, required: bool| json!({ "required": required, "content": { "application/json": { "schema": schema } } });
    let task = json!({ "$ref": "#/components/schemas/Task" });
    assert_snapshot!(apis(
        &json!({
            "/required": { "post": { "operationId": "a", "responses": empty(), "requestBody": body(task.clone(), true) } },
            "/optional": { "post": { "operationId": "b", "responses": empty(), "requestBody": body(task.clone(), false) } },
            "/renamed": { "post": { "operationId": "c", "responses": empty(), "requestBody": body(task.clone(), true) } },
            "/into": { "post": { "operationId": "d", "responses": empty(), "requestBody": body(task.clone(), true) } },
            "/free": { "post": { "operationId": "e", "responses": empty(), "requestBody": body(json!({}), true) } },
            "/list": { "post": { "operationId": "f", "responses": empty(), "requestBody": body(json!({ "type": "array", "items": task }), true) } },
            "/inline": { "post": { "operationId": "g", "responses": empty(), "requestBody": body(json!({ "type": "object", "properties": { "x": { "type": "string" } } }), true) } },
            "/shared": { "post": { "operationId": "h", "responses": empty(), "requestBody": { "$ref": "#/components/requestBodies/Shared" } } },
            "/patch": { "patch": { "operationId": "i", "responses": empty(), "requestBody": { "required": true, "content": {
                "text/plain": { "schema": { "type": "string" } }, "application/merge-patch+json": { "schema": { "$ref": "#/components/schemas/Task" } } } } } }
        }),
        &json!({
            "schemas": { "Task": { "type": "object", "properties": { "title": { "type": "string" } } } },
            "requestBodies": { "Shared": { "description": "A shared body.", "content": { "application/json": { "schema": { "type": "object", "properties": { "y": { "type": "string" } } } } } } }
        }),
        "[operations.c]\nbody = \"whole\"\n[operations.d]\nbody-into = true\n"
    ));
}

#[test]
fn responses() {
    let task = json!({ "$ref": "#/components/schemas/Task" });
    let json = |schema: &Value| json!({ "description": "", "content": { "application/json; charset=utf-8": { "schema": schema } } });
    let output = strict(
        &paths(
            &json!({
                "/empty": { "delete": { "operationId": "empty", "responses": empty() } },
                "/list": { "get": { "operationId": "list", "responses": ok(&json!({ "type": "array", "items": task })) } },
                "/default": { "get": { "operationId": "default", "responses": { "default": json(&task) } } },
                "/several": { "get": { "operationId": "several", "responses": { "200": json(&task), "201": json(&task), "404": json(&json!({ "type": "string" })) } } },
                "/range": { "get": { "operationId": "range", "responses": { "2XX": json(&task), "default": json(&json!({})) } } },
                "/shared": { "get": { "operationId": "shared", "responses": { "200": { "$ref": "#/components/responses/Shared" } } } },
                "/inline": { "get": { "operationId": "inline", "responses": ok(&json!({ "type": "object", "properties": { "n": { "type": "integer" } } })) } },
                "/nothing": { "get": { "operationId": "nothing", "responses": { "200": { "description": "", "content": { "application/json": {} } } } } }
            }),
            &json!({ "schemas": { "Task": { "type": "object", "properties": { "x": {} } } }, "responses": { "Shared": json(&task) } }),
        ),
        "",
    )
    .unwrap();
    let api = &output.files["apis/default.rs"];
    let sends: Vec<&str> = api
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("pub fn send(") || line.contains("self.call.send"))
        .collect();
    assert_snapshot!(sends.join("\n"));
}

#[test]
fn classes_access_features_and_deprecation() {
    let operation = |id: &str| json!({ "operationId": id, "tags": ["API Keys"], "responses": empty() });
    let mut gone = operation("gone");
    gone["deprecated"] = json!(true);
    let mut owners = operation("owners");
    owners["x-access"] = json!("oauth");
    let mut unnamed = operation("");
    unnamed.as_object_mut().unwrap().remove("operationId");
    let mut document = paths(
        &json!({
            "/a": { "get": owners, "post": operation("write"), "put": operation("again"), "delete": gone },
            "/b/{id}": { "get": unnamed, "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] },
            "/c?beta=true": { "post": operation("guess") }
        }),
        &json!({}),
    );
    document["tags"] = json!([{ "name": "API Keys", "description": "Said in the document." }]);
    let curation = "[operations.again]\nmethod = \"put\"\nretry = \"idempotent-write\"\nname = \"put_again\"\n[operations.guess]\nfeature = \"preview\"\naccess = \"oauth\"\n[tags.\"API Keys\"]\nname = \"ApiKeysApi\"\n";
    let output = strict(&document, curation).unwrap();
    assert_snapshot!("classes", support::declarations(&output));
    assert_snapshot!("retry_safety", output.retry_safety);
}

#[test]
fn clients_follow_the_first_tag() {
    let operation = |id: &str, tags: Value| json!({ "operationId": id, "tags": tags, "responses": empty() });
    let output = strict(
        &paths(
            &json!({ "/a": {
                "get": operation("one", json!(["Tasks", "Other"])), "post": operation("two", json!(["Other"])), "put": operation("three", json!([]))
            } }),
            &json!({}),
        ),
        "",
    )
    .unwrap();
    for client in ["apis", "blocking"] {
        let of = |path: &&str| path.starts_with(client);
        let names: Vec<&str> = output.files.keys().map(String::as_str).filter(of).collect();
        assert_eq!(names, ["default.rs", "mod.rs", "other.rs", "tasks.rs"].map(|file| format!("{client}/{file}")));
    }
    assert!(output.files["apis/tasks.rs"].contains("pub fn one(&self) -> One"));
    assert_snapshot!(format!("{}\n{}", output.files["mod.rs"], output.files["apis/mod.rs"]));
}

#[test]
fn builders_and_models_of_one_name_are_kept_apart() {
    let emitted = apis(
        &json!({ "/a": { "get": { "operationId": "task", "responses": ok(&json!({ "$ref": "#/components/schemas/Task" })) } } }),
        &json!({ "schemas": { "Task": { "type": "object", "properties": { "x": {} } } } }),
        "",
    );
    assert!(emitted.contains("pub struct TaskRequest {"), "{emitted}");
    assert!(emitted.contains("pub fn task(&self) -> TaskRequest"), "{emitted}");
}

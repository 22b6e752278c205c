//! One tiny document per construct of schemas. Where 3.0 and 3.1 spell a construct differently, both spellings give the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use insta::assert_snapshot;
use serde_json::json;
use support::{everything, models, schemas, strict};

#[test]
fn an_object_keeps_absent_null_and_unknown_fields_apart() {
    let document = schemas(
        "3.1.0",
        &json!({ "Task": {
            "type": "object",
            "description": "One piece of work.",
            "x-evidence": "observed",
            "x-source": "NPM",
            "required": ["taskId", "owner"],
            "properties": {
                "taskId": { "type": "string", "description": "Names it", "x-evidence": "observed", "x-source": "NPM" },
                "owner": { "type": ["string", "null"] },
                "title": { "type": "string" },
                "map": { "type": "integer" },
                "extra": { "type": "boolean" }
            }
        } }),
    );
    assert_snapshot!(everything(&strict(&document, "").unwrap()));
}

#[test]
fn null_is_spelt_in_several_ways() {
    let old = json!({
        "Part": { "type": "object", "properties": { "x": { "type": "string" } } },
        "Whole": { "type": "object", "required": ["must"], "properties": {
            "must": { "type": "string", "nullable": true },
            "text": { "type": "string", "nullable": true },
            "part": { "nullable": true, "allOf": [{ "$ref": "#/components/schemas/Part" }] },
            "parts": { "type": "array", "items": { "type": "string", "nullable": true } }
        } }
    });
    let new = json!({
        "Part": { "type": "object", "properties": { "x": { "type": "string" } } },
        "Whole": { "type": "object", "required": ["must"], "properties": {
            "must": { "type": ["string", "null"] },
            "text": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "part": { "oneOf": [{ "$ref": "#/components/schemas/Part" }, { "type": "null" }] },
            "parts": { "type": "array", "items": { "type": ["null", "string"] } }
        } }
    });
    let emitted = models("3.1.0", &new, "");
    assert_eq!(models("3.0.3", &old, ""), emitted);
    assert_snapshot!(emitted);
}

#[test]
fn scalars_and_their_formats() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({ "Scalars": { "type": "object", "properties": {
            "text": { "type": "string", "maxLength": 20, "pattern": "^[a-z]`*$" },
            "at": { "type": "string", "format": "date-time" },
            "day": { "type": "string", "format": "date" },
            "password": { "type": "string", "format": "password" },
            "whole": { "type": "integer", "default": 3 },
            "count": { "type": "integer", "minimum": 0, "maximum": 9 },
            "real": { "type": "number" },
            "yes": { "type": "boolean", "readOnly": true },
            "anything": {},
            "everything": true,
            "object": { "type": "object" },
            "list": { "type": "array" },
            "nested": { "type": "array", "items": { "type": "array", "items": { "type": "number" } } },
            "one": { "const": "one" },
            "two": { "type": "integer", "enum": [1, 2] }
        } } }),
        ""
    ));
}

#[test]
fn enums_are_open() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Listed": { "type": "string", "enum": ["planned", "in_progress", "+1", "-1", "", "unknown", "Unknown", "self", "in-progress"] },
            "Untyped": { "enum": ["a", null] },
            "Marked": { "type": "string", "description": "How far it is.", "x-evidence": "inferred", "x-source": "NPM", "x-open-enum": [
                { "value": "planned", "description": "Not begun", "x-evidence": "observed", "x-source": "G:heroku" },
                { "value": "in_progress" },
                "review"
            ] },
            "Holder": { "type": "object", "properties": {
                "untyped": { "$ref": "#/components/schemas/Untyped" },
                "inline": { "type": "string", "enum": ["x"] },
                "list": { "type": "array", "items": { "type": "string", "enum": ["y"] } }
            } }
        }),
        "[enums.Marked.variants]\nreview = \"InReview\"\n[enums.HolderInline]\nname = \"Letter\"\n"
    ));
}

#[test]
fn ids_are_types_of_their_own() {
    let described = json!({
        "TaskId": { "type": "string", "x-id": true, "description": "Names a task." },
        "UserId": { "type": "string" },
        "Task": { "type": "object", "properties": {
            "taskId": { "$ref": "#/components/schemas/TaskId" },
            "userId": { "$ref": "#/components/schemas/UserId" },
            "id": { "type": "string" },
            "parentIds": { "type": ["array", "null"], "items": { "type": "string" } }
        } },
        "Other": { "type": "object", "properties": { "id": { "type": "string" } } }
    });
    let curation = "[ids.UserId]\n[ids.TaskId]\nproperties = [\"parentIds\", \"taskId\"]\n[ids.RowId]\ndoc = \"A row.\"\nproperties = [\"Task.id\"]\n";
    assert_snapshot!(models("3.1.0", &described, curation));
}

#[test]
fn all_of_is_merged() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Base": { "type": "object", "required": ["id"], "properties": {
                "id": { "type": "string" }, "kind": { "type": "string" }, "size": { "type": "number" },
                "detail": { "type": "object", "properties": { "a": { "type": "string" } } }
            } },
            "Named": { "type": "object", "properties": { "name": { "type": "string" } } },
            "Whole": { "description": "Merged.", "allOf": [
                { "$ref": "#/components/schemas/Base" },
                { "allOf": [{ "$ref": "#/components/schemas/Named" }] },
                { "type": "object", "required": ["own"], "properties": {
                    "own": { "$ref": "#/components/schemas/Named", "description": "Its own words." },
                    "kind": { "description": "Only a remark." },
                    "size": { "type": "integer" },
                    "detail": { "type": "object", "properties": { "b": { "type": "string" } } }
                } }
            ] },
            "Renamed": { "allOf": [{ "$ref": "#/components/schemas/Named" }] }
        }),
        ""
    ));
}

#[test]
fn unions_with_a_discriminator_are_enums() {
    let described = json!({
        "Pet": { "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }, { "$ref": "#/components/schemas/Fish" }],
            "discriminator": { "propertyName": "type", "mapping": { "cat": "#/components/schemas/Cat", "kitten": "#/components/schemas/Cat", "dog": "Dog" } } },
        "Cat": { "type": "object", "properties": { "type": { "type": "string" } } },
        "Dog": { "type": "object", "properties": { "type": { "type": "string" } } },
        "Fish": { "type": "object", "properties": { "type": { "enum": ["fish"], "type": "string" } } },
        "Owner": { "type": "object", "properties": { "pet": { "anyOf": [{ "$ref": "#/components/schemas/Pet" }, { "type": "null" }] } } },
        "Plain": { "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }], "discriminator": { "propertyName": "type" } }
    });
    assert_snapshot!(everything(&strict(&schemas("3.1.0", &described), "").unwrap()));
}

#[test]
fn unions_that_nothing_distinguishes_are_read_as_asked() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Cat": { "type": "object", "properties": { "purrs": { "type": "boolean" } } },
            "Code": { "type": ["integer", "string"] },
            "Pet": { "anyOf": [
                { "$ref": "#/components/schemas/Cat" },
                { "type": "string" },
                { "type": "array", "items": { "$ref": "#/components/schemas/Cat" } },
                { "title": "Wild animal", "type": "object", "properties": { "teeth": { "type": "integer" } } },
                { "type": "null" }
            ] },
            "Holder": { "type": "object", "required": ["pet"], "properties": {
                "pet": { "$ref": "#/components/schemas/Pet" },
                "with": { "type": ["object", "string", "null"], "properties": { "x": { "type": "string" } } }
            } },
            "Beside": { "type": "object", "properties": { "always": { "type": "string" } }, "oneOf": [
                { "properties": { "a": { "type": "string" } } }, { "$ref": "#/components/schemas/Cat" }
            ] }
        }),
        ""
    ));
}

#[test]
fn unions_that_are_one_type_after_all() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({ "Holder": { "type": "object", "properties": {
            "extensible": { "anyOf": [{ "type": "string" }, { "type": "string", "enum": ["a", "b"] }, { "const": "c" }] },
            "text": { "oneOf": [{ "type": "string", "format": "uri" }, { "type": "string", "format": "email" }] },
            "time": { "oneOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date-time" }] },
            "number": { "oneOf": [{ "type": "integer" }, { "type": "number" }] },
            "single": { "oneOf": [{ "type": "object", "properties": { "x": { "type": "string" } } }] },
            "either": { "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } },
                "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }
        } } }),
        ""
    ));
}

#[test]
fn inline_schemas_are_named_after_the_path_to_them() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "task-list": { "type": "object", "properties": {
                "page": { "type": "object", "properties": { "next": { "type": "object", "properties": { "at": { "type": "string" } } } } },
                "rows": { "type": "array", "items": { "type": "object", "properties": { "state": { "type": "string", "enum": ["on"] } } } },
                "byName": { "type": "object", "additionalProperties": { "type": "object", "properties": { "n": { "type": "integer" } } } },
                "same": { "$ref": "#/components/schemas/task-list/properties/page/properties/next" }
            } },
            "TaskListPage": { "type": "object", "properties": { "taken": { "type": "string" } } }
        }),
        "[rename]\n\"#/components/schemas/task-list/properties/rows/items\" = \"Row\"\n[models.task-list]\nname = \"Tasks\"\n"
    ));
}

#[test]
fn additional_properties() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Typed": { "type": "object", "additionalProperties": { "type": ["integer", "null"] } },
            "Free": { "type": "object", "additionalProperties": true },
            "Empty": { "type": "object", "additionalProperties": {} },
            "Beside": { "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": { "type": "number" } },
            "Closed": { "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": false },
            "Untyped": { "additionalProperties": { "$ref": "#/components/schemas/Closed" } }
        }),
        ""
    ));
}

#[test]
fn types_that_contain_themselves() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Node": { "type": "object", "required": ["parent"], "properties": {
                "parent": { "anyOf": [{ "$ref": "#/components/schemas/Node" }, { "type": "null" }] },
                "next": { "$ref": "#/components/schemas/Node" },
                "children": { "type": "array", "items": { "$ref": "#/components/schemas/Node" } },
                "named": { "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Node" } }
            } },
            "Left": { "type": "object", "properties": { "right": { "$ref": "#/components/schemas/Right" } } },
            "Right": { "type": "object", "properties": { "left": { "$ref": "#/components/schemas/LeftAgain" } } },
            "LeftAgain": { "$ref": "#/components/schemas/Left" },
            "Value": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "$ref": "#/components/schemas/Value" } }] }
        }),
        ""
    ));
}

#[test]
fn names_that_rust_does_not_take() {
    assert_snapshot!(models(
        "3.1.0",
        &json!({
            "Option": { "type": "object", "properties": {
                "type": { "type": "string" }, "self": { "type": "string" }, "gen": { "type": "string" }, "2fa": { "type": "string" },
                "@type": { "type": "string" }, "größe": { "type": "string" }, "☃": { "type": "string" },
                "taskId": { "type": "string" }, "task_id": { "type": "string" }
            } },
            "foo-bar": { "type": "object", "properties": { "a": { "type": "string" } } },
            "FooBar": { "type": "object", "properties": { "b": { "$ref": "#/components/schemas/foo-bar" } } },
            "mod": { "type": "string", "enum": ["type"] }
        }),
        "[models.Option.fields.type]\nname = \"kind\"\n"
    ));
}

#[test]
fn references_may_point_anywhere() {
    let described = json!({
        "A": { "type": "object", "properties": { "x": { "type": "object", "properties": { "y": { "type": "string" } } } } },
        "B": { "type": "object", "properties": {
            "direct": { "$ref": "#/components/schemas/A/properties/x" },
            "escaped": { "$ref": "#/components/schemas/C~1D" },
            "percent": { "$ref": "#/components/schemas/C%2FD%20E" }
        } },
        "C/D": { "type": "string" },
        "C/D E": { "type": "integer" }
    });
    // `C%2FD` is one step in the URL and, decoded, two in the pointer: JSON Pointer wants `~1`.
    let document = schemas("3.1.0", &described);
    let error = strict(&document, "").unwrap_err().to_string();
    assert!(error.contains("#/components/schemas/B/properties/percent/$ref"), "{error}");
    let mut fixed = described;
    fixed["B"]["properties"]["percent"]["$ref"] = json!("#/components/schemas/C~1D%20E");
    assert_snapshot!(models("3.1.0", &fixed, ""));
}

#[test]
fn what_stands_beside_a_reference_counts_from_3_1_on() {
    let described = json!({
        "Part": { "type": "object", "properties": { "x": { "type": "string" } } },
        "Whole": { "type": "object", "properties": { "part": {
            "$ref": "#/components/schemas/Part", "description": "Said here.", "properties": { "y": { "type": "string" } }
        } } }
    });
    assert_snapshot!("beside_a_reference_3_0", models("3.0.3", &described, ""));
    assert_snapshot!("beside_a_reference_3_1", models("3.1.0", &described, ""));
}

#[test]
fn curation_makes_constructors_setters_and_secrets() {
    let described = json!({
        "NewKey": { "type": "object", "required": ["description", "ignored"], "properties": {
            "description": { "type": "string" }, "ignored": { "type": "string" }, "secret": { "type": ["string", "null"] },
            "new": { "type": "boolean" }, "tags": { "type": "array", "items": { "type": "string" } },
            "kinds": { "type": "array", "items": { "$ref": "#/components/schemas/Kind" } },
            "next": { "$ref": "#/components/schemas/NewKey" },
            "counts": { "type": "array", "items": { "type": "integer" } }
        } },
        "Kind": { "type": "string", "enum": ["a"] }
    });
    let curation = "[policy]\nrequired = \"curation\"\n[models.NewKey]\nrequired = [\"description\"]\nsetters = true\nfrom = \"description\"\nsensitive = [\"secret\"]\n";
    assert_snapshot!(models("3.1.0", &described, curation));
}

#[test]
fn what_the_document_requires_does_not_count_if_curation_says_so() {
    let described =
        json!({ "Task": { "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } } });
    assert!(models("3.1.0", &described, "").contains("pub a: String = \"a\","));
    assert!(
        models("3.1.0", &described, "[policy]\nrequired = \"curation\"\n").contains("pub a: Option<String> = A \"a\",")
    );
}

#[test]
fn webhooks_give_types() {
    let mut document =
        schemas("3.1.0", &json!({ "Event": { "type": "object", "properties": { "id": { "type": "string" } } } }));
    document["webhooks"] = json!({
        "event": { "post": { "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Event" } } } } } },
        "other": { "post": { "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { "n": { "type": "integer" } } } } } } } }
    });
    let output = strict(&document, "").unwrap();
    assert_eq!(output.operations, 0);
    assert_snapshot!(support::declarations(&output));
}

#[test]
fn the_same_input_gives_the_same_output() {
    let document = schemas(
        "3.1.0",
        &json!({ "B": { "type": "object", "properties": { "x": {} } }, "A": { "type": "string", "enum": ["b", "a"] } }),
    );
    assert_eq!(strict(&document, "").unwrap().files, strict(&document, "").unwrap().files);
}

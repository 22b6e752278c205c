//! What cannot be expressed is named by its pointer: an error in strict mode, a listed loss in lenient mode.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use onehorizon_generate::{Error, Mode};
use serde_json::{Value, json};
use support::{declarations, findings, lenient, paths, read, schemas, strict};

/// What a stale curation gives: an error in both modes.
fn stale(document: &Value, curation: &str) -> String {
    let strictly = strict(document, curation).unwrap_err().to_string();
    let leniently = read(&document.to_string(), curation, Mode::Lenient).unwrap_err().to_string();
    assert_eq!(
        leniently,
        strictly.replace("1 construct(s) cannot be expressed:", "1 entries of the curation do not fit the document:")
    );
    strictly.lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// The one finding of a document of schemas; strict mode refuses it in the same words.
fn only(described: &Value) -> String {
    of(&schemas("3.1.0", described), "")
}

fn of(document: &Value, curation: &str) -> String {
    let listed = findings(document, curation);
    let strictly = strict(document, curation).unwrap_err().to_string();
    assert_eq!(strictly, format!("{} construct(s) cannot be expressed:\n{}", listed.len(), listed.join("\n")));
    listed.join("\n")
}

fn holder(schema: &Value) -> Value {
    json!({ "Holder": { "type": "object", "properties": { "x": schema } } })
}

#[test]
fn references_into_nowhere() {
    assert_eq!(
        only(&holder(&json!({ "$ref": "#/components/schemas/Gone" }))),
        "#/components/schemas/Holder/properties/x/$ref: the reference `#/components/schemas/Gone` points at nothing"
    );
    assert_eq!(
        only(&holder(&json!({ "$ref": "other.json#/Task" }))),
        "#/components/schemas/Holder/properties/x/$ref: the reference `other.json#/Task` leaves the document; bundle it into one file first, for example with `npx @redocly/cli bundle`"
    );
    assert_eq!(
        only(&holder(&json!({ "$ref": 7 }))),
        "#/components/schemas/Holder/properties/x/$ref: `$ref` is not a string"
    );
    for (to, named) in [
        ("#", "#"),
        ("#/paths", "#/paths"),
        ("#/components/schemas", "#/components/schemas"),
        ("#/info/title", "#/info/title"),
    ] {
        assert_eq!(
            only(&holder(&json!({ "$ref": to }))),
            format!(
                "#/components/schemas/Holder/properties/x: the reference leads to `{named}`, which is not a schema"
            )
        );
    }
}

#[test]
fn schemas_that_are_only_themselves() {
    assert_eq!(
        only(&json!({ "A": { "$ref": "#/components/schemas/A" } })),
        "#/components/schemas/A: the schema is only a reference to itself"
    );
    assert_eq!(
        only(
            &json!({ "A": { "allOf": [{ "$ref": "#/components/schemas/B" }], "properties": {} }, "B": { "allOf": [{ "$ref": "#/components/schemas/A" }], "properties": {} } })
        ),
        "#/components/schemas/A: the schema contains itself through `$ref` or `allOf`\n#/components/schemas/B: the schema contains itself through `$ref` or `allOf`"
    );
    for keyword in ["allOf", "oneOf", "anyOf"] {
        let refer = |name: &str| json!({ keyword: [{ "$ref": format!("#/components/schemas/{name}") }] });
        assert_eq!(
            only(&json!({ "A": refer("A") })),
            "#/components/schemas/A: the schema is only a reference to itself"
        );
        assert_eq!(
            only(&json!({ "A": refer("B"), "B": refer("A"), "C": refer("A") })),
            "#/components/schemas/A: the schema is only a reference to itself\n#/components/schemas/B: the schema is only a reference to itself"
        );
    }
    assert_eq!(
        only(&json!({ "Tree": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } } })),
        "#/components/schemas/Tree: an array or map whose elements are itself again"
    );
}

#[test]
fn keywords_that_no_type_can_follow() {
    for keyword in ["prefixItems", "patternProperties", "unevaluatedItems", "$dynamicRef"] {
        let described = holder(&json!({ "type": "array", keyword: {} }));
        assert_eq!(
            only(&described),
            format!(
                "#/components/schemas/Holder/properties/x/{keyword}: `{keyword}` cannot be expressed; the value is left as JSON"
            )
        );
        assert!(declarations(&lenient(&schemas("3.1.0", &described), "")).contains("pub x: Option<Json> ="));
    }
}

#[test]
fn keywords_that_narrow_a_type_leave_it() {
    let described = holder(&json!({ "type": "string", "not": { "const": "" } }));
    assert_eq!(
        only(&described),
        "#/components/schemas/Holder/properties/x/not: `not` is not understood; the type is wider than the schema"
    );
    assert!(declarations(&lenient(&schemas("3.1.0", &described), "")).contains("pub x: Option<String> ="));
}

#[test]
fn slips_of_the_pen() {
    assert_eq!(
        only(&holder(&json!({ "type": "string", "maxlength": 3 }))),
        "#/components/schemas/Holder/properties/x/maxlength: there is no keyword `maxlength`; it is ignored"
    );
    assert_eq!(
        only(&holder(&json!({ "type": "text" }))),
        "#/components/schemas/Holder/properties/x/type: there is no type `text`"
    );
    assert_eq!(
        only(&holder(&json!(null))),
        "#/components/schemas/Holder/properties/x: not a schema that a value can satisfy"
    );
    assert_eq!(
        only(&holder(&json!({ "enum": ["a", 1] }))),
        "#/components/schemas/Holder/properties/x: an enum of values of different types"
    );
    assert_eq!(
        only(&holder(&json!({ "enum": ["a", "a"] }))),
        "#/components/schemas/Holder/properties/x/enum: \"a\" is listed twice"
    );
    assert_eq!(
        only(&holder(&json!({ "allOf": [{ "type": "string" }, { "type": "object" }] }))),
        "#/components/schemas/Holder/properties/x/allOf/1/type: no value has this type and those of the other parts"
    );
}

#[test]
fn discriminators_that_do_not_discriminate() {
    let pets = |discriminator: Value, cat: &str, dog: &str| {
        json!({
            "Pet": { "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }], "discriminator": discriminator },
            "Cat": { "type": "object", "properties": { "type": { "const": cat } } },
            "Dog": { "type": "object", "properties": { "type": { "const": dog } } }
        })
    };
    let same = pets(json!({ "propertyName": "type" }), "pet", "pet");
    assert_eq!(
        only(&same),
        "#/components/schemas/Pet/discriminator: the value `pet` of `type` chooses several alternatives; none is chosen by it"
    );
    assert!(declarations(&lenient(&schemas("3.1.0", &same), "")).contains("pub fn as_cat(&self)"));
    let stranger =
        pets(json!({ "propertyName": "type", "mapping": { "bird": "#/components/schemas/Bird" } }), "cat", "dog");
    assert_eq!(
        only(&stranger),
        "#/components/schemas/Pet/discriminator/mapping/bird: `#/components/schemas/Bird` is not among the alternatives"
    );
}

fn get(operation: &Value) -> Value {
    let mut whole = json!({ "operationId": "get", "responses": { "204": { "description": "" } } });
    whole.as_object_mut().unwrap().extend(operation.as_object().unwrap().clone());
    paths(&json!({ "/a": { "get": whole } }), &json!({}))
}

#[test]
fn two_operations_of_one_name() {
    let operation = json!({ "operationId": "get", "responses": { "204": { "description": "" } } });
    let document = paths(&json!({ "/a": { "get": operation }, "/b": { "get": operation } }), &json!({}));
    assert_eq!(of(&document, ""), "#/paths/~1b/get/operationId: a second operation is called `get`");
    assert_eq!(lenient(&document, "").operations, 2);
}

#[test]
fn operations_that_are_left_out() {
    for (operation, finding) in [
        (json!({ "responses": {} }), "/responses: no successful response is described; left out"),
        (
            json!({ "responses": { "302": { "description": "" } } }),
            "/responses: no successful response is described; left out",
        ),
        (
            json!({ "responses": { "200": { "description": "", "content": { "text/event-stream": {} } } } }),
            "/responses/200: a stream of events, which does not end; the operation is left out",
        ),
        (
            json!({ "responses": { "200": { "$ref": "#/components/responses/Gone" } } }),
            "/responses/200/$ref: the reference `#/components/responses/Gone` points at nothing\n#/paths/~1a/get/responses: no successful response is described; left out",
        ),
        (
            json!({ "requestBody": { "content": { "multipart/form-data": {} } } }),
            "/requestBody: a body of multipart/form-data cannot be expressed; the operation is left out",
        ),
        (
            json!({ "servers": [{ "url": "https://other.example" }] }),
            "/servers: the operation has a server of its own, `https://other.example`; left out",
        ),
        (
            json!({ "parameters": [{ "name": "c", "in": "cookie", "required": true, "schema": { "type": "string" } }] }),
            "/parameters/0: a parameter in `cookie` cannot be expressed, and its operation needs it; the operation is left out",
        ),
        (
            json!({ "parameters": [{ "name": "x", "in": "path", "required": true, "schema": { "type": "string" } }] }),
            ": the path has no `{x}`; left out",
        ),
        (
            json!({ "parameters": [{ "$ref": "#/components/parameters/Gone" }] }),
            "/parameters/0/$ref: the reference `#/components/parameters/Gone` points at nothing",
        ),
    ] {
        let document = get(&operation);
        assert_eq!(of(&document, ""), format!("#/paths/~1a/get{finding}"));
        assert_eq!(lenient(&document, "").operations, 0, "{finding}");
    }
}

#[test]
fn parts_of_operations_that_are_left_out() {
    let text = json!({ "type": "string" });
    for (operation, finding) in [
        (
            json!({ "parameters": [{ "name": "c", "in": "cookie", "schema": text }] }),
            "/parameters/0: a parameter in `cookie` cannot be expressed; the parameter is left out",
        ),
        (
            json!({ "parameters": [{ "name": "o", "in": "query", "style": "deepObject", "schema": { "type": "object", "properties": { "a": { "type": "object", "properties": { "b": text } } } } }] }),
            "/parameters/0/schema/properties/a: the field `a` of a `deepObject`, which is neither a string nor a list of strings, cannot be expressed; it is left out",
        ),
        (
            json!({ "parameters": [{ "name": "o", "in": "query", "content": { "application/json": {} } }] }),
            "/parameters/0: a parameter without a `schema` cannot be expressed; the parameter is left out",
        ),
        (
            json!({ "parameters": [{ "name": "h", "in": "header", "schema": { "type": "array", "items": text } }] }),
            "/parameters/0: a list outside the query cannot be expressed; the parameter is left out",
        ),
        (json!({ "sumary": "" }), "/sumary: `sumary` is not understood"),
        (json!({ "x-access": "owner" }), "/x-access: `owner` is neither `any` nor `oauth`"),
    ] {
        let document = get(&operation);
        assert_eq!(of(&document, ""), format!("#/paths/~1a/get{finding}"));
        assert_eq!(lenient(&document, "").operations, 1, "{finding}");
    }
}

#[test]
fn curation_that_names_nothing_is_stale() {
    let document = schemas("3.1.0", &holder(&json!({ "type": "string" })));
    for (curation, finding) in [
        ("[models.Gone]\n", "models: nothing in the document is named `Gone`"),
        ("[enums.Gone]\n", "enums: nothing in the document is named `Gone`"),
        ("[operations.gone]\n", "operations: nothing in the document is named `gone`"),
        ("[parameters.gone]\n", "parameters: nothing in the document is named `gone`"),
        ("[tags.Gone]\n", "tags: nothing in the document is named `Gone`"),
        ("[rename]\n\"#/x\" = \"Gone\"\n", "rename: nothing in the document is named `#/x`"),
        ("[ids.XId]\nproperties = [\"gone\"]\n", "ids.properties: nothing in the document is named `gone`"),
        ("[ids.XId]\nparameters = [\"gone\"]\n", "ids.parameters: nothing in the document is named `gone`"),
        ("[models.Holder]\nrequired = [\"gone\"]\n", "models.Holder: there is no field `gone`"),
        ("[models.Holder]\nfrom = \"x\"\n", "models.Holder.from: `x` must be the only required field, and a string"),
    ] {
        assert_eq!(stale(&document, curation), format!("#: curation: {finding}"));
    }
}

#[test]
fn curation_of_another_shape_is_refused() {
    let document = schemas("3.1.0", &json!({}));
    for curation in ["[models.Holder]\nrequird = []\n", "[operations.a]\nretry = \"sometimes\"\n", "models = 7"] {
        assert!(matches!(strict(&document, curation), Err(Error::Curation(_))), "{curation}");
    }
}

#[test]
fn curation_may_not_give_names_that_rust_does_not_take() {
    let document = schemas("3.1.0", &holder(&json!({ "type": "string" })));
    for curation in ["[models.Holder]\nname = \"not a name\"\n", "[operations.a]\nbody = \"type\"\n", "[ids.\"7\"]\n"] {
        assert!(matches!(strict(&document, curation), Err(Error::CurationName(_))), "{curation}");
    }
}

#[test]
fn documents_that_are_none() {
    let refused = |document: &str| read(document, "", Mode::Lenient).unwrap_err().to_string();
    assert!(refused("openapi 3.1.0").starts_with("the document is neither a JSON nor a YAML object"));
    assert!(refused("{\"swagger\": \"2.0\"}").starts_with("#/swagger: the document is Swagger 2.0; "));
    assert!(refused("swagger: 2.0\npaths: {}\n").contains("npx swagger2openapi"));
    assert_eq!(
        refused("{\"openapi\": \"4.0.0\"}"),
        "#/openapi: version `4.0.0` is not understood; 3.0, 3.1 and 3.2 are"
    );
    assert!(refused("{\"paths\": {}}").starts_with("#/openapi: missing"));
    assert_eq!(
        refused("{\"openapi\": \"3.1.0\", \"components\": {\"schemas\": []}}"),
        "#/components/schemas: not an object, so nothing can be read from it"
    );
    for document in ["\u{feff}{\"openapi\": \"3.1.0\"}", "openapi: 3.1.0\n", "{\"openapi\": \"3.2.0\"}"] {
        assert!(read(document, "", Mode::Strict).is_ok(), "{document}");
    }
}

//! What real documents write and a first reading got wrong, one small document each under `tests/cases`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use std::path::Path;

use onehorizon_generate::{Error, Mode, Output};
use serde_json::json;
use support::{apis, everything, read};

/// Generates from a case in strict mode.
fn case(name: &str) -> Result<Output, Error> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    let document = std::fs::read_to_string(directory.join("input.json")).unwrap();
    let curation = std::fs::read_to_string(directory.join("curation.toml")).unwrap_or_default();
    read(&document, &curation, Mode::Strict)
}

/// Everything emitted from a case that strict mode takes.
fn code(name: &str) -> String {
    match case(name) {
        Ok(output) => everything(&output),
        Err(error) => panic!("{name}: {error}"),
    }
}

/// The refusal of a case.
fn refusal(name: &str) -> String {
    case(name).unwrap_err().to_string()
}

/// Asserts that a case passes once its finding is accepted.
fn accepted(name: &str, pointer: &str, what: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("input.json");
    let curation = format!("[[accept]]\npointer = \"{pointer}\"\nwhat = \"{what}\"\nwhy = \"not needed\"\n");
    let output = read(&std::fs::read_to_string(path).unwrap(), &curation, Mode::Strict);
    assert_eq!(output.unwrap().accepted.len(), 1, "{name}");
}

/// Asserts that the text has every part.
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn what_the_paths_repeat_of_the_base_url_is_taken_away() {
    has(&code("01-server-path-prefix"), &["path: \"/things\""]);
}

#[test]
fn a_server_that_is_not_the_clients_base_url_is_a_finding() {
    has(&refusal("02-server-other-host"), &["#/servers/0: the document's server is `https://api.onehorizon.ai/v2`"]);
}

#[test]
fn an_operation_that_only_oauth_may_call_refuses_api_keys() {
    let code = code("03-security-oauth-only");
    let of = |id: &str| {
        code.lines()
            .filter(|line| line.contains("access:") || line.contains("id:"))
            .skip_while(|line| !line.contains(id))
            .take(2)
            .collect::<String>()
    };
    has(&of("\"listKeys\""), &["Access::OauthOnly"]);
    assert!(of("\"listThings\"").contains("Access::Any"), "{code}");
    assert!(of("\"health\"").contains("Access::Any"), "{code}");
}

#[test]
fn a_credential_that_the_client_does_not_send_is_a_finding() {
    has(
        &refusal("04-security-key-in-header"),
        &[
            "#/components/securitySchemes/k: the document wants the credential in the header `X-API-Key`, the client sends `Authorization: Bearer`",
        ],
    );
}

#[test]
fn the_configuration_fills_the_workspace_whatever_its_parameter_is_called() {
    let code = code("05-workspace-param-other-name");
    has(
        &code,
        &["path: \"/workspaces/{workspaceId}/things\"", "call.path(\"workspaceId\"", "pub fn list_things(&self)"],
    );
}

#[test]
fn what_requests_contain_has_a_constructor_and_setters() {
    let code = code("06-request-body-not-constructible");
    has(&code, &["pub title: String = \"title\"", "pub note: Option<String> = NOTE \"note\"", "pub fn note(mut self"]);
}

#[test]
fn fields_of_one_direction_make_two_types() {
    let code = code("07-read-only-in-request");
    let of = |name: &str| {
        let rest =
            code.split(&format!("pub struct {name} {{")).nth(1).unwrap_or_else(|| panic!("no {name} in\n{code}"));
        rest.split("\n}").next().unwrap_or_default().to_owned()
    };
    let (read, sent) = (of("Thing"), of("ThingInput"));
    has(&read, &["\"id\"", "\"title\"", "\"createdAt\""]);
    has(&sent, &["\"title\"", "\"secret\""]);
    assert!(!read.contains("\"secret\"") && !sent.contains("\"id\"") && !sent.contains("\"createdAt\""), "{code}");
    has(&code, &["thing: impl BodyOf<ThingInput>", "-> Thing)", "pub fn secret(mut self"]);
}

#[test]
fn curation_makes_one_type_of_both_directions() {
    let document = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/07-read-only-in-request/input.json"),
    )
    .unwrap();
    let output = read(&document, "[models.Thing]\nboth-ways = true\n", Mode::Strict).unwrap();
    let code = everything(&output);
    assert!(!code.contains("ThingInput"), "{code}");
    has(&code, &["\"secret\"", "\"createdAt\""]);
}

#[test]
fn a_required_field_that_is_only_read_is_no_part_of_a_request() {
    let code = code("20-required-read-only-in-body");
    has(&code, &["pub struct ThingInput", "thing: impl BodyOf<ThingInput>"]);
}

#[test]
fn tolerant_reading_leaves_requests_as_strict_as_the_document() {
    let thing = json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } });
    let body = json!({ "type": "object", "required": ["title"], "properties": { "title": { "type": "string" } } });
    let json =
        |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let document = json!({ "/a": { "post": { "operationId": "a",
        "requestBody": { "required": true, "content": json("NewThing") },
        "responses": { "200": { "description": "", "content": json("Thing") } } } } });
    let code = apis(
        &document,
        &json!({ "schemas": { "Thing": thing, "NewThing": body } }),
        "[policy]\nrequired = \"curation\"\n",
    );
    has(&code, &["pub title: String = \"title\"", "pub id: Option<String> = ID \"id\""]);
}

#[test]
fn a_body_keeps_its_media_type() {
    has(&code("08-merge-patch-content-type"), &["json_as(\"application/merge-patch+json\", thing.body())"]);
    let document = json!({ "/a": { "post": { "operationId": "a", "responses": { "204": { "description": "" } }, "requestBody": {
        "required": true, "content": { "application/x-www-form-urlencoded": { "schema": { "type": "object", "properties": { "x": { "type": "string" } } } } } } },
        "put": { "operationId": "b", "responses": { "204": { "description": "" } }, "requestBody": {
        "required": true, "content": { "text/markdown": { "schema": { "type": "string" } } } } } } });
    let code = apis(&document, &json!({}), "");
    has(&code, &["call.form(body.body())", "body: impl Into<Bytes>", "call.bytes(\"text/markdown\", body.into())"]);
}

#[test]
fn a_body_of_several_parts_is_a_finding_that_can_be_accepted() {
    has(
        &refusal("25-multipart"),
        &["#/paths/~1files/post/requestBody: a body of multipart/form-data cannot be expressed"],
    );
    accepted("25-multipart", "#/paths/~1files/post/requestBody", "a body of multipart/form-data");
}

#[test]
fn a_response_that_is_not_json_is_left_as_bytes() {
    let code = code("26-csv-and-bytes");
    has(&code, &["-> Bytes)", "send_bytes(\"text/csv\")", "send_bytes(\"application/octet-stream\")"]);
}

#[test]
fn a_stream_of_events_is_a_finding_that_can_be_accepted() {
    accepted("27-sse", "#/paths/~1events/get/responses/200", "a stream of events");
}

#[test]
fn several_successes_are_distinguished_by_their_status() {
    let code = code("28-two-successes");
    has(
        &code,
        &[
            "pub enum StartThingResponse",
            "Ok(Thing)",
            "Accepted(",
            "NoContent,",
            "Other(StatusCode, Bytes)",
            "204u16 => Self::NoContent",
        ],
    );
}

#[test]
fn a_success_without_a_body_beside_one_with_it_is_none() {
    let thing = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
    let document = json!({ "/a": { "post": { "operationId": "a", "responses": { "200": thing, "204": { "description": "" } } } } });
    has(&apis(&document, &json!({}), ""), &["-> Option<String>)", "send_optional()"]);
}

#[test]
fn text_may_stand_beside_a_parameter_in_a_path() {
    has(&code("29-path-suffix"), &["path: \"/things/{id}:archive\"", "path: \"/things/{id}.json\""]);
}

#[test]
fn a_curated_name_makes_the_body_an_argument() {
    has(&code("32-body-not-marked-required"), &["thing: impl BodyOf<Thing>"]);
}

#[test]
fn the_errors_schema_is_never_the_response() {
    has(&refusal("10-redirect-with-default-error"), &["#/paths/~1files~1{id}/get/responses: no successful"]);
}

#[test]
fn the_idempotency_key_is_the_call_option() {
    assert!(
        !code("12-idempotency-key-param").contains("pub fn idempotency_key(mut self, idempotency_key: impl AsRef<str>")
    );
}

#[test]
fn an_operation_called_new_is_not_the_constructor() {
    has(&code("14-operation-named-new"), &["pub fn new(configuration: &Configuration)", "pub fn new_things("]);
}

#[test]
fn the_name_of_a_method_written_by_hand_is_taken() {
    let refusal = refusal("15-operation-named-like-hand-written");
    has(
        &refusal,
        &["`rotate_api_key` is a method that `ApiKeysApi` has", "`edit_task` is a method that `TasksApi` has"],
    );
}

#[test]
fn an_operation_without_an_id_is_named_after_its_route() {
    has(&code("16-no-operation-id"), &["pub fn get_things(&self)"]);
}

#[test]
fn a_parent_that_lists_children_which_take_it_over_is_a_union_of_them() {
    let code = code("21-parent-one-of-child-all-of");
    has(&code, &["Cat(Box<Cat>)", "Dog(Box<Dog>)", "\"cat\"", "\"dog\""]);
    let cat = code.split("pub struct Cat ").nth(1).unwrap().split('}').next().unwrap().to_owned();
    has(&cat, &["pub kind:", "pub name:", "pub claws:"]);
}

#[test]
fn a_parent_with_a_discriminator_is_a_union_of_its_children() {
    let code = code("22-all-of-inheritance-discriminator");
    has(&code, &["pub enum Pet", "Cat(Box<Cat>)"]);
}

#[test]
fn fields_of_a_deep_object_are_parameters() {
    has(&code("30-deep-object-filter"), &["\"filter[owner]\"", "\"filter[status][]\"", "pub fn filter_owner("]);
}

#[test]
fn callbacks_are_not_the_clients_work() {
    assert!(case("31-callbacks-block-strict").is_ok());
}

#[test]
fn the_controllers_name_is_no_part_of_an_operation() {
    let code = code("34-nest-operation-ids");
    // Two groups, each with an async and a blocking client.
    assert_eq!(code.matches("pub fn find_all(&self)").count(), 4, "{code}");
    has(&code, &["pub fn create("]);
}

#[test]
fn swagger_2_is_named_with_the_remedy() {
    has(&refusal("35-swagger-2"), &["Swagger 2.0", "npx swagger2openapi"]);
}

#[test]
fn version_3_2_is_read() {
    assert!(case("36-openapi-3-2").is_ok());
}

#[test]
fn a_schema_may_name_the_values_of_its_enum() {
    let code = code("39-enum-case");
    has(&code, &["A = \"Done\"", "B = \"DONE\"", "E = \"in_progress\""]);
}

#[test]
fn a_retry_class_does_not_outlive_a_change_of_method() {
    has(
        &refusal("40-method-of-curated-op-changed"),
        &["operations.updateThing: `retry = \"idempotent-write\"` on POST needs"],
    );
    let document = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/40-method-of-curated-op-changed/input.json"),
    )
    .unwrap();
    let curation = "[operations.updateThing]\nretry = \"idempotent-write\"\nmethod = \"put\"\n";
    let refusal = read(&document, curation, Mode::Lenient).unwrap_err().to_string();
    has(&refusal, &["operations.updateThing: decided for PUT, but the operation is POST"]);
}

#[test]
fn parameters_whose_names_differ_in_brackets_are_kept_apart() {
    has(&code("45-array-query-brackets"), &["\"ids[]\"", "\"ids\"", "pub fn ids(", "pub fn ids_2("]);
}

#[test]
fn a_tree_through_its_base_is_read() {
    let code = code("48-tree-through-base");
    assert_eq!(code.matches("Vec<Node>").count(), 2, "{code}");
}

#[test]
fn odd_names_become_rust() {
    assert!(case("53-odd-names").is_ok());
}

#[test]
fn accepted_findings_pass_and_stale_acceptances_do_not() {
    let document = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/04-security-key-in-header/input.json"),
    )
    .unwrap();
    let entry = |pointer: &str, what: &str| {
        format!("[[accept]]\npointer = \"{pointer}\"\nwhat = \"{what}\"\nwhy = \"the service takes both\"\n")
    };
    let fits = entry("#/components/securitySchemes/*", "the document wants the credential in the header");
    let output = read(&document, &fits, Mode::Strict).unwrap();
    assert_eq!((output.accepted.len(), output.findings.len()), (1, 0));
    for stale in [entry("#/components/securitySchemes/k", "something else"), entry("#/paths", "the document wants")] {
        let refusal = read(&document, &format!("{fits}{stale}"), Mode::Lenient).unwrap_err().to_string();
        has(&refusal, &["curation: accept: there is no finding"]);
    }
}

#[test]
fn a_parameter_called_like_a_call_option_needs_a_name_of_its_own() {
    let document = json!({ "/a": { "get": { "operationId": "a", "responses": { "204": { "description": "" } }, "parameters": [
        { "name": "timeout", "in": "query", "schema": { "type": "integer" } },
        { "name": "header", "in": "query", "required": true, "schema": { "type": "string" } } ] } } });
    let document =
        json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": document }).to_string();
    let refusal = read(&document, "", Mode::Strict).unwrap_err().to_string();
    has(
        &refusal,
        &[
            "#/paths/~1a/get/parameters/0: `timeout` is an option of every call; give the parameter a `name` in `[operations.a.parameters.timeout]`",
            "`header` is an option of every call",
        ],
    );
    let curation = "[operations.a.parameters.timeout]\nname = \"job_timeout\"\n[parameters.header]\nname = \"title\"\n";
    let output = read(&document, curation, Mode::Strict).unwrap();
    has(
        &output.files["apis/default.rs"],
        &["pub fn job_timeout(mut self", "query(\"timeout\"", "title: impl AsRef<str>"],
    );
}

#[test]
fn a_parameter_called_like_a_method_written_by_hand_needs_a_name_of_its_own() {
    let document = json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": { "/a": { "get": {
        "operationId": "listTasks", "responses": { "204": { "description": "" } }, "parameters": [
        { "name": "updatedSince", "in": "query", "schema": { "type": "string" } } ] } } } })
    .to_string();
    has(
        &read(&document, "", Mode::Strict).unwrap_err().to_string(),
        &["`updated_since` is a method that `ListTasks` has already, written by hand; give the parameter a `name` in"],
    );
    let name = |wire: &str| format!("[operations.listTasks.parameters.{wire}]\nname = \"changed_since\"\n");
    has(
        &read(&document, &name("updatedSince"), Mode::Strict).unwrap().files["apis/default.rs"],
        &["fn changed_since("],
    );
    has(
        &read(&document, &name("gone"), Mode::Lenient).unwrap_err().to_string(),
        &["curation: operations.listTasks.parameters: the operation has no `gone`"],
    );
}

#[test]
fn numbers_have_the_types_that_hold_their_digits() {
    // What a number has beyond the digits of its type is kept by the models themselves.
    let code = code("24-number-keeps-digits");
    has(&code, &["price: Option<f64>", "big: Option<i64>", "ubig: Option<u64>", "position: Option<u64>"]);
}

#[test]
fn a_date_is_text_that_says_so() {
    has(&code("38-date"), &["pub due_on: Option<String> = DUE_ON \"dueOn\"", "since: impl AsRef<str>", "A date"]);
}

#[test]
fn what_responses_require_is_left_to_the_curation_where_the_policy_says_so() {
    has(&code("43-required-of-new-models"), &["pub id: Option<String>", "pub name: Option<String>"]);
}

#[test]
fn a_body_of_several_types_is_made_of_each_and_never_of_null_in_its_place() {
    has(
        &code("46-one-of-string-or-object"),
        &[
            "pub fn from_text(value: &str) -> Self",
            "pub fn from_thing(value: &Thing) -> Result<Self, serde_json::Error>",
            "body: impl BodyOf<CreateThingBody>",
        ],
    );
}

#[test]
fn events_that_differ_by_their_type_are_a_union() {
    has(
        &code("47-webhook-discriminated"),
        &["pub enum WebhookEvent", "TaskCreated(Box<TaskCreated>)", "\"comment.created\"", "Unknown(Json)"],
    );
}

#[test]
fn a_field_called_additional_leaves_the_reader_its_name() {
    has(&code("56-additional-setter"), &["pub fn set_additional(mut self", "pub fn additional("]);
}

#[test]
fn a_list_with_a_cursor_has_pages_and_items() {
    let output = case("41-pagination").unwrap();
    has(
        &output.files["apis/things.rs"],
        &[
            "pub fn pages(self) -> super::paging::Pages<ListThingsResponse>",
            "pub fn items(self) -> super::paging::Items<ListThingsResponse>",
            "Pages::new(self.call, Some(\"cursor\"), Call::send)",
        ],
    );
    has(
        &output.files["apis/paging.rs"],
        &["impl Page for super::super::models::ListThingsResponse", "self.next_cursor.text()", "self.things.list()"],
    );
    has(&output.files["apis/mod.rs"], &["pub mod paging;"]);
}

#[test]
fn a_list_with_the_address_of_the_next_page_has_pages_too() {
    let things = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Thing" } });
    let document = |fields: serde_json::Value| {
        let mut list = json!({ "type": "object", "properties": { "data": things } });
        list["properties"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
            "components": { "schemas": { "Thing": { "type": "object", "properties": { "id": { "type": "string" } } } } },
            "paths": { "/a": { "get": { "operationId": "listA",
                "responses": { "200": { "description": "", "content": { "application/json": { "schema": list } } } } } } } })
    };
    for fields in [
        json!({ "next": { "type": ["string", "null"], "format": "uri" } }),
        json!({ "@odata.nextLink": { "type": "string" } }),
        json!({ "links": { "type": "object", "properties": { "next": { "type": "string" }, "self": { "type": "string" } } } }),
    ] {
        let files = read(&document(fields).to_string(), "", Mode::Strict).unwrap().files;
        has(&files["apis/default.rs"], &["Pages::new(self.call, None, Call::send)"]);
        has(
            &files["blocking/default.rs"],
            &["super::paging::Pages::new(self.configuration, apis::ListA::pages(self.call))"],
        );
        has(&files["blocking/mod.rs"], &["pub mod paging;"]);
    }
}

#[test]
fn a_cursor_may_stand_in_an_object_about_paging() {
    let list = json!({ "type": "object", "properties": {
        "data": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } },
        "meta": { "type": "object", "properties": { "next_page_token": { "type": ["string", "null"] } } } } });
    let document = |cursor: &str, list: &serde_json::Value| {
        json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
            "components": { "schemas": { "Thing": { "type": "object", "properties": { "id": { "type": "string" } } } } },
            "paths": { "/a": { "get": { "operationId": "listA",
                "parameters": [{ "name": cursor, "in": "query", "schema": { "type": "string" } }],
                "responses": { "200": { "description": "", "content": { "application/json": { "schema": list } } } } } } } })
    };
    let files = |document: serde_json::Value| read(&document.to_string(), "", Mode::Strict).unwrap().files;
    has(
        &files(document("pageToken", &list))["apis/paging.rs"],
        &["self.meta.as_ref().and_then(|inner| inner.next_page_token.text())"],
    );
    for other in [document("since", &list), document("cursor", &json!({ "$ref": "#/components/schemas/Thing" }))] {
        assert!(!files(other).contains_key("apis/paging.rs"));
    }
}

//! Reads the operations out of the document.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::reference::follow;
use super::schema::Schema;
use super::{Body, Kind, Operation, Parameter, Place, Segment};
use crate::service::BASE_PATH;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// All operations of a document in its normal form.
pub(super) fn operations(document: &Value) -> Result<Vec<Operation>, String> {
    let reader = Reader { document };
    let mut operations = Vec::new();
    let repeated = repeated_base(document);
    for (path, item) in entries(document.get("paths")) {
        let route = path.strip_prefix(repeated).unwrap_or(path);
        for (method, operation) in entries(Some(item)).filter(|(key, _)| METHODS.contains(&key.as_str())) {
            let read = reader.operation(route, method, item, operation);
            operations.push(read.map_err(|problem| format!("{method} {path}: {problem}"))?);
        }
    }
    Ok(operations)
}

struct Reader<'d> {
    document: &'d Value,
}

impl Reader<'_> {
    fn operation(&self, path: &str, method: &str, item: &Value, operation: &Value) -> Result<Operation, String> {
        // A document of other words says which operation of the fake each is.
        let own = operation.get("operationId").and_then(Value::as_str);
        let spelt = own.map_or_else(|| format!("{method} {path}"), str::to_owned);
        let id = operation.get("x-role").and_then(Value::as_str).unwrap_or(&spelt).to_owned();
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).map_err(|error| error.to_string())?;
        let template = path.trim_start_matches('/').split('/').map(|segment| {
            let parts = segment.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
            match parts {
                Some((before, (name, after))) => {
                    Segment::Parameter(before.to_owned(), name.to_owned(), after.to_owned())
                }
                None => Segment::Literal(segment.to_owned()),
            }
        });
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in items(operation.get("parameters")).chain(items(item.get("parameters"))) {
            let parameter = follow(self.document, parameter)?;
            if parameter.get("in").and_then(Value::as_str) == Some("cookie") {
                // The client sends none.
                continue;
            }
            let parameter = self.parameter(parameter)?;
            // The operation's own parameter comes first and overrides the path's.
            let known = |other: &Parameter| other.name == parameter.name && other.place == parameter.place;
            if !parameters.iter().any(known) {
                parameters.push(parameter);
            }
        }
        let success = entries(operation.get("responses"))
            .find_map(|(status, _)| status.parse::<u16>().ok().filter(|status| (200..300).contains(status)))
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK);
        let body = operation.get("requestBody").map(|body| self.body(follow(self.document, body)?)).transpose()?;
        let oauth_only = operation.get("x-access").and_then(Value::as_str) == Some("oauth");
        let names = |key: &str| {
            let names = entries(operation.get(key));
            names.filter_map(|(here, there)| Some((here.clone(), there.as_str()?.to_owned()))).collect()
        };
        let (renamed, renamed_items) = (names("x-renamed"), names("x-renamed-items"));
        let documented = operation.get("x-evidence").and_then(Value::as_str) == Some("documented");
        let template = template.collect();
        let response = self.described_response(operation)?;
        let sends_whole = operation.get("x-sends-whole") == Some(&Value::Bool(true));
        Ok(Operation {
            id,
            spelt,
            method,
            success,
            oauth_only,
            sends_whole,
            documented,
            parameters,
            body,
            renamed,
            renamed_items,
            response,
            template,
        })
    }

    /// What an official document says of the first success; our own contract is what the fake's data was written by.
    fn described_response(&self, operation: &Value) -> Result<Option<(Schema, Value)>, String> {
        if self.document.pointer("/x-sources/official").is_none() {
            return Ok(None);
        }
        let success = entries(operation.get("responses")).find(|(status, _)| status.starts_with('2'));
        let Some((_, response)) = success else { return Ok(None) };
        let schema = follow(self.document, response)?.pointer("/content/application~1json/schema");
        schema.map(|schema| Ok((self.compile(schema)?, self.rooted(schema)))).transpose()
    }

    fn parameter(&self, parameter: &Value) -> Result<Parameter, String> {
        let name = parameter.get("name").and_then(Value::as_str).ok_or("a parameter without a name")?;
        let place = match parameter.get("in").and_then(Value::as_str) {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            other => return Err(format!("parameter {name} in {other:?} is not supported")),
        };
        let schema = parameter.get("schema").cloned().unwrap_or_else(|| json!({}));
        Ok(Parameter {
            name: name.to_owned(),
            place,
            required: parameter.get("required").and_then(Value::as_bool).unwrap_or(place == Place::Path),
            kind: self.kind(&schema)?,
            explode: parameter.get("explode").and_then(Value::as_bool).unwrap_or(place == Place::Query),
            schema: self.compile(&schema)?,
        })
    }

    fn body(&self, body: &Value) -> Result<Body, String> {
        let mut media = Vec::new();
        for (media_type, content) in entries(body.get("content")) {
            let schema = content.get("schema").cloned().unwrap_or_else(|| json!({}));
            let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            media.push((essence, self.compile(&schema)?));
        }
        Ok(Body { required: body.get("required").and_then(Value::as_bool).unwrap_or(false), media })
    }

    fn kind(&self, schema: &Value) -> Result<Kind, String> {
        let schema = follow(self.document, schema)?;
        let named = |name: &str| match schema.get("type") {
            Some(Value::String(kind)) => kind == name,
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
            _ => false,
        };
        if named("array") {
            let item = schema.get("items").cloned().unwrap_or_else(|| json!({}));
            return Ok(Kind::List(Box::new(self.kind(&item)?)));
        }
        if named("boolean") {
            return Ok(Kind::Boolean);
        }
        Ok(if named("integer") || named("number") { Kind::Number } else { Kind::Text })
    }

    /// Compiles a schema beside the components, so that its references stay inside one document.
    fn compile(&self, schema: &Value) -> Result<Schema, String> {
        let root = self.rooted(schema);
        let official = self.document.pointer("/x-sources/official").is_some();
        match Schema::compile(root.clone()) {
            Err(_) if official => {
                // A document of others may have patterns of another dialect, or keywords that are none: what cannot be
                // checked is let through, so that the rest of the service is played.
                let mut root = root;
                without_patterns(&mut root);
                Schema::compile(root).or_else(|_| Schema::compile(json!({})))
            }
            compiled => compiled,
        }
    }

    fn rooted(&self, schema: &Value) -> Value {
        let mut root = Map::new();
        root.insert("allOf".to_owned(), json!([schema]));
        if let Some(components) = self.document.get("components") {
            root.insert("components".to_owned(), components.clone());
        }
        Value::Object(root)
    }
}

fn without_patterns(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(without_patterns),
        Value::Object(object) => {
            if object.get("pattern").is_some_and(Value::is_string) {
                object.remove("pattern");
            }
            object.values_mut().for_each(without_patterns);
        }
        _ => {}
    }
}

/// What the paths repeat of the base path, as documents do whose server is the host alone.
fn repeated_base(document: &Value) -> &'static str {
    let paths: Vec<&String> = entries(document.get("paths")).map(|(path, _)| path).collect();
    let starts = BASE_PATH.match_indices('/').filter_map(|(at, _)| BASE_PATH.get(at..));
    let is_repeated = |start: &&str| {
        let below = |path: &&String| path.strip_prefix(*start).is_some_and(|rest| rest.starts_with('/'));
        !paths.is_empty() && paths.iter().all(below)
    };
    starts.into_iter().find(is_repeated).unwrap_or_default()
}

fn entries(node: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    node.and_then(Value::as_object).into_iter().flatten()
}

fn items(node: Option<&Value>) -> impl Iterator<Item = &Value> {
    node.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a broken test may panic")]

    use super::super::{Contract, Match};
    use super::*;

    fn operation(change: impl FnOnce(&mut Value)) -> Result<Operation, String> {
        let mut document = json!({
            "paths": { "/things/{id}": {
                "parameters": [{ "name": "id", "in": "path" }, { "name": "page", "in": "query", "required": true }],
                "get": { "operationId": "fetchThing", "responses": { "default": {}, "206": {}, "404": {} } }
            } },
            "components": { "parameters": { "page": { "$ref": "#/components/parameters/circle" } } }
        });
        change(&mut document);
        let mut read = Contract::read(&document.to_string())?;
        read.operations.pop().ok_or_else(|| "no operation".to_owned())
    }

    fn with_parameters(parameters: &Value) -> Result<Vec<Parameter>, String> {
        let put = |document: &mut Value| document["paths"]["/things/{id}"]["get"]["parameters"] = parameters.clone();
        operation(put).map(|operation| operation.parameters)
    }

    fn read(parameters: &Value) -> Vec<Parameter> {
        with_parameters(parameters).unwrap_or_else(|problem| unreachable!("{problem}"))
    }

    #[test]
    fn an_operation_has_its_paths_parameters_and_its_first_success() {
        let read = operation(|_| ()).unwrap_or_else(|problem| unreachable!("{problem}"));
        assert_eq!(read.parameters.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["id", "page"]);
        assert_eq!((read.success.as_u16(), read.oauth_only, read.body.is_none()), (206, false, true));
    }

    #[test]
    fn a_parameter_of_the_operation_takes_the_place_of_the_paths_of_the_same_name_and_place() {
        let parameters = read(&json!([{ "name": "page", "in": "query" }, { "name": "id", "in": "query" }]));
        let found: Vec<_> = parameters.iter().map(|one| (one.name.as_str(), one.place, one.required)).collect();
        let expected = [("page", Place::Query, false), ("id", Place::Query, false), ("id", Place::Path, true)];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_the_path_is_required_and_only_the_query_exploded_unless_said() {
        let parameters =
            read(&json!([{ "name": "x-a", "in": "header" }, { "name": "b", "in": "query", "explode": false }]));
        let found: Vec<_> = parameters.iter().map(|one| (one.required, one.explode)).collect();
        assert_eq!(found, [(false, false), (false, false), (true, false), (true, true)]);
        assert!(with_parameters(&json!([{ "name": "c", "in": "nowhere" }])).is_err());
        assert!(with_parameters(&json!([{ "name": "c", "in": "cookie" }])).is_ok_and(|read| read.len() == 2));
    }

    #[test]
    fn a_type_may_be_one_of_a_list() {
        let kind = |schema: Value| read(&json!([{ "name": "a", "in": "query", "schema": schema }])).swap_remove(0).kind;
        assert!(matches!(kind(json!({ "type": ["integer", "null"] })), Kind::Number));
        assert!(matches!(kind(json!({ "type": ["null", "boolean"] })), Kind::Boolean));
        assert!(matches!(kind(json!({ "type": ["string", "null"] })), Kind::Text));
        let list = kind(json!({ "type": ["array", "null"], "items": { "type": "number" } }));
        assert!(matches!(list, Kind::List(item) if matches!(*item, Kind::Number)));
    }

    #[test]
    fn a_schema_that_cannot_be_checked_does_not_keep_the_rest_from_being_played() {
        let schema = json!({ "type": "string", "pattern": "^(?!x).*$", "minLength": 2 });
        let change = |document: &mut Value, official: bool| {
            document["paths"]["/things/{id}"]["get"]["requestBody"] =
                json!({ "content": { "application/json": { "schema": schema } } });
            if official {
                document["x-sources"] = json!({ "official": "a document" });
            }
        };
        let read = operation(|document| change(document, true)).unwrap_or_else(|problem| unreachable!("{problem}"));
        let mut faults = 0;
        read.body.unwrap_or_else(|| unreachable!()).media[0].1.check(&json!("x"), "$", |_, _| faults += 1);
        assert_eq!(faults, 1, "the length is checked all the same");
        assert!(operation(|document| change(document, false)).is_err());
    }

    #[test]
    fn the_base_path_may_stand_in_the_paths() {
        for (path, server) in [("/api/v1/things", "https://onehorizon.ai"), ("/v1/things", "https://onehorizon.ai/api")]
        {
            let document = json!({ "servers": [{ "url": server }], "paths": { path: { "get": { "responses": {} } } } });
            let contract = Contract::read(&document.to_string()).unwrap_or_else(|problem| unreachable!("{problem}"));
            assert!(matches!(contract.find(&Method::GET, "/things"), Match::Operation(..)), "{path}");
        }
    }

    #[test]
    fn references_that_end_nowhere_are_reported() {
        let fault = |to: &str| with_parameters(&json!([{ "$ref": to }])).err().unwrap_or_default();
        assert!(fault("#/components/parameters/page").contains("leads nowhere"));
        assert!(fault("elsewhere.json").contains("leads nowhere"));
        let circle = operation(|document| {
            document["components"]["parameters"]["circle"] = json!({ "$ref": "#/components/parameters/page" });
            document["paths"]["/things/{id}"]["parameters"][0] = json!({ "$ref": "#/components/parameters/page" });
        });
        assert!(circle.err().unwrap_or_default().contains("circle"));
    }

    #[test]
    fn a_parameter_of_the_path_is_never_empty() {
        let contract = Contract { operations: operation(|_| ()).into_iter().collect() };
        assert!(matches!(contract.find(&Method::GET, "/things/7"), Match::Operation(..)));
        assert!(matches!(contract.find(&Method::GET, "/things/"), Match::Nothing));
        assert!(matches!(contract.find(&Method::PUT, "/things/7"), Match::Methods(_)));
    }
}

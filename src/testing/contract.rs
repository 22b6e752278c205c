//! The operations of the embedded contract, ready to be matched and checked.

use std::sync::OnceLock;

use http::{Method, StatusCode};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The document that the SDK is generated from; requests are held against the same text.
const DOCUMENT: &str = include_str!("../../openapi/onehorizon.json");

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What the contract says about one route.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) success: StatusCode,
    /// Whether API keys are refused.
    pub(super) oauth_only: bool,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    template: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Parameter(String),
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) kind: Kind,
    /// Whether an array is written as one key per item (`true`) or comma-joined.
    pub(super) explode: bool,
    pub(super) schema: Validator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// How a parameter's text becomes a JSON value.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Boolean,
    Number,
    List(Box<Kind>),
}

#[derive(Debug)]
pub(super) struct Body {
    pub(super) required: bool,
    /// Media type and schema.
    pub(super) media: Vec<(String, Validator)>,
}

/// The result of looking a path up.
#[derive(Debug)]
pub(super) enum Match<'c> {
    /// The operation and its path parameters, decoded.
    Operation(&'c Operation, Vec<(String, String)>),
    /// The path exists under these methods only.
    Methods(Vec<&'c Method>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Contract {
    operations: Vec<Operation>,
}

impl Contract {
    /// The embedded contract, read once per process.
    pub(super) fn embedded() -> Result<&'static Self, &'static str> {
        static CONTRACT: OnceLock<Result<Contract, String>> = OnceLock::new();
        CONTRACT.get_or_init(|| Self::read(DOCUMENT)).as_ref().map_err(String::as_str)
    }

    fn read(text: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("the contract is no JSON: {error}"))?;
        let reader = Reader { document: &document };
        let mut operations = Vec::new();
        for (path, item) in entries(document.get("paths")) {
            for (method, operation) in entries(Some(item)).filter(|(key, _)| METHODS.contains(&key.as_str())) {
                let read = reader.operation(path, method, item, operation);
                operations.push(read.map_err(|problem| format!("{method} {path}: {problem}"))?);
            }
        }
        Ok(Self { operations })
    }

    /// Finds the operation of a path below the base path; the segments are still percent-encoded.
    pub(super) fn find(&self, method: &Method, path: &str) -> Match<'_> {
        let segments: Vec<Option<String>> = path.trim_start_matches('/').split('/').map(decode_segment).collect();
        let fitting: Vec<_> =
            self.operations.iter().filter_map(|operation| Some((operation, operation.captures(&segments)?))).collect();
        // A literal segment wins over a parameter: the fewer captures, the closer the match.
        let Some(closest) = fitting.iter().map(|(_, captures)| captures.len()).min() else {
            return Match::Nothing;
        };
        let mut methods = Vec::new();
        for (operation, captures) in fitting.into_iter().filter(|(_, captures)| captures.len() == closest) {
            if operation.method == *method {
                return Match::Operation(operation, captures);
            }
            methods.push(&operation.method);
        }
        Match::Methods(methods)
    }
}

impl Operation {
    fn captures(&self, segments: &[Option<String>]) -> Option<Vec<(String, String)>> {
        if segments.len() != self.template.len() {
            return None;
        }
        let mut captures = Vec::new();
        for (pattern, segment) in self.template.iter().zip(segments) {
            let segment = segment.as_deref()?;
            match pattern {
                Segment::Literal(literal) if literal == segment => {}
                Segment::Parameter(name) if !segment.is_empty() => {
                    captures.push((name.clone(), segment.to_owned()));
                }
                _ => return None,
            }
        }
        Some(captures)
    }
}

/// Decodes one path segment; `None` when the escapes are broken.
fn decode_segment(segment: &str) -> Option<String> {
    super::query::percent_decode(segment, false)
}

struct Reader<'d> {
    document: &'d Value,
}

impl Reader<'_> {
    fn operation(&self, path: &str, method: &str, item: &Value, operation: &Value) -> Result<Operation, String> {
        let id = operation.get("operationId").and_then(Value::as_str).ok_or("no operationId")?;
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).map_err(|error| error.to_string())?;
        let template = path.trim_start_matches('/').split('/').map(|segment| {
            match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Literal(segment.to_owned()),
            }
        });
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in items(operation.get("parameters")).chain(items(item.get("parameters"))) {
            let parameter = self.parameter(self.follow(parameter)?)?;
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
        let body = operation.get("requestBody").map(|body| self.body(self.follow(body)?)).transpose()?;
        let oauth_only = operation.get("x-access").and_then(Value::as_str) == Some("oauth");
        Ok(Operation { id: id.to_owned(), method, success, oauth_only, parameters, body, template: template.collect() })
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
            media.push((media_type.to_ascii_lowercase(), self.compile(&schema)?));
        }
        Ok(Body { required: body.get("required").and_then(Value::as_bool).unwrap_or(false), media })
    }

    fn kind(&self, schema: &Value) -> Result<Kind, String> {
        let schema = self.follow(schema)?;
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
    fn compile(&self, schema: &Value) -> Result<Validator, String> {
        let mut root = Map::new();
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("allOf".to_owned(), json!([schema]));
        if let Some(components) = self.document.get("components") {
            root.insert("components".to_owned(), components.clone());
        }
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&Value::Object(root)).map_err(|error| error.to_string())
    }

    /// Follows local references to the node they name.
    fn follow<'v>(&'v self, mut node: &'v Value) -> Result<&'v Value, String> {
        for _ in 0..32 {
            let Some(reference) = node.get("$ref").and_then(Value::as_str) else {
                return Ok(node);
            };
            let target = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
            node = target.ok_or_else(|| format!("the reference {reference} leads nowhere"))?;
        }
        Err("a reference runs in a circle".to_owned())
    }
}

fn entries(node: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    node.and_then(Value::as_object).into_iter().flatten()
}

fn items(node: Option<&Value>) -> impl Iterator<Item = &Value> {
    node.and_then(Value::as_array).into_iter().flatten()
}

//! The operations of the embedded contract, ready to be matched and checked.

mod conform;
mod normal;
pub(crate) mod query;
mod reader;
mod reference;
mod schema;
pub(crate) mod validate;

use std::sync::OnceLock;

use http::{Method, StatusCode};
use serde_json::Value;

use self::schema::Schema;

/// What the contract says about one route.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The role that it plays, which is its own name unless a document of other words says so.
    pub(crate) id: String,
    /// As the document spells it.
    spelt: String,
    pub(crate) method: Method,
    pub(crate) success: StatusCode,
    /// Whether API keys are refused.
    pub(crate) oauth_only: bool,
    /// Whether an official document describes what is sent by the schema of what comes back.
    pub(crate) sends_whole: bool,
    /// Whether documentation names the route.
    pub(crate) documented: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    /// Fields of the response that the document calls otherwise: their names here and there.
    pub(crate) renamed: Vec<(String, String)>,
    /// The same for what the lists in it contain.
    pub(crate) renamed_items: Vec<(String, String)>,
    /// What an official document says of the response: checked, and completed where the fake's data lacks something.
    response: Option<(Schema, Value)>,
    template: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    /// What stands before the parameter, its name, and what stands after it.
    Parameter(String, String, String),
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
    /// Whether an array is written as one key per item (`true`) or comma-joined.
    pub(crate) explode: bool,
    pub(crate) schema: Schema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// How a parameter's text becomes a JSON value.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Number,
    List(Box<Kind>),
}

#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) required: bool,
    /// Media type and schema.
    pub(crate) media: Vec<(String, Schema)>,
}

/// The result of looking a path up.
#[derive(Debug)]
pub(crate) enum Match<'c> {
    /// The operation and its path parameters, decoded.
    Operation(&'c Operation, Vec<(String, String)>),
    /// The path exists under these methods only.
    Methods(Vec<&'c Method>),
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Contract {
    operations: Vec<Operation>,
}

impl Contract {
    /// The embedded contract, read once per process.
    pub(crate) fn embedded() -> Result<&'static Self, &'static str> {
        static CONTRACT: OnceLock<Result<Contract, String>> = OnceLock::new();
        CONTRACT.get_or_init(|| Self::read(onehorizon::CONTRACT)).as_ref().map_err(String::as_str)
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut document: Value =
            serde_json::from_str(text).map_err(|error| format!("the contract is not valid JSON: {error}"))?;
        normal::normalize(&mut document);
        Ok(Self { operations: reader::operations(&document)? })
    }

    /// The operation that plays a role, by the role's name or by its own.
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        let by_role = self.operations.iter().find(|operation| operation.id == name);
        by_role.or_else(|| self.operations.iter().find(|operation| operation.spelt == name))
    }

    /// The method of an update of a task.
    pub(crate) fn update_method(&self) -> &Method {
        self.operation("updateTask").map_or(&Method::PUT, |operation| &operation.method)
    }

    /// Finds the operation of a path below the base path; the segments are still percent-encoded.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Match<'_> {
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
    /// The body of a successful response as the official document wants it; nothing if it is so already.
    pub(crate) fn conformed(&self, body: &str) -> Option<String> {
        let (schema, root) = self.response.as_ref()?;
        let mut value = serde_json::from_str(body).ok()?;
        let mut fits = true;
        schema.check(&value, "$", |_, _| fits = false);
        if fits {
            return None;
        }
        conform::conform(root, &mut value);
        Some(value.to_string())
    }

    fn captures(&self, segments: &[Option<String>]) -> Option<Vec<(String, String)>> {
        if segments.len() != self.template.len() {
            return None;
        }
        let mut captures = Vec::new();
        for (pattern, segment) in self.template.iter().zip(segments) {
            let segment = segment.as_deref()?;
            match pattern {
                Segment::Literal(literal) if literal == segment => {}
                Segment::Parameter(before, name, after) => {
                    let value = segment.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                    if value.is_empty() {
                        return None;
                    }
                    captures.push((name.clone(), value.to_owned()));
                }
                Segment::Literal(_) => return None,
            }
        }
        Some(captures)
    }
}

/// Decodes one path segment; `None` when the escapes are broken.
fn decode_segment(segment: &str) -> Option<String> {
    crate::contract::query::percent_decode(segment, false)
}

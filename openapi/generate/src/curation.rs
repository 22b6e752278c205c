//! `curation.toml`: what the contract cannot say. Rust names, retry classes, ids, sensitive fields.
//!
//! Every key is optional. An entry that names nothing in the document is an error, so that the file cannot rot.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;
use crate::naming::is_identifier;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Curation {
    /// Choices for the whole document.
    #[serde(default)]
    pub(crate) policy: Policy,
    /// By the Rust name of the id type.
    #[serde(default)]
    pub(crate) ids: BTreeMap<String, Id>,
    /// Object schemas, by their name in the document (inline ones: by the Rust name they get).
    #[serde(default)]
    pub(crate) models: BTreeMap<String, Model>,
    /// String enums, by their name in the document (inline ones: by the Rust name they get).
    #[serde(default)]
    pub(crate) enums: BTreeMap<String, Enum>,
    /// By `operationId`.
    #[serde(default)]
    pub(crate) operations: BTreeMap<String, Operation>,
    /// By the parameter's name on the wire, in every operation that has it.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Parameter>,
    /// By the tag's name: one API client per tag.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, Tag>,
    /// JSON pointer of an inline schema (`#/components/schemas/Task/properties/team`) to its Rust name.
    #[serde(default)]
    pub(crate) rename: BTreeMap<String, String>,
    /// By the name of the security scheme.
    #[serde(default)]
    pub(crate) security: BTreeMap<String, Scheme>,
    /// Findings that are known and accepted; strict mode refuses all others.
    #[serde(default)]
    pub(crate) accept: Vec<Accept>,
}

/// A finding that is known and accepted. An entry that accepts nothing is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Accept {
    /// The finding's pointer; `*` stands for any one step.
    pub(crate) pointer: String,
    /// The finding's text, or its beginning.
    pub(crate) what: String,
    /// Why it does no harm.
    #[serde(rename = "why")]
    _why: String,
}

/// A security scheme: which of the client's credentials satisfies it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Scheme {
    pub(crate) credential: Credential,
}

/// Which of the client's credentials satisfies a scheme. Both travel as `Authorization: Bearer`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Credential {
    /// API keys and OAuth access tokens.
    Any,
    /// OAuth access tokens only.
    Oauth,
}

/// Choices for the whole document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Policy {
    /// Who says which fields are required on read.
    #[serde(default)]
    pub(crate) required: RequiredBy,
    /// The client's base URL, if it is not the one of the published crate. The document's servers are compared with it.
    pub(crate) base_url: Option<String>,
    /// Beginnings of operation ids that are no part of the name, beside `XController_`.
    #[serde(default)]
    pub(crate) strip_operation_prefixes: Vec<String>,
}

/// Who says which fields are required on read.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RequiredBy {
    /// The schema's `required`, unless the model's entry here lists its own.
    #[default]
    Document,
    /// Only the `required` of the model's entry here: a lighter response never breaks a caller.
    Curation,
}

/// An opaque id: a newtype over text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Id {
    /// Rustdoc of the type.
    pub(crate) doc: Option<String>,
    /// Fields that hold it (or an array of it): `taskId` in every model, `Comment.taskId` in one.
    #[serde(default)]
    pub(crate) properties: Vec<String>,
    /// Parameters that hold it (or an array of it), by name.
    #[serde(default)]
    pub(crate) parameters: Vec<String>,
}

/// An object schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Model {
    /// Rust name.
    pub(crate) name: Option<String>,
    /// Fields the client cannot work without, instead of the schema's `required`.
    pub(crate) required: Option<Vec<String>>,
    /// Emit one chained setter for each optional field. Without an entry those have them that requests reach.
    pub(crate) setters: Option<bool>,
    /// Every object has a constructor of its required fields; older files say so.
    #[serde(rename = "constructor")]
    _constructor: Option<bool>,
    /// One type for requests and responses, although some of its fields are `readOnly` or `writeOnly`.
    #[serde(default)]
    pub(crate) both_ways: bool,
    /// Emit `From<&str>` and `From<String>` through this string field, the only required one.
    pub(crate) from: Option<String>,
    /// Strings that are plain fields, empty when they are missing. Lists and enums are plain anyway.
    #[serde(default)]
    pub(crate) plain: Vec<String>,
    /// Lists and enums that are an `Option` all the same.
    #[serde(default)]
    pub(crate) optional: Vec<String>,
    /// The object that carries what a webhook event is about, each thing in a field of its own.
    #[serde(default)]
    pub(crate) payload: bool,
    /// Its objects that are something else.
    #[serde(default)]
    pub(crate) payload_except: Vec<String>,
    /// The list that `for item in model` goes through.
    pub(crate) items: Option<String>,
    /// Fields that hand-written code uses: an intake keeps those that the official document does not have.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Fields typed `Secret`: redacted in `Debug`, wiped from memory.
    #[serde(default)]
    pub(crate) sensitive: Vec<String>,
    /// By the field's name on the wire.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, FieldRule>,
}

/// One field of an object schema, or one parameter of an operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FieldRule {
    /// Rust name.
    pub(crate) name: Option<String>,
}

/// A string enum.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Enum {
    /// Rust name.
    pub(crate) name: Option<String>,
    /// Wire value to Rust name of the variant.
    #[serde(default)]
    pub(crate) variants: BTreeMap<String, String>,
}

/// One operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Operation {
    /// Name of the method (`fetch_task`); the builder takes the same name in Pascal case.
    pub(crate) name: Option<String>,
    /// May it be sent again after a failure that may have reached the service?
    /// Without an entry GET and HEAD are reads and everything else is an unsafe write.
    pub(crate) retry: Option<RetryClass>,
    /// The method that `retry` was decided for; needed where the class allows more than the method alone would.
    pub(crate) method: Option<String>,
    /// Who may call it, beside the document's `x-access`.
    pub(crate) access: Option<Access>,
    /// The cargo feature it hides behind.
    pub(crate) feature: Option<String>,
    /// By the parameter's name on the wire: its name in this operation alone.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, FieldRule>,
    /// Parameters that hand-written code uses: an intake keeps those that the official document does not have.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Name of the argument that takes the request body.
    pub(crate) body: Option<String>,
    /// Take the body as `impl Into<Body>` (for models with `from`) instead of `impl BodyOf<Body>`.
    #[serde(default)]
    pub(crate) body_into: bool,
    /// Refuse a body that was not read whole from the service, unless the caller says `replace_whole`.
    #[serde(default)]
    pub(crate) body_read_whole: bool,
}

/// How an operation may be repeated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryClass {
    /// Changes nothing.
    Read,
    /// A second execution leaves the same state as the first.
    IdempotentWrite,
    /// A second execution may do the work twice.
    UnsafeWrite,
}

impl std::fmt::Display for RetryClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::IdempotentWrite => "idempotent-write",
            Self::UnsafeWrite => "unsafe-write",
        })
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    /// Every credential.
    #[default]
    Any,
    /// An OAuth access token only.
    Oauth,
}

/// A parameter, in every operation that has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Parameter {
    /// Name of the argument or builder method.
    pub(crate) name: Option<String>,
    /// `configuration.workspace`: filled from the configuration; a builder method overrides it.
    pub(crate) default: Option<ParameterDefault>,
}

/// Where a parameter's value comes from when the call does not say it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum ParameterDefault {
    /// The configuration's workspace.
    #[serde(rename = "configuration.workspace")]
    ConfigurationWorkspace,
}

/// A tag: one API client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Tag {
    /// Rust name of the client (`ApiKeysApi`).
    pub(crate) name: Option<String>,
    /// Rustdoc of the client, instead of the tag's description.
    pub(crate) doc: Option<String>,
}

impl Curation {
    /// Reads the file.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let curation: Self = toml::from_str(text).map_err(|error| Error::Curation(Box::new(error)))?;
        let refused = curation.names().find(|name| !is_identifier(name)).cloned();
        refused.map_or(Ok(curation), |name| Err(Error::CurationName(name)))
    }

    /// Every name that it gives.
    fn names(&self) -> impl Iterator<Item = &String> {
        let models = self.models.values().filter_map(|model| model.name.as_ref());
        let fields = self.models.values().flat_map(|model| model.fields.values()).filter_map(|rule| rule.name.as_ref());
        let enums = self.enums.values().filter_map(|entry| entry.name.as_ref());
        let variants = self.enums.values().flat_map(|entry| entry.variants.values());
        let operations = self.operations.values().flat_map(|entry| [&entry.name, &entry.body]).flatten();
        let alone = self.operations.values().flat_map(|entry| entry.parameters.values());
        let alone = alone.filter_map(|rule| rule.name.as_ref());
        let parameters = self.parameters.values().filter_map(|entry| entry.name.as_ref()).chain(alone);
        let tags = self.tags.values().filter_map(|entry| entry.name.as_ref());
        let types = models.chain(enums).chain(tags).chain(self.rename.values()).chain(self.ids.keys());
        types.chain(fields).chain(variants).chain(operations).chain(parameters)
    }
}

//! What is emitted, free of the document's spelling: models and API clients.

use std::collections::{BTreeMap, BTreeSet};

use crate::curation::{Access, RetryClass};

/// The text of a rustdoc comment, still in the document's Markdown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Docs {
    /// The description; the item's kind supplies one when the document does not.
    pub(crate) text: Option<String>,
    /// Sentences of the generator, one paragraph each.
    pub(crate) notes: Vec<String>,
    /// `observed`, `documented`, `inferred`.
    pub(crate) evidence: Option<String>,
    /// Where that was seen.
    pub(crate) source: Option<String>,
    /// The section of `docs/evidence.md` that the item is in.
    pub(crate) section: Option<String>,
}

/// A Rust type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Secret,
    Timestamp,
    Bool,
    Signed,
    Unsigned,
    Float,
    Json,
    List(Box<Type>),
    Map(Box<Type>),
    Nullable(Box<Type>),
    Boxed(Box<Type>),
    Named(String),
}

impl Type {
    /// The type without its outer `Nullable`, and whether there was one.
    pub(crate) fn unwrap_null(self) -> (Self, bool) {
        match self {
            Self::Nullable(inner) => (*inner, true),
            other => (other, false),
        }
    }

    /// This type, or null.
    pub(crate) fn or_null(self, nullable: bool) -> Self {
        if !nullable || matches!(self, Self::Nullable(_) | Self::Json) {
            return self;
        }
        Self::Nullable(Box::new(self))
    }

    /// Every name that the type mentions.
    pub(crate) fn mentions(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Named(name) => {
                into.insert(name.clone());
            }
            Self::List(inner) | Self::Map(inner) | Self::Nullable(inner) | Self::Boxed(inner) => inner.mentions(into),
            _ => {}
        }
    }

    /// The name that a value of this type contains without indirection.
    pub(crate) fn direct(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Nullable(inner) => inner.direct(),
            _ => None,
        }
    }
}

/// A named type.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    /// The module (file) it is emitted in.
    pub(crate) home: String,
    pub(crate) docs: Docs,
    pub(crate) body: Body,
}

/// What a named type is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Struct(Struct),
    Enum(Vec<Variant>),
    Id,
    Tagged(Tagged),
    Union(Vec<Alternative>),
    Alias(Type),
}

/// An object with fields.
#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub(crate) fields: Vec<Field>,
    /// The type of fields beside the named ones, if the document says it.
    pub(crate) additional: Option<Type>,
    pub(crate) setters: bool,
    /// Rust name and element type of the list that iterating goes through.
    pub(crate) items: Option<(String, Type)>,
    /// Rust name of the field that `From<&str>` fills.
    pub(crate) from: Option<String>,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) wire: String,
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// Whether a missing one is empty instead of `None`; the type decides unless curation does.
    pub(crate) plain: Option<bool>,
    pub(crate) docs: Docs,
}

/// A value of an open enum.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) wire: String,
    pub(crate) name: String,
    pub(crate) docs: Docs,
}

/// A union whose variant a field names.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    /// The field's name.
    pub(crate) property: String,
    pub(crate) variants: Vec<TaggedVariant>,
}

/// One variant of a tagged union.
#[derive(Clone, Debug)]
pub(crate) struct TaggedVariant {
    /// The field's values that choose it.
    pub(crate) tags: Vec<String>,
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// One reading of an untagged union.
#[derive(Clone, Debug)]
pub(crate) struct Alternative {
    /// What follows `as_`.
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// One API client.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) docs: Docs,
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// As the document spells it.
    pub(crate) id: String,
    /// Name of the method.
    pub(crate) name: String,
    /// Name of the builder.
    pub(crate) builder: String,
    /// Name of the static.
    pub(crate) constant: String,
    /// In upper case.
    pub(crate) method: String,
    pub(crate) path: String,
    /// What the document writes behind a question mark in the path.
    pub(crate) fixed_query: Vec<(String, String)>,
    pub(crate) docs: Docs,
    pub(crate) deprecated: bool,
    pub(crate) retry: RetryClass,
    pub(crate) access: Access,
    pub(crate) feature: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<RequestBody>,
    pub(crate) response: Response,
}

/// What a successful response carries.
#[derive(Clone, Debug)]
pub(crate) enum Response {
    Empty,
    Json(Type),
    /// JSON, or nothing.
    Optional(Type),
    /// Another media type, left as it comes.
    Bytes {
        media: String,
    },
    /// One of several, distinguished by the status.
    ByStatus {
        /// Name of the emitted enum.
        name: String,
        variants: Vec<StatusVariant>,
    },
}

impl Response {
    /// Every type that it mentions.
    pub(crate) fn types(&self) -> Vec<&Type> {
        match self {
            Self::Json(ty) | Self::Optional(ty) => vec![ty],
            Self::Empty | Self::Bytes { .. } => Vec::new(),
            Self::ByStatus { variants, .. } => variants.iter().filter_map(|variant| variant.ty.as_ref()).collect(),
        }
    }
}

/// One successful status of an operation that has several.
#[derive(Clone, Debug)]
pub(crate) struct StatusVariant {
    pub(crate) status: u16,
    pub(crate) name: String,
    /// The type of its JSON body, if it has one.
    pub(crate) ty: Option<Type>,
    pub(crate) docs: Docs,
}

/// Where a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// How an array travels in the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListStyle {
    /// `a=1&a=2`
    Repeat,
    /// `a=1,2`
    Comma,
    /// `a=1 2`
    Space,
    /// `a=1|2`
    Pipe,
}

/// A parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) wire: String,
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) ty: ParameterType,
    /// An array of `ty`.
    pub(crate) list: Option<ListStyle>,
    /// An argument of the method; else a method of the builder.
    pub(crate) required: bool,
    pub(crate) docs: Docs,
}

/// The type of a parameter or of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParameterType {
    /// Anything that reads as text.
    Text,
    /// A type with `as_str` that can be made from text: ids, enums, timestamps.
    Into(Type),
    /// A number or a boolean.
    Scalar(Type),
}

/// How a request body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// `application/json`.
    Json,
    /// JSON of another media type.
    JsonAs(String),
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Bytes of a media type, as the caller gives them.
    Bytes(String),
}

/// A request body.
#[derive(Clone, Debug)]
pub(crate) struct RequestBody {
    pub(crate) writing: Writing,
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// `impl Into<Body>` instead of `impl BodyOf<Body>`.
    pub(crate) into: bool,
    /// Only one that was read whole from the service may be sent, unless the caller says otherwise.
    pub(crate) read_whole: bool,
    pub(crate) docs: Docs,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) items: Vec<Item>,
    pub(crate) groups: Vec<Group>,
    /// What a webhook event may carry, if the curation names the object that does.
    pub(crate) payload: Option<Vec<Field>>,
    /// The tags of sources and what they stand for.
    pub(crate) sources: Vec<(String, String)>,
    /// The components that have a named type: their names in the document, and those of the types.
    pub(crate) components: BTreeMap<String, String>,
}

impl Program {
    /// Where each named type lives.
    pub(crate) fn homes(&self) -> BTreeMap<&str, &str> {
        self.items.iter().map(|item| (item.name.as_str(), item.home.as_str())).collect()
    }
}

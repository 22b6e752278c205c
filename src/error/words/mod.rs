//! What a refusal says about itself, in the forms that services and proxies use.
//!
//! The documented form is `{"code": 429, "message": "…"}`. Read as well, in any way of writing the names: the same under
//! `error` or `data`; `error` and `error_description` (OAuth); `detail` and `title` (problem details); lists and maps of
//! errors of single fields (see [`forms`]); `<Message>` in XML; plain text of any media type.

mod describe;
mod forms;
mod names;
mod object;

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use self::describe::describe;
pub(crate) use self::describe::{encoded_words, foreign_encoding, names_no_encoding};
use self::forms::Gathered;
use self::object::Object;
use super::FieldError;
use crate::models::runtime::{may_have_halves, without_lone_surrogates};

/// Objects within objects are looked into so many levels deep.
const DEEPEST: usize = 3;

/// What a body says, as it was written: secrets are still in it.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) fields: Vec<FieldError>,
    /// Whether `code` and `message` stand where the service documents them.
    pub(crate) is_documented_form: bool,
}

/// What a body may have in it beside words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Data that may be shown.
    Open,
    /// Secrets that the service has made: only what stands where words are documented is shown.
    Secrets,
}

/// Reads the words of a refusal; what it cannot read is left out.
pub(crate) fn read(status: StatusCode, body: &[u8], content: Content) -> Words {
    let text = json_text(body);
    let Ok(found) = Object::read(&text) else { return xml(&text) };
    let mut gathered = Gathered::new(content);
    // A map from fields to messages is how a request is refused; the body of a failure may be any data.
    let may_be_map = content == Content::Open && status.is_client_error();
    object(&found, may_be_map, DEEPEST, &mut gathered);
    let message = gathered.message();
    Words { code: gathered.code, message, fields: gathered.fields, is_documented_form: found.is_documented_form() }
}

/// The message of a refusal, if it has one.
pub(crate) fn message_of(status: StatusCode, body: &[u8], content: Content) -> Option<String> {
    read(status, body, content).message
}

/// What a body says of an error although its status is a success. Words alone: other fields are those of a model.
pub(crate) fn message_of_success(body: &[u8]) -> Option<String> {
    let text = json_text(body);
    let found = Object::read(&text).ok()?;
    let mut gathered = Gathered::new(Content::Secrets);
    for raw in found.message.iter().chain(&found.error).chain(&found.errors) {
        if gathered.is_empty() {
            gathered.gather(raw);
        }
    }
    gathered.message()
}

/// The JSON without the mark that some writers put before it.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// A body as text: what is not UTF-8, and halves of characters in its escapes, are replaced, so that they do not hide the
/// rest.
fn json_text(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(without_bom(body));
    match may_have_halves(&text).then(|| without_lone_surrogates(&text)).flatten() {
        Some(whole) => Cow::Owned(whole),
        None => text,
    }
}

/// Reads the words of an object, and of those in which they may be wrapped.
fn object(found: &Object<'_>, may_be_map: bool, depth: usize, gathered: &mut Gathered) {
    if may_be_map && found.is_map_of_fields() {
        let fields = found.perhaps_fields.iter().chain(&found.others);
        return gathered.map_of_unknown_form(fields.filter_map(small));
    }
    let nested = found.error.and_then(within).unwrap_or_default();
    gathered.code(found.code);
    gathered.code(nested.code);

    // The first of these that says anything. An object of details is data, unless it says otherwise below.
    let details = [found.detail, nested.detail];
    let said = details.map(|detail| detail.filter(|detail| !detail.get().starts_with('{')));
    let places = [found.message, nested.message, found.description, nested.description];
    for place in places.into_iter().chain(said).flatten() {
        if gathered.is_empty() {
            gathered.gather(place);
        }
    }
    for errors in found.errors.iter().chain(&nested.errors) {
        gathered.gather(errors);
    }
    // Details say of which field the message is.
    for detail in details.into_iter().flatten() {
        gathered.gather_fields(detail);
    }
    if gathered.is_empty() {
        let last = [found.error, found.reason, nested.reason, found.title, nested.title];
        gathered.messages.extend(last.into_iter().flatten().find_map(forms::string));
    }
    let deeper = found.wrappers.iter().chain(&nested.wrappers).copied();
    let deeper = deeper.chain(found.error).chain(details.into_iter().flatten());
    for wrapper in deeper.filter_map(within) {
        if gathered.is_empty() && depth > 1 {
            object(&wrapper, false, depth - 1, gathered);
        }
    }
    if gathered.is_empty() && may_be_map {
        gathered.map_of_unknown_form(found.others.iter().filter_map(small));
    }
}

fn small((name, raw): &(String, &RawValue)) -> Option<(String, Value)> {
    Some((name.clone(), forms::small(raw)?))
}

fn within(raw: &RawValue) -> Option<Object<'_>> {
    Object::read(raw.get()).ok()
}

/// The words of an error in XML, as gateways and stores of files write it; a page of HTML has none.
fn xml(text: &str) -> Words {
    let text = text.trim_start();
    let is_html = |start: &str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if !text.starts_with('<') || is_html("<!doctype html") || is_html("<html") {
        return Words::default();
    }
    let element = |wanted: &[&str]| {
        text.match_indices('<').find_map(|(index, _)| {
            let (tag, rest) = text.get(index + 1..)?.split_once('>')?;
            let name = tag.split_whitespace().next()?.rsplit(':').next()?;
            let inner = rest.split_once("</")?.0.trim();
            let inner = inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>")).unwrap_or(inner);
            let is_wanted = wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
            (is_wanted && !inner.is_empty() && !inner.contains('<')).then(|| without_references(inner))
        })
    };
    let names =
        ["message", "errorMessage", "error_description", "faultstring", "detail", "text", "description", "reason"];
    let message = names.iter().find_map(|name| element(&[name]));
    let code = message.as_ref().and_then(|_| element(&["code", "errorCode"]));
    Words { code, message, ..Words::default() }
}

fn without_references(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}

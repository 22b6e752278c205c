//! Bodies and responses that are not one JSON value.
//!
//! Only operations of some contracts need these; what the contract at hand does not use costs nothing.
#![allow(dead_code, reason = "the contract at hand has JSON alone")]

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::call::Call;
use super::decode::{self, ByStatus};
use super::pending::Pending;
use crate::models::runtime::Value as Model;

impl Call {
    /// Sets a body that is JSON of another media type, such as `application/merge-patch+json`.
    pub(crate) fn json_as(&mut self, media: &'static str, body: &(impl Serialize + ?Sized)) {
        self.json(body);
        self.media = Some(media);
    }

    /// Sets a body of any other media type.
    pub(crate) fn bytes(&mut self, media: &'static str, body: Bytes) {
        self.body = Some(body);
        self.media = Some(media);
    }

    /// Sets a body of `application/x-www-form-urlencoded`: lists repeat their name, fields of objects stand in brackets.
    pub(crate) fn form(&mut self, body: &(impl Serialize + ?Sized)) {
        match serde_json::to_value(body) {
            Ok(value) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                append_form(&mut form, "", &value);
                self.bytes("application/x-www-form-urlencoded", form.finish().into());
            }
            Err(error) => self.fault = Some(format!("the body cannot be written as a form: {error}")),
        }
    }

    /// Sends the call and leaves the response, which has another media type than JSON, as it comes.
    pub(crate) fn send_bytes(mut self, accept: &'static str) -> Pending<Bytes> {
        self.accept = Some(accept);
        self.send_raw()
    }

    /// Sends the call; a success may come without a body.
    pub(crate) fn send_optional<T: Model + Send + 'static>(self) -> Pending<Option<T>> {
        // An empty body reads as `null`.
        self.send()
    }

    /// Sends the call and reads the response by its status.
    pub(crate) fn send_by_status<T: ByStatus>(self) -> Pending<T> {
        self.send_with(decode::by_status)
    }
}

fn append_form(form: &mut form_urlencoded::Serializer<'_, String>, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => drop(form.append_pair(name, text)),
        Value::Array(items) => items.iter().for_each(|item| append_form(form, name, item)),
        Value::Object(fields) => {
            for (field, value) in fields {
                let inner = if name.is_empty() { field.clone() } else { format!("{name}[{field}]") };
                append_form(form, &inner, value);
            }
        }
        scalar => drop(form.append_pair(name, &scalar.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_repeat_lists_and_bracket_objects() {
        let mut form = form_urlencoded::Serializer::new(String::new());
        append_form(&mut form, "", &json!({ "a": "1&2", "b": [1, true], "c": { "d": "e" }, "f": null }));
        assert_eq!(form.finish(), "a=1%262&b=1&b=true&c%5Bd%5D=e");
    }
}

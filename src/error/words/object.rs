//! The fields of an object that may be words of an error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::forms::string;
use super::names::{MOST, is_about_the_response, is_list_of_errors, plain};

/// The fields that are read, as they were written, so that a number no machine type holds does not hide the rest. Of all
/// others the first few are kept: a flood of them takes no memory.
#[derive(Default)]
pub(super) struct Object<'a> {
    pub(super) code: Option<&'a RawValue>,
    pub(super) message: Option<&'a RawValue>,
    pub(super) description: Option<&'a RawValue>,
    pub(super) detail: Option<&'a RawValue>,
    pub(super) title: Option<&'a RawValue>,
    pub(super) reason: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    /// Lists and maps of several errors.
    pub(super) errors: Vec<&'a RawValue>,
    /// What words may be wrapped in.
    pub(super) wrappers: Vec<&'a RawValue>,
    pub(super) others: Vec<(String, &'a RawValue)>,
    /// Of the above those whose names a field of a task may have as well.
    pub(super) perhaps_fields: Vec<(String, &'a RawValue)>,
    /// Whether `code` and `message` came under these very names, which then count before all others.
    is_exact: (bool, bool),
}

impl<'a> Object<'a> {
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Whether it has the `code` and the `message` of the documentation, under these very names.
    pub(super) fn is_documented_form(&self) -> bool {
        self.is_exact == (true, true)
            && self.code.is_some_and(|code| code.get().parse::<u16>().is_ok())
            && self.message.is_some_and(|message| message.get().starts_with('"'))
    }

    /// Whether it is a map from fields to messages in which a field has the name of a word: nothing in it is of an error, and
    /// there are messages about further fields.
    pub(super) fn is_map_of_fields(&self) -> bool {
        let has_words = [self.code, self.message, self.detail, self.error].iter().any(Option::is_some)
            || !self.errors.is_empty()
            || !self.wrappers.is_empty();
        let text = |raw: &RawValue| {
            string(raw).or_else(|| serde_json::from_str::<Vec<String>>(raw.get()).ok().map(|list| list.join(" ")))
        };
        let mut all = self.perhaps_fields.iter().chain(&self.others);
        !has_words
            && !self.perhaps_fields.is_empty()
            && all.all(|(name, raw)| text(raw).is_some() && !is_about_the_response(name))
            && self.others.iter().any(|(_, raw)| text(raw).is_some_and(|text| text.contains(' ')))
    }

    /// Takes a field; one that has been there before counts as it came last.
    fn take(&mut self, name: &str, raw: &'a RawValue) {
        // A field of a task may be called like a field of an error: a list of messages is about the former.
        let is_text = !raw.get().starts_with(['{', '[']);
        let name_of = plain(name);
        if matches!(name, "title" | "description" | "reason") {
            self.perhaps_fields.push((name.to_owned(), raw));
        }
        match name_of.as_str() {
            _ if name == "code" && is_text => (self.code, self.is_exact.0) = (Some(raw), true),
            _ if name == "message" => (self.message, self.is_exact.1) = (Some(raw), true),
            "code" | "errorcode" if is_text && !self.is_exact.0 => self.code = Some(raw),
            "message" | "messages" | "msg" | "errormessage" | "errormsg" | "errmsg" | "usermessage" => {
                self.message = self.message.filter(|_| self.is_exact.1).or(Some(raw));
            }
            "errordescription" => self.description = Some(raw),
            "description" if is_text => self.description = Some(raw),
            "detail" | "details" | "errordetail" | "errordetails" => self.detail = Some(raw),
            "title" if is_text => self.title = Some(raw),
            "reason" | "faultstring" if is_text => self.reason = Some(raw),
            "error" | "err" | "fault" | "exception" => self.error = Some(raw),
            name if is_list_of_errors(name) => self.errors.extend((self.errors.len() < MOST).then_some(raw)),
            "data" | "result" | "response" | "body" | "payload" => {
                self.wrappers.extend((self.wrappers.len() < MOST).then_some(raw));
            }
            _ => {
                let is_one_more = self.others.len() < MOST;
                self.others.extend(is_one_more.then(|| (name.to_owned(), raw)));
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut found = Object::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name.len() > 200 {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    found.take(&name, map.next_value()?);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(V)
    }
}

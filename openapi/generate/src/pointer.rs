//! JSON pointers in the form in which OpenAPI documents write them: `#/components/schemas/Task`.

use std::fmt;

use serde_json::Value;

/// A path in the document (JSON Pointer).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pointer(String);

/// A value and the place where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<'d> {
    pub(crate) at: Pointer,
    pub(crate) value: &'d Value,
}

impl Pointer {
    /// The whole document.
    pub(crate) fn root() -> Self {
        Self("#".to_owned())
    }

    /// Reads the value of a `$ref` that stays inside the document; percent-encoding is undone.
    pub(crate) fn parse(reference: &str) -> Option<Self> {
        let fragment = reference.strip_prefix('#')?;
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return None;
        }
        Some(Self(format!("#{}", percent_decode(fragment)?)))
    }

    /// The field `name` of the object here.
    pub(crate) fn field(&self, name: &str) -> Self {
        Self(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }

    /// The element `index` of the array here.
    pub(crate) fn element(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// The steps from the root, unescaped.
    pub(crate) fn steps(&self) -> Vec<String> {
        self.0.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
    }

    /// The text, as in a `$ref`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands here.
    pub(crate) fn find<'d>(&self, root: &'d Value) -> Option<&'d Value> {
        root.pointer(self.0.strip_prefix('#')?)
    }

    /// The name of the component if this is `#/components/<kind>/<name>`.
    pub(crate) fn component(&self, kind: &str) -> Option<String> {
        match self.steps().as_slice() {
            [components, found, name] if components == "components" && found == kind => Some(name.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'d> Located<'d> {
    /// The field `name`, if this is an object that has it.
    pub(crate) fn get(&self, name: &str) -> Option<Located<'d>> {
        Some(Located { at: self.at.field(name), value: self.value.get(name)? })
    }

    /// The string in the field `name`.
    pub(crate) fn text(&self, name: &str) -> Option<&'d str> {
        self.value.get(name)?.as_str()
    }

    /// Is the field `name` the literal `true`?
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// The fields, in the document's order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'d str, Located<'d>)> + use<'d, '_> {
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), Located { at: self.at.field(name), value }))
    }

    /// The elements.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Located<'d>> + use<'d, '_> {
        self.value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, value)| Located { at: self.at.element(index), value })
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_escaped_and_unescaped() {
        let at = Pointer::root().field("paths").field("/tasks/{id}~x").element(3);
        assert_eq!(at.as_str(), "#/paths/~1tasks~1{id}~0x/3");
        assert_eq!(at.steps(), ["paths", "/tasks/{id}~x", "3"]);
        assert_eq!(Pointer::parse("#/paths/~1tasks~1%7Bid%7D~0x/3"), Some(at));
    }

    #[test]
    fn references_that_leave_the_document_are_not_pointers() {
        assert_eq!(Pointer::parse("other.json#/a"), None);
        assert_eq!(Pointer::parse("#anchor"), None);
        assert_eq!(Pointer::parse("#/%zz"), None);
    }
}

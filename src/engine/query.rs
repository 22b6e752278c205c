//! The query of an address, encoded as a form.

use std::fmt;

use url::form_urlencoded;

/// Encoded pairs, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Sets a parameter; the last value given counts.
    pub(super) fn set(&mut self, name: &str, value: impl fmt::Display) {
        let mut pair = Self::default();
        pair.add(name, value);
        let prefix = pair.0.get(..=pair.0.find('=').unwrap_or_default()).unwrap_or_default();
        if self.0.split('&').any(|other| other.starts_with(prefix)) {
            self.0 = self.0.split('&').filter(|other| !other.starts_with(prefix)).collect::<Vec<_>>().join("&");
        }
        self.append(&pair.0);
    }

    /// Adds a parameter beside others of the same name.
    pub(super) fn add(&mut self, name: &str, value: impl fmt::Display) {
        let pairs = std::mem::take(&mut self.0);
        self.0 = form_urlencoded::Serializer::for_suffix(pairs, 0).append_pair(name, &value.to_string()).finish();
    }

    /// Adds a list: one parameter for each item, or one with the items joined.
    pub(super) fn add_list(&mut self, name: &str, items: impl Iterator<Item = String>, separator: Option<&str>) {
        let Some(separator) = separator else { return items.for_each(|item| self.add(name, item)) };
        let items: Vec<String> = items.collect();
        if !items.is_empty() {
            self.set(name, items.join(separator));
        }
    }

    /// The query of an address that the service returned, as it is.
    #[allow(dead_code, reason = "the contract at hand has no links to further pages")]
    pub(super) fn of(encoded: &str) -> Self {
        Self(encoded.to_owned())
    }

    fn append(&mut self, pair: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_in_the_style_of_the_contract() {
        for (separator, expected) in [
            (None, "all=true&a+b=1%262&a+b=3&a+b=4"),
            (Some(","), "all=true&a+b=1%262%2C3%2C4"),
            (Some(" "), "all=true&a+b=1%262+3+4"),
            (Some("|"), "all=true&a+b=1%262%7C3%7C4"),
        ] {
            let mut query = Query::default();
            query.set("all", true);
            query.add_list("a b", ["1&2", "3", "4"].map(str::to_owned).into_iter(), separator);
            query.add_list("none", std::iter::empty(), separator);
            assert_eq!(query.as_str(), expected);
        }
    }
}

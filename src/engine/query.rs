//! The query of an address, encoded as a form.

use std::fmt;

use url::form_urlencoded;

/// Encoded pairs, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(String);

/// How a list goes into a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the contract at hand uses one of them")]
pub(crate) enum ListStyle {
    /// `a=1&a=2`.
    Repeat,
    /// `a=1,2`.
    Comma,
    /// `a=1 2`.
    Space,
    /// `a=1|2`.
    Pipe,
}

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

    /// Adds an item to a list.
    pub(super) fn add_item(&mut self, name: &str, value: impl fmt::Display, style: ListStyle) {
        let separator = match style {
            ListStyle::Repeat => return self.add(name, value),
            ListStyle::Comma => "%2C",
            ListStyle::Space => "+",
            ListStyle::Pipe => "%7C",
        };
        let mut pair = Self::default();
        pair.add(name, value);
        // A list that is already there is the last thing in the query, since a builder adds its items in one go.
        let name_length = pair.0.find('=').map_or(0, |at| at + 1);
        let (prefix, item) = pair.0.split_at(name_length);
        if self.0.rsplit('&').next().is_some_and(|last| last.starts_with(prefix)) {
            self.0.push_str(separator);
            self.0.push_str(item);
        } else {
            self.append(&pair.0);
        }
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
        for (style, expected) in [
            (ListStyle::Repeat, "all=true&a+b=1%262&a+b=3&a+b=4"),
            (ListStyle::Comma, "all=true&a+b=1%262%2C3%2C4"),
            (ListStyle::Space, "all=true&a+b=1%262+3+4"),
            (ListStyle::Pipe, "all=true&a+b=1%262%7C3%7C4"),
        ] {
            let mut query = Query::default();
            query.set("all", true);
            for item in ["1&2", "3", "4"] {
                query.add_item("a b", item, style);
            }
            assert_eq!(query.as_str(), expected);
        }
    }

    #[test]
    fn a_list_does_not_grow_into_a_parameter_whose_name_begins_like_its_own() {
        let mut query = Query::default();
        query.add_item("status", "a", ListStyle::Comma);
        query.add_item("statuses", "b", ListStyle::Comma);
        query.add_item("statuses", "c", ListStyle::Comma);
        assert_eq!(query.as_str(), "status=a&statuses=b%2Cc");
    }
}

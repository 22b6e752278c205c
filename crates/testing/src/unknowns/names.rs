//! The behaviours by name, for command lines and the environment.

use std::fmt;
use std::str::FromStr;

use super::{CreatedStatus, EmptyList, ErrorShape, ListContent, Unknowns, UpdateMethod, UpdateReply, WaitForm};

/// The variable that [`FakeBuilder`](crate::FakeBuilder) reads.
const VARIABLE: &str = "ONEHORIZON_FAKE_UNKNOWNS";

/// A behaviour that has no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a behaviour of the fake: there are {}", Unknowns::all().map(|one| one.to_string()).collect::<Vec<_>>().join(", "))]
pub struct ParseUnknownsError {
    given: String,
}

/// The values of one field by their names; the first is the default.
type Names<T> = &'static [(&'static str, T)];

const UPDATE_METHOD: Names<UpdateMethod> =
    &[("put", UpdateMethod::Put), ("patch", UpdateMethod::Patch), ("either", UpdateMethod::Either)];
const CREATED: Names<CreatedStatus> = &[("201", CreatedStatus::Created), ("200", CreatedStatus::Ok)];
const UPDATED: Names<UpdateReply> = &[("task", UpdateReply::Task), ("204", UpdateReply::NoContent)];
const LISTS: Names<ListContent> = &[("shortened", ListContent::Shortened), ("whole", ListContent::Whole)];
const WAIT: Names<WaitForm> =
    &[("message", WaitForm::Message), ("retry-after", WaitForm::RetryAfter), ("both", WaitForm::Both)];
const ERRORS: Names<ErrorShape> = &[
    ("number-code", ErrorShape::NumberCode),
    ("text-code", ErrorShape::TextCode),
    ("nested", ErrorShape::Nested),
    ("problem", ErrorShape::Problem),
    ("text", ErrorShape::Text),
];
const EMPTY_LISTS: Names<EmptyList> =
    &[("empty", EmptyList::Empty), ("null", EmptyList::Null), ("absent", EmptyList::Absent)];

fn value<T: Copy>(names: Names<T>, name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// `field=value` where the value is not the default.
fn shown<T: Copy + PartialEq>(field: &str, names: Names<T>, value: T) -> Option<String> {
    let index = names.iter().position(|(_, known)| *known == value).filter(|index| *index > 0)?;
    names.get(index).map(|(name, _)| format!("{field}={name}"))
}

impl Unknowns {
    /// The behaviours that the environment variable `ONEHORIZON_FAKE_UNKNOWNS` names, such as `errors=nested`; the default
    /// without it. A [`FakeBuilder`](crate::FakeBuilder) starts with them, so that a whole suite of tests can be run under
    /// each behaviour.
    ///
    /// # Errors
    /// The variable names no behaviour.
    pub fn from_env() -> Result<Self, ParseUnknownsError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::default()),
            Some(text) => text.to_string_lossy().parse(),
        }
    }
}

/// `default`, or what differs from it: `update=patch,errors=nested`.
impl fmt::Display for Unknowns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            shown("update", UPDATE_METHOD, self.update_method),
            shown("created", CREATED, self.created),
            shown("updated", UPDATED, self.updated),
            shown("lists", LISTS, self.lists),
            shown("wait", WAIT, self.wait),
            shown("errors", ERRORS, self.errors),
            shown("empty-lists", EMPTY_LISTS, self.empty_lists),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "default" } else { "" })?;
        f.write_str(&parts.join(","))
    }
}

/// As displayed: `default`, or behaviours joined by commas.
///
/// ```
/// use onehorizon_testing::{ErrorShape, Unknowns};
/// let unknowns: Unknowns = "errors=nested,created=200".parse().unwrap();
/// assert_eq!(unknowns.errors, ErrorShape::Nested);
/// assert_eq!(unknowns.to_string(), "created=200,errors=nested");
/// ```
impl FromStr for Unknowns {
    type Err = ParseUnknownsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut read = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "default") {
            let with = |read: Self| {
                let (field, name) = part.split_once('=')?;
                Some(match field {
                    "update" => read.update_method(value(UPDATE_METHOD, name)?),
                    "created" => read.created(value(CREATED, name)?),
                    "updated" => read.updated(value(UPDATED, name)?),
                    "lists" => read.lists(value(LISTS, name)?),
                    "wait" => read.wait(value(WAIT, name)?),
                    "errors" => read.errors(value(ERRORS, name)?),
                    "empty-lists" => read.empty_lists(value(EMPTY_LISTS, name)?),
                    _ => return None,
                })
            };
            read = with(read).ok_or_else(|| ParseUnknownsError { given: part.to_owned() })?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_behaviour_has_a_name_of_its_own_that_leads_back_to_it() {
        let names: BTreeSet<String> = Unknowns::all().map(|one| one.to_string()).collect();
        assert_eq!(names.len(), Unknowns::all().count());
        for unknowns in Unknowns::all() {
            assert_eq!(unknowns.to_string().parse(), Ok(unknowns));
        }
        assert_eq!(
            " update=patch , lists=whole".parse::<Unknowns>().map(|one| one.to_string()),
            Ok("update=patch,lists=whole".into())
        );
    }

    #[test]
    fn what_is_no_behaviour_is_named_with_those_that_there_are() {
        for text in ["patch", "update=post", "updates=patch", "update", "update=", "=patch", "default,x"] {
            let error = text.parse::<Unknowns>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("is not a behaviour") && error.contains("empty-lists=absent"), "{text}: {error}");
        }
    }
}

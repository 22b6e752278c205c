//! The address of a call: a path template, its parameters, and the base address.

use std::borrow::Cow;

use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::models::WorkspaceId;
use crate::setting::{self, Form};

/// The parameters of a path by name; the last value given counts.
type Parameters = [(Cow<'static, str>, String)];

/// Checks a string that is to be one segment of a path; the error completes a sentence.
pub(crate) fn check_segment(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("is empty"),
        "." | ".." => Err("is `.` or `..`, which a path cannot carry as a name"),
        _ if text.chars().any(char::is_control) => Err("has control characters"),
        _ if text.trim().is_empty() => Err("is only white space"),
        _ => Ok(()),
    }
}

/// The address of a call: the template's segments below `base`, each name in braces replaced by its parameter, encoded.
///
/// A `workspaceId` that is not given is the client's; values have to have the `form`. The error is one line for the user; it does
/// not show the template, which may be a whole address with a signature in it.
pub(super) fn address(
    base: &Url,
    template: &str,
    parameters: &Parameters,
    workspace: &WorkspaceId,
    form: Form,
) -> Result<Url, String> {
    let value_of = |name: &str| {
        let given = parameters.iter().rev().find(|(candidate, _)| candidate == name);
        given.map(|(_, value)| value.as_str()).or_else(|| (name == "workspaceId").then(|| workspace.as_str()))
    };
    let Some(template) = template.strip_prefix('/') else {
        let is_address = template.contains("://");
        let remedy = if is_address { ": give what follows the base URL, not a whole address" } else { "" };
        return Err(format!("the path does not start with a slash{remedy}"));
    };
    if template.contains(['?', '#']) {
        return Err("the path has a `?` or `#`: parameters of the query are given by `.query(name, value)`".to_owned());
    }
    if template.contains('%') {
        return Err("the path has a percent sign: write it without encoding, and values that need it by \
                    `{name}` and `.path(name, value)`, which encodes them"
            .to_owned());
    }
    let mut url = base.clone();
    if template.split('/').any(is_mixed) {
        url.set_path(&mixed_path(base, template, form, value_of)?);
        return Ok(url);
    }
    {
        let mut segments = url.path_segments_mut().map_err(|()| "the base URL cannot have a path".to_owned())?;
        segments.pop_if_empty();
        for part in template.split('/') {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                check_text(part)?;
                segments.push(part);
                continue;
            };
            segments.push(parameter(name, form, value_of)?);
        }
    }
    Ok(url)
}

/// The value of a parameter, if it can stand in a path.
fn parameter<'a>(name: &str, form: Form, value_of: impl Fn(&str) -> Option<&'a str>) -> Result<&'a str, String> {
    let value = value_of(name).ok_or_else(|| format!("`{name}` is missing"))?;
    check_segment(value).map_err(|fault| format!("`{name}` {fault}"))?;
    setting::check(form, value).map_err(|fault| format!("`{name}` {fault}"))?;
    Ok(value)
}

/// Checks a segment without a parameter. An empty one, at the end or in the middle, is the caller's own; what other tools take for
/// a parameter was never filled in.
fn check_text(part: &str) -> Result<(), String> {
    if part.is_empty() {
        return Ok(());
    }
    check_segment(part).map_err(|fault| format!("a segment of the path {fault}"))?;
    let is_bracketed = part.starts_with('<') && part.ends_with('>');
    if part.len() > 1 && part.starts_with([':', '$']) || is_bracketed {
        return Err("a segment of the path is a parameter that was never filled in: write it as `{name}`, with \
                    `.path(name, value)`"
            .to_owned());
    }
    Ok(())
}

/// Whether a segment of a template holds anything beside one parameter, as `{id}:archive` does, or braces that do not
/// match.
fn is_mixed(part: &str) -> bool {
    let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
    name.unwrap_or(part).contains(['{', '}'])
}

/// The path of a template that mixes text and parameters. Values are encoded down to letters and digits, so that none
/// can be taken for the text beside it.
fn mixed_path<'a>(
    base: &Url,
    template: &'a str,
    form: Form,
    value_of: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, String> {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for part in template.split('/') {
        path.push('/');
        let mut rest = part;
        while let Some(open) = rest.find(['{', '}']) {
            let (text, braced) = rest.split_at(open);
            let inner = braced.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let Some((name, after)) = inner.filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
                return Err("the path has a brace without its partner: write parameters as `{name}`".to_owned());
            };
            let value = parameter(name, form, &value_of)?;
            push_text(&mut path, text)?;
            path.extend(byte_serialize(value.as_bytes()).map(|piece| if piece == "+" { "%20" } else { piece }));
            rest = after;
        }
        if rest.len() == part.len() {
            check_text(part)?;
        }
        push_text(&mut path, rest)?;
    }
    Ok(path)
}

/// Adds the text of a template as it is; what an address would read as something else is refused.
fn push_text(path: &mut String, text: &str) -> Result<(), String> {
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(
            "a segment of the path with text beside a parameter has a backslash or a control character".to_owned()
        );
    }
    path.push_str(text);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn text_beside_a_parameter_stays_apart_from_its_value() {
        let base = Url::parse("https://one.example/api/v1").unwrap();
        let workspace = WorkspaceId::from("current");
        let parameters = [(Cow::Borrowed("id"), "a:b/c d".to_owned())];
        for (template, path) in [
            (
                "/workspaces/{workspaceId}/things/{id}:archive",
                "/api/v1/workspaces/current/things/a%3Ab%2Fc%20d:archive",
            ),
            ("/things/{id}.json", "/api/v1/things/a%3Ab%2Fc%20d.json"),
            ("/things/v{id}", "/api/v1/things/va%3Ab%2Fc%20d"),
        ] {
            assert_eq!(address(&base, template, &parameters, &workspace, Form::Segment).unwrap().path(), path);
        }
        let empty = [(Cow::Borrowed("id"), String::new())];
        assert_eq!(
            address(&base, "/things/{id}.json", &empty, &workspace, Form::Segment).unwrap_err(),
            "`id` is empty"
        );
        assert_eq!(address(&base, "/things/{id}.json", &[], &workspace, Form::Segment).unwrap_err(), "`id` is missing");
    }

    #[test]
    fn a_template_that_is_not_filled_is_not_sent() {
        let base = Url::parse("https://one.example/api/v1").unwrap();
        let workspace = WorkspaceId::from("current");
        for (template, fault) in [
            ("/people/{personId}", "`personId` is missing"),
            ("/people/{personId}.json", "`personId` is missing"),
            ("/people/v{personId}/x", "`personId` is missing"),
            ("/people/{a}-{b}", "`a` is missing"),
            ("/people/{personId", "a brace without its partner"),
            ("/people/personId}", "a brace without its partner"),
            ("/people/{{personId}}", "a brace without its partner"),
            ("/people/{}", "`` is missing"),
            ("/people/x{}", "a brace without its partner"),
            ("/people/{a}}", "`a` is missing"),
            ("people", "does not start with a slash"),
            ("https://one.example/api/v1/people", "not a whole address"),
            ("/a%20b", "which encodes them"),
            ("/%7BpersonId%7D", "which encodes them"),
            ("/a%2fb/{workspaceId}", "which encodes them"),
            ("/100%", "which encodes them"),
            ("/people?all=true", "`.query(name, value)`"),
            ("/people/{workspaceId}?all=true", "`.query(name, value)`"),
            ("/people#top", "`.query(name, value)`"),
            ("/../{workspaceId}.json", "`.` or `..`"),
            ("/./{workspaceId}.json", "`.` or `..`"),
            ("/%2e%2e/{workspaceId}.json", "a percent sign"),
            ("/a\\..\\{workspaceId}.json", "a backslash"),
            ("/a\n{workspaceId}.json", "a control character"),
            ("/{workspaceId}%zz", "a percent sign"),
            ("/workspaces/:workspaceId/tasks", "never filled in"),
            ("/workspaces/{workspaceId}/tasks/:id", "never filled in"),
            ("/tasks/:id/{workspaceId}.json", "never filled in"),
            ("/workspaces/<id>/tasks", "never filled in"),
            ("/workspaces/$ws/tasks", "never filled in"),
            ("/workspaces/${ws}/tasks", "`ws` is missing"),
        ] {
            let error = address(&base, template, &[], &workspace, Form::Segment).unwrap_err();
            assert!(error.contains(fault), "{template}: {error}");
        }
    }
}

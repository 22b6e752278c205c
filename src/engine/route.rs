//! The address of a call: a path template, its parameters, and the base address.

use std::borrow::Cow;

use url::Url;

use crate::models::WorkspaceId;

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
/// A `workspaceId` that is not given is the client's. The error is one line for the user; it does not show the template,
/// which may be a whole address with a signature in it.
pub(super) fn address(
    base: &Url,
    template: &str,
    parameters: &Parameters,
    workspace: &WorkspaceId,
) -> Result<Url, String> {
    let value_of = |name: &str| {
        let given = parameters.iter().rev().find(|(candidate, _)| candidate == name);
        given.map(|(_, value)| value.as_str()).or_else(|| (name == "workspaceId").then(|| workspace.as_str()))
    };
    let Some(template) = template.strip_prefix('/') else {
        return Err("the path does not start with a slash".to_owned());
    };
    let mut url = base.clone();
    {
        let mut segments = url.path_segments_mut().map_err(|()| "the base URL cannot have a path".to_owned())?;
        segments.pop_if_empty();
        for part in template.split('/') {
            let segment = filled(part, value_of)?;
            // Slashes at the end and doubled ones are the caller's own.
            if !part.is_empty() {
                check_segment(&segment).map_err(|fault| format!("a segment of the path {fault}"))?;
            }
            segments.push(&segment);
        }
    }
    Ok(url)
}

/// A segment of the template with each name in braces replaced.
fn filled<'a>(part: &'a str, value_of: impl Fn(&str) -> Option<&'a str>) -> Result<Cow<'a, str>, String> {
    if !part.contains(['{', '}']) {
        return Ok(Cow::Borrowed(part));
    }
    let mut segment = String::with_capacity(part.len() + 32);
    let mut rest = part;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, braced) = rest.split_at(open);
        let inner = braced.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((name, after)) = inner.filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
            return Err("the path has a brace without its partner: write parameters as `{name}`".to_owned());
        };
        let value = value_of(name).ok_or_else(|| format!("`{name}` is missing"))?;
        check_segment(value).map_err(|fault| format!("`{name}` {fault}"))?;
        segment.push_str(before);
        segment.push_str(value);
        rest = after;
    }
    segment.push_str(rest);
    Ok(Cow::Owned(segment))
}

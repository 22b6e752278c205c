//! What the contract says of an operation.

use std::borrow::Cow;

use http::{Method, StatusCode};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::models::WorkspaceId;

/// An operation of the contract, as the generator writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The official SDK's name.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// The path below the base address, with parameters in braces.
    pub(crate) path: &'static str,
    pub(crate) retry: RetryClass,
    pub(crate) access: Access,
    /// The contract marks it as inferred: method or path may be another.
    pub(crate) deduced: bool,
}

impl Operation {
    /// What to do about a refusal that means one thing for this operation.
    pub(crate) fn hint(&self, status: StatusCode, route: &str, with_key: bool) -> Option<&'static str> {
        let agents = || route.contains("/agent") || route.ends_with("/api-keys") || route.contains("/api-keys/");
        match (self.id, status) {
            (CREATE_API_KEY, StatusCode::CONFLICT) => Some(TOO_MANY_KEYS),
            (_, StatusCode::METHOD_NOT_ALLOWED) if self.deduced => Some(DEDUCED_METHOD),
            (_, StatusCode::NOT_FOUND) if self.deduced => Some(DEDUCED_ROUTE),
            (RAW_REQUEST, StatusCode::FORBIDDEN) if with_key && agents() => Some(RAW_FORBIDDEN),
            _ => None,
        }
    }
}

/// The id of a request whose route the caller gives.
pub(crate) const RAW_REQUEST: &str = "request";

/// The operation that makes API keys.
pub(crate) const CREATE_API_KEY: &str = "createApiKey";

/// What to do when a workspace has all the keys it may have (`limits::ACTIVE_API_KEYS`).
pub(crate) const TOO_MANY_KEYS: &str = "a workspace has at most 20 active API keys: list them, revoke one that nothing uses, \
                                        then try again";

/// What a 404 of a deduced route may mean.
const DEDUCED_ROUTE: &str = "if what you asked for exists, the route may be wrong: it is deduced (docs/evidence.md); \
                             send another by configuration.request(method, path)";

/// What a 405 of a deduced route means.
const DEDUCED_METHOD: &str = "the method of this route is deduced (docs/evidence.md) and the service wants another: \
                              send it by configuration.request(method, path)";

/// What a 403 of an agent's or key's route means that was called with an API key.
const RAW_FORBIDDEN: &str = "API keys cannot do this: agent and key-management routes need an OAuth user token, \
                             Configuration::builder().oauth_token(…)";

/// What repeating an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Changes nothing.
    Read,
    /// Changes the same thing to the same state again.
    IdempotentWrite,
    /// Does the work a second time.
    UnsafeWrite,
}

impl RetryClass {
    /// Whether it may be sent again although the first may have been executed.
    pub(crate) fn is_repeatable(self) -> bool {
        self != Self::UnsafeWrite
    }
}

/// Which credentials an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Any,
    OauthOnly,
}

/// A text that can stand as one segment of a path without meaning another route; the error completes a sentence.
pub(crate) fn check_segment(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("is empty"),
        "." | ".." => Err("is `.` or `..`, which a path cannot carry as a name"),
        _ if text.chars().any(char::is_control) => Err("has control characters"),
        _ if text.trim().is_empty() => Err("is only white space"),
        _ => Ok(()),
    }
}

/// The parameters of a path by name; the last value given counts.
type Parameters = [(Cow<'static, str>, String)];

/// The address of a call: the template's segments below `base`, each parameter encoded as one segment.
///
/// A `workspaceId` that is not given is the configuration's.
pub(crate) fn address(
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
        // Not shown: somebody may have passed a whole address, with what signs it.
        return Err("the path does not start with a slash".to_owned());
    };
    if let Some(path) = plain_path(base, template, value_of) {
        let mut url = base.clone();
        url.set_path(&path);
        return Ok(url);
    }
    let mut url = base.clone();
    if template.split('/').any(is_mixed) {
        url.set_path(&mixed_path(base, template, value_of)?);
        return Ok(url);
    }
    {
        let mut segments = url.path_segments_mut().map_err(|()| "the base URL cannot have a path".to_owned())?;
        segments.pop_if_empty();
        for part in template.split('/') {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                if !part.is_empty() {
                    check_segment(part).map_err(|fault| format!("a segment of the path {fault}"))?;
                }
                segments.push(part);
                continue;
            };
            let value = value_of(name).ok_or_else(|| format!("`{name}` is missing"))?;
            check_segment(value).map_err(|fault| format!("`{name}` {fault}"))?;
            segments.push(value);
        }
    }
    Ok(url)
}

/// Does a segment of a template hold text beside a parameter, as `{id}:archive` does?
fn is_mixed(part: &str) -> bool {
    part.contains('{') && part.contains('}') && !(part.starts_with('{') && part.find('}') == Some(part.len() - 1))
}

/// The path of a template that mixes text and parameters. Values are encoded down to letters and digits, so that none
/// can be taken for the text beside it.
fn mixed_path<'a>(base: &Url, template: &'a str, value_of: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for part in template.split('/') {
        path.push('/');
        let mut rest = part;
        while let Some((text, (name, after))) =
            rest.split_once('{').and_then(|(text, after)| Some((text, after.split_once('}')?)))
        {
            let value = value_of(name).ok_or_else(|| format!("`{name}` is missing"))?;
            check_segment(value).map_err(|fault| format!("`{name}` {fault}"))?;
            path.push_str(text);
            path.extend(byte_serialize(value.as_bytes()).map(|piece| if piece == "+" { "%20" } else { piece }));
            rest = after;
        }
        path.push_str(rest);
    }
    Ok(path)
}

/// The path when nothing in it needs encoding or a complaint, which is the rule; pushing segment by segment costs four
/// times as much.
fn plain_path<'a>(base: &Url, template: &'a str, value_of: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let below = base.path().trim_end_matches('/');
    let mut path = String::with_capacity(below.len() + template.len() + 64);
    path.push_str(below);
    for part in template.split('/') {
        let value = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => part,
            Some(name) => value_of(name)?,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if value.is_empty() || !value.bytes().all(plain) {
            return None;
        }
        path.push('/');
        path.push_str(value);
    }
    Some(path)
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
            assert_eq!(address(&base, template, &parameters, &workspace).unwrap().path(), path);
        }
        let empty = [(Cow::Borrowed("id"), String::new())];
        assert_eq!(address(&base, "/things/{id}.json", &empty, &workspace).unwrap_err(), "`id` is empty");
        assert_eq!(address(&base, "/things/{id}.json", &[], &workspace).unwrap_err(), "`id` is missing");
    }
}

//! Decides which responses prove what they say: an intermediary may have written them.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use crate::error::Error;
use crate::models::Json;
use crate::response::Response;

/// Whether the service itself refused a request before working on it.
///
/// A 4xx in the service's own form is such a refusal. A page of a proxy is none, since some check the response after the
/// service did the work; nor are 408 and 499, which say that somebody stopped waiting.
pub(super) fn is_refusal_by_the_service(error: &Error) -> bool {
    let status = error.status().is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 499));
    let fields: HashMap<String, Json> = serde_json::from_slice(error.body()).unwrap_or_default();
    status && ["code", "message", "error", "errors", "detail", "title"].iter().any(|name| fields.contains_key(*name))
}

/// Whether a success is in a form that the service uses for it: nothing, or JSON. A login page is a success, too.
pub(super) fn is_clean_success(response: &Response<()>) -> bool {
    let body = response.raw();
    match response.status() {
        204 => true,
        200 => body.trim_ascii().is_empty() || serde_json::from_slice::<IgnoredAny>(body).is_ok(),
        // For instance 202, which promises the work for later.
        _ => false,
    }
}

//! Decides which responses prove what they say: an intermediary may have written them.

use std::collections::HashMap;

use super::listing::says_revoked;
use crate::error::Error;
use crate::models::{ApiKey, ApiKeyId, Json};
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

/// Whether a success says that this key is revoked: it has no content, or is the key and says it of itself.
///
/// Everything else is a success of HTTP alone: a login page, an error in JSON, 202, which promises the work for later.
pub(super) fn confirms_revocation(response: &Response<()>, id: &ApiKeyId) -> bool {
    let body = response.raw();
    match response.status() {
        204 => true,
        200 if body.trim_ascii().is_empty() => {
            let media_type = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
            media_type.is_empty() || media_type.contains("json")
        }
        200 => serde_json::from_slice::<ApiKey>(body).is_ok_and(|key| key.api_key_id == *id && says_revoked(&key)),
        _ => false,
    }
}

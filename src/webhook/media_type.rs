//! Media types of requests and events.

/// Whether a `Content-Type` is that of a structured `CloudEvents` delivery; parameters are not looked at.
pub(super) fn is_cloud_event(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"application/cloudevents+json")
}

/// Whether an event's `datacontenttype` is JSON.
pub(super) fn is_json(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"application/json")
}

fn essence(content_type: &[u8]) -> &[u8] {
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

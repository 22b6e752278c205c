//! Media types, as `Content-Type` has them.

/// The type and subtype alone; parameters are not looked at.
pub(crate) fn essence(content_type: &[u8]) -> &[u8] {
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Whether it is JSON, and no format that is written in JSON.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"application/json")
}

/// Whether it is that of a structured `CloudEvents` delivery.
#[cfg(feature = "webhook")]
pub(crate) fn is_cloud_event(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"application/cloudevents+json")
}

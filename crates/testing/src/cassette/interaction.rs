//! One recorded request with its response.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use onehorizon::transport::{Redactor, TransportResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Stands where a body or a value had to go as a whole.
pub(super) const REMOVED: &str = "[redacted]";

/// One request and its response, without secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) operation: String,
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) query: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Body::is_none")]
    pub(super) body: Body,
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Body::is_none")]
    pub(super) response: Body,
}

/// A body: JSON as it was written, other text, or bytes in base64.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Body {
    #[default]
    None,
    Json(Box<RawValue>),
    Text(String),
    Base64(String),
}

impl Body {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn new(bytes: &[u8], redactor: &Redactor) -> Self {
        if bytes.is_empty() {
            return Self::None;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return if redactor.finds_in(bytes) {
                Self::Text(REMOVED.to_owned())
            } else {
                Self::Base64(STANDARD.encode(bytes))
            };
        };
        let clean = redactor.text(text);
        match serde_json::from_str::<Box<RawValue>>(&clean) {
            // A line end in JSON is only ever between its parts.
            Ok(json) if !clean.contains(['\n', '\r']) => Self::Json(json),
            Ok(json) => compact(&json).map_or_else(|| Self::Text(clean.into_owned()), Self::Json),
            Err(_) => Self::Text(clean.into_owned()),
        }
    }

    fn bytes(&self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Json(json) => Bytes::from(json.get().to_owned()),
            Self::Text(text) => Bytes::from(text.clone()),
            Self::Base64(text) => STANDARD.decode(text).map(Bytes::from).unwrap_or_default(),
        }
    }

    pub(super) fn value(&self) -> Option<Value> {
        match self {
            Self::Json(json) => serde_json::from_str(json.get()).ok(),
            _ => None,
        }
    }
}

/// The JSON on one line, so that one line of a recording is one interaction; numbers keep their digits.
fn compact(json: &RawValue) -> Option<Box<RawValue>> {
    let text: String = json.get().split(['\n', '\r']).map(str::trim_start).collect();
    RawValue::from_string(text).ok()
}

impl Interaction {
    /// The operation, such as `createTask`; empty where it is not known.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The response, as it was but for secrets.
    #[must_use]
    pub fn to_response(&self) -> TransportResponse {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            if let (Ok(name), Ok(value)) = parsed {
                headers.insert(name, value);
            }
        }
        // The body is recorded as it came out of the transport.
        headers.remove("content-encoding");
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        TransportResponse::new(status, headers, self.response.bytes())
    }

    pub(super) fn same_request(&self, other: &Self) -> bool {
        self.same_target(other) && same_body(&self.body, &other.body)
    }

    /// The same method, path and query; the order of the query does not count.
    pub(super) fn same_target(&self, other: &Self) -> bool {
        let sorted = |query: &[(String, String)]| {
            let mut query = query.to_vec();
            query.sort();
            query
        };
        self.method == other.method && self.path == other.path && sorted(&self.query) == sorted(&other.query)
    }
}

fn same_body(one: &Body, other: &Body) -> bool {
    match (one.value(), other.value()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.bytes() == other.bytes(),
        _ => false,
    }
}

/// Shows where the request went and the status, no bodies.
impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.path, self.status)
    }
}

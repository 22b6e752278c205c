//! Finds the secrets of a request and its response, and writes both down without them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use onehorizon::transport::{Redactor, TransportRequest};
use serde_json::Value;

use super::interaction::{Body, Interaction, REMOVED};
use crate::contract::Contract;

/// A secret shorter than this cannot be searched for: the body that has it is left out.
const SHORTEST: usize = 6;

/// More secrets than this are not remembered from earlier requests.
const MAX_LEARNED: usize = 1_000;

/// Headers that are recorded; all others are left out.
const KEPT_HEADERS: [&str; 7] = [
    "content-type",
    "content-encoding",
    "retry-after",
    "x-request-id",
    "allow",
    "idempotency-key",
    "x-fake-undocumented",
];

/// A request as the recorder sees it.
pub(super) struct Sent<'r> {
    pub(super) operation: &'r str,
    pub(super) method: &'r Method,
    pub(super) path: &'r str,
    pub(super) query: &'r str,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r [u8],
}

impl<'r> Sent<'r> {
    pub(super) fn of(request: &'r TransportRequest) -> Self {
        Self {
            operation: request.operation,
            method: &request.method,
            path: request.url.path(),
            query: request.url.query().unwrap_or_default(),
            headers: &request.headers,
            body: &request.body,
        }
    }

    pub(super) fn of_http(operation: &'r str, request: &'r Request<Bytes>) -> Self {
        Self {
            operation,
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: request.body(),
        }
    }
}

/// A response as the recorder sees it.
pub(super) struct Got<'r> {
    pub(super) status: StatusCode,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r [u8],
}

/// The secrets seen so far.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn learn(&mut self, secret: &str) {
        if secret.is_empty() || self.0.iter().any(|known| known == secret) {
            return;
        }
        if self.0.len() >= MAX_LEARNED {
            self.0.remove(0);
        }
        self.0.push(secret.to_owned());
    }

    /// Learns the secrets of an interaction, and writes it down without any.
    pub(super) fn interaction(&mut self, sent: &Sent<'_>, got: &Got<'_>) -> Interaction {
        let is_hidden = self.learn_all(sent, got);
        interaction(sent, got, &Redactor::new(self.0.iter().map(String::as_str)), is_hidden)
    }

    /// Learns the secrets of an interaction; whether one is too short to be searched for.
    fn learn_all(&mut self, sent: &Sent<'_>, got: &Got<'_>) -> bool {
        let mut found = Vec::new();
        for headers in [sent.headers, got.headers] {
            for (name, value) in headers {
                if is_secret(name.as_str()) {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    found.extend(
                        value.split([' ', ';', '=', ',']).map(str::to_owned).filter(|part| part.len() >= SHORTEST),
                    );
                    found.push(value.into_owned());
                }
            }
        }
        for (name, value) in url::form_urlencoded::parse(sent.query.as_bytes()) {
            if is_secret_parameter(&name) {
                found.push(value.into_owned());
            }
        }
        for (headers, body) in [(sent.headers, sent.body), (got.headers, got.body)] {
            let is_form = headers
                .get("content-type")
                .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form"));
            if is_form {
                let pairs = url::form_urlencoded::parse(body);
                let secret = pairs.filter(|(name, _)| is_secret(name) || matches!(&**name, "code" | "code_verifier"));
                found.extend(secret.map(|(_, value)| value.into_owned()));
            } else if let Ok(value) = serde_json::from_slice::<Value>(body) {
                secrets_in(&value, false, &is_secret, &mut found);
            }
        }
        if let (Some(names), Ok(value)) = (new_key_fields(sent.operation), serde_json::from_slice::<Value>(got.body)) {
            secrets_in(&value, false, &|name| names.iter().any(|known| known == name), &mut found);
        }
        let mut is_hidden = false;
        for secret in found.into_iter().filter(|secret| !secret.is_empty()) {
            if secret.len() < SHORTEST {
                is_hidden = true;
            } else {
                self.learn(&secret);
            }
        }
        is_hidden
    }
}

/// Whether a field, parameter or header of this name is a secret.
fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let ends = [
        "secret",
        "token",
        "password",
        "passwd",
        "passphrase",
        "authorization",
        "cookie",
        "apikey",
        "privatekey",
        "webhookkey",
    ];
    ends.iter().any(|end| plain.ends_with(end))
        || matches!(plain.as_str(), "signature" | "sig" | "credential" | "credentials")
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret(name) || matches!(name, "code" | "state")
}

/// The fields in which the response of the operation that creates API keys may carry the new key.
fn new_key_fields(operation: &str) -> Option<Vec<String>> {
    let found = Contract::embedded().ok()?.operation(operation)?;
    let named = found.renamed.iter().filter(|(here, _)| here == "secret").map(|(_, there)| there.clone());
    let usual = ["secret", "key", "apiKey", "token"].map(str::to_owned);
    (found.id == "createApiKey").then(|| usual.into_iter().chain(named).collect())
}

/// The values of fields whose names are secret, whatever lies below them.
fn secrets_in(value: &Value, is_below: bool, is_secret: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| secrets_in(value, is_below || is_secret(name), is_secret, found));
        }
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, is_below, is_secret, found)),
        Value::String(text) if is_below => found.push(text.clone()),
        Value::Number(number) if is_below => found.push(number.to_string()),
        _ => {}
    }
}

fn interaction(sent: &Sent<'_>, got: &Got<'_>, redactor: &Redactor, is_hidden: bool) -> Interaction {
    let clean = |text: &str| redactor.text(text).into_owned();
    let mut headers = BTreeMap::new();
    for (name, value) in got.headers {
        if let (true, Ok(value)) = (KEPT_HEADERS.contains(&name.as_str()), value.to_str()) {
            headers.insert(name.as_str().to_owned(), clean(value));
        }
    }
    let body = |bytes: &[u8]| {
        if is_hidden && !bytes.is_empty() { Body::Text(REMOVED.to_owned()) } else { Body::new(bytes, redactor) }
    };
    let query = url::form_urlencoded::parse(sent.query.as_bytes());
    let query = query.map(|(name, value)| {
        let value = if is_secret_parameter(&name) { REMOVED.to_owned() } else { clean(&value) };
        (clean(&name), value)
    });
    Interaction {
        operation: sent.operation.to_owned(),
        method: sent.method.to_string(),
        path: clean(sent.path),
        query: query.collect(),
        body: body(sent.body),
        status: got.status.as_u16(),
        headers,
        response: body(got.body),
    }
}

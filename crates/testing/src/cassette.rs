//! Recordings of traffic: written without secrets, replayed without a network, compared for drift.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use onehorizon::BoxFuture;
use onehorizon::transport::{Redactor, Transport, TransportError, TransportRequest, TransportResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::service::reply;

/// The version of recordings that this crate reads and writes.
const VERSION: u64 = 1;

/// Stands where a body had to go as a whole.
const REMOVED: &str = "[redacted]";

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

/// Why a recording cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CassetteError(String);

/// One request and its response, without secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    operation: String,
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    query: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Body::is_none")]
    body: Body,
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Body::is_none")]
    response: Body,
}

/// A body: JSON as it was written, other text, or bytes in base64.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    #[default]
    None,
    Json(Box<RawValue>),
    Text(String),
    Base64(String),
}

impl Body {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    fn new(bytes: &[u8], redactor: &Redactor) -> Self {
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

    fn value(&self) -> Option<Value> {
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

    fn same_request(&self, other: &Self) -> bool {
        self.same_target(other) && same_body(&self.body, &other.body)
    }

    /// The same method, path and query; the order of the query does not count.
    fn same_target(&self, other: &Self) -> bool {
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

/// A recording: JSON lines, a head and then one interaction in each.
///
/// ```
/// use onehorizon::{Configuration, TasksApi};
/// use onehorizon_testing::{Cassette, FakeOneHorizon, Recorder, ReplayTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Record, here from a fake; `ReqwestTransport` records the real service.
/// let fake = FakeOneHorizon::builder().in_process();
/// let recorder = Recorder::in_memory();
/// let config = Configuration::builder().api_key(fake.api_key()).transport(recorder.wrap(fake.transport())).build()?;
/// TasksApi::new(&config).fetch_task("tsk_1001").await?;
/// let text = recorder.cassette().to_text();
///
/// // Replay, without any network.
/// let replay = ReplayTransport::strict(Cassette::from_text(&text)?);
/// let config = Configuration::builder().api_key("any").transport(replay.clone()).build()?;
/// assert_eq!(TasksApi::new(&config).fetch_task("tsk_1001").await?.title, "Self-serve onboarding");
/// assert_eq!(replay.remaining(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cassette {
    interactions: Vec<Interaction>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    onehorizon_recording: u64,
}

impl Cassette {
    /// Reads a recording.
    ///
    /// # Errors
    /// It is of another version, or a line is damaged; the message names the line.
    pub fn from_text(text: &str) -> Result<Self, CassetteError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, head) = lines.next().ok_or_else(|| CassetteError("the recording is empty".to_owned()))?;
        let head: Head = serde_json::from_str(head).map_err(|_| {
            CassetteError("the first line is not the head of a recording, `{\"onehorizon_recording\":1}`".to_owned())
        })?;
        if head.onehorizon_recording != VERSION {
            let found = head.onehorizon_recording;
            return Err(CassetteError(format!(
                "the recording has version {found}, and this program reads version {VERSION}: record it again"
            )));
        }
        let mut interactions = Vec::new();
        for (index, line) in lines {
            let interaction: Interaction = serde_json::from_str(line).map_err(|error| {
                CassetteError(format!("line {} of the recording is damaged ({error}): record it again", index + 1))
            })?;
            if StatusCode::from_u16(interaction.status).is_err() {
                return Err(CassetteError(format!("line {} has {} for a status", index + 1, interaction.status)));
            }
            interactions.push(interaction);
        }
        Ok(Self { interactions })
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    /// The file cannot be read, or see [`from_text`](Self::from_text).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| CassetteError(format!("could not read {}: {error}", path.display())))?;
        Self::from_text(&text).map_err(|error| CassetteError(format!("{}: {error}", path.display())))
    }

    /// The recording as the text of a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.interactions.iter().filter_map(|one| serde_json::to_string(one).ok());
        std::iter::once(head()).chain(lines).map(|line| line + "\n").collect()
    }

    /// The interactions in their order.
    #[must_use]
    pub fn interactions(&self) -> &[Interaction] {
        &self.interactions
    }

    /// Where responses of `newer` have another shape than those of this recording: for each operation and status, the JSON
    /// paths that appeared, went away or changed their type, a line each. Values do not count.
    #[must_use]
    pub fn drift(&self, newer: &Self) -> Vec<String> {
        let (old, new) = (self.shapes(), newer.shapes());
        let mut found = Vec::new();
        for (place, paths) in &old {
            let Some(others) = new.get(place) else { continue };
            for (path, types) in paths {
                match others.get(path) {
                    None => found.push(format!("{place}: {path} went away")),
                    Some(other) if other != types => {
                        found.push(format!("{place}: {path} was {} and is {}", words(types), words(other)));
                    }
                    Some(_) => {}
                }
            }
            let added = others.iter().filter(|(path, _)| !paths.contains_key(*path));
            found.extend(added.map(|(path, types)| format!("{place}: {path} is new, {}", words(types))));
        }
        found
    }

    fn shapes(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> {
        let mut shapes: BTreeMap<String, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for one in &self.interactions {
            let name =
                if one.operation.is_empty() { format!("{} {}", one.method, one.path) } else { one.operation.clone() };
            let paths = shapes.entry(format!("{name} {}", one.status)).or_default();
            match one.response.value() {
                Some(value) => shape("$", &value, paths),
                None => {
                    paths.entry("$".to_owned()).or_default().insert(if one.response.is_none() {
                        "nothing"
                    } else {
                        "text"
                    });
                }
            }
        }
        shapes
    }
}

fn head() -> String {
    serde_json::to_string(&Head { onehorizon_recording: VERSION }).unwrap_or_default()
}

fn words(types: &BTreeSet<&'static str>) -> String {
    types.iter().copied().collect::<Vec<_>>().join(" or ")
}

fn shape(path: &str, value: &Value, paths: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    paths.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => items.iter().for_each(|item| shape(&format!("{path}[]"), item, paths)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| shape(&format!("{path}.{name}"), value, paths)),
        _ => {}
    }
}

/// Records what goes through a transport or a fake, without secrets; clones share the recording.
///
/// What is removed, in every spelling (escaped, encoded, in base64, folded) and wherever it comes back: the credential of
/// the request, the values of fields, parameters and headers that are secrets by their name (`secret`, `token`,
/// `password`, `apiKey`, `authorization` and names that end so), from then on in all requests. Of headers a few that are
/// known to be harmless are recorded.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Mutex<Recording>>,
}

#[derive(Default)]
struct Recording {
    secrets: Vec<String>,
    cassette: Cassette,
    file: Option<File>,
    failed: Option<String>,
}

impl Recorder {
    /// Keeps the recording in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { inner: Arc::default() }
    }

    /// Writes each interaction to a file as it happens, and keeps none in memory. A file that is there is replaced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_file(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let file = File::create(path).and_then(|mut file| writeln!(file, "{}", head()).map(|()| file));
        let file = file.map_err(|error| CassetteError(format!("could not write {}: {error}", path.display())))?;
        let recording = Recording { file: Some(file), ..Recording::default() };
        Ok(Self { inner: Arc::new(Mutex::new(recording)) })
    }

    /// Removes this secret, too.
    #[must_use]
    pub fn without(self, secret: &str) -> Self {
        self.lock().learn(secret);
        self
    }

    /// The transport, recorded.
    #[must_use]
    pub fn wrap<T: Transport>(&self, transport: T) -> RecordingTransport<T> {
        RecordingTransport { transport, recorder: self.clone() }
    }

    /// The recording so far; empty when it goes to a file.
    #[must_use]
    pub fn cassette(&self) -> Cassette {
        self.lock().cassette.clone()
    }

    /// Why the file could not be written, if so.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record_http(&self, operation: &str, request: &Request<Bytes>, response: &Response<Bytes>) {
        let sent = Sent {
            operation,
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: request.body(),
        };
        self.record(&sent, &Got { status: response.status(), headers: response.headers(), body: response.body() });
    }

    pub(crate) fn record(&self, sent: &Sent<'_>, got: &Got<'_>) {
        let mut recording = self.lock();
        let is_hidden = recording.learn_all(sent, got);
        let redactor = Redactor::new(recording.secrets.iter().map(String::as_str));
        let interaction = interaction(sent, got, &redactor, is_hidden);
        let Some(file) = &mut recording.file else {
            recording.cassette.interactions.push(interaction);
            return;
        };
        let line = serde_json::to_string(&interaction).unwrap_or_default();
        if let Err(error) = writeln!(file, "{line}") {
            recording.failed = Some(format!("could not write the recording: {error}"));
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("interactions", &self.lock().cassette.interactions.len())
            .finish_non_exhaustive()
    }
}

/// A request as the recorder sees it.
pub(crate) struct Sent<'r> {
    pub(crate) operation: &'r str,
    pub(crate) method: &'r Method,
    pub(crate) path: &'r str,
    pub(crate) query: &'r str,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

/// A response as the recorder sees it.
pub(crate) struct Got<'r> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

impl Recording {
    fn learn(&mut self, secret: &str) {
        if secret.is_empty() || self.secrets.iter().any(|known| known == secret) {
            return;
        }
        if self.secrets.len() >= MAX_LEARNED {
            self.secrets.remove(0);
        }
        self.secrets.push(secret.to_owned());
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
            if is_secret(&name) || matches!(&*name, "code" | "state") {
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
                secrets_in(&value, false, &mut found);
            }
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

fn secrets_in(value: &Value, is_below: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| secrets_in(value, is_below || is_secret(name), found));
        }
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, is_below, found)),
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
        let value =
            if is_secret(&name) || matches!(&*name, "code" | "state") { REMOVED.to_owned() } else { clean(&value) };
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

/// A transport whose traffic is recorded. Requests that get no response are not.
#[derive(Clone, Debug)]
pub struct RecordingTransport<T> {
    transport: T,
    recorder: Recorder,
}

impl<T: Transport> Transport for RecordingTransport<T> {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            let (operation, method, url) = (request.operation, request.method.clone(), request.url.clone());
            let (headers, body) = (request.headers.clone(), request.body.clone());
            let response = self.transport.send(request).await?;
            let query = url.query().unwrap_or_default();
            let sent = Sent { operation, method: &method, path: url.path(), query, headers: &headers, body: &body };
            let got = Got { status: response.status, headers: &response.headers, body: &response.body };
            self.recorder.record(&sent, &got);
            Ok(response)
        })
    }
}

/// A transport that responds from a recording; clones share it.
///
/// A request that the recording does not have gets status 501 with a message that names it.
#[derive(Clone, Debug)]
pub struct ReplayTransport {
    is_strict: bool,
    left: Arc<Mutex<Vec<(Interaction, bool)>>>,
}

impl ReplayTransport {
    /// Each interaction is replayed once, to a request of the same method, path, query and body. Requests may come in
    /// another order than in the recording.
    #[must_use]
    pub fn strict(cassette: Cassette) -> Self {
        Self::new(cassette, true)
    }

    /// Bodies do not count, and the last interaction of a request is replayed again and again.
    #[must_use]
    pub fn lenient(cassette: Cassette) -> Self {
        Self::new(cassette, false)
    }

    fn new(cassette: Cassette, is_strict: bool) -> Self {
        let left = cassette.interactions.into_iter().map(|one| (one, false)).collect();
        Self { is_strict, left: Arc::new(Mutex::new(left)) }
    }

    /// How many interactions were not replayed yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.lock().iter().filter(|(_, is_used)| !is_used).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Interaction, bool)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn respond(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let sent = Sent {
            operation: "",
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: request.body(),
        };
        let replayed = self.replay(&sent);
        let mut response = Response::new(replayed.body);
        *response.status_mut() = replayed.status;
        *response.headers_mut() = replayed.headers;
        response
    }

    fn replay(&self, sent: &Sent<'_>) -> TransportResponse {
        // The request is compared as it would have been recorded.
        let mut recording = Recording::default();
        let got = Got { status: StatusCode::OK, headers: &HeaderMap::new(), body: &[] };
        let is_hidden = recording.learn_all(sent, &got);
        let redactor = Redactor::new(recording.secrets.iter().map(String::as_str));
        let asked = interaction(sent, &got, &redactor, is_hidden);
        let mut left = self.lock();
        let fits = |one: &Interaction| if self.is_strict { one.same_request(&asked) } else { one.same_target(&asked) };
        if let Some((found, is_used)) = left.iter_mut().find(|(one, is_used)| !is_used && fits(one)) {
            *is_used = true;
            return found.to_response();
        }
        if !self.is_strict
            && let Some((found, _)) = left.iter().rev().find(|(one, _)| fits(one))
        {
            return found.to_response();
        }
        let mut message = format!("the recording has no (further) {} {}", asked.method, asked.path);
        if left.iter().any(|(one, _)| one.same_target(&asked)) {
            message.push_str(" with this body, or it was replayed already; `ReplayTransport::lenient` repeats it");
        }
        let response = reply::error(StatusCode::NOT_IMPLEMENTED, &message);
        let (head, body) = response.into_parts();
        TransportResponse::new(head.status, head.headers, body)
    }
}

impl Transport for ReplayTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let sent = Sent {
            operation: request.operation,
            method: &request.method,
            path: request.url.path(),
            query: request.url.query().unwrap_or_default(),
            headers: &request.headers,
            body: &request.body,
        };
        let response = self.replay(&sent);
        Box::pin(async move { Ok(response) })
    }
}

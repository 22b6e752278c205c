//! Records what goes through a transport or a fake.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use onehorizon::BoxFuture;
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};

use super::secrets::{Got, Secrets, Sent};
use super::{Cassette, CassetteError, head};

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
    secrets: Secrets,
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
        self.lock().secrets.learn(secret);
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
        let sent = Sent::of_http(operation, request);
        self.record(&sent, &Got { status: response.status(), headers: response.headers(), body: response.body() });
    }

    fn record(&self, sent: &Sent<'_>, got: &Got<'_>) {
        let mut recording = self.lock();
        let interaction = recording.secrets.interaction(sent, got);
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

/// A transport whose traffic is recorded. Requests that get no response are not.
#[derive(Clone, Debug)]
pub struct RecordingTransport<T> {
    transport: T,
    recorder: Recorder,
}

impl<T: Transport> Transport for RecordingTransport<T> {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            let sent = request.clone();
            let response = self.transport.send(request).await?;
            let got = Got { status: response.status, headers: &response.headers, body: &response.body };
            self.recorder.record(&Sent::of(&sent), &got);
            Ok(response)
        })
    }
}

//! The transport on `reqwest`.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::reqwest::{Client, ClientBuilder, redirect};
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::ACCEPT_ENCODING;
use tokio::runtime::{Handle, Id};
use url::Url;

use super::endpoint::is_loopback;
use super::proxy::Route;
use super::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use crate::error::{Error, ErrorKind};

/// Sends over HTTP with `reqwest`; what a configuration uses unless it is given another transport.
///
/// Build one yourself to wrap it in a transport of your own, or to set what only `reqwest` knows: certificates, proxies,
/// the pool. It needs a Tokio runtime. Connections are pooled; those of the default transport belong to the runtime that
/// opened them, so that one runtime's end does not break another's calls.
///
/// ```
/// use onehorizon::Configuration;
/// use onehorizon::transport::ReqwestTransport;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "rustls")] {
/// let builder = reqwest::Client::builder().pool_max_idle_per_host(2);
/// # let builder = builder.tls_backend_preconfigured(rustls::ClientConfig::builder_with_provider(
/// #     rustls::crypto::ring::default_provider().into()).with_safe_default_protocol_versions()?
/// #     .with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
/// let configuration =
///     Configuration::builder().api_key("the-key").transport(ReqwestTransport::new(builder)?).build()?;
/// # }
/// # Ok(()) }
/// ```
pub struct ReqwestTransport {
    clients: Clients,
    route: Route,
}

/// Connections, by the runtime that drives them where that is possible.
enum Clients {
    One(Client),
    PerRuntime { make: Make, made: Mutex<Vec<(Id, Client)>> },
}

type Make = Box<dyn Fn() -> Result<Client, String> + Send + Sync>;

/// More runtimes than this at one time share nothing with those before them: their connections are opened anew.
const MOST_RUNTIMES: usize = 32;

impl ReqwestTransport {
    /// Sends with a client of this builder.
    ///
    /// Redirects and retries are switched off, since both are this crate's to decide. TLS is the builder's own: one of
    /// `reqwest`'s features, or `tls_backend_preconfigured`.
    ///
    /// # Errors
    /// `Config` if `reqwest` cannot build the client.
    pub fn new(builder: ClientBuilder) -> Result<Self, Error> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        // Without a TLS provider reqwest panics while it builds.
        match catch_unwind(AssertUnwindSafe(|| restricted(builder).build())) {
            Ok(Ok(client)) => Ok(Self { clients: Clients::One(client), route: Route::Unknown }),
            Ok(Err(error)) => Err(config(format!("no HTTP client could be made: {error}"))),
            Err(_) => Err(config(
                "no HTTP client could be made: reqwest has no TLS provider; install rustls's default provider, enable one of \
                 reqwest's TLS features, or call tls_backend_preconfigured on the builder"
                    .to_owned(),
            )),
        }
    }

    /// The transport that a configuration builds for itself: TLS and proxies as the platform and the environment have them,
    /// no proxy for this machine.
    ///
    /// # Errors
    /// `Config` if the platform's certificates cannot be used, or the user agent cannot be a header.
    pub fn standard(base_url: &Url, user_agent: &str, connect_timeout: Duration) -> Result<Self, Error> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let tls = Tls::new(base_url).map_err(config)?;
        let user_agent = user_agent.to_owned();
        let is_local = is_loopback(base_url);
        let make = move || {
            let mut builder =
                Client::builder().user_agent(&user_agent).connect_timeout(connect_timeout).tcp_nodelay(true);
            if is_local {
                builder = builder.no_proxy();
            }
            tls.apply(restricted(builder)).build().map_err(|error| format!("no HTTP client could be made: {error}"))
        };
        // Faults show while the configuration is built, not at the first call.
        make().map_err(config)?;
        let route = if is_local { Route::Direct } else { Route::environment() };
        Ok(Self { clients: Clients::PerRuntime { make: Box::new(make), made: Mutex::default() }, route })
    }

    /// The client of the runtime that polls.
    fn client(&self) -> Result<Client, TransportError> {
        let runtime = Handle::try_current().map_err(|error| TransportError::new(Failure::NoRuntime, error))?;
        match &self.clients {
            Clients::One(client) => Ok(client.clone()),
            Clients::PerRuntime { make, made } => {
                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, client)) = made.iter().find(|(id, _)| *id == runtime.id()) {
                    return Ok(client.clone());
                }
                let client = make().map_err(|words| TransportError::new(Failure::Connect, words))?;
                if made.len() == MOST_RUNTIMES {
                    made.remove(0);
                }
                made.push((runtime.id(), client.clone()));
                Ok(client)
            }
        }
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

/// The builder without what this crate decides itself.
fn restricted(builder: ClientBuilder) -> ClientBuilder {
    let builder =
        builder.redirect(redirect::Policy::none()).retry(::reqwest::retry::never()).referer(false).no_brotli();
    let builder = builder.no_deflate().no_zstd();
    let builder = if cfg!(feature = "gzip") { builder } else { builder.no_gzip() };
    if cfg!(feature = "http2") { builder } else { builder.http1_only() }
}

/// Rustls with ring and the platform's trust store, given to our clients alone: no global provider is touched.
#[cfg(feature = "rustls")]
struct Tls(rustls::ClientConfig);

#[cfg(feature = "rustls")]
impl Tls {
    fn new(base_url: &Url) -> Result<Self, String> {
        use rustls_platform_verifier::BuilderVerifierExt;

        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS could not be set up: {error}"))?;
        // A plain-text address (a test server on this machine) needs no trust store, and loading one takes time.
        let config = if base_url.scheme() == "https" {
            config.with_platform_verifier().map_err(|error| {
                format!(
                    "the platform's trust store could not be used: {error}; install the system's CA certificates (the \
                     package `ca-certificates`), or name a file of them in SSL_CERT_FILE"
                )
            })?
        } else {
            config.with_root_certificates(rustls::RootCertStore::empty())
        };
        let mut config = config.with_no_client_auth();
        if cfg!(feature = "http2") {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(Self(config))
    }

    fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        builder.tls_backend_preconfigured(self.0.clone())
    }
}

/// The TLS of the platform, or none.
#[cfg(not(feature = "rustls"))]
struct Tls;

#[cfg(not(feature = "rustls"))]
impl Tls {
    fn new(base_url: &Url) -> Result<Self, String> {
        if base_url.scheme() == "https" && !cfg!(feature = "native-tls") {
            return Err(
                "this build has no TLS: enable the feature `rustls` or `native-tls`, or bring a transport".to_owned()
            );
        }
        Ok(Self)
    }

    #[allow(clippy::unused_self, reason = "one signature for every choice of TLS")]
    fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        builder
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let limit = request.max_response_bytes;
        let url = request.url.clone();
        let mut outgoing = ::reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if cfg!(feature = "gzip") {
            // reqwest asks for what it can undo.
            outgoing.headers_mut().remove(ACCEPT_ENCODING);
        } else {
            outgoing.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        // Handed over before the future is boxed, so that the request is not moved into it and out again.
        let pending = client.execute(outgoing);
        Box::pin(async move {
            let mut response = pending.await.map_err(|error| failure(error).with_target(self.route.target(&url)))?;
            let status = response.status();
            let headers = std::mem::take(response.headers_mut());
            let body = read_body(&mut response, limit).await?;
            Ok(TransportResponse { status, headers, body })
        })
    }
}

/// Reads to the end or to the limit, whichever comes first; the limit is of the body as it is after decompression.
async fn read_body(response: &mut ::reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
    let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(first) = response.chunk().await.map_err(failure)? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(second) = response.chunk().await.map_err(failure)? else { return Ok(first) };
    let mut whole = BytesMut::new();
    let mut next = Some(second);
    make_room(&mut whole, first.len(), announced);
    whole.extend_from_slice(&first);
    while let Some(chunk) = next {
        if chunk.len() > limit - whole.len() {
            return Err(Failure::TooLarge.into());
        }
        make_room(&mut whole, chunk.len(), announced);
        whole.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(failure)?;
    }
    Ok(whole.freeze())
}

/// Makes room for a chunk: for all that is announced, but a lying `Content-Length` must not make us reserve what never
/// comes, so no more than 1 MiB or four times what is there.
fn make_room(whole: &mut BytesMut, chunk: usize, announced: usize) {
    let needed = whole.len() + chunk;
    if whole.capacity() < needed {
        let room = announced.min(needed.saturating_mul(4).max(1 << 20)).max(needed);
        whole.reserve(room - whole.len());
    }
}

fn failure(error: ::reqwest::Error) -> TransportError {
    let failure = match (error.is_connect(), error.is_timeout()) {
        (true, true) => Failure::ConnectTimeout,
        (true, false) if is_lasting_tls_fault(&error) => Failure::Tls,
        (true, false) => Failure::Connect,
        (false, _) => Failure::Interrupted,
    };
    TransportError::new(failure, error.without_url())
}

/// Whether TLS failed in a way that the next attempt would meet again: a certificate, a protocol, no TLS at all.
fn is_lasting_tls_fault(error: &::reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(link) = next {
        // An I/O error hides its inner error from `source`.
        let inner = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if is_tls_error(link) || inner.is_some_and(|inner| is_tls_error(inner)) {
            return true;
        }
        next = link.source();
    }
    false
}

#[cfg(feature = "rustls")]
fn is_tls_error(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::{AlertDescription, Error};

    match error.downcast_ref::<Error>() {
        Some(Error::AlertReceived(AlertDescription::InternalError | AlertDescription::CloseNotify)) => false,
        Some(error) => {
            !matches!(error, Error::General(_) | Error::HandshakeNotComplete | Error::FailedToGetCurrentTime)
        }
        None => false,
    }
}

/// The platform's libraries have no common type; these words are OpenSSL's, Secure Transport's and SChannel's.
#[cfg(not(feature = "rustls"))]
fn is_tls_error(error: &(dyn std::error::Error + 'static)) -> bool {
    let words = error.to_string().to_ascii_lowercase();
    ["certificate", "wrong version number", "unknown ca", "tlsv1 alert"].iter().any(|sign| words.contains(sign))
}

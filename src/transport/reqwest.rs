//! The transport on `reqwest`.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ::reqwest::{Client, ClientBuilder, redirect};
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::ACCEPT_ENCODING;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use url::Url;

use super::broken::{MOST_HEADERS, failure};
use super::encoding::decoded;
use super::endpoint::is_loopback;
use super::network::Network;
use super::proxy::{ProxyRules, Shown};
use super::tls::Tls;
use super::upload;
use super::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use crate::error::{Error, ErrorKind};
use crate::runtime::{Drivers, drivers};

/// Sends over HTTP with `reqwest`; what a configuration uses unless it is given another transport.
///
/// Build one yourself to wrap it in a transport of your own, or to set what only `reqwest` knows: certificates, proxies,
/// the pool. It needs a Tokio runtime that was built with `enable_all`. Connections are pooled; those of the default transport belong to the runtime that
/// opened them, so that one runtime's end does not break another's calls.
///
/// ```
/// use onehorizon::Configuration;
/// use onehorizon::transport::ReqwestTransport;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = reqwest::Client::builder().pool_max_idle_per_host(2);
/// let configuration =
///     Configuration::builder().api_key("the-key").transport(ReqwestTransport::new(builder)?).build()?;
/// # Ok(()) }
/// ```
pub struct ReqwestTransport {
    clients: Clients,
    proxy: Option<Shown>,
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
    /// Redirects, retries, referer and TLS are set by this crate, whatever the builder says; certificates and proxies have
    /// settings in `ConfigurationBuilder`, which work without a transport of your own. The connections are shared by
    /// all runtimes that use the transport.
    ///
    /// # Errors
    /// `Config` if `reqwest` cannot build the client, or the platform's certificates cannot be used.
    pub fn new(builder: ClientBuilder) -> Result<Self, Error> {
        let mut network = Network::default();
        network.use_client_builder(builder);
        // No host is known yet, and any of them may be on `https`.
        let tls =
            Url::parse(if cfg!(any(feature = "rustls", feature = "native-tls")) { "https://_" } else { "http://_" })
                .map_err(|error| error.to_string())
                .and_then(|url| Tls::new(&url, &network))
                .map_err(config)?;
        let client = network.client_builder().and_then(|builder| build(builder, &tls)).map_err(config)?;
        Ok(Self { clients: Clients::One(client), proxy: None })
    }

    /// The transport that a configuration builds for itself, for this base address: certificates and proxies as the platform
    /// and the environment have them, no proxy for this machine.
    ///
    /// # Errors
    /// `Config` if the certificates or the proxies of the environment cannot be used.
    pub fn standard(base_url: &Url, user_agent: &str, connect_timeout: Duration) -> Result<Self, Error> {
        Self::with_network(base_url, user_agent, connect_timeout, Network::default()).map_err(config)
    }

    /// The same through these network settings; the error is one line for the user.
    pub(crate) fn with_network(
        base_url: &Url,
        user_agent: &str,
        connect_timeout: Duration,
        network: Network,
    ) -> Result<Self, String> {
        let tls = Tls::new(base_url, &network)?;
        let is_loopback = is_loopback(base_url);
        let is_users_own = network.has_client_builder();
        // A builder of the user's may have proxies of its own, which cannot be seen.
        let proxies = (!is_users_own || network.proxy.is_some())
            .then(|| ProxyRules::new(&network, base_url, is_loopback))
            .transpose()?;
        let proxy = proxies.as_ref().and_then(ProxyRules::shown);
        let user_agent = user_agent.to_owned();
        let make = move || {
            let mut builder = network.client_builder()?.user_agent(&user_agent).connect_timeout(connect_timeout);
            if is_loopback && !is_users_own {
                builder = builder.no_proxy();
            }
            if let Some(proxies) = &proxies {
                builder = proxies.apply(builder)?;
            }
            build(builder, &tls)
        };
        // Faults show while the configuration is built, not at the first call.
        let first = make()?;
        let clients = if is_users_own {
            Clients::One(first)
        } else {
            Clients::PerRuntime { make: Box::new(make), made: Mutex::default() }
        };
        Ok(Self { clients, proxy })
    }

    /// The client of the runtime that polls.
    fn client(&self, runtime: &Handle) -> Result<Client, TransportError> {
        // Where one is missing, tokio panics in the middle of the request.
        let missing = match drivers(runtime) {
            Drivers { timer: true, io: true } => None,
            Drivers { timer: false, io: true } => Some("it has no timer"),
            Drivers { timer: true, io: false } => Some("it has no I/O"),
            Drivers { timer: false, io: false } => Some("it has neither a timer nor I/O"),
        };
        if let Some(missing) = missing {
            return Err(TransportError::new(Failure::IncompleteRuntime, missing));
        }
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

/// The client without what this crate decides itself.
fn build(builder: ClientBuilder, tls: &Tls) -> Result<Client, String> {
    let builder = builder.redirect(redirect::Policy::none()).retry(::reqwest::retry::never()).referer(false);
    // Compression is undone by this crate, whatever features of reqwest another crate has switched on.
    let builder = builder.tcp_nodelay(true).no_gzip().no_brotli().no_deflate().no_zstd();
    // What intermediaries do to headers must not cost a response that came whole.
    let builder = builder
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MOST_HEADERS);
    let builder = if cfg!(feature = "http2") { builder } else { builder.http1_only() };
    tls.apply(builder)?.build().map_err(|error| format!("no HTTP client could be made: {error}"))
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Host and port of an address, and the proxy on the way there.
fn target(url: &Url, proxy: Option<&Shown>) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let proxy = proxy.and_then(|proxy| proxy.of(url)).map(|proxy| format!(" (proxy: {proxy})")).unwrap_or_default();
    format!("{host}:{port}{proxy}")
}

impl Transport for ReqwestTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let runtime = Handle::try_current().map_err(|error| TransportError::new(Failure::NoRuntime, error));
        let found = runtime.and_then(|runtime| Ok((self.client(&runtime)?, runtime.runtime_flavor())));
        let (client, flavor) = match found {
            Ok(found) => found,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let limit = request.max_response_bytes;
        let url = request.url.clone();
        let mut outgoing = ::reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        let accepted = if cfg!(feature = "gzip") { "gzip" } else { "identity" };
        outgoing.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(upload::body(request.body));
        }
        // Handed over before the future is boxed, so that the request is not moved into it and out again.
        let pending = client.execute(outgoing);
        Box::pin(async move {
            if flavor == RuntimeFlavor::CurrentThread {
                notice_closed_connections().await;
            }
            let is_plain = url.scheme() == "http";
            let broken = |error| failure(error, is_plain).with_target(target(&url, self.proxy.as_ref()));
            let mut response = pending.await.map_err(broken)?;
            let status = response.status();
            let headers = std::mem::take(response.headers_mut());
            let body = read_body(&mut response, limit).await?;
            decoded(TransportResponse { status, headers, body }, limit)
        })
    }
}

/// Lets a runtime on one thread look at its sockets before a pooled connection is taken: between two `block_on` nobody does,
/// and a request on a connection that the server has closed meanwhile would be lost.
async fn notice_closed_connections() {
    // The first turn finds the sockets that are ready, the second one runs what waits for them. Not by tokio's `yield_now`, which
    // waits for the runtime of this thread, also where something else polls this future.
    let mut turns = 2;
    poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The next part of a body. Where a response that is not a success breaks off, that is its end: its status says what happened,
/// and a server that refuses a request often closes the connection before all of its reasons have arrived.
async fn next_chunk(response: &mut ::reqwest::Response) -> Result<Option<Bytes>, TransportError> {
    match response.chunk().await {
        Err(_) if !response.status().is_success() => Ok(None),
        chunk => chunk.map_err(|error| failure(error, false)),
    }
}

/// Reads to the end or to the limit, whichever comes first; the body may be compressed still.
async fn read_body(response: &mut ::reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
    let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(first) = next_chunk(response).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(second) = next_chunk(response).await? else { return Ok(first) };
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
        next = next_chunk(response).await?;
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

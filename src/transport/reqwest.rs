//! The transport on `reqwest`.

use ::reqwest::{Client, redirect};
use bytes::{Bytes, BytesMut};
use url::Url;

use super::endpoint::is_loopback;
use super::network::Network;
use super::proxy::ProxyRules;
use super::tls;
use super::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};

/// The transport that clients use by default: a pool of connections by `reqwest`, without redirects and retries of its own.
pub struct ReqwestTransport {
    client: Client,
}

impl ReqwestTransport {
    /// A transport for this base address; the error is one line for the user.
    #[doc(hidden)]
    pub fn new(base_url: &Url, user_agent: &str, connect_timeout: std::time::Duration) -> Result<Self, String> {
        Self::with_network(base_url, user_agent, connect_timeout, &Network::default())
    }

    /// The same through these network settings.
    pub(crate) fn with_network(
        base_url: &Url,
        user_agent: &str,
        connect_timeout: std::time::Duration,
        network: &Network,
    ) -> Result<Self, String> {
        let mut builder = network
            .client_builder()?
            .user_agent(user_agent)
            .redirect(redirect::Policy::none())
            .retry(::reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect_timeout)
            .tcp_nodelay(true);
        // A builder of the user's may have proxies of its own, which cannot be seen.
        if !network.has_client_builder() || network.proxy.is_some() {
            let is_loopback = is_loopback(base_url);
            if is_loopback && !network.has_client_builder() {
                builder = builder.no_proxy();
            }
            builder = ProxyRules::new(network, base_url, is_loopback)?.apply(builder)?;
        }
        let builder = tls::apply(builder, base_url, network)?;
        let client = builder.build().map_err(|error| format!("no HTTP client could be made: {error}"))?;
        Ok(Self { client })
    }
}

impl std::fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let limit = request.max_response_bytes;
        let mut outgoing = ::reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        // Handed over before the future is boxed, so that the request is not moved into it and out again.
        let pending = self.client.execute(outgoing);
        Box::pin(async move {
            let mut answer = pending.await.map_err(failure)?;
            let status = answer.status();
            let headers = std::mem::take(answer.headers_mut());
            let body = read_body(&mut answer, limit).await?;
            Ok(TransportResponse { status, headers, body })
        })
    }
}

/// Reads to the end or to the limit, whichever comes first.
async fn read_body(answer: &mut ::reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
    let announced = answer.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(first) = answer.chunk().await.map_err(failure)? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(Failure::TooLarge.into());
    }
    let Some(second) = answer.chunk().await.map_err(failure)? else { return Ok(first) };
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
        next = answer.chunk().await.map_err(failure)?;
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
        (true, false) => Failure::Connect,
        (false, _) => Failure::Interrupted,
    };
    TransportError::new(failure, error.without_url())
}

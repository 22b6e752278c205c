//! The fake as a transport: no sockets, so that a paused clock governs everything.

use std::future::pending;
use std::sync::Arc;

use http::{Request, Uri};

use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};

use crate::service::Core;
use crate::service::faults::{Cut, Delivery};

/// Sends a client's requests straight into a [`FakeOneHorizon`](crate::FakeOneHorizon); clones share it.
///
/// Delays of a scenario sleep on tokio's timer, which tests can pause. A dropped connection and a
/// truncated response are [`Failure::Interrupted`]; a larger response than allowed is [`Failure::TooLarge`].
#[derive(Clone, Debug)]
pub struct FakeTransport {
    pub(crate) core: Arc<Core>,
}

impl Transport for FakeTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        Box::pin(async move {
            let uri: Uri =
                request.url.as_str().parse().map_err(|error| TransportError::new(Failure::Connect, error))?;
            let mut incoming = Request::new(request.body);
            *incoming.method_mut() = request.method;
            *incoming.uri_mut() = uri;
            *incoming.headers_mut() = request.headers;
            let response = self.core.handle(&incoming);
            let delivery = response.extensions().get::<Delivery>().copied().unwrap_or_default();
            if let Some(delay) = delivery.delay {
                tokio::time::sleep(delay).await;
            }
            match delivery.cut {
                Some(Cut::Silence) => return pending().await,
                Some(Cut::Head) => return Err(Failure::Interrupted.into()),
                Some(Cut::Body(bytes)) if bytes < response.body().len() => return Err(Failure::Interrupted.into()),
                Some(Cut::Body(_)) | None => {}
            }
            if response.body().len() > request.max_response_bytes {
                return Err(Failure::TooLarge.into());
            }
            let (head, body) = response.into_parts();
            Ok(TransportResponse::new(head.status, head.headers, body))
        })
    }
}

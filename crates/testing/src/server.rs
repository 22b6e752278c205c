//! The fake over HTTP/1.1 on loopback.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::cassette::{Recorder, ReplayTransport};
use crate::page::Page;
use crate::service::faults::{Cut, Delivery};
use crate::service::reply;
use crate::service::{BASE_PATH, Core};

/// Larger request bodies are refused.
const MAX_REQUEST: usize = 10 * 1024 * 1024;

/// What a socket leads to.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) core: Arc<Core>,
    pub(crate) page: Option<Arc<Page>>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) replay: Option<ReplayTransport>,
}

impl Site {
    fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(page) = &self.page else { return self.service(request) };
        if Page::is_for(request.uri().path()) {
            return page.handle(request);
        }
        let response = self.service(request);
        page.sample();
        response
    }

    fn service(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if !request.uri().path().starts_with(BASE_PATH) {
            return self.core.handle(request);
        }
        let response = match &self.replay {
            Some(replay) => replay.respond(request),
            None => self.core.handle(request),
        };
        if let Some(recorder) = &self.recorder {
            let operation = Core::operation_of(request).unwrap_or_default();
            recorder.record_http(operation, request, &response);
        }
        response
    }
}

/// A listening socket and its connections; all of them end with it.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<Infallible>,
}

impl Server {
    pub(crate) async fn start(address: SocketAddr, site: Site) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener, site)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and closes every connection; returns when all is gone.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // The only outcome of the task is its cancellation.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The task owns the listener and the set of connections, so they go with it.
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, site: Site) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, site.clone()));
            }
            // Out of descriptors, most likely: give others time to close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, site: Site) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(site.clone(), request));
    // An error here is a client that went away or a connection that a fault has closed.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without a response.
async fn respond(site: Site, request: Request<Incoming>) -> io::Result<Response<Payload>> {
    let (head, body) = request.into_parts();
    let response = match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => site.handle(&Request::from_parts(head, body.to_bytes())),
        Err(_) => reply::error(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 10 MiB or broke off"),
    };
    let delivery = response.extensions().get::<Delivery>().copied().unwrap_or_default();
    if let Some(delay) = delivery.delay {
        tokio::time::sleep(delay).await;
    }
    match delivery.cut {
        Some(Cut::Silence) => pending().await,
        Some(Cut::Head) => Err(dropped()),
        Some(Cut::Body(bytes)) => Ok(response.map(|body| Payload::cut(&body, bytes))),
        None => Ok(response.map(Payload::whole)),
    }
}

fn dropped() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the scenario drops this connection")
}

/// A body that may end before its promised length.
struct Payload {
    promised: u64,
    data: Option<Bytes>,
    cut: bool,
    flushed: bool,
}

impl Payload {
    fn whole(data: Bytes) -> Self {
        Self { promised: data.len() as u64, data: Some(data), cut: false, flushed: false }
    }

    fn cut(body: &Bytes, bytes: usize) -> Self {
        Self {
            promised: body.len() as u64,
            data: Some(body.slice(..bytes.min(body.len()))),
            cut: bytes < body.len(),
            flushed: false,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if let Some(data) = this.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !this.cut {
            return Poll::Ready(None);
        }
        if !this.flushed {
            // One turn for the connection to write what it holds before it is broken off.
            this.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(dropped())))
    }

    fn is_end_stream(&self) -> bool {
        !self.cut && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

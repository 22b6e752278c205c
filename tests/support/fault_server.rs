//! A service on a raw socket that goes wrong in every way there is, and counts what it has executed.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use onehorizon_testing::FakeOneHorizon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::step_clock::TIME_LIMIT;
use crate::unknowns::counted_updates;
use onehorizon_testing::ManualClock;

/// No test needs more connections; a loop of the client would end here.
const MOST_CONNECTIONS: usize = 32;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the request is executed and a response sent.
    None,
    ResetBefore,
    /// From here to `SlowBody` the request is executed first.
    ResetAfter,
    HeadCut,
    BodyCut,
    SlowBody,
    /// A response instead of the work: status, header, body.
    Refusal(u16, Option<(&'static str, String)>, String),
    /// The work, then this status instead of its response.
    Failure(u16, &'static str, &'static str),
}

/// The service; it stops when it is dropped.
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    fake: FakeOneHorizon,
    clock: ManualClock,
    state: Mutex<State>,
}

struct State {
    /// What happens to this request and the following ones; the last one stays.
    plan: Vec<Fault>,
    /// Requests that were read, whatever became of them.
    read: usize,
    connections: usize,
    /// Close each connection after its response, without having said so.
    closes_silently: bool,
}

impl FaultServer {
    pub async fn start(clock: &ManualClock, plan: Vec<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { plan, read: 0, connections: 0, closes_silently: false };
        let shared = Arc::new(Shared {
            fake: FakeOneHorizon::builder().unknowns(counted_updates()).quota_off().in_process(),
            clock: clock.clone(),
            state: Mutex::new(state),
        });
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    pub fn token(&self) -> &'static str {
        self.shared.fake.oauth_token()
    }

    /// How often an operation was executed.
    pub fn executed(&self, operation: &str) -> u64 {
        self.shared.fake.executed(operation)
    }

    pub fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections
    }

    /// Closes connections after their response, so that the client's pool holds dead ones.
    pub fn close_silently(&self) {
        self.shared.state.lock().unwrap().closes_silently = true;
    }

    /// Stops listening: from now on connections are refused.
    pub async fn refuse(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    for _ in 0..MOST_CONNECTIONS {
        let Ok((stream, _)) = listener.accept().await else { return };
        shared.state.lock().unwrap().connections += 1;
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that goes away in the middle does not concern the server.
            let _ = converse(stream, &shared).await;
        });
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        // A fault belongs to a request, not to a connection that nobody uses.
        stream.readable().await?;
        if stream.peek(&mut [0]).await? == 0 {
            return Ok(());
        }
        if shared.next() == Fault::ResetBefore {
            shared.take();
            // Closing with unread bytes resets the connection.
            return Ok(());
        }
        let Some(request) = read(&mut stream).await? else { return Ok(()) };
        let fault = shared.take();
        let head_only = request.method() == Method::HEAD;
        if let Fault::Refusal(status, header, body) = &fault {
            stream
                .write_all(&framed(*status, header.as_ref().map(|(name, value)| (*name, value.as_str())), body))
                .await?;
            continue;
        }
        let response = shared.fake.handle(&request);
        match fault {
            Fault::None => {
                stream.write_all(&wire(&response, head_only)).await?;
                if shared.state.lock().unwrap().closes_silently {
                    return Ok(());
                }
            }
            Fault::Failure(status, media_type, body) => {
                stream.write_all(&framed(status, Some(("content-type", media_type)), body)).await?;
            }
            Fault::ResetAfter => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Fault::HeadCut => return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await,
            Fault::BodyCut | Fault::SlowBody => {
                let whole = framed(200, None, r#"{"tasks":[],"documents":[],"apiKeys":[]}"#);
                let half = whole.len() - 20;
                stream.write_all(&whole[..half]).await?;
                if fault == Fault::SlowBody {
                    shared.clock.advance(TIME_LIMIT);
                    // Until the client gives up.
                    let _ = stream.read(&mut [0; 64]).await;
                }
                return Ok(());
            }
            Fault::ResetBefore | Fault::Refusal(..) => unreachable!("handled above"),
        }
    }
}

impl Shared {
    fn next(&self) -> Fault {
        self.state.lock().unwrap().plan.first().cloned().unwrap_or(Fault::None)
    }

    fn take(&self) -> Fault {
        let mut state = self.state.lock().unwrap();
        state.read += 1;
        if state.plan.len() > 1 { state.plan.remove(0) } else { state.plan.first().cloned().unwrap_or(Fault::None) }
    }
}

/// Reads one request; `None` when the connection ends before it is whole.
async fn read(stream: &mut TcpStream) -> io::Result<Option<Request<Bytes>>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        request = request.header(name, value);
    }
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(request.body(Bytes::copy_from_slice(&bytes[head..head + length])).unwrap()))
}

fn framed(status: u16, header: Option<(&str, &str)>, body: &str) -> Vec<u8> {
    let mut response = Response::builder().status(status).header("content-length", body.len());
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    wire(&response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap(), false)
}

fn wire(response: &Response<Bytes>, head_only: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        text.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    if !response.headers().contains_key("content-length") && response.status() != 204 {
        text.extend(["content-length: ", &response.body().len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    if !head_only {
        bytes.extend_from_slice(response.body());
    }
    bytes
}

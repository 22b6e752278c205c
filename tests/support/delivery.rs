//! Sends webhook requests over a bare TCP stream, so that a receiver is met as any client would meet it.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const KEY: &str = "the-key";
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// A request in the making: a POST to `/webhook` with the right key and media type.
#[derive(Clone)]
pub struct Delivery {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

impl Delivery {
    pub fn new() -> Self {
        Self { method: "POST".to_owned(), path: "/webhook".to_owned(), headers: Vec::new(), body: Vec::new() }
            .header("content-type", CONTENT_TYPE)
            .header("x-one-webhook-key", KEY)
    }

    /// A valid event of this id.
    pub fn event(id: &str) -> Self {
        Self::new().json(&event(id))
    }

    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sets a header, replacing one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn json(self, json: &Value) -> Self {
        self.body(json.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends all of it and reads the reply.
    pub async fn send(&self, host: &str) -> Reply {
        let length = self.body.len();
        self.exchange(host, &format!("content-length: {length}\r\n"), &[&self.body]).await.unwrap()
    }

    /// As `send`, to a receiver that may die in the middle.
    pub async fn try_send(&self, host: &str) -> io::Result<Reply> {
        let length = self.body.len();
        self.exchange(host, &format!("content-length: {length}\r\n"), &[&self.body]).await
    }

    /// Announces a length, sends nothing of the body, and reads the reply.
    pub async fn announce(&self, host: &str, length: usize) -> Reply {
        self.exchange(host, &format!("content-length: {length}\r\n"), &[]).await.unwrap()
    }

    /// Sends chunks without ever ending the body, and reads the reply.
    pub async fn stream(&self, host: &str, chunks: usize, chunk: &[u8]) -> Reply {
        let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        self.exchange(host, "transfer-encoding: chunked\r\n", &vec![chunk.as_slice(); chunks]).await.unwrap()
    }

    async fn exchange(&self, host: &str, framing: &str, parts: &[&[u8]]) -> io::Result<Reply> {
        let mut stream = TcpStream::connect(host).await?;
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{framing}", self.method, self.path);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).await?;
        for part in parts {
            // The receiver may respond and close before all is sent.
            if stream.write_all(part).await.is_err() {
                break;
            }
        }
        let mut reply = Vec::new();
        let read = async {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                reply.extend_from_slice(&buffer[..count]);
                if is_whole(&reply) {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("a reply within 10 s");
        parse(&reply).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A valid event.
pub fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "type": "task.created",
        "source": "onehorizon/workspaces/w_1",
        "time": "2026-05-11T08:15:00Z",
        "datacontenttype": "application/json",
        "workspaceid": "w_1",
        "data": {"resource": {"type": "task", "id": "tsk_1"}, "task": {"taskId": "tsk_1", "title": "Fix it"}}
    })
}

fn split(reply: &[u8]) -> Option<(&str, &[u8])> {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&reply[..end]).unwrap(), &reply[end + 4..]))
}

fn is_whole(reply: &[u8]) -> bool {
    let Some((head, body)) = split(reply) else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|l| l.trim().parse()));
    length.is_some_and(|length| length == Ok(body.len()))
}

fn parse(reply: &[u8]) -> Option<Reply> {
    let (head, body) = split(reply)?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Some(Reply { status, headers, body: String::from_utf8(body.to_vec()).ok()? })
}

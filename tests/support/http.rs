//! A minimal HTTP/1.1 client over a TCP stream, so that the fake is met as any client would meet it.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::contract::Contract;

/// What came back before the connection closed.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether as many bytes of the body came as were promised.
    pub fn is_whole(&self) -> bool {
        self.header("content-length").is_none_or(|length| length == self.body.len().to_string())
    }
}

/// A caller with a base URL and perhaps a token; one connection for each request.
#[derive(Clone, Debug)]
pub struct Caller {
    host: String,
    base_path: String,
    token: Option<String>,
}

impl Caller {
    pub fn new(base_url: &str, token: &str) -> Self {
        Self { token: Some(format!("Bearer {token}")), ..Self::anonymous(base_url) }
    }

    pub fn anonymous(base_url: &str) -> Self {
        let rest = base_url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        Self { host: host.to_owned(), base_path: format!("/{path}"), token: None }
    }

    pub fn authorization(mut self, value: &str) -> Self {
        self.token = Some(value.to_owned());
        self
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "").await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, &[("Content-Type", "application/json")], body).await.unwrap()
    }

    pub async fn put(&self, path: &str, body: &str) -> Reply {
        self.send("PUT", path, &[("Content-Type", "application/json")], body).await.unwrap()
    }

    /// Updates by the method that the contract has for it.
    pub async fn update(&self, path: &str, body: &str) -> Reply {
        let method = Contract::load().operation("updateTask").1;
        self.send(&method, path, &[("Content-Type", "application/json")], body).await.unwrap()
    }

    /// Sends one request; an error when the connection closes before a whole head came.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Reply> {
        let mut text =
            format!("{method} {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.base_path, self.host);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(token) = &self.token {
            text.push_str(&format!("Authorization: {token}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(&self.host).await?;
        stream.write_all(text.as_bytes()).await?;
        let mut received = Vec::new();
        // A connection that is broken off may end in a reset; what came before it still counts.
        let end = stream.read_to_end(&mut received).await;
        parse(&received).ok_or_else(|| end.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))
    }
}

fn parse(received: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Reply { status, headers: headers.collect(), body: body.to_owned() })
}

//! Each receiver as a program: the probe, an event, its repetition, a wrong key, a body that is too large.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const EVENT: &str = include_str!("event.json");

/// A program that ends with the test.
struct Program {
    child: Child,
    address: String,
    /// Kept open: the program prints what it receives.
    _output: BufReader<ChildStdout>,
}

impl Program {
    fn start(path: &str) -> Self {
        let mut child = Command::new(path)
            .env("ONE_WEBHOOK_KEY", "the-key")
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        Self { child, address, _output: output }
    }

    fn send(&self, method: &str, key: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!(
            "{method} /webhook HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-one-webhook-key: {key}\r\n\
             content-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The receiver may respond before it has read all.
        let _ = stream.write_all(body.as_bytes());
        let mut response = String::new();
        let _ = stream.read_to_string(&mut response);
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, response.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn receives(path: &str) {
    let program = Program::start(path);
    assert_eq!(program.send("GET", "the-key", "").0, 204, "the probe of the Verify button");
    assert_eq!(program.send("GET", "wrong", "").0, 401);
    let (status, body) = program.send("POST", "the-key", EVENT);
    assert_eq!((status, body.contains("evt_1"), body.contains("duplicate")), (200, true, false), "{body}");
    let (status, body) = program.send("POST", "the-key", EVENT);
    assert_eq!((status, body.contains("duplicate")), (200, true), "{body}");
    assert_eq!(program.send("POST", "wrong", EVENT).0, 401);
    assert_eq!(program.send("POST", "the-key", "{").0, 400);
    assert_eq!(program.send("PUT", "the-key", "").0, 405);
}

#[test]
fn actix_web_receives() {
    receives(env!("CARGO_BIN_EXE_actix"));
}

#[test]
fn hyper_receives() {
    receives(env!("CARGO_BIN_EXE_hyper"));
}

#[test]
fn axum_with_a_state_receives() {
    receives(env!("CARGO_BIN_EXE_axum_state"));
}

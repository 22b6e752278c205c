//! A server in its own process, so that its work is not counted as the client's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running server; stopped on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Base URL for clients.
    pub base_url: String,
}

impl Server {
    /// Starts the program, which prints its base URL on the first line.
    #[must_use]
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        // It also stops when its standard input closes, in case this process is killed.
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("the server prints its base URL");
        Self { child, base_url: line.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

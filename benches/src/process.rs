//! A server in a process of its own, so that its work is not counted as the client's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The base URL to give to clients.
    pub base_url: String,
}

impl Server {
    /// Starts the program, which says on its first line where it listens.
    #[must_use]
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        // It also stops when its standard input closes, should this process be killed.
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("the server says where it is");
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

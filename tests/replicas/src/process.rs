//! Processes of this program in one of its roles, and signals to processes.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A process of this program; killed when it is dropped, and ends by itself when this one does.
#[derive(Debug)]
pub struct Role {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Role {
    pub fn start(role: &str, arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program");
        Self::of(Command::new(program).args(["role", role]).args(arguments))
    }

    /// Any program that prints lines and ends when its input does.
    pub fn of(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("a process");
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, input, lines }
    }

    /// The next line that it prints; none when it has ended.
    pub async fn line(&mut self) -> Option<String> {
        self.lines.next_line().await.ok().flatten()
    }

    /// Says something to it.
    pub async fn say(&mut self, line: &str) {
        // A process that has been killed hears nothing.
        let _ = self.input.write_all(format!("{line}\n").as_bytes()).await;
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Kills it, as a machine that fails does.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }
}

/// Sends a signal by its name, such as `STOP`.
pub fn signal(child: &Child, name: &str) {
    if let Some(id) = child.id() {
        let sent = std::process::Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} to {id}");
    }
}

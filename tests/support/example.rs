//! Runs an example of this package as a process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

/// A running example; killed when dropped.
pub struct Example {
    child: Child,
    lines: Receiver<String>,
    pub host: String,
}

impl Example {
    /// Starts an example that prints `listening on http://host:port/…` first.
    pub fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary(name))
            .env_remove("ONE_API_KEY")
            .env_remove("HOST")
            .env("PORT", "0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut example = Self { child, lines, host: String::new() };
        let first = example.line();
        let url =
            first.strip_prefix("listening on http://").unwrap_or_else(|| panic!("unexpected first line: {first}"));
        url.split('/').next().unwrap().clone_into(&mut example.host);
        example
    }

    /// The next line that it prints.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(10)).expect("the example prints a line")
    }

    /// What it prints to its end.
    pub fn rest(&self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// Asks it to stop, as a host does, and returns whether it ended well.
    pub fn terminate(&mut self) -> bool {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        kill.success() && self.child.wait().unwrap().success()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example's binary, built if it is older than its sources: `cargo test --test …` builds no examples.
pub fn binary(name: &str) -> PathBuf {
    let package = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let deps = std::env::current_exe().unwrap();
    let profile = deps.parent().unwrap().parent().unwrap();
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let newest = newest(&package.join("src")).max(modified(&package.join("examples").join(name).with_extension("rs")));
    if !path.exists() || modified(&path) < newest {
        let target = profile.parent().unwrap();
        let built = Command::new(env!("CARGO"))
            .current_dir(package)
            .args([
                "build",
                "--quiet",
                "--package",
                "onehorizon",
                "--features",
                "axum,oauth",
                "--example",
                name,
                "--target-dir",
            ])
            .arg(target)
            .status()
            .unwrap();
        assert!(built.success() && path.exists(), "the example {name} can be built");
    }
    path
}

fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { newest(&path) } else { modified(&path) })
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

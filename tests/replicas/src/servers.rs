//! Real servers, on free ports of loopback, each with a folder of its own; stopped when dropped.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::signal;

/// How long a server may take to listen.
const READY: Duration = Duration::from_secs(30);

pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // PostgreSQL runs as another user.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its own folder");
    folder
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn listens(port: u16) {
    let tried = tokio::time::timeout(READY, async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tried.await.unwrap_or_else(|_| panic!("no server on port {port} after {READY:?}"));
}

#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Redis {
    /// With the append-only file, written once a second.
    pub async fn start() -> Self {
        let (folder, port) = (folder(), free_port());
        let child = Self::spawn(folder.path(), port);
        listens(port).await;
        Self { folder, port, child }
    }

    fn spawn(folder: &Path, port: u16) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--port", &port.to_string()]);
        command.arg("--dir").arg(folder).stdout(Stdio::null()).kill_on_drop(true).spawn().expect("redis-server")
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// After [`kill`](Self::kill).
    pub async fn start_again(&mut self) {
        self.child = Self::spawn(self.folder.path(), self.port);
        listens(self.port).await;
    }

    /// After [`kill`](Self::kill): what it has stored is gone.
    pub fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join("appendonlydir"));
    }
}

#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Postgres {
    pub async fn start() -> Self {
        let (folder, port) = (folder(), free_port());
        let data = folder.path().join("data");
        let made = Self::command("chown").args(["postgres"]).arg(folder.path()).status();
        drop(made.await);
        let mut initdb = Self::program("initdb");
        initdb.args(["-A", "trust", "-U", "postgres", "-D"]).arg(&data).stdout(Stdio::null());
        assert!(initdb.status().await.expect("initdb").success(), "initdb");
        let child = Self::spawn(folder.path(), port);
        let mut postgres = Self { folder, port, child };
        postgres.ready().await;
        postgres
    }

    fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.stderr(Stdio::null()).kill_on_drop(true);
        command
    }

    /// One of PostgreSQL's programs, which refuse to run as root.
    fn program(name: &str) -> Command {
        let program = PathBuf::from(std::env::var("ONEHORIZON_POSTGRES_BIN").unwrap_or_default()).join(name);
        if std::fs::metadata("/proc/self").expect("Linux").uid() != 0 {
            return Self::command(program);
        }
        let mut command = Self::command("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    }

    fn spawn(folder: &Path, port: u16) -> Child {
        let mut command = Self::program("postgres");
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args(["-p", &port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]);
        command.stdout(Stdio::null()).spawn().expect("postgres")
    }

    /// Until it accepts statements. Started again after a kill it may find remains of its predecessor, and end.
    async fn ready(&mut self) {
        let tried = tokio::time::timeout(READY, async {
            while self.client().await.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    self.child = Self::spawn(self.folder.path(), self.port);
                }
            }
        });
        tried.await.expect("PostgreSQL is ready");
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection of the scenario's own; none while the server does not accept any.
    pub async fn client(&self) -> Option<onehorizon_postgres::tokio_postgres::Client> {
        use onehorizon_postgres::tokio_postgres::{NoTls, connect};
        let (client, connection) = connect(&self.url(), NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// After [`kill`](Self::kill).
    pub async fn start_again(&mut self) {
        self.child = Self::spawn(self.folder.path(), self.port);
        self.ready().await;
    }
}

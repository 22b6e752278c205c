//! A store in a file, for the processes of one machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::state::State;
use super::{Begin, RefreshGuard, Save, StoreError, StoreFuture, StoredTokens, TokenStore};
use crate::oauth::tokens::Tokens;
use crate::store::{AtRest, Encryption};

/// Between two attempts at a lock that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// What the file is, for its encryption.
const PURPOSE: &str = "tokens";

/// Keeps tokens in a directory, for the processes of one machine.
///
/// Only the user who runs the program can read them (mode 0600, the directory 0700; on Windows the directory's own
/// permissions count). A change is written and synced under another name and then takes the place of the file: a process
/// that is killed leaves the state before or after, never half of it. Changes take turns by a lock on a file, which the
/// system releases when its process ends. Locks on network file systems are not to be relied on: use a local one.
///
/// A method blocks the thread for the time of a small synced write and of those before it. When another process, for
/// instance a stopped one, keeps the lock for longer than the [lock timeout](Self::lock_timeout), it fails with a
/// [`StoreError`].
///
/// ```
/// # async fn example(app: &onehorizon::oauth::OauthApp) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use onehorizon::oauth::{FileTokens, RefreshingCredential};
/// let credential = RefreshingCredential::open(app, FileTokens::new("/var/lib/my-app/one-horizon")).await?.build();
/// # let _ = credential;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct FileTokens {
    directory: PathBuf,
    lock_timeout: Duration,
    at_rest: AtRest,
}

impl FileTokens {
    /// A store in a directory of its own, which is made with the first change.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), lock_timeout: Duration::from_secs(5), at_rest: AtRest::default() }
    }

    /// How long a change waits for those of other processes. Default: 5 seconds.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Encrypts the file. Its purpose is `tokens`.
    #[must_use]
    pub fn encrypted(mut self, encryption: impl Encryption) -> Self {
        self.at_rest = AtRest::encrypted(encryption);
        self
    }

    /// The state as it is; the file is replaced as a whole, so reading needs no lock.
    fn read(&self) -> Result<State, StoreError> {
        let path = self.directory.join("tokens.json");
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(kept) => State::parse(&self.at_rest.read(PURPOSE, &kept)?).map_err(|error| {
                StoreError::new(format!("{} is not a state of this store (line {})", path.display(), error.line()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(failed("read", &path, &error)),
        }
    }

    /// Changes the state; nothing is written where `change` says that nothing changed.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<(T, bool), StoreError>) -> Result<T, StoreError> {
        make_directory(&self.directory).map_err(|error| failed("make", &self.directory, &error))?;
        // Closing the file releases the lock.
        let _lock = self.lock()?;
        let mut state = self.read()?;
        let (result, changed) = change(&mut state)?;
        if changed {
            self.write(&state)?;
        }
        Ok(result)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a lock of the system has no waker, and its holder is another process"
    )]
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.directory.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = private(&mut options).open(&path).map_err(|error| failed("open", &path, &error))?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if waited < self.lock_timeout => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::new(format!(
                        "another process has kept {} locked for {:?}: look for one that is stopped or hangs",
                        path.display(),
                        self.lock_timeout
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path, &error)),
            }
            waited += LOCK_PAUSE;
        }
    }

    /// Puts a state in the place of the one before. Needs the lock.
    fn write(&self, state: &State) -> Result<(), StoreError> {
        let json = Zeroizing::new(serde_json::to_string(state)?);
        let kept = Zeroizing::new(self.at_rest.write(PURPOSE, &json)?);
        let draft = self.directory.join("draft");
        let path = self.directory.join("tokens.json");
        write_synced(&draft, kept.as_bytes()).map_err(|error| failed("write", &draft, &error))?;
        fs::rename(&draft, &path).map_err(|error| failed("replace", &path, &error))?;
        sync_directory(&self.directory).map_err(|error| failed("sync", &self.directory, &error))
    }
}

impl TokenStore for FileTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(async { Ok(self.read()?.load()) })
    }

    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.change(|state| Ok((state.put(tokens), true))) })
    }

    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            self.change(|state| {
                let begin = state.begin(known, now, lease)?;
                let changed = matches!(begin, Begin::Refresh(_));
                Ok((begin, changed))
            })
        })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            self.change(|state| {
                let save = state.save(guard, tokens);
                let changed = matches!(save, Save::Saved(_));
                Ok((save, changed))
            })
        })
    }

    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.change(|state| Ok(((), state.release(guard)))) })
    }

    fn abandon(&self, guard: &RefreshGuard) {
        // Nobody is there to hear of a failure; the lease ends all the same.
        let _ = self.change(|state| Ok(((), state.release(guard))));
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.change(|state| {
                state.clear();
                Ok(((), true))
            })
        })
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // One that a killed process left is not written into: somebody may have opened it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = private(options.write(true).create_new(true)).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// For this user alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn make_directory(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the new name last through a loss of power, where directories can be synced.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::new(format!("could not {what} {}: {error}", path.display()))
}

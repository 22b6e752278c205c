//! A store in a file, for the processes of one machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::state::State;
use super::{Begin, RefreshGuard, Save, StoreError, StoreFuture, StoredTokens, TokenStore};
use crate::clock::{Clock, SystemClock};
use crate::oauth::tokens::Tokens;
use crate::store::{AtRest, Encryption};

/// Between two attempts at a lock that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_LOCK_PAUSE: Duration = Duration::from_millis(4);

/// What the file is, for its encryption.
const PURPOSE: &str = "tokens";

/// Keeps tokens in a directory, for the processes of one machine.
///
/// Only the user who runs the program can read them (mode 0600, the directory 0700; on Windows the directory's own
/// permissions count). A change is written and synced under another name and then takes the place of the file: a process
/// that is killed leaves the state before or after, never half of it. Changes take turns by a lock on a file, which the
/// system releases when its process ends. Locks on network file systems are not to be relied on: use a local one.
///
/// A method blocks the thread for the time of a small synced write. While another process has the lock, it waits without
/// blocking; when that takes longer than the [lock timeout](Self::lock_timeout), for instance because the other is stopped,
/// it fails with a [`StoreError`].
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
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<(T, bool), StoreError>,
    ) -> Result<T, StoreError> {
        let lock = self.lock().await?;
        self.change_locked(lock, change)
    }

    fn change_locked<T>(
        &self,
        lock: File,
        change: impl FnOnce(&mut State) -> Result<(T, bool), StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.read()?;
        let (result, changed) = change(&mut state)?;
        if changed {
            self.write(&state)?;
        }
        // Closing the file releases the lock.
        drop(lock);
        Ok(result)
    }

    async fn lock(&self) -> Result<File, StoreError> {
        let (mut waited, mut pause) = (Duration::ZERO, LOCK_PAUSE);
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            if waited >= self.lock_timeout {
                return Err(StoreError::new(format!(
                    "another process has kept {} locked for {:?}: look for one that is stopped or hangs",
                    self.directory.join("lock").display(),
                    self.lock_timeout
                )));
            }
            // A lock of the system has no waker.
            SystemClock.sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LONGEST_LOCK_PAUSE);
        }
    }

    /// The lock, unless another has it.
    fn try_lock(&self) -> Result<Option<File>, StoreError> {
        make_directory(&self.directory).map_err(|error| failed("make", &self.directory, &error))?;
        let path = self.directory.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = private(&mut options).open(&path).map_err(|error| failed("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path, &error)),
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
        Box::pin(async move { self.change(|state| Ok((state.put(tokens), true))).await })
    }

    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        Box::pin(async move {
            self.change(|state| {
                let begin = state.begin(known, now, lease)?;
                let changed = matches!(begin, Begin::Refresh(_));
                Ok((begin, changed))
            })
            .await
        })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(async move {
            self.change(|state| {
                let save = state.save(guard, tokens);
                let changed = matches!(save, Save::Saved(_));
                Ok((save, changed))
            })
            .await
        })
    }

    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.change(|state| Ok(((), state.release(guard)))).await })
    }

    fn abandon(&self, guard: &RefreshGuard) {
        // Nobody is there to hear of a failure; the lease ends all the same.
        match self.try_lock() {
            Ok(Some(lock)) => drop(self.change_locked(lock, |state| Ok(((), state.release(guard))))),
            Ok(None) => {
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    let (store, guard) = (self.clone(), guard.clone());
                    runtime.spawn(async move { drop(store.change(|state| Ok(((), state.release(&guard)))).await) });
                }
            }
            Err(_) => {}
        }
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.change(|state| {
                state.clear();
                Ok(((), true))
            })
            .await
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

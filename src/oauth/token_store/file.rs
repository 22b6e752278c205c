//! A store in files, for the processes of one machine.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::state::State;
use super::{Begin, RefreshGuard, Save, StoreError, StoreFuture, StoredTokens, TokenStore};
use crate::oauth::tokens::Tokens;

/// How often a change is tried again when another process was faster. Each time one of them has got on.
const ATTEMPTS: usize = 10_000;

/// Files of a process that ended in the middle of a write are removed when they are this old.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Keeps tokens in a directory, for the processes of one machine.
///
/// Only the user who runs the program can read them (mode 0600, the directory 0700; on Windows the directory's own
/// permissions count). Each change is a new file with the next number, written and synced under another name first: a
/// process that is killed leaves the state before or after, never half of it, and of two that write the same number one is
/// refused by the file system. No lock stays behind. The file system has to know hard links, as all usual local ones do;
/// a network file system is not the place for it.
///
/// A method blocks the thread for the time of a small synced write.
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
}

impl FileTokens {
    /// A store in a directory of its own, which is made when tokens are first put there.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn read(&self) -> Result<(u64, State), StoreError> {
        // A file that is gone was replaced by a newer one since the directory was read.
        for _ in 0..ATTEMPTS {
            let Some(number) = self.numbers()?.into_iter().max() else { return Ok((0, State::default())) };
            let path = self.path(number);
            match fs::read_to_string(&path).map(Zeroizing::new) {
                Ok(json) => {
                    let state = State::parse(&json).map_err(|error| {
                        StoreError::new(format!(
                            "{} is not a state of this store (line {})",
                            path.display(),
                            error.line()
                        ))
                    })?;
                    return Ok((number, state));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", &path, &error)),
            }
        }
        Err(StoreError::new("other processes change the tokens without a pause"))
    }

    /// Changes the state; nothing is written where `change` says that nothing changed.
    fn change<T>(&self, mut change: impl FnMut(&mut State) -> Result<(T, bool), StoreError>) -> Result<T, StoreError> {
        for _ in 0..ATTEMPTS {
            let (number, mut state) = self.read()?;
            let (result, changed) = change(&mut state)?;
            if !changed || self.write(number + 1, &state)? {
                return Ok(result);
            }
        }
        Err(StoreError::new("other processes change the tokens without a pause"))
    }

    /// Writes a state; false when another process has written this number.
    fn write(&self, number: u64, state: &State) -> Result<bool, StoreError> {
        make_directory(&self.directory).map_err(|error| failed("make", &self.directory, &error))?;
        let json = Zeroizing::new(serde_json::to_vec(state)?);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| StoreError::new(format!("no random numbers: {error}")))?;
        let draft = self.directory.join(format!("draft-{:016x}", u64::from_le_bytes(random)));
        let path = self.path(number);
        let linked = write_synced(&draft, &json).map_err(|error| failed("write", &draft, &error)).and_then(|()| {
            match fs::hard_link(&draft, &path) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(failed("link", &path, &error)),
            }
        });
        let _ = fs::remove_file(&draft);
        if !linked? {
            return Ok(false);
        }
        // A number that was there before has been removed in favour of a higher one, which never is.
        let numbers = self.numbers()?;
        if numbers.iter().any(|other| *other > number) {
            let _ = fs::remove_file(&path);
            return Ok(false);
        }
        sync_directory(&self.directory).map_err(|error| failed("sync", &self.directory, &error))?;
        for older in numbers.into_iter().filter(|other| *other < number) {
            let _ = fs::remove_file(self.path(older));
        }
        Ok(true)
    }

    /// The numbers of the states that are there. Drafts that were left behind are removed on the way.
    fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.directory, &error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed("read", &self.directory, &error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(number) = name.strip_prefix("tokens-").and_then(|rest| rest.strip_suffix(".json")) {
                numbers.extend(number.parse::<u64>());
            } else if name.starts_with("draft-") && is_left_behind(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("tokens-{number}.json"))
    }
}

impl TokenStore for FileTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(async { Ok(self.read()?.1.load()) })
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
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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

#[allow(clippy::disallowed_methods, reason = "the age of a file goes by the clock of its file system")]
fn is_left_behind(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::new(format!("could not {what} {}: {error}", path.display()))
}

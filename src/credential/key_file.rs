//! An API key that a file holds.

use std::error::Error as StdError;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{Token, TokenProvider};
use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;
use crate::secret::Secret;

/// No key is longer; a larger file is another one.
const MOST_BYTES: u64 = 64 * 1024;

/// The key of a file, read at first and again after each refusal of the key at hand.
pub(super) struct KeyFile {
    path: PathBuf,
    key: Mutex<Secret>,
}

impl KeyFile {
    /// Reads the file; the error is one line for the user.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let key = Mutex::new(read(&path)?);
        Ok(Self { path, key })
    }

    fn key(&self) -> std::sync::MutexGuard<'_, Secret> {
        // A key is whole whatever happened to the thread that held it.
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reread(&self, refused: &Secret) -> Result<Option<Secret>, Error> {
        let at_hand = self.key().clone();
        if at_hand != *refused {
            // Another call has read the new key meanwhile.
            return Ok(Some(at_hand));
        }
        let read = read(&self.path).map_err(|fault| {
            Error::new(ErrorKind::Unauthorized, format!("the service refused the API key (401), and {fault}"))
        })?;
        if read == *refused {
            return Ok(None);
        }
        *self.key() = read.clone();
        Ok(Some(read))
    }
}

impl TokenProvider for KeyFile {
    fn token(&self) -> BoxFuture<'_, Result<Secret, Box<dyn StdError + Send + Sync>>> {
        let key = self.key().clone();
        Box::pin(std::future::ready(Ok(key)))
    }

    fn replace(&self, refused: &Secret) -> BoxFuture<'_, Result<Option<Secret>, Box<dyn StdError + Send + Sync>>> {
        let replacement = self.reread(refused);
        Box::pin(std::future::ready(replacement.map_err(Into::into)))
    }
}

/// The key in a file, without one line end; the error names the file and shows nothing of its content.
fn read(path: &PathBuf) -> Result<Secret, String> {
    let named = |fault: &dyn std::fmt::Display| format!("the API key file {} {fault}", path.display());
    let unreadable = |fault: std::io::Error| named(&format!("cannot be read: {fault}"));
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(named(&"is too large to be a key"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| named(&"is not text"))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let secret = Secret::from(text);
    Token::new(&secret, None).map_err(|fault| named(&fault))?;
    Ok(secret)
}

//! What all stores share (quota, claims, tokens, inbox): their error, and the encryption of what they keep.

mod encryption;
#[cfg(feature = "client")]
mod later;

use std::error::Error;
use std::fmt;

use crate::future::BoxFuture;
#[cfg(feature = "client")]
use crate::setting::{self, Form};

pub use encryption::{AtRest, Encryption};
#[cfg(feature = "client")]
pub use later::retry_later;

/// What the methods of stores return: boxed, so that stores can be swapped at run time.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Checks the address of a server or the path of a file as every setting of this crate is checked: not empty, one line, without
/// quotes around it, no placeholder that nobody filled in. For those who write stores; `what` begins the sentence.
///
/// # Errors
/// What is wrong with it, without the value.
#[cfg(feature = "client")]
pub fn check_setting(what: &str, text: &str) -> Result<(), StoreError> {
    let form = if text.contains("://") { Form::Address } else { Form::Text };
    setting::check(form, text).map_err(|fault| StoreError::new(format!("{what} {fault}")))
}

/// A store could not do its work.
///
/// Every error becomes one by `?`, so that a store is written without conversions; it becomes a boxed error in turn.
/// To allow the first, it does not implement [`Error`] itself: [`as_error`](Self::as_error) is the error inside.
///
/// ```
/// use onehorizon::StoreError;
/// fn read() -> Result<u32, StoreError> {
///     let text = std::fs::read_to_string("/no/such/file")?;
///     text.parse().map_err(|_| StoreError::new("the file holds no number"))
/// }
/// let error = read().unwrap_err();
/// assert!(error.as_error().is::<std::io::Error>());
/// let boxed: Box<dyn std::error::Error> = error.into();
/// # let _ = boxed;
/// ```
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// Wraps an error, or words.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error inside, for `downcast_ref` and `source`.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl From<StoreError> for Box<dyn Error + Send + Sync> {
    fn from(error: StoreError) -> Self {
        error.0
    }
}

impl From<StoreError> for Box<dyn Error> {
    fn from(error: StoreError) -> Self {
        error.0
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store failed: {}", self.0)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({:?})", self.0)
    }
}

//! The boxed future of everything that can be plugged in.

use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that what returns it can be swapped at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

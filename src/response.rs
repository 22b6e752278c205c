//! A value from the service, with the response that brought it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use http::HeaderMap;
use serde::{Serialize, Serializer};

use crate::metadata::{Metadata, RateLimit, TimeSpent};

/// A value from the service, with the response that brought it.
///
/// It derefs to the value, so that `task.title` just works; [`into_inner`](Self::into_inner) takes the value out.
#[derive(Clone)]
pub struct Response<T> {
    pub(crate) value: T,
    pub(crate) metadata: Box<Metadata>,
}

impl<T> Response<T> {
    /// The value alone.
    #[doc(alias = "data")]
    #[doc(alias = "value")]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The status, for instance 200.
    #[doc(alias = "status_code")]
    pub fn status(&self) -> u16 {
        self.metadata.status.unwrap_or_default().as_u16()
    }

    /// A header, if it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.metadata.header(name)
    }

    /// All headers, but for those that repeat the credential.
    pub fn headers(&self) -> &HeaderMap {
        &self.metadata.headers
    }

    /// The id to name when asking One Horizon about this call, if the response carried one.
    pub fn request_id(&self) -> Option<&str> {
        self.metadata.request_id()
    }

    /// The body as it came.
    pub fn raw(&self) -> &[u8] {
        &self.metadata.body
    }

    /// How many times the request was tried.
    pub fn attempts(&self) -> u32 {
        self.metadata.attempts
    }

    /// How long the call took.
    pub fn elapsed(&self) -> Duration {
        self.metadata.time.total()
    }

    /// Where that time went.
    pub fn time_spent(&self) -> TimeSpent {
        self.metadata.time
    }

    /// What the response says of the quota, if anything.
    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.metadata.rate_limit.as_ref()
    }

    /// The same response around another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response { value: change(self.value), metadata: self.metadata }
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Response<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// `for task in list` goes through the list in the response.
impl<T: IntoIterator> IntoIterator for Response<T> {
    type Item = T::Item;
    type IntoIter = T::IntoIter;

    fn into_iter(self) -> T::IntoIter {
        self.value.into_iter()
    }
}

#[allow(clippy::into_iter_without_iter, reason = "`iter` is that of the value, reached by dereferencing")]
impl<'a, T> IntoIterator for &'a Response<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&self.value).into_iter()
    }
}

impl<T: Serialize> Serialize for Response<T> {
    /// Writes the value alone.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T> fmt::Debug for Response<T> {
    /// What came beside the value. The value itself, which may be bytes with a new key in them, is printed by its own
    /// name: `{:?}` of `*response`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("request_id", &self.request_id())
            .field("attempts", &self.attempts())
            .field("time_spent", &self.time_spent())
            .field("rate_limit", &self.rate_limit())
            .field("body_bytes", &self.metadata.body.len())
            .finish_non_exhaustive()
    }
}

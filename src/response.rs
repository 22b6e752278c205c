//! Answers with what came beside the value.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Serialize, Serializer};

use crate::error::TimeSpent;
use crate::limits::RateLimit;

/// A value from the service, with the answer that brought it.
///
/// It derefs to the value, so that `task.title` just works; [`into_inner`](Self::into_inner) takes the value out.
#[derive(Clone)]
pub struct Response<T> {
    pub(crate) value: T,
    pub(crate) head: Box<Head>,
}

#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
    pub(crate) time: TimeSpent,
    pub(crate) rate_limit: Option<RateLimit>,
}

impl<T> Response<T> {
    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The status, for instance 200.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The id to name when asking One Horizon about this call, if the answer carried one.
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.head.headers)
    }

    /// The body as it came.
    pub fn raw(&self) -> &[u8] {
        &self.head.body
    }

    /// How many times the request was tried.
    pub fn attempts(&self) -> u32 {
        self.head.attempts
    }

    /// Where the time of the call went.
    pub fn elapsed(&self) -> TimeSpent {
        self.head.time
    }

    /// What the answer told of the quota, if anything.
    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.head.rate_limit.as_ref()
    }

    /// The same answer around another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response { value: change(self.value), head: self.head }
    }
}

/// The headers that services put an id for support into; One Horizon's is not documented.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "request-id", "x-correlation-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| value.to_str().ok())
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
            .field("elapsed", &self.elapsed())
            .field("rate_limit", &self.rate_limit())
            .field("body_bytes", &self.head.body.len())
            .finish_non_exhaustive()
    }
}

//! The future of a call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;

use super::attempt::Success;
use super::call::Call;
use super::operation::RetryClass;
use super::{decode, run};
use crate::error::Error;
use crate::future::BoxFuture;
use crate::models::runtime::Value;
use crate::response::Response;

/// A call on its way. Dropping it ends the call; nothing goes on in the background.
#[must_use = "a call makes progress only when it is awaited"]
pub struct Pending<T>(BoxFuture<'static, Result<Response<T>, Error>>);

impl Call {
    /// Sends the call and reads the response as the model `T`; hooks see what in it this version does not know.
    ///
    /// What an update has made of the object is fetched where the service reports success and does not show it.
    pub(crate) fn send<T: Value + Send + 'static>(self) -> Pending<T> {
        if !matches!(self.operation.method, Method::PUT | Method::PATCH) {
            return self.send_with(decode::model);
        }
        Pending::new(async move {
            let error = match run::run(&self, decode::model).await {
                Err(error) if is_done_without_content(&error) => error,
                result => return result,
            };
            // Its own failure says less than that the write is done.
            Box::pin(self.read_back(&error).send_with(decode::model)).await.map_err(|_| error)
        })
    }

    /// The reading of what this call has updated, in the time that is left.
    fn read_back(self, done: &Error) -> Self {
        let mut call = self;
        call.operation.method = Method::GET;
        call.operation.retry = RetryClass::Read;
        call.body = None;
        let spent = done.time_spent().total();
        let deadline = call.options.deadline.or(call.settings.deadline);
        call.options.deadline = deadline.map(|deadline| deadline.saturating_sub(spent));
        call
    }

    /// Sends the call and reads the response as `T`.
    pub(crate) fn send_any<T: DeserializeOwned + Send + 'static>(self) -> Pending<T> {
        self.send_with(decode::value)
    }

    /// Sends the call; its success carries nothing.
    pub(crate) fn send_empty(self) -> Pending<()> {
        self.send_with(|_, success| Ok(success.response.map(|_| ())))
    }

    /// Sends the call and leaves the response unread.
    pub(crate) fn send_raw(self) -> Pending<Bytes> {
        self.send_with(|_, success| Ok(success.response))
    }

    pub(super) fn send_with<T: Send + 'static>(
        self,
        read: fn(&Self, Success) -> Result<Response<T>, Error>,
    ) -> Pending<T> {
        Pending::new(async move { run::run(&self, read).await })
    }
}

/// Whether the service reported success and sent nothing.
fn is_done_without_content(error: &Error) -> bool {
    let is_success = error.status().is_some_and(|status| (200..300).contains(&status));
    error.is_decode() && is_success && error.body().iter().all(u8::is_ascii_whitespace)
}

impl<T> Pending<T> {
    pub(super) fn new(work: impl Future<Output = Result<Response<T>, Error>> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<Response<T>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

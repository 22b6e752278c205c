//! The imports of the generated operations.
#![allow(unused_imports, reason = "not every contract needs every part")]

pub(crate) use bytes::Bytes;
pub(crate) use http::{Method, StatusCode};

pub(crate) use super::BodyOf;
pub(crate) use crate::configuration::Configuration;
pub(crate) use crate::engine::{Access, ByStatus, Call, Operation, Pending, RetryClass, read_json};
pub(crate) use crate::error::Error;
pub(crate) use crate::models::OneOrMany;
pub(crate) use crate::options::call_options;
pub(crate) use crate::response::Response;

/// Makes a builder awaitable and gives it the options of every call: `call_builder!(FetchTask, send() -> Task)`.
macro_rules! call_builder {
    ($builder:ident, $send:ident($($media:literal)?) -> $response:ty) => {
        impl $builder {
            /// Sends the request; awaiting the builder does the same.
            pub fn send(self) -> Pending<$response> {
                self.call.$send($($media)?)
            }
        }

        impl IntoFuture for $builder {
            type Output = Result<Response<$response>, Error>;
            type IntoFuture = Pending<$response>;

            fn into_future(self) -> Pending<$response> {
                self.send()
            }
        }

        call_options!($builder, call.options);
    };
}

pub(crate) use call_builder;

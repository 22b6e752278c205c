//! A call while it is being put together.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::operation::{Access, Operation, RAW_REQUEST, RetryClass};
use super::{decode, run};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::options::CallOptions;
use crate::response::Response;
use crate::transport::BoxFuture;

/// One call of an operation: what generated builders fill and the engine sends.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) configuration: Configuration,
    pub(super) operation: Operation,
    /// The path's template.
    pub(super) route: Cow<'static, str>,
    pub(super) path: Vec<(Cow<'static, str>, String)>,
    pub(super) query: String,
    pub(super) body: Option<Bytes>,
    /// The media type of the body, if it is not JSON.
    pub(super) media: Option<&'static str>,
    /// The media type of the response, if it is not JSON.
    pub(super) accept: Option<&'static str>,
    pub(super) options: CallOptions,
}

/// How a list goes into a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the contract at hand uses one of them")]
pub(crate) enum ListStyle {
    /// `a=1&a=2`.
    Repeat,
    /// `a=1,2`.
    Comma,
    /// `a=1 2`.
    Space,
    /// `a=1|2`.
    Pipe,
}

impl Call {
    /// A call of an operation, in the configuration's workspace.
    pub(crate) fn new(configuration: &Configuration, operation: &'static Operation) -> Self {
        Self::to(configuration, operation.clone(), Cow::Borrowed(operation.path))
    }

    /// A call of a route that the contract does not have.
    pub(crate) fn raw(configuration: &Configuration, method: &str, route: &str) -> Self {
        let parsed = Method::try_from(method);
        let fault = parsed.is_err().then(|| format!("{method:?} is no HTTP method"));
        let method = parsed.unwrap_or_default();
        let retry = match method {
            Method::GET | Method::HEAD | Method::OPTIONS => RetryClass::Read,
            Method::PUT | Method::DELETE => RetryClass::IdempotentWrite,
            _ => RetryClass::UnsafeWrite,
        };
        let operation = Operation { id: RAW_REQUEST, method, path: "", retry, access: Access::Any, deduced: false };
        let mut call = Self::to(configuration, operation, Cow::Owned(route.to_owned()));
        call.options.fault = fault;
        call
    }

    fn to(configuration: &Configuration, operation: Operation, route: Cow<'static, str>) -> Self {
        Self {
            configuration: configuration.clone(),
            operation,
            route,
            path: Vec::new(),
            query: String::new(),
            body: None,
            media: None,
            accept: None,
            options: CallOptions::default(),
        }
    }

    /// Sets a parameter of the path; the last value given counts.
    pub(crate) fn path(&mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        self.path.push((name.into(), value.to_string()));
    }

    /// Sets a parameter of the query; the last value given counts.
    pub(crate) fn query(&mut self, name: &str, value: impl fmt::Display) {
        let mut pair = String::new();
        append_pair(&mut pair, name, &value.to_string());
        let prefix = pair.get(..=pair.find('=').unwrap_or_default()).unwrap_or_default();
        if self.query.split('&').any(|other| other.starts_with(prefix)) {
            self.query = self.query.split('&').filter(|other| !other.starts_with(prefix)).collect::<Vec<_>>().join("&");
        }
        append(&mut self.query, &pair);
    }

    /// Adds a parameter to the query beside others of the same name.
    pub(crate) fn query_too(&mut self, name: &str, value: impl fmt::Display) {
        append_pair(&mut self.query, name, &value.to_string());
    }

    /// Adds an item to a list in the query.
    pub(crate) fn query_item(&mut self, name: &str, value: impl fmt::Display, style: ListStyle) {
        let separator = match style {
            ListStyle::Repeat => return self.query_too(name, value),
            ListStyle::Comma => "%2C",
            ListStyle::Space => "+",
            ListStyle::Pipe => "%7C",
        };
        let mut pair = String::new();
        append_pair(&mut pair, name, &value.to_string());
        // A list that is already there is the last thing in the query, since a builder adds its items in one go.
        let name_length = pair.find('=').map_or(0, |at| at + 1);
        let (prefix, item) = pair.split_at(name_length);
        if self.query.rsplit('&').next().is_some_and(|last| last.starts_with(prefix)) {
            self.query.push_str(separator);
            self.query.push_str(item);
        } else {
            append(&mut self.query, &pair);
        }
    }

    /// Sets a header that the contract names.
    #[allow(dead_code, reason = "the contract at hand has no header parameters")]
    pub(crate) fn header(&mut self, name: &str, value: impl fmt::Display) {
        let options = std::mem::take(&mut self.options);
        self.options = crate::options::RequestOptions::header(OwnedOptions(options), name, &value.to_string()).0;
    }

    /// Sets the body.
    pub(crate) fn json(&mut self, body: &(impl Serialize + ?Sized)) {
        match serde_json::to_vec(body) {
            Ok(text) => self.body = Some(text.into()),
            Err(error) => self.options.fault = Some(format!("the body cannot be written as JSON: {error}")),
        }
    }

    pub(crate) fn options_mut(&mut self) -> &mut CallOptions {
        &mut self.options
    }

    /// Sends the call and reads the answer as `T`.
    pub(crate) fn send<T: DeserializeOwned + Send + 'static>(self) -> Pending<T> {
        Pending(Box::pin(async move { decode::value(run::run(&self).await?, &self) }))
    }

    /// Sends the call; its success carries nothing.
    pub(crate) fn send_empty(self) -> Pending<()> {
        Pending(Box::pin(async move { Ok(run::run(&self).await?.response.map(|_| ())) }))
    }

    /// Sends the call and leaves the answer unread.
    pub(crate) fn send_raw(self) -> Pending<Bytes> {
        Pending(Box::pin(async move { Ok(run::run(&self).await?.response) }))
    }
}

struct OwnedOptions(CallOptions);

impl crate::options::RequestOptions for OwnedOptions {
    fn options_mut(&mut self) -> &mut CallOptions {
        &mut self.0
    }
}

/// Adds an encoded pair.
fn append(query: &mut String, pair: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(pair);
}

fn append_pair(query: &mut String, name: &str, value: &str) {
    let pairs = std::mem::take(query);
    *query = form_urlencoded::Serializer::for_suffix(pairs, 0).append_pair(name, value).finish();
}

impl fmt::Debug for Call {
    /// Without the body and the query, which are the user's data; also without a query that was put into the route.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation.id)
            .field("route", &self.route.split(['?', '#']).next().unwrap_or_default())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A call on its way. Dropping it ends the call; nothing goes on in the background.
#[must_use = "a call makes progress only when it is awaited"]
pub struct Pending<T>(BoxFuture<'static, Result<Response<T>, Error>>);

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

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let configuration = Configuration::builder().api_key("key").build();
        Call::raw(&configuration.unwrap_or_else(|error| unreachable!("{error}")), "GET", "/tasks")
    }

    #[test]
    fn lists_are_written_in_the_style_of_the_contract() {
        for (style, query) in [
            (ListStyle::Repeat, "all=true&a+b=1%262&a+b=3&a+b=4"),
            (ListStyle::Comma, "all=true&a+b=1%262%2C3%2C4"),
            (ListStyle::Space, "all=true&a+b=1%262+3+4"),
            (ListStyle::Pipe, "all=true&a+b=1%262%7C3%7C4"),
        ] {
            let mut call = call();
            call.query("all", true);
            for item in ["1&2", "3", "4"] {
                call.query_item("a b", item, style);
            }
            assert_eq!(call.query, query);
        }
    }

    #[test]
    fn a_list_does_not_grow_into_a_parameter_whose_name_begins_like_its_own() {
        let mut call = call();
        call.query_item("status", "a", ListStyle::Comma);
        call.query_item("statuses", "b", ListStyle::Comma);
        call.query_item("statuses", "c", ListStyle::Comma);
        assert_eq!(call.query, "status=a&statuses=b%2Cc");
    }

    #[test]
    fn a_header_of_the_contract_is_sent_like_one_of_the_users() {
        let mut call = call();
        call.header("x-version", 7);
        assert_eq!(call.options.headers.get("x-version").and_then(|value| value.to_str().ok()), Some("7"));
        call.header("x version", 7);
        assert!(call.options.fault.is_some());
    }
}

//! Raw requests, for routes that this crate has no types for.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::configuration::Configuration;
use crate::engine::{Call, Pending};
use crate::error::Error;
use crate::options::call_options;
use crate::response::Response;

impl Configuration {
    /// A request to any route, with the same credential, time limits, retries and errors as the typed calls.
    ///
    /// `path` is below the base address and starts with a slash. `{workspaceId}` in it stands for the configuration's
    /// workspace and other names in braces for what [`Request::path`] sets, encoded as one segment each.
    ///
    /// GET and HEAD are repeated as reads, PUT and DELETE as writes that can be repeated; all other methods only if
    /// nothing was sent or the service refused.
    ///
    /// ```
    /// # async fn example(configuration: onehorizon::Configuration) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::Json;
    /// let teams = configuration.request("GET", "/workspaces/{workspaceId}/teams").send::<Json>().await?;
    /// println!("{}", teams.get());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "get")]
    #[doc(alias = "post")]
    #[doc(alias = "put")]
    #[doc(alias = "patch")]
    #[doc(alias = "delete")]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request { call: Call::raw(self.settings(), method, path) }
    }
}

/// A request to a route of your choice, made by [`Configuration::request`].
#[must_use = "a request does nothing until it is sent"]
#[derive(Clone, Debug)]
pub struct Request {
    call: Call,
}

impl Request {
    /// Sets a name in braces of the path.
    pub fn path(mut self, name: &str, value: &str) -> Self {
        self.call.path(name.to_owned(), value);
        self
    }

    /// Adds a parameter to the query, beside others of the same name.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.call.query_too(name, value);
        self
    }

    /// Sets the JSON body.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        self.call.json(body);
        self
    }

    /// Sends the request and reads the response as `T`; [`Json`](crate::models::Json) takes any.
    pub fn send<T: DeserializeOwned + Send + 'static>(self) -> Pending<T> {
        self.call.send_any()
    }

    /// Sends the request and leaves the body as bytes.
    pub fn send_raw(self) -> Pending<Bytes> {
        self.call.send_raw()
    }
}

impl IntoFuture for Request {
    type Output = Result<Response<Bytes>, Error>;
    type IntoFuture = Pending<Bytes>;

    fn into_future(self) -> Self::IntoFuture {
        self.send_raw()
    }
}

call_options!(Request, call.options);

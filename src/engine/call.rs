//! A call under construction: operation, parameters, body, options.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use super::client::Settings;
use super::operation::{Access, Operation, RAW_REQUEST, RetryClass};
use super::query::Query;
use super::route::address;
use crate::error::{Content, Error};
use crate::models::runtime::RawObject;
use crate::options::CallOptions;
use crate::redact::is_secret_name;
use crate::setting::Form;

const NOT_WHOLE: &str = "the body was not read whole from the service by this client, so writing it may lose what it lacks: \
                         fetch it and change that, or say replace_whole()";

/// One call of an operation: what generated builders fill and the engine sends.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) settings: Arc<Settings>,
    pub(super) operation: Operation,
    /// The path's template.
    pub(super) route: Cow<'static, str>,
    pub(super) path: Vec<(Cow<'static, str>, String)>,
    pub(super) query: Query,
    pub(super) body: Option<Bytes>,
    /// The media type of the body, if it is not JSON.
    pub(super) media: Option<&'static str>,
    /// The media type of the response, if it is not JSON.
    pub(super) accept: Option<&'static str>,
    /// Why the call itself, whatever its options, cannot be sent.
    pub(super) fault: Option<String>,
    pub(crate) options: CallOptions,
}

impl Call {
    /// A call of an operation, in the client's workspace.
    pub(crate) fn new(settings: &Arc<Settings>, operation: &'static Operation) -> Self {
        Self::to(settings, operation.clone(), Cow::Borrowed(operation.path))
    }

    /// The path's template, without a query that a caller put into it.
    pub(super) fn route_template(&self) -> &str {
        self.route.split(['?', '#']).next().unwrap_or_default()
    }

    /// The form of the values in its path: those of the operations are ids.
    pub(super) fn form_of_values(&self) -> Form {
        if self.operation.id == RAW_REQUEST { Form::Segment } else { Form::Id }
    }

    /// What its responses may have in them: what manages API keys may return one, and so may a raw route that names keys or
    /// tokens.
    pub(super) fn content(&self) -> Content {
        let names_a_secret = |part: &str| !part.starts_with('{') && is_secret_name(part);
        let is_raw_secret = self.operation.id == RAW_REQUEST && self.route.split(['/', '?', '#']).any(names_a_secret);
        if self.operation.access == Access::OauthOnly || is_raw_secret { Content::Secrets } else { Content::Open }
    }

    /// A call of a route that the contract does not have.
    pub(crate) fn raw(settings: &Arc<Settings>, method: &str, route: &str) -> Self {
        let (method, fault) = match read_method(method) {
            Ok(method) => (method, None),
            Err(fault) => (Method::default(), Some(fault)),
        };
        let retry = match method {
            Method::GET | Method::HEAD | Method::OPTIONS => RetryClass::Read,
            Method::PUT | Method::DELETE => RetryClass::IdempotentWrite,
            _ => RetryClass::UnsafeWrite,
        };
        let operation = Operation { id: RAW_REQUEST, method, path: "", retry, access: Access::Any, deduced: false };
        let mut call = Self::to(settings, operation, Cow::Owned(route.to_owned()));
        call.fault = fault;
        call
    }

    fn to(settings: &Arc<Settings>, operation: Operation, route: Cow<'static, str>) -> Self {
        Self {
            settings: Arc::clone(settings),
            operation,
            route,
            path: Vec::new(),
            query: Query::default(),
            body: None,
            media: None,
            accept: None,
            fault: None,
            options: CallOptions::default(),
        }
    }

    /// Sets a parameter of the path; the last value given counts.
    pub(crate) fn path(&mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        self.path.push((name.into(), value.to_string()));
    }

    /// Sets a parameter of the query; the last value given counts.
    pub(crate) fn query(&mut self, name: &str, value: impl fmt::Display) {
        self.query.set(name, value);
    }

    /// Adds a parameter to the query beside others of the same name.
    pub(crate) fn query_too(&mut self, name: &str, value: impl fmt::Display) {
        self.query.add(name, value);
    }

    /// Adds a list to the query: one parameter for each item, or one with the items joined.
    pub(crate) fn query_list(&mut self, name: &str, items: impl Iterator<Item = String>, separator: Option<&str>) {
        self.query.add_list(name, items, separator);
    }

    /// Turns the call to the address that the service returned for the next page: of the same origin and route, so that no
    /// credential goes elsewhere.
    #[allow(dead_code, reason = "the contract at hand has no links to further pages")]
    pub(crate) fn follow(&mut self, link: &str) -> Result<(), String> {
        let here =
            address(&self.settings.base_url, &self.route, &self.path, &self.settings.workspace, self.form_of_values())?;
        let there = here.join(link).map_err(|error| format!("the link to the next page is not an address: {error}"))?;
        if there.origin() != here.origin() {
            return Err("the link to the next page leads to another host".to_owned());
        }
        if there.path() != here.path() {
            return Err("the link to the next page leads to another route".to_owned());
        }
        self.query = Query::of(there.query().unwrap_or_default());
        Ok(())
    }

    /// Sets a header that the contract names.
    #[allow(dead_code, reason = "the contract at hand has no header parameters")]
    pub(crate) fn header(&mut self, name: &str, value: impl fmt::Display) {
        self.options.header(name, &value.to_string());
    }

    /// Sets the body.
    pub(crate) fn json(&mut self, body: &(impl Serialize + ?Sized)) {
        match serde_json::to_vec(body) {
            Ok(text) => self.body = Some(text.into()),
            Err(error) => self.fault = Some(format!("the body cannot be written as JSON: {error}")),
        }
    }

    /// Replaces the body of a PATCH, which changes what is sent and leaves the rest, by the changes alone.
    pub(crate) fn changes(&mut self, changes: &(impl Serialize + ?Sized)) {
        if self.operation.method == Method::PATCH {
            self.json(changes);
        }
    }

    /// Makes the call invalid unless its body was read whole from the service, and has the id that the path names.
    pub(crate) fn needs_whole(&mut self, is_whole: bool) {
        if let Some(fault) = self.names_another() {
            self.fault.get_or_insert(fault);
        }
        if !is_whole {
            self.fault.get_or_insert_with(|| NOT_WHOLE.to_owned());
        }
    }

    /// The method to send: PATCH in place of a deduced PUT once the service has asked for it.
    pub(super) fn method(&self) -> Method {
        let takes_patch = self.has_deduced_put() && self.settings.takes_patch.load(Ordering::Relaxed);
        if takes_patch { Method::PATCH } else { self.operation.method.clone() }
    }

    /// Whether the service refused the deduced PUT because it wants PATCH: it has done nothing then, and a whole object
    /// changes with PATCH as it does with PUT. The client remembers it.
    pub(super) fn takes_patch(&self, refused: &Method, error: &Error) -> bool {
        let allowed = error.header("allow").unwrap_or_default();
        let allows = |method: Method| allowed.split(',').any(|name| name.trim() == method.as_str());
        let takes_patch = self.has_deduced_put()
            && *refused == Method::PUT
            && error.status() == Some(405)
            && allows(Method::PATCH)
            && !allows(Method::PUT);
        if takes_patch {
            self.settings.takes_patch.store(true, Ordering::Relaxed);
        }
        takes_patch
    }

    fn has_deduced_put(&self) -> bool {
        self.operation.deduced && self.operation.method == Method::PUT
    }

    /// What is wrong where the body has another id than the path: it would replace one object by another one.
    fn names_another(&self) -> Option<String> {
        let body = RawObject::parse(std::str::from_utf8(self.body.as_ref()?).ok()?).ok()?;
        self.path.iter().find_map(|(name, wanted)| {
            let id: String = serde_json::from_str(body.get(name)?.get()).ok()?;
            let fault = || format!("the path names `{name}` {wanted:?} and the body is {id:?}, which it would replace");
            (!id.is_empty() && id != *wanted).then(fault)
        })
    }

    /// Sends the body although it was not read whole.
    pub(crate) fn replace_whole(&mut self) {
        self.fault.take_if(|fault| fault == NOT_WHOLE);
    }
}

/// A method by its name; the usual ones in any case, as other clients take them.
fn read_method(name: &str) -> Result<Method, String> {
    const USUAL: [Method; 7] =
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    // They are for proxies, or show the credential in the response.
    if ["CONNECT", "TRACE", "TRACK"].iter().any(|other| name.eq_ignore_ascii_case(other)) {
        return Err(format!("the method {} is not for calls of the service", name.to_ascii_uppercase()));
    }
    let usual = USUAL.iter().find(|method| name.eq_ignore_ascii_case(method.as_str()));
    usual.cloned().or_else(|| Method::try_from(name).ok()).ok_or_else(|| format!("{name:?} is not an HTTP method"))
}

impl fmt::Debug for Call {
    /// Without the body and the query, which are the user's data; also without a query that was put into the route.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation.id)
            .field("route", &self.route_template())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Configuration;

    fn call() -> Option<Call> {
        let base = "https://one.example/api/v1";
        let configuration = Configuration::builder().api_key("k").base_url(base).build().ok()?;
        let mut call = Call::raw(configuration.settings(), "GET", "/workspaces/{workspaceId}/things");
        call.query("limit", 5);
        Some(call)
    }

    #[test]
    fn a_link_to_the_next_page_is_followed_on_the_same_host_and_route() {
        for link in [
            "https://one.example/api/v1/workspaces/current/things?limit=5&after=a%2Fb",
            "https://ONE.example:443/api/v1/workspaces/current/things?limit=5&after=a%2Fb#x",
            "/api/v1/workspaces/current/things?limit=5&after=a%2Fb",
            "?limit=5&after=a%2Fb",
        ] {
            let followed = call().and_then(|mut call| call.follow(link).ok().map(|()| call.query.as_str().to_owned()));
            assert_eq!(followed.as_deref(), Some("limit=5&after=a%2Fb"), "{link}");
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_an_error() {
        for (link, what) in [
            ("https://other.example/api/v1/workspaces/current/things?after=b", "another host"),
            ("http://one.example/api/v1/workspaces/current/things?after=b", "another host"),
            ("https://one.example:8443/api/v1/workspaces/current/things", "another host"),
            ("//other.example/x", "another host"),
            ("https://one.example/api/v1/workspaces/w_2/things?after=b", "another route"),
            ("../secrets", "another route"),
            ("opaque-cursor", "another route"),
            ("https://[", "not an address"),
        ] {
            let refused = call().and_then(|mut call| call.follow(link).err()).unwrap_or_default();
            assert!(refused.contains(what), "{link}: {refused}");
        }
    }
}

//! The facts of an operation: method, route, retry class, access, evidence.

use http::{Method, StatusCode};

/// An operation of the contract, as the generator writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The official SDK's name.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// The path below the base address, with parameters in braces.
    pub(crate) path: &'static str,
    pub(crate) retry: RetryClass,
    pub(crate) access: Access,
    /// The contract marks it as inferred: method or path may be another.
    pub(crate) deduced: bool,
}

impl Operation {
    /// What to do about a refusal that means one thing for this operation.
    pub(super) fn hint(&self, status: StatusCode, route: &str, with_key: bool) -> Option<&'static str> {
        let agents = || route.contains("/agent") || route.ends_with("/api-keys") || route.contains("/api-keys/");
        match (self.id, status) {
            (CREATE_API_KEY, StatusCode::CONFLICT) => Some(TOO_MANY_KEYS),
            (_, StatusCode::METHOD_NOT_ALLOWED) if self.deduced => Some(DEDUCED_METHOD),
            (_, StatusCode::NOT_FOUND) if self.deduced => Some(DEDUCED_ROUTE),
            (RAW_REQUEST, StatusCode::FORBIDDEN) if with_key && agents() => Some(RAW_FORBIDDEN),
            _ => None,
        }
    }
}

/// The id of a request whose route the caller gives.
pub(crate) const RAW_REQUEST: &str = "request";

/// The operation that makes API keys.
pub(crate) const CREATE_API_KEY: &str = "createApiKey";

/// What to do when a workspace has all the keys it may have (`limits::ACTIVE_API_KEYS`).
pub(crate) const TOO_MANY_KEYS: &str = "a workspace has at most 20 active API keys: list them, revoke one that nothing uses, \
                                        then try again";

/// What a 404 of a deduced route may mean.
const DEDUCED_ROUTE: &str = "check the id and the workspace; if they are right, the route may be wrong, for it is deduced \
                             (onehorizon::evidence): configuration.request sends another";

/// What a 405 of a deduced route means.
const DEDUCED_METHOD: &str = "the method of this route is deduced (onehorizon::evidence) and the service wants another: \
                              send it by configuration.request(method, path)";

/// What a 403 of an agent's or key's route means that was called with an API key.
const RAW_FORBIDDEN: &str = "API keys cannot do this: agent and key-management routes need an OAuth user token, \
                             Configuration::builder().oauth_token(…)";

/// What repeating an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Changes nothing.
    Read,
    /// Changes the same thing to the same state again.
    IdempotentWrite,
    /// Does the work a second time.
    UnsafeWrite,
}

impl RetryClass {
    /// Whether it may be sent again although the first may have been executed.
    pub(super) fn is_repeatable(self) -> bool {
        self != Self::UnsafeWrite
    }
}

/// Which credentials an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Any,
    OauthOnly,
}

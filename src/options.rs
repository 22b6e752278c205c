//! The options of a single call, which take precedence over its configuration.
//!
//! [`call_options!`] gives the options to a builder as methods of its own, so that callers import nothing.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::quota::Lane;
use crate::setting::{self, Form};

/// The options of one call.
#[derive(Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempts: Option<u32>,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) lane: Lane,
    pub(crate) repeatable: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) fault: Option<String>,
}

impl fmt::Debug for CallOptions {
    /// Headers by their names: a value may be another service's credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("attempts", &self.attempts)
            .field("max_wait", &self.max_wait)
            .field("lane", &self.lane)
            .field("repeatable", &self.repeatable)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("fault", &self.fault)
            .finish()
    }
}

impl CallOptions {
    /// Sends the key and lets the call be repeated, or notes why the key is none.
    pub(crate) fn idempotency_key(&mut self, key: &str) {
        let fault = match setting::check(Form::Text, key) {
            Ok(()) if key.is_ascii() => None,
            Ok(()) => Some("has characters that are not ASCII".to_owned()),
            Err(fault) => Some(fault.to_string()),
        };
        match fault {
            None => {
                self.repeatable = true;
                self.header("idempotency-key", key);
            }
            Some(fault) => self.fault = Some(format!("the idempotency key {fault}")),
        }
    }

    /// Sends one more header, or notes why it cannot be sent.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), _) if name == http::header::AUTHORIZATION => {
                self.fault = Some(
                    "the header `authorization` is the credential's: set a credential in the configuration".to_owned(),
                );
            }
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Ok(name), Err(_)) => {
                self.fault =
                    Some(format!("the value of the header `{name}` has characters that a header cannot carry"));
            }
            (Err(_), _) => self.fault = Some(format!("{name:?} is not a valid header name")),
        }
    }
}

/// Gives a builder the options that every call has: `call_options!(FetchTask, call.options)`.
///
/// The generator refuses a parameter of the API that is called like one of them.
macro_rules! call_options {
    ($builder:ty, $($field:ident).+) => {
        /// Options that every call has.
        impl $builder {
            /// How long one attempt may take, from sending to the end of the response.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.$($field).+.timeout = Some(timeout);
                self
            }

            /// How long the whole call may take: all attempts, the waits between them and the waits for the quota.
            pub fn deadline(mut self, deadline: std::time::Duration) -> Self {
                self.$($field).+.deadline = Some(deadline);
                self
            }

            /// How many attempts to make at the most; 1 for no retry. A wait for the quota is not an attempt.
            #[doc(alias = "retry")]
            #[doc(alias = "retries")]
            #[doc(alias = "max_retries")]
            pub fn attempts(mut self, attempts: u32) -> Self {
                self.$($field).+.attempts = Some(attempts.max(1));
                self
            }

            /// The longest wait to sit out when the service asks for one, and for the quota under pacing; a longer one is
            /// returned as an error at once.
            pub fn max_wait(mut self, wait: std::time::Duration) -> Self {
                self.$($field).+.max_wait = Some(wait);
                self
            }

            /// Which calls go first when the quota is short; [`Lane::Normal`](crate::quota::Lane::Normal) by default.
            pub fn lane(mut self, lane: crate::quota::Lane) -> Self {
                self.$($field).+.lane = lane;
                self
            }

            /// Sends the header `Idempotency-Key` and lets the call be repeated whatever happened.
            ///
            /// One Horizon is not known to honour the header: use this for a write only if doing it twice does no harm.
            pub fn idempotency_key(mut self, key: &str) -> Self {
                self.$($field).+.idempotency_key(key);
                self
            }

            /// Sends one more header. The credential's header cannot be set here.
            pub fn header(mut self, name: &str, value: &str) -> Self {
                self.$($field).+.header(name, value);
                self
            }
        }
    };
}

pub(crate) use call_options;

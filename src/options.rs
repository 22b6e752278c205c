//! What a single call may want otherwise than its configuration.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::quota::Lane;

/// The options of one call; set them through [`RequestOptions`].
#[derive(Clone, Default)]
pub struct CallOptions {
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

/// Options that every call has, whatever its own parameters are called.
///
/// ```
/// use std::time::Duration;
/// use onehorizon::RequestOptions;
/// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
/// let task = tasks.fetch_task("tsk_1").timeout(Duration::from_secs(5)).attempts(1).await?;
/// # Ok(()) }
/// ```
pub trait RequestOptions: Sized {
    /// The options themselves.
    #[doc(hidden)]
    fn options_mut(&mut self) -> &mut CallOptions;

    /// How long one attempt may take, from sending to the end of the answer.
    #[must_use]
    fn timeout(mut self, timeout: Duration) -> Self {
        self.options_mut().timeout = Some(timeout);
        self
    }

    /// How long the whole call may take: all attempts, the waits between them and the waits for the quota.
    #[must_use]
    fn deadline(mut self, deadline: Duration) -> Self {
        self.options_mut().deadline = Some(deadline);
        self
    }

    /// How many attempts to make at the most; 1 for no retry. Waiting for the quota before an attempt is none.
    #[must_use]
    fn attempts(mut self, attempts: u32) -> Self {
        self.options_mut().attempts = Some(attempts.max(1));
        self
    }

    /// The longest wait to sit out when the service asks for one, and for the quota under pacing; a longer one is
    /// returned as an error at once.
    #[must_use]
    fn max_wait(mut self, wait: Duration) -> Self {
        self.options_mut().max_wait = Some(wait);
        self
    }

    /// Which calls go first when the quota is short; [`Lane::Normal`] by default.
    #[must_use]
    fn lane(mut self, lane: Lane) -> Self {
        self.options_mut().lane = lane;
        self
    }

    /// Sends the header `Idempotency-Key` and lets the call be repeated whatever happened.
    ///
    /// One Horizon is not known to honour the header: use this for a write only if doing it twice does no harm.
    #[must_use]
    fn idempotency_key(mut self, key: &str) -> Self {
        self.options_mut().repeatable = true;
        self.header("idempotency-key", key)
    }

    /// Sends one more header. The credential's header cannot be set here.
    #[must_use]
    fn header(mut self, name: &str, value: &str) -> Self {
        let options = self.options_mut();
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), _) if name == http::header::AUTHORIZATION => {
                options.fault = Some(
                    "the header `authorization` is the credential's: set a credential in the configuration".to_owned(),
                );
            }
            (Ok(name), Ok(value)) => {
                options.headers.insert(name, value);
            }
            (Ok(name), Err(_)) => {
                options.fault =
                    Some(format!("the value of the header `{name}` has characters that a header cannot carry"));
            }
            (Err(_), _) => options.fault = Some(format!("{name:?} is no name for a header")),
        }
        self
    }
}

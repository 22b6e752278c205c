//! Scenarios by name, for the status page and the command line.

use std::time::Duration;

use crate::service::faults::{Fault, Wait};

/// What goes wrong with coming requests, by name. In code a [`Fault`] says more.
///
/// ```
/// use onehorizon_testing::Scenario;
/// let fault = Scenario::named("flaky").unwrap().fault().on("createTask");
/// # let _ = fault;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// The next request is refused for a spent quota, with 5 seconds to wait in the message.
    RateLimited,
    /// The next three requests get a 503.
    Flaky,
    /// The next request gets its response after 5 seconds.
    Slow,
    /// The connection of the next request closes before it is executed.
    DroppedBefore,
    /// The next request is executed, and its connection closes without a response.
    DroppedAfter,
    /// The next response ends after 10 bytes of its body.
    Truncated,
    /// The next request gets the HTML page of a proxy with 502.
    Html,
    /// The next response is compressed with gzip, whether or not the client asked for it.
    Gzip,
    /// The next request gets no response at all.
    Hanging,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RateLimited,
        Self::Flaky,
        Self::Slow,
        Self::DroppedBefore,
        Self::DroppedAfter,
        Self::Truncated,
        Self::Html,
        Self::Gzip,
        Self::Hanging,
    ];

    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate-limited",
            Self::Flaky => "flaky",
            Self::Slow => "slow",
            Self::DroppedBefore => "dropped-before",
            Self::DroppedAfter => "dropped-after",
            Self::Truncated => "truncated",
            Self::Html => "html",
            Self::Gzip => "gzip",
            Self::Hanging => "hanging",
        }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::RateLimited => "The next request gets a 429 that says to retry in 5 seconds.",
            Self::Flaky => "The next three requests get a 503.",
            Self::Slow => "The next response comes after 5 seconds.",
            Self::DroppedBefore => "The next connection closes before the request is executed.",
            Self::DroppedAfter => "The next request is executed, then its connection closes without a response.",
            Self::Truncated => "The next response ends after 10 bytes.",
            Self::Html => "The next request gets a proxy's HTML page with 502.",
            Self::Gzip => "The next response is compressed with gzip.",
            Self::Hanging => "The next request gets no response.",
        }
    }

    /// The fault that plays it, to be limited to an operation, an id or a credential, or repeated.
    pub fn fault(self) -> Fault {
        match self {
            Self::RateLimited => Fault::rate_limited(Wait::Message(5)),
            Self::Flaky => Fault::flaky(3),
            Self::Slow => Fault::slow(Duration::from_secs(5)),
            Self::DroppedBefore => Fault::drop_before(),
            Self::DroppedAfter => Fault::drop_after(),
            Self::Truncated => Fault::truncate(10),
            Self::Html => Fault::html(502),
            Self::Gzip => Fault::gzip(),
            Self::Hanging => Fault::hang(),
        }
    }
}

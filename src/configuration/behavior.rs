//! Defaults that programs rely on, by the month in which they were chosen.

use std::time::Duration;

use crate::engine::Retry;

/// The defaults of time limits, retries and pacing, by the month in which they were chosen.
///
/// A version of the crate with other defaults adds a method here. Until the next breaking version only programs that name the
/// new defaults get them; a program that names old ones keeps them also after that. What a configuration sets itself counts
/// before both.
///
/// ```
/// use onehorizon::{Behavior, Configuration};
/// # fn main() -> Result<(), onehorizon::Error> {
/// let configuration = Configuration::builder().behavior(Behavior::v2026_11()).api_key("the-key").build()?;
/// # let _ = configuration; Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behavior {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) retry: Retry,
}

impl Behavior {
    /// What this version does unless it is asked for something else.
    ///
    /// | setting | value |
    /// |---|---|
    /// | [`timeout`](crate::ConfigurationBuilder::timeout) of an attempt | 30 s |
    /// | [`connect_timeout`](crate::ConfigurationBuilder::connect_timeout) | 10 s |
    /// | attempts of a call | 3 |
    /// | wait before the second and third attempt | 0.5 to 1 s, 1 to 2 s |
    /// | longest wait that the service may ask for | 30 s |
    /// | [`pacing`](crate::ConfigurationBuilder::pacing) | none |
    #[must_use]
    pub fn v2026_11() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            retry: Retry::never()
                .attempts(3)
                .backoff(Duration::from_secs(1), Duration::from_secs(8))
                .max_wait(Duration::from_secs(30)),
        }
    }

    /// Its retries, to change one of their settings.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry.clone()
    }
}

impl Default for Behavior {
    /// [`v2026_11`](Self::v2026_11).
    fn default() -> Self {
        Self::v2026_11()
    }
}

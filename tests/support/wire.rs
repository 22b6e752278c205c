//! Clients on the scripted transport, in tokio's virtual time and with the longest jitter there is.

use std::ops::Deref;
use std::time::Duration;

use onehorizon::{Configuration, ConfigurationBuilder};
use onehorizon_testing::{ManualClock, Reply, ScriptedTransport, SentRequest};

/// What the clock of [`Wire::builder`] shows at first.
pub const TIME_OF_DAY: Duration = Duration::from_secs(1_780_304_400);

pub fn ok() -> Reply {
    plain(200, "{}")
}

pub fn status(status: u16) -> Reply {
    Reply::error(status, "it did not work")
}

/// A refusal with this message.
pub fn refused(message: &str) -> Reply {
    Reply::error(429, message)
}

/// A refusal as the service documents it.
pub fn limited(seconds: u64) -> Reply {
    Reply::rate_limited(seconds)
}

/// A response without a media type.
pub fn plain(status: u16, body: impl Into<bytes::Bytes>) -> Reply {
    Reply::new(status, "", body)
}

/// The scripted transport with what these tests ask of it.
#[derive(Clone)]
pub struct Wire(ScriptedTransport);

impl Wire {
    /// Replies by this script, then with 200.
    pub fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self(ScriptedTransport::new(script).then(|_| ok()))
    }

    /// Replies as the rule says, which gets the time since the start.
    pub fn rule(mut rule: impl FnMut(&SentRequest, Duration) -> Reply + Send + 'static) -> Self {
        Self(ScriptedTransport::from_fn(move |request| rule(request, request.at)))
    }

    /// When each request was sent, in milliseconds since the start.
    pub fn sent(&self) -> Vec<u64> {
        self.requests().iter().map(|request| u64::try_from(request.at.as_millis()).unwrap()).collect()
    }

    /// A configuration on this wire with an API key; waits before attempts are as long as they can be.
    pub fn builder(&self) -> ConfigurationBuilder {
        let clock = ManualClock::on_tokio().with_random(1.0);
        Configuration::builder().api_key("key").transport(self.0.clone()).clock(clock)
    }

    pub fn transport(&self) -> ScriptedTransport {
        self.0.clone()
    }

    pub fn configuration(&self) -> Configuration {
        self.builder().build().unwrap()
    }
}

impl Deref for Wire {
    type Target = ScriptedTransport;

    fn deref(&self) -> &ScriptedTransport {
        &self.0
    }
}

/// A request of each class, to be sent.
pub fn read(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("GET", "/read")
}

pub fn idempotent_write(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("PUT", "/write")
}

pub fn unsafe_write(configuration: &Configuration) -> onehorizon::apis::Request {
    configuration.request("POST", "/create")
}

//! The settings of a fake.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use onehorizon::limits::{BURST_REQUESTS, QUOTA_REQUESTS};

use super::FakeOneHorizon;
use crate::cassette::{Recorder, ReplayTransport};
use crate::page::Page;
use crate::seed::Seed;
use crate::server::{Server, Site};
use crate::service::quota::{Quota, QuotaModel};
use crate::service::seed;
use crate::service::{Core, Keep};
use crate::unknowns::{Unknowns, WaitForm};

/// Settings of a fake.
#[must_use = "a builder does nothing until the fake is started"]
pub struct FakeBuilder {
    seed: Seed,
    unknowns: Unknowns,
    keep: Keep,
    address: SocketAddr,
    has_page: bool,
    recorder: Option<Recorder>,
    replay: Option<ReplayTransport>,
    allow_remote: bool,
    model: QuotaModel,
    limits: Option<(u32, u32)>,
    clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

impl Default for FakeBuilder {
    fn default() -> Self {
        Self {
            seed: Seed::demo(),
            unknowns: from_env(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            has_page: false,
            recorder: None,
            replay: None,
            allow_remote: false,
            keep: Keep { requests: 10_000, bytes: 256 << 20 },
            model: QuotaModel::default(),
            limits: Some((QUOTA_REQUESTS, BURST_REQUESTS)),
            clock: Box::new(tokio_now),
        }
    }
}

/// A test that would run under another behaviour than it was asked for must not pass.
#[allow(clippy::panic, reason = "of the kit's own assertions, this one is about its environment")]
fn from_env() -> Unknowns {
    Unknowns::from_env().unwrap_or_else(|error| panic!("ONEHORIZON_FAKE_UNKNOWNS: {error}"))
}

#[allow(clippy::disallowed_methods, reason = "the default of an injected clock; tests can pause it")]
fn tokio_now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl std::fmt::Debug for FakeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeBuilder")
            .field("model", &self.model)
            .field("limits", &self.limits)
            .field("unknowns", &self.unknowns)
            .finish_non_exhaustive()
    }
}

impl FakeBuilder {
    /// Starts without tasks and documents; users and keys stay.
    pub fn empty(mut self) -> Self {
        self.seed = Seed::new();
        self
    }

    /// What the workspace holds at the start; [`Seed::demo`] unless set.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// How the fake behaves where the service's documentation is silent; as [`Unknowns::from_env`] says unless set.
    pub fn unknowns(mut self, unknowns: Unknowns) -> Self {
        self.unknowns = unknowns;
        self
    }

    /// How many requests, and events, are remembered; 10,000 unless set. The oldest are forgotten first.
    pub fn keep_requests(mut self, count: usize) -> Self {
        self.keep.requests = count;
        self
    }

    /// How requests are counted.
    pub fn quota_model(mut self, model: QuotaModel) -> Self {
        self.model = model;
        self
    }

    /// Other numbers than the documented 200 per 15 minutes and 40 per minute; zero counts as one.
    pub fn quota(mut self, per_15_minutes: u32, per_minute: u32) -> Self {
        self.limits = Some((per_15_minutes, per_minute));
        self
    }

    /// How many bytes of requests are remembered; 256 MiB unless set. The oldest are forgotten first.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep.bytes = bytes;
        self
    }

    /// Where [`start`](Self::start) listens; a free port of 127.0.0.1 unless set. Anyone who reaches the address can use the
    /// fake, so keep it on loopback.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Serves a status page at `/`, with buttons for scenarios, quota and webhooks.
    pub fn status_page(mut self) -> Self {
        self.has_page = true;
        self
    }

    /// Records the traffic of the REST API that comes through the socket, without secrets. Logins are not recorded.
    pub fn record(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Responds from a recording instead of playing the service, to requests of the REST API that come through the socket.
    pub fn replay(mut self, replay: ReplayTransport) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Lets the status page register receivers of webhooks that are not on this machine.
    pub fn allow_remote_receivers(mut self) -> Self {
        self.allow_remote = true;
        self
    }

    /// No quota at all.
    pub fn quota_off(mut self) -> Self {
        self.limits = None;
        self
    }

    /// States the wait in a `Retry-After` header too, which the service is not known to do.
    pub fn retry_after_header(mut self) -> Self {
        self.unknowns.wait = WaitForm::Both;
        self
    }

    /// The clock of the quota and of the times in responses; by default tokio's, which tests can pause.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The fake without a socket, to be reached through [`FakeOneHorizon::handle`].
    #[must_use]
    pub fn in_process(self) -> FakeOneHorizon {
        let quota = self.limits.map(|(quarter, minute)| Quota::new(self.model, quarter, minute));
        let core = Core::new(seed::state(self.seed), quota, self.clock, self.unknowns, self.keep);
        FakeOneHorizon { core: Arc::new(core), server: None, page: None }
    }

    /// Starts the fake on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Could not bind a port.
    pub async fn start(self) -> io::Result<FakeOneHorizon> {
        let (address, has_page, allow_remote) = (self.address, self.has_page, self.allow_remote);
        let (recorder, replay) = (self.recorder.clone(), self.replay.clone());
        let mut fake = self.in_process();
        let core = Arc::clone(&fake.core);
        let page = || Arc::new(Page::new(Arc::clone(&core), address.ip().is_loopback(), allow_remote));
        fake.page = has_page.then(page);
        let site = Site { core, page: fake.page.clone(), recorder, replay };
        fake.server = Some(Server::start(address, site).await?);
        Ok(fake)
    }
}

//! Calls the hooks of a configuration with what happens to a call.

use std::time::{Duration, Instant};

use super::call::Call;
use super::client::Settings;
use crate::error::{Error, ErrorKind};
use crate::hooks::{AttemptEnd, AttemptInfo, CallEnd, CallInfo, WaitInfo, WaitKind};
use crate::metadata::{Metadata, Sent, TimeSpent};

/// What hooks get of a call.
pub(super) fn info(call: &Call) -> CallInfo<'_> {
    let settings = &*call.settings;
    let own = call.path.iter().rev().find(|(name, _)| name == "workspaceId");
    CallInfo {
        operation: call.operation.id,
        method: call.operation.method.as_str(),
        route: call.route_template(),
        workspace: own.map_or(settings.workspace.as_str(), |(_, workspace)| workspace),
        server_address: settings.base_url.host_str().unwrap_or_default(),
        server_port: settings.base_url.port_or_known_default().unwrap_or_default(),
    }
}

/// What the hooks know of a call; without hooks it does nothing.
///
/// Dropping it ends what was begun, as cancelled.
pub(super) struct Observer<'a> {
    /// Boxed, since most calls have no hooks, and what a call holds is moved several times.
    call: Option<Box<Observed<'a>>>,
}

struct Observed<'a> {
    settings: &'a Settings,
    info: CallInfo<'a>,
    started: Instant,
    attempts: u32,
    /// When the attempt under way began.
    attempt: Option<Instant>,
    retry_reason: Option<ErrorKind>,
    most_sent: Sent,
}

impl<'a> Observer<'a> {
    pub(super) fn start(call: &'a Call) -> Self {
        let settings = &*call.settings;
        if settings.hooks.is_empty() {
            return Self { call: None };
        }
        let info = info(call);
        settings.hooks.each(|hooks| hooks.call_started(&info));
        let started = settings.clock.now();
        let observed =
            Observed { settings, info, started, attempts: 0, attempt: None, retry_reason: None, most_sent: Sent::No };
        Self { call: Some(Box::new(observed)) }
    }

    pub(super) fn waits(&self, reason: WaitKind, wait: Duration) {
        if let Some(call) = &self.call {
            call.settings.hooks.each(|hooks| hooks.wait_started(&call.info, &WaitInfo { reason, wait }));
        }
    }

    pub(super) fn attempt_started(&mut self, number: u32) {
        if let Some(call) = &mut self.call {
            call.attempts = number;
            call.attempt = Some(call.settings.clock.now());
            let attempt = call.attempt_info();
            call.settings.hooks.each(|hooks| hooks.attempt_started(&attempt));
        }
    }

    /// The attempt brought a response or an error with this metadata.
    pub(super) fn attempt_ended(&mut self, metadata: &Metadata, error: Option<ErrorKind>) {
        if let Some(call) = &mut self.call {
            let windows = call.settings.quota.status().windows;
            call.end_attempt(&AttemptEnd {
                status: metadata.status.map(|status| status.as_u16()),
                error,
                was_sent: metadata.sent,
                elapsed: Duration::ZERO,
                request_id: metadata.request_id(),
                rate_limit: metadata.rate_limit.as_ref(),
                windows: &windows,
                cancelled: false,
            });
            call.retry_reason = error;
        }
    }

    pub(super) fn ended(mut self, result: Result<&Metadata, &Error>) {
        let Some(call) = self.call.take() else { return };
        let (status, error, metadata) = match result {
            Ok(metadata) => (metadata.status, None, metadata),
            Err(error) => (error.metadata().status, Some(error.kind()), error.metadata()),
        };
        call.end(status.map(|status| status.as_u16()), error, metadata.sent, metadata.time, false);
    }
}

impl<'a> Observed<'a> {
    fn attempt_info(&self) -> AttemptInfo<'a> {
        AttemptInfo { call: self.info, number: self.attempts, retry_reason: self.retry_reason }
    }

    fn end_attempt(&mut self, end: &AttemptEnd<'_>) {
        let Some(started) = self.attempt.take() else { return };
        let elapsed = self.settings.clock.now().saturating_duration_since(started);
        self.most_sent = self.most_sent.max(end.was_sent);
        let (attempt, end) = (self.attempt_info(), AttemptEnd { elapsed, ..*end });
        self.settings.hooks.each(|hooks| hooks.attempt_ended(&attempt, &end));
    }

    fn end(&self, status: Option<u16>, error: Option<ErrorKind>, was_sent: Sent, time: TimeSpent, cancelled: bool) {
        let elapsed = self.settings.clock.now().saturating_duration_since(self.started);
        let attempts = self.attempts;
        let end = CallEnd { status, error, was_sent, attempts, elapsed, time_spent: time, cancelled };
        self.settings.hooks.each(|hooks| hooks.call_ended(&self.info, &end));
    }
}

impl Drop for Observer<'_> {
    fn drop(&mut self) {
        let Some(call) = &mut self.call else { return };
        call.end_attempt(&AttemptEnd {
            status: None,
            error: None,
            // A request under way may have arrived.
            was_sent: Sent::Maybe,
            elapsed: Duration::ZERO,
            request_id: None,
            rate_limit: None,
            windows: &[],
            cancelled: true,
        });
        call.end(None, None, call.most_sent, TimeSpent::default(), true);
    }
}

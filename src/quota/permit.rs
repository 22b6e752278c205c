//! The permit of one request, which is settled when the request ends.

use super::Quota;
use super::gate::Round;
use super::store::{Outcome, Slot};
use crate::metadata::RateLimit;

/// The right to send one request; dropping it counts the request as lost.
pub(crate) struct Permit<'a> {
    quota: &'a Quota,
    round: Round,
    slot: Option<Slot>,
    settled: bool,
}

impl<'a> Permit<'a> {
    pub(super) fn new(quota: &'a Quota, round: Round, slot: Option<Slot>) -> Self {
        Self { quota, round, slot, settled: false }
    }

    /// The request has ended; `reported` is what its response says of the quota.
    pub(crate) fn settle(&mut self, outcome: Outcome, reported: Option<&RateLimit>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let Quota { pacer, queue, clock, .. } = self.quota;
        if let Some(pacer) = pacer {
            if let Some(slot) = self.slot {
                pacer.settle(slot, outcome);
            }
            if let Some(reported) = reported {
                pacer.learn(reported);
            }
        }
        let refused = reported.and_then(|reported| reported.retry_after);
        let mut state = queue.state();
        state.gate.leave(self.round, outcome == Outcome::Responded && refused.is_none());
        match refused {
            Some(wait) => {
                state.gate.close(clock.now(), wait);
                state.call_all();
            }
            None => state.call_first(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Lost, None);
    }
}

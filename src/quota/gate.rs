//! The gate that a refusal closes for all clones of a configuration.

use std::time::{Duration, Instant};

/// A longer wait is not trusted without asking again: a single wrong response must not lock a client for days.
const LONGEST_CLOSURE: Duration = Duration::from_secs(60 * 60);

/// So many calls at once without a refusal show that the way is free.
const OPEN_AT: u32 = 64;

/// A call that hangs in a gate just opened holds up the next one for this long only.
const PATIENCE: Duration = Duration::from_secs(1);

/// Closed by a 429 for as long as the service asked; then opened step by step, so that nobody runs in a herd.
///
/// One call goes first. Each success lets one more be under way, which doubles their number with every round trip.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: State,
    /// Counts the openings, so that a call of an earlier one does not change the present one.
    round: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Open,
    Closed {
        until: Instant,
    },
    Opening {
        allowed: u32,
        inside: u32,
        last: Instant,
    },
}

/// What bars the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// The service asked to wait until then.
    Closed(Instant),
    /// As many as may be under way are; the next goes when one of them ends, or then.
    Crowded(Instant),
}

/// The opening that a call went through; `None` when the gate stood open.
pub(super) type Round = Option<u64>;

impl Gate {
    /// What bars the way now.
    pub(super) fn bar(&mut self, now: Instant) -> Option<Bar> {
        match self.state {
            State::Open => None,
            State::Closed { until } if now < until => Some(Bar::Closed(until)),
            State::Closed { .. } => {
                self.round += 1;
                self.state = State::Opening { allowed: 1, inside: 0, last: now };
                None
            }
            State::Opening { allowed, inside, .. } if inside < allowed => None,
            State::Opening { last, .. } => {
                let next = last + PATIENCE;
                (now < next).then_some(Bar::Crowded(next))
            }
        }
    }

    /// A call goes through.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Round, Bar> {
        if let Some(bar) = self.bar(now) {
            return Err(bar);
        }
        let State::Opening { inside, last, .. } = &mut self.state else { return Ok(None) };
        *inside += 1;
        *last = now;
        Ok(Some(self.round))
    }

    /// A call that went through has ended; whether the response was anything but a refusal.
    pub(super) fn leave(&mut self, round: Round, served: bool) {
        let State::Opening { allowed, inside, .. } = &mut self.state else { return };
        if round != Some(self.round) {
            return;
        }
        *inside = inside.saturating_sub(1);
        if served {
            *allowed += 1;
            if *allowed >= OPEN_AT {
                self.state = State::Open;
            }
        }
    }

    /// The service refused and asked to wait.
    pub(super) fn close(&mut self, now: Instant, wait: Duration) {
        let end = now + wait.min(LONGEST_CLOSURE);
        let until = match self.state {
            State::Closed { until } => until.max(end),
            _ => end,
        };
        self.state = State::Closed { until };
    }

    /// How long it stays closed.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { until } => Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "where the counted time starts")]
    fn a_call_of_an_earlier_opening_does_not_count_in_a_later_one() {
        let (start, wait) = (Instant::now(), Duration::from_millis(100));
        let mut gate = Gate::default();
        gate.close(start, wait);
        let first = gate.enter(start + wait).ok();
        gate.close(start + wait, wait);
        let second = gate.enter(start + 2 * wait).ok();
        assert!(first.is_some() && second.is_some() && first != second);
        gate.leave(first.flatten(), true);
        assert!(gate.enter(start + 2 * wait).is_err(), "the one call of this opening is under way");
        gate.leave(second.flatten(), true);
        assert!(gate.enter(start + 2 * wait).is_ok());
    }
}

//! Counts slots: which are taken, until when, and how long until one is free. The time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::time::{Duration, Instant};

use super::rules::{LONGEST_WINDOW, Lane, QuotaRules, QuotaShape, Window};
use super::store::{Outcome, Slot, Take, Usage, WindowUsage};
use crate::metadata::RateLimit;

/// A refusal is believed for this long without asking again, as the gate does.
const LONGEST_REFUSAL: Duration = Duration::from_secs(60 * 60);

/// So many reports of others' use are kept apart; more are put together, at the later time.
const MOST_REPORTS: usize = 64;

/// So many slots are foreseen one by one; farther ahead, whole windows are counted, which gives a lower bound.
const FORESIGHT: usize = 1024;

#[derive(Default)]
pub(super) struct Ledger {
    /// Slots under way, with the end of their leases.
    running: BTreeMap<u64, (Instant, Lane)>,
    running_normal: u32,
    /// The moments from which ended slots count as used, in order.
    used: VecDeque<(Instant, Slot)>,
    /// The moments of those in the normal lane.
    used_normal: VecDeque<Instant>,
    /// Slots that somebody else uses.
    foreign: Vec<Foreign>,
    refused_until: Option<Instant>,
    /// For token buckets: when each window would be full again, for all lanes and for the normal one.
    full_at: Vec<(Instant, Instant)>,
}

/// Slots of a window that the service says are used, and this ledger does not know.
struct Foreign {
    /// The window's index in the rules.
    window: usize,
    free_at: Instant,
    slots: u32,
}

/// One limit on a lane: a window, or what of it the normal lane may use.
#[derive(Clone, Copy)]
struct Limit {
    index: usize,
    window: Window,
    slots: u32,
    normal_only: bool,
}

impl Limit {
    /// The time in which a token bucket gets one token.
    fn token(self) -> Duration {
        self.window.safe_length() / self.slots.max(1)
    }
}

fn limits(rules: &QuotaRules, lane: Lane) -> impl Iterator<Item = Limit> + '_ {
    rules.windows().iter().enumerate().flat_map(move |(index, window)| {
        let (all, reserved) = (window.requests(), rules.reserved(*window));
        let whole = Limit { index, window: *window, slots: all, normal_only: false };
        let normal = Limit { slots: all - reserved, normal_only: true, ..whole };
        iter::once(whole).chain((lane == Lane::Normal && reserved > 0).then_some(normal))
    })
}

impl Ledger {
    pub(super) fn in_flight(&self) -> u32 {
        u32::try_from(self.running.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn take(&mut self, rules: &QuotaRules, slot: Slot, lease: Duration, now: Instant) -> Take {
        self.forget(rules, now);
        if self.running.contains_key(&slot.number()) {
            return Take::Granted;
        }
        let wait = self.wait(rules, slot.lane(), 0, now);
        if !wait.is_zero() {
            return Take::Wait(wait);
        }
        self.hold(slot, now + lease.min(LONGEST_WINDOW));
        Take::Granted
    }

    /// Holds a slot that was given elsewhere, whether or not there is room.
    pub(super) fn adopt(&mut self, rules: &QuotaRules, slot: Slot, lease: Duration, now: Instant) {
        self.forget(rules, now);
        if !self.running.contains_key(&slot.number()) {
            self.hold(slot, now + lease.min(LONGEST_WINDOW));
        }
    }

    fn hold(&mut self, slot: Slot, until: Instant) {
        self.running.insert(slot.number(), (until, slot.lane()));
        self.running_normal += u32::from(slot.lane() == Lane::Normal);
    }

    fn let_go(&mut self, number: u64) -> bool {
        let Some((_, lane)) = self.running.remove(&number) else { return false };
        self.running_normal -= u32::from(lane == Lane::Normal);
        true
    }

    pub(super) fn settle(&mut self, rules: &QuotaRules, slot: Slot, outcome: Outcome, now: Instant) {
        let held = self.let_go(slot.number());
        // A slot whose lease has ended was counted then; it moves to its true end.
        let counted = !held && self.uncount(slot);
        if outcome != Outcome::Unsent {
            self.count(slot, now + outcome.grace());
            if !counted {
                self.fill(rules, slot.lane(), now + outcome.grace());
            }
        }
    }

    fn uncount(&mut self, slot: Slot) -> bool {
        let Some(at) = self.used.iter().rposition(|(_, known)| known.number() == slot.number()) else { return false };
        if let Some((from, known)) = self.used.remove(at)
            && known.lane() == Lane::Normal
        {
            let at = self.used_normal.partition_point(|earlier| *earlier < from);
            self.used_normal.remove(at);
        }
        true
    }

    /// Counts a slot as used from this moment on.
    fn count(&mut self, slot: Slot, from: Instant) {
        let at = self.used.partition_point(|(earlier, _)| *earlier <= from);
        self.used.insert(at, (from, slot));
        if slot.lane() == Lane::Normal {
            let at = self.used_normal.partition_point(|earlier| *earlier <= from);
            self.used_normal.insert(at, from);
        }
    }

    /// Takes a token out of each bucket.
    fn fill(&mut self, rules: &QuotaRules, lane: Lane, from: Instant) {
        self.full_at.resize(rules.windows().len(), (from, from));
        for limit in limits(rules, lane) {
            if let Some((all, normal)) = self.full_at.get_mut(limit.index) {
                let full_at = if limit.normal_only { normal } else { all };
                *full_at = (*full_at).max(from) + limit.token();
            }
        }
    }

    /// Drops what no longer counts, and ends leases that ran out.
    fn forget(&mut self, rules: &QuotaRules, now: Instant) {
        let ended: Vec<(Slot, Instant)> = (self.running.iter())
            .filter(|(_, (end, _))| *end <= now)
            .map(|(number, (end, lane))| (Slot::new(*number).in_lane(*lane), *end))
            .collect();
        for (slot, end) in ended {
            self.let_go(slot.number());
            self.count(slot, end + Outcome::Lost.grace());
            self.fill(rules, slot.lane(), end + Outcome::Lost.grace());
        }
        let longest = rules.longest();
        while self.used.front().is_some_and(|(from, _)| *from + longest <= now) {
            self.used.pop_front();
        }
        while self.used_normal.front().is_some_and(|from| *from + longest <= now) {
            self.used_normal.pop_front();
        }
        self.foreign.retain(|foreign| foreign.free_at > now);
        self.refused_until = self.refused_until.filter(|until| *until > now);
    }

    /// When the slots of a limit are free again, in order; those under way are never earlier than as given here.
    fn releases(&self, limit: Limit, now: Instant) -> (usize, impl Iterator<Item = Instant> + '_) {
        let length = limit.window.safe_length();
        // One of the two is empty: all used slots, or those of the normal lane.
        let first = self.used.partition_point(|(from, _)| *from + length <= now);
        let first_normal = self.used_normal.partition_point(|from| *from + length <= now);
        let (all, normal) =
            if limit.normal_only { (self.used.len(), first_normal) } else { (first, self.used_normal.len()) };
        let (used_all, used_normal) = (self.used.range(all..), self.used_normal.range(normal..));
        let mut foreign: Vec<&Foreign> =
            self.foreign.iter().filter(|foreign| !limit.normal_only && foreign.window == limit.index).collect();
        foreign.sort_unstable_by_key(|foreign| foreign.free_at);
        let running = if limit.normal_only { self.running_normal as usize } else { self.running.len() };
        let foreign_slots: usize = foreign.iter().map(|foreign| foreign.slots as usize).sum();
        let taken = used_all.len() + used_normal.len() + running + foreign_slots;
        let used = used_all.map(|(from, _)| *from).chain(used_normal.copied()).map(move |from| from + length);
        let foreign = foreign.into_iter().flat_map(|foreign| iter::repeat_n(foreign.free_at, foreign.slots as usize));
        (taken, merged(merged(used, foreign), iter::repeat_n(now + length, running)))
    }

    /// When a token bucket would be full again if what is under way arrived now.
    fn bucket_full_at(&self, limit: Limit, now: Instant) -> Instant {
        let known = self.full_at.get(limit.index).map(|(all, normal)| if limit.normal_only { *normal } else { *all });
        let running = if limit.normal_only { self.running_normal } else { self.in_flight() };
        known.map_or(now, |full_at| full_at.max(now)) + limit.token() * running
    }

    fn used(&self, rules: &QuotaRules, limit: Limit, now: Instant) -> u32 {
        let used = match rules.shape() {
            QuotaShape::Any => self.releases(limit, now).0,
            QuotaShape::TokenBucket => {
                let missing = self.bucket_full_at(limit, now).saturating_duration_since(now);
                usize::try_from(missing.as_nanos().div_ceil(limit.token().as_nanos().max(1))).unwrap_or(usize::MAX)
            }
        };
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    pub(super) fn usage(&mut self, rules: &QuotaRules, lane: Lane, ahead: usize, now: Instant) -> Usage {
        self.forget(rules, now);
        let windows = limits(rules, Lane::Interactive)
            .map(|limit| WindowUsage::new(limit.window, self.used(rules, limit, now)))
            .collect();
        Usage::new(windows, self.in_flight(), self.wait(rules, lane, ahead, now))
    }

    /// How long until a slot of this lane is free after `ahead` others have taken one, at the least.
    pub(super) fn wait(&self, rules: &QuotaRules, lane: Lane, ahead: usize, now: Instant) -> Duration {
        // The limit that lets the fewest through sets the pace: a slot and the one a whole window after it are at
        // least its length apart.
        let slowest = limits(rules, lane).max_by_key(|limit| limit.token());
        let (rounds, ahead, round) = match slowest {
            Some(limit) if ahead > FORESIGHT => {
                let slots = limit.slots.max(1) as usize;
                (ahead / slots, (ahead % slots).min(FORESIGHT), limit.window.safe_length())
            }
            _ => (0, ahead, Duration::ZERO),
        };
        let rounds = round.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
        let free_at = match rules.shape() {
            QuotaShape::Any => self.window_free_at(rules, lane, ahead, now),
            QuotaShape::TokenBucket => self.bucket_free_at(rules, lane, ahead, now),
        };
        free_at.saturating_duration_since(now).saturating_add(rounds)
    }

    fn start(&self, now: Instant) -> Instant {
        self.refused_until.map_or(now, |until| until.max(now))
    }

    fn window_free_at(&self, rules: &QuotaRules, lane: Lane, ahead: usize, now: Instant) -> Instant {
        let mut windows: Vec<_> = limits(rules, lane)
            .map(|limit| {
                let (taken, releases) = self.releases(limit, now);
                (limit, taken, releases, VecDeque::new())
            })
            .collect();
        let mut at = self.start(now);
        for _ in 0..=ahead {
            for (limit, taken, releases, later) in &mut windows {
                while *taken >= limit.slots as usize {
                    let Some(free) = releases.next().or_else(|| later.pop_front()) else { break };
                    *taken -= 1;
                    at = at.max(free);
                }
            }
            for (limit, taken, _, later) in &mut windows {
                *taken += 1;
                later.push_back(at + limit.window.safe_length());
            }
        }
        at
    }

    fn bucket_free_at(&self, rules: &QuotaRules, lane: Lane, ahead: usize, now: Instant) -> Instant {
        let mut buckets: Vec<_> = limits(rules, lane).map(|limit| (limit, self.bucket_full_at(limit, now))).collect();
        let mut at = self.start(now);
        for _ in 0..=ahead {
            for (limit, full_at) in &mut buckets {
                let enough = (*full_at + limit.token()).checked_sub(limit.window.safe_length());
                at = enough.map_or(at, |enough| at.max(enough));
            }
            for (limit, full_at) in &mut buckets {
                *full_at = (*full_at).max(at) + limit.token();
            }
        }
        at
    }

    pub(super) fn learn(&mut self, rules: &QuotaRules, reported: &RateLimit, now: Instant) {
        self.forget(rules, now);
        if let Some(wait) = reported.retry_after {
            let until = now + wait.min(LONGEST_REFUSAL);
            self.refused_until = Some(self.refused_until.map_or(until, |known| known.max(until)));
        }
        let Some((index, remaining)) = rules.reported(reported) else { return };
        let Some(limit) = limits(rules, Lane::Interactive).find(|limit| limit.index == index) else { return };
        let length = limit.window.safe_length();
        let left = limit.slots.saturating_sub(self.used(rules, limit, now));
        let missing = left.saturating_sub(remaining);
        if missing == 0 {
            return;
        }
        let free_at = now + reported.reset.map_or(length, |reset| reset.min(length));
        if self.foreign.len() < MOST_REPORTS {
            self.foreign.push(Foreign { window: index, free_at, slots: missing });
        } else if let Some(other) = self.foreign.iter_mut().find(|foreign| foreign.window == index) {
            other.slots = other.slots.saturating_add(missing);
            other.free_at = other.free_at.max(free_at);
        }
        self.full_at.resize(rules.windows().len(), (now, now));
        if let Some((full_at, _)) = self.full_at.get_mut(index) {
            *full_at = (*full_at).max(now) + limit.token() * missing;
        }
    }
}

/// Two ordered lists as one.
fn merged(one: impl Iterator<Item = Instant>, other: impl Iterator<Item = Instant>) -> impl Iterator<Item = Instant> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second < first => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

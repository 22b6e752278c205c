//! The task behind a remote quota: it owns the connection and sends what is waiting in one exchange.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::{Batch, Exchanged, Mirror, RemoteLedger, Reported, Restore, lock};
use crate::clock::Clock;
use crate::deadline::within;
use crate::quota::rules::QuotaRules;
use crate::quota::store::{Outcome, Slot, SlotRequest, Take, Waiter};
use crate::store::StoreError;

/// How long an exchange may take: half of what the engine waits for a take by default.
const TIMEOUT: Duration = Duration::from_millis(500);

/// How often the server is spoken to while this process has slots that count.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A server that failed is left alone for so long at first, then for twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(800));

/// So many messages go into one exchange.
const MOST_OPS: usize = 256;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) enum Op {
    Take(QuotaRules, SlotRequest, Reply<Take>),
    Adopt(QuotaRules, SlotRequest, Instant),
    Settle(QuotaRules, Slot, Outcome, Instant),
    Learn(QuotaRules, Reported, Instant),
    Withdraw(QuotaRules, Waiter),
    Flush(Reply<()>),
}

pub(super) struct Driver {
    ledger: Box<dyn RemoteLedger>,
    clock: Arc<dyn Clock>,
    mirror: Arc<Mutex<Mirror>>,
    process: u64,
    rules: Option<QuotaRules>,
    epoch: Option<String>,
    /// Slots of this process that are not settled: taken when, and for how long.
    running: HashMap<Slot, (Instant, Duration)>,
    /// Slots of this process that count as used, and the moments from which they do.
    recent: VecDeque<(Slot, Instant)>,
    /// Slots were given without the server.
    adopted: bool,
    unsaid: Unsaid,
    away_until: Option<Instant>,
    pause: Duration,
}

/// What the server has not confirmed yet.
#[derive(Default)]
struct Unsaid {
    settled: Vec<(Slot, Outcome, Instant)>,
    reported: Vec<(Reported, Instant)>,
    withdrawn: Vec<Waiter>,
}

impl Unsaid {
    fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.reported.is_empty() && self.withdrawn.is_empty()
    }
}

impl Driver {
    pub(super) fn new(
        ledger: Box<dyn RemoteLedger>,
        clock: Arc<dyn Clock>,
        mirror: Arc<Mutex<Mirror>>,
        process: u64,
    ) -> Self {
        Self {
            ledger,
            clock,
            mirror,
            process,
            rules: None,
            epoch: None,
            running: HashMap::new(),
            recent: VecDeque::new(),
            adopted: false,
            unsaid: Unsaid::default(),
            away_until: None,
            pause: PAUSES.0,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Op>) {
        loop {
            let idle = self.recent.is_empty() && self.running.is_empty() && self.unsaid.is_empty();
            let pause = if idle || self.rules.is_none() { Duration::MAX } else { self.until_next() };
            let clock = Arc::clone(&self.clock);
            let Ok(received) = within(&*clock, pause, queue.recv()).await.map_or(Ok(None), |op| op.map(Some).ok_or(()))
            else {
                break;
            };
            let mut ops: Vec<Op> = received.into_iter().collect();
            while ops.len() < MOST_OPS
                && let Ok(op) = queue.try_recv()
            {
                ops.push(op);
            }
            self.serve_all(ops).await;
        }
        if !self.unsaid.is_empty() {
            self.away_until = None;
            // Nobody is left to hear of a failure.
            let _ = self.serve(Vec::new()).await;
        }
    }

    /// When to speak to the server without being asked: to say what is left, and to notice a lost memory.
    fn until_next(&self) -> Duration {
        match self.away_until {
            Some(until) => until.saturating_duration_since(self.clock.now()),
            None => HEARTBEAT,
        }
    }

    /// One exchange for each run of messages about the same rules; nearly always that is one.
    async fn serve_all(&mut self, ops: Vec<Op>) {
        let mut takes = Vec::new();
        let mut flushes = Vec::new();
        for op in ops {
            let rules = match &op {
                Op::Take(rules, ..)
                | Op::Adopt(rules, ..)
                | Op::Settle(rules, ..)
                | Op::Learn(rules, ..)
                | Op::Withdraw(rules, ..) => Some(rules),
                Op::Flush(_) => None,
            };
            if let Some(rules) = rules
                && self.rules.as_ref() != Some(rules)
            {
                let rules = rules.clone();
                if self.rules.is_some() {
                    // A failure was passed on to those who asked.
                    let _ = self.serve(mem::take(&mut takes)).await;
                }
                self.rules = Some(rules);
            }
            match op {
                Op::Take(_, request, reply) => takes.push((request, reply)),
                Op::Adopt(_, request, at) => {
                    self.running.insert(request.slot(), (at, request.lease()));
                    self.adopted = true;
                }
                Op::Settle(_, slot, outcome, at) => self.settle(slot, outcome, at),
                Op::Learn(_, reported, at) => self.unsaid.reported.push((reported, at)),
                Op::Withdraw(_, waiter) => self.unsaid.withdrawn.push(waiter),
                Op::Flush(reply) => flushes.push(reply),
            }
        }
        if !flushes.is_empty() {
            // A call that waits for it wants it tried now.
            self.away_until = None;
        }
        let result = self.serve(takes).await;
        for reply in flushes {
            let _ = reply.send(result.clone().map_err(StoreError::new));
        }
    }

    fn settle(&mut self, slot: Slot, outcome: Outcome, at: Instant) {
        self.running.remove(&slot);
        if outcome != Outcome::Unsent {
            self.recent.push_back((slot, at + outcome.grace()));
        }
        self.unsaid.settled.push((slot, outcome, at));
    }

    /// Says what is to be said and asks for the slots; the error is in words, since many wait for it.
    async fn serve(&mut self, mut takes: Vec<(SlotRequest, Reply<Take>)>) -> Result<(), String> {
        let Some(rules) = self.rules.clone() else { return Ok(()) };
        // A call that stopped waiting gets nothing.
        takes.retain(|(_, reply)| !reply.is_closed());
        let now = self.clock.now();
        self.forget(&rules, now);
        if self.away_until.is_some_and(|until| now < until) {
            return refuse(takes, "the server is away");
        }
        match self.exchange(&rules, takes.iter().map(|(request, _)| *request).collect(), now).await {
            Ok(reply) => {
                self.away_until = None;
                self.adopted = false;
                self.pause = PAUSES.0;
                self.unsaid = Unsaid::default();
                self.note(&rules, &reply);
                self.hand_out(takes, reply.takes);
                Ok(())
            }
            Err(fault) => {
                self.away_until = Some(self.clock.now() + self.pause);
                self.pause = (self.pause * 2).min(PAUSES.1);
                refuse(takes, &fault)
            }
        }
    }

    fn hand_out(&mut self, takes: Vec<(SlotRequest, Reply<Take>)>, waits: Vec<Option<Duration>>) {
        let now = self.clock.now();
        for ((request, reply), wait) in takes.into_iter().zip(waits) {
            let take = wait.map_or(Take::Granted, Take::Wait);
            if wait.is_none() {
                self.running.insert(request.slot(), (now, request.lease()));
            }
            if reply.send(Ok(take)).is_err() && wait.is_none() {
                // Nobody waits for it any more.
                self.settle(request.slot(), Outcome::Unsent, now);
            }
        }
    }

    async fn exchange(
        &mut self,
        rules: &QuotaRules,
        takes: Vec<SlotRequest>,
        now: Instant,
    ) -> Result<Exchanged, String> {
        let age = |at: Instant| now.saturating_duration_since(at);
        let unsaid = &self.unsaid;
        let mut batch = Batch {
            process: self.process,
            epoch: self.epoch.clone(),
            restore: self.adopted.then(|| self.known(now)),
            settled: unsaid.settled.iter().map(|(slot, outcome, at)| (*slot, *outcome, age(*at))).collect(),
            reported: unsaid.reported.iter().map(|(reported, at)| aged(*reported, age(*at))).collect(),
            withdrawn: unsaid.withdrawn.clone(),
            takes,
        };
        for _ in 0..3 {
            let exchange = self.ledger.exchange(rules, &batch);
            let reply = match within(&*self.clock, TIMEOUT, exchange).await {
                Ok(Ok(reply)) => reply,
                Ok(Err(fault)) => return Err(fault.to_string()),
                Err(_) => return Err(format!("the server did not respond within {TIMEOUT:?}")),
            };
            self.epoch = Some(reply.epoch.clone());
            if !reply.stale {
                return Ok(reply);
            }
            batch.epoch = Some(reply.epoch);
            batch.restore = Some(self.known(self.clock.now()));
        }
        Err("the server's memory changes all the time".to_owned())
    }

    /// What this process has taken: to be said to a memory that may not know it.
    fn known(&self, now: Instant) -> Restore {
        let used = self.recent.iter().map(|(slot, from)| (*slot, now.saturating_duration_since(*from)));
        let left = |(taken, lease): &(Instant, Duration)| (*taken + *lease).saturating_duration_since(now);
        Restore { used: used.collect(), running: self.running.iter().map(|(slot, held)| (*slot, left(held))).collect() }
    }

    fn note(&self, rules: &QuotaRules, reply: &Exchanged) {
        let now = self.clock.now();
        let mut mirror = lock(&self.mirror);
        mirror.rules = Some(rules.clone());
        mirror.used.clone_from(&reply.used);
        mirror.in_flight = reply.in_flight;
        mirror.next_free = reply.next_free.map(|wait| Some(now + wait));
        // What this process learned and has not said yet stays.
        mirror.refused_until = mirror.refused_until.filter(|until| *until > now);
        mirror.processes = Some(reply.processes.max(1));
    }

    /// Drops what no longer counts.
    fn forget(&mut self, rules: &QuotaRules, now: Instant) {
        let longest = rules.longest();
        while self.recent.front().is_some_and(|(_, from)| *from + longest <= now) {
            self.recent.pop_front();
        }
        self.running.retain(|_, (taken, lease)| *taken + *lease + longest > now);
    }
}

fn refuse(takes: Vec<(SlotRequest, Reply<Take>)>, fault: &str) -> Result<(), String> {
    for (_, reply) in takes {
        let _ = reply.send(Err(StoreError::new(fault)));
    }
    Err(fault.to_owned())
}

/// What is left of a report after so long.
fn aged(reported: Reported, age: Duration) -> Reported {
    Reported {
        refused: reported.refused.map(|wait| wait.saturating_sub(age)),
        remaining: reported.remaining.map(|(index, left, free_after)| (index, left, free_after.saturating_sub(age))),
    }
}

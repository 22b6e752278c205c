//! The ledger of a quota: one script, one round trip an exchange, the server's clock.

use std::time::Duration;

use onehorizon::quota::remote::{Batch, Exchanged, RemoteLedger};
use onehorizon::quota::{Lane, Outcome, QuotaRules, QuotaShape};
use onehorizon::{BoxFuture, StoreError};
use redis::{Script, ScriptInvocation};

use crate::claims::random_token;
use crate::connection::Connection;

const SCRIPT: &str = include_str!("quota.lua");

pub(crate) struct Ledger {
    connection: Connection,
    script: Script,
}

/// Epoch, stale, takes, used, in flight, next free for interactive and normal calls, processes.
type Raw = (String, i64, Vec<i64>, Vec<u32>, u32, u64, u64, u32);

impl Ledger {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, script: Script::new(SCRIPT) }
    }

    fn call(&self, rules: &QuotaRules, batch: &Batch, candidate: u128) -> ScriptInvocation<'_> {
        let mut call = self.script.prepare_invoke();
        for name in ["meta", "running", "running-n", "used", "used-n", "line", "kept", "processes"] {
            call.key(self.connection.key(&format!("quota:{name}")));
        }
        for window in rules.windows() {
            let (requests, length) = (window.requests(), micros(window.length()));
            call.key(self.connection.key(&format!("quota:others:{requests}:{length}")));
        }
        let shape = if rules.shape() == QuotaShape::TokenBucket { "b" } else { "a" };
        call.arg(batch.epoch.as_deref().unwrap_or("")).arg(format!("{candidate:032x}")).arg(shape);
        call.arg(batch.process).arg(rules.windows().len());
        for window in rules.windows() {
            let (all, normal) = (window.requests(), window.requests() - rules.reserved(*window));
            let length = window.safe_length();
            call.arg(all).arg(normal).arg(micros(length)).arg(micros(length / all)).arg(micros(length / normal.max(1)));
        }
        match &batch.restore {
            None => {
                call.arg(-1);
            }
            Some(restore) => {
                for slots in [&restore.used, &restore.running] {
                    call.arg(slots.len());
                    for (slot, time) in slots {
                        call.arg(slot.number()).arg(lane(slot.lane())).arg(micros(*time));
                    }
                }
            }
        }
        call.arg(batch.settled.len());
        for (slot, outcome, age) in &batch.settled {
            let outcome = match outcome {
                Outcome::Unsent => "u",
                Outcome::Responded => "a",
                _ => "l",
            };
            call.arg(slot.number()).arg(lane(slot.lane())).arg(outcome).arg(micros(*age));
        }
        call.arg(batch.reported.len());
        for reported in &batch.reported {
            match reported.refused {
                Some(wait) => call.arg(micros(wait)),
                None => call.arg(-1),
            };
            match reported.remaining {
                Some((index, remaining, free)) => call.arg(index).arg(remaining).arg(micros(free)),
                None => call.arg(-1).arg(0).arg(0),
            };
        }
        call.arg(batch.withdrawn.len());
        for waiter in &batch.withdrawn {
            call.arg(waiter.number());
        }
        call.arg(batch.takes.len());
        for request in &batch.takes {
            let slot = request.slot();
            call.arg(slot.number())
                .arg(lane(slot.lane()))
                .arg(micros(request.lease()))
                .arg(request.asked_by().number());
        }
        call
    }
}

impl RemoteLedger for Ledger {
    fn exchange<'a>(
        &'a mut self,
        rules: &'a QuotaRules,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Exchanged, StoreError>> {
        Box::pin(async move {
            let mut manager = self.connection.manager()?;
            let reply: Raw = self.call(rules, batch, random_token()?).invoke_async(&mut manager).await?;
            let (epoch, stale, takes, used, in_flight, interactive, normal, processes) = reply;
            let mut exchanged = Exchanged::default();
            exchanged.epoch = epoch;
            exchanged.stale = stale == 1;
            exchanged.takes =
                takes.into_iter().map(|wait| u64::try_from(wait).ok().map(Duration::from_micros)).collect();
            exchanged.used = used;
            exchanged.in_flight = in_flight;
            exchanged.next_free = [Duration::from_micros(interactive), Duration::from_micros(normal)];
            exchanged.processes = processes;
            Ok(exchanged)
        })
    }
}

fn lane(lane: Lane) -> &'static str {
    if lane == Lane::Interactive { "i" } else { "n" }
}

/// Below 2^53, so that the script's numbers are exact.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(1 << 50)
}

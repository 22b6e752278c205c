//! The ledger of a quota: one SQL function that takes a batch as JSON in one round trip. A lock on the quota's row serialises
//! the batches.

use std::time::Duration;

use onehorizon::quota::remote::{Batch, Exchanged, RemoteLedger};
use onehorizon::quota::{Lane, Outcome, QuotaRules, QuotaShape, Slot};
use onehorizon::{BoxFuture, StoreError};
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use crate::connection::{Connection, random_token};

pub(crate) struct Ledger {
    connection: Connection,
    sql: String,
}

impl Ledger {
    pub(crate) fn new(connection: Connection) -> Self {
        let sql = format!("SELECT {}.quota_exchange_v1($1, $2)", connection.schema());
        Self { connection, sql }
    }
}

fn message(rules: &QuotaRules, batch: &Batch, candidate: u128) -> Value {
    let windows = rules.windows().iter().map(|window| {
        let (all, normal, length) =
            (window.requests(), window.requests() - rules.reserved(*window), window.safe_length());
        json!({
            "n": all, "normal": normal, "len": micros(length),
            "token": micros(length / all), "token_normal": micros(length / normal.max(1)),
        })
    });
    let timed = |slots: &[(Slot, Duration)]| -> Vec<Value> {
        slots.iter().map(|(slot, time)| json!([number(*slot), lane(*slot), micros(*time)])).collect()
    };
    let settled = batch.settled.iter().map(|(slot, outcome, age)| {
        let outcome = match outcome {
            Outcome::Unsent => "u",
            Outcome::Responded => "a",
            _ => "l",
        };
        json!([number(*slot), lane(*slot), outcome, micros(*age)])
    });
    let reported = batch.reported.iter().map(|reported| {
        json!({
            "refused": reported.refused.map(micros),
            "index": reported.remaining.map(|(index, ..)| index),
            "remaining": reported.remaining.map(|(_, remaining, _)| remaining),
            "free": reported.remaining.map(|(.., free)| micros(free)),
        })
    });
    let takes = batch.takes.iter().map(|request| {
        let (slot, waiter) = (request.slot(), request.asked_by().number());
        json!([number(slot), lane(slot), micros(request.lease()), waiter.to_string()])
    });
    json!({
        "epoch": batch.epoch,
        "candidate": format!("{candidate:032x}"),
        "process": batch.process.to_string(),
        "shape": if rules.shape() == QuotaShape::TokenBucket { "b" } else { "a" },
        "windows": windows.collect::<Vec<_>>(),
        "restore": batch.restore.as_ref().map(|restore| {
            json!({"used": timed(&restore.used), "running": timed(&restore.running)})
        }),
        "settled": settled.collect::<Vec<_>>(),
        "reported": reported.collect::<Vec<_>>(),
        "withdrawn": batch.withdrawn.iter().map(|waiter| waiter.number().to_string()).collect::<Vec<_>>(),
        "takes": takes.collect::<Vec<_>>(),
    })
}

impl RemoteLedger for Ledger {
    fn exchange<'a>(
        &'a mut self,
        rules: &'a QuotaRules,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Exchanged, StoreError>> {
        Box::pin(async move {
            let message = message(rules, batch, random_token()?).to_string();
            let parameters = [(&self.connection.scope() as _, Type::TEXT), (&message as _, Type::TEXT)];
            let row = self.connection.one(&self.sql, &parameters).await?;
            let reply: Value = serde_json::from_str(row.try_get(0)?)?;
            let list = |name: &str| reply.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            let number = |name: &str| reply.get(name).and_then(Value::as_u64).unwrap_or_default();
            let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            let mut exchanged = Exchanged::default();
            reply.get("epoch").and_then(Value::as_str).unwrap_or_default().clone_into(&mut exchanged.epoch);
            exchanged.stale = reply.get("stale").and_then(Value::as_bool).unwrap_or_default();
            exchanged.takes = list("takes").iter().map(|wait| wait.as_u64().map(Duration::from_micros)).collect();
            exchanged.used = list("used").iter().filter_map(Value::as_u64).map(small).collect();
            exchanged.in_flight = small(number("in_flight"));
            exchanged.next_free = ["interactive", "normal"].map(|lane| Duration::from_micros(number(lane)));
            exchanged.processes = small(number("processes"));
            Ok(exchanged)
        })
    }
}

/// As a string: JSON's numbers are not exact up to 2^63 in every reader.
fn number(slot: Slot) -> String {
    slot.number().to_string()
}

fn lane(slot: Slot) -> u8 {
    u8::from(slot.lane() != Lane::Interactive)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(1 << 50)
}

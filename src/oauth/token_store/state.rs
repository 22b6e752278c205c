//! The rules of a token store, for stores that read and write their whole state in one step.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Begin, RefreshGuard, Save, StoreError, StoredTokens};
use crate::models::runtime::RawObject;
use crate::oauth::tokens::Tokens;

/// Everything that is kept of one login.
#[derive(Clone, Default)]
pub(super) struct State {
    /// Counts puts, saves and clears.
    version: u64,
    tokens: Option<Tokens>,
    guard: Option<Held>,
    /// A guard of this version ended with its lease.
    interrupted: bool,
    /// The token of the guard that saved this version.
    saved_by: Option<String>,
}

#[derive(Clone)]
struct Held {
    token: String,
    /// The end of the lease, in milliseconds since 1970.
    until: u64,
}

impl State {
    /// Reads what [`Serialize`] wrote.
    pub(super) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let object = RawObject::parse(json)?;
        let json = |name| object.get(name).map_or("null", |raw| raw.get());
        let guard =
            (serde_json::from_str::<Option<String>>(json("guard"))?, serde_json::from_str(json("guard_until"))?);
        Ok(Self {
            version: serde_json::from_str(json("version"))?,
            tokens: serde_json::from_str(json("tokens"))?,
            guard: guard.0.zip(guard.1).map(|(token, until)| Held { token, until }),
            // Files of earlier versions do not have it.
            interrupted: serde_json::from_str::<Option<bool>>(json("interrupted"))?.unwrap_or_default(),
            saved_by: serde_json::from_str(json("saved_by"))?,
        })
    }

    pub(super) fn load(&self) -> Option<StoredTokens> {
        self.tokens.clone().map(|tokens| StoredTokens::new(tokens, self.version))
    }

    pub(super) fn put(&mut self, tokens: &Tokens) -> u64 {
        self.replace(Some(tokens.clone()), None)
    }

    pub(super) fn clear(&mut self) {
        self.replace(None, None);
    }

    pub(super) fn begin(&mut self, known: u64, now: SystemTime, lease: Duration) -> Result<Begin, StoreError> {
        let Some(current) = self.load() else { return Ok(Begin::Empty) };
        if current.version != known {
            return Ok(Begin::Newer(current));
        }
        let now = millis(now);
        if self.guard.as_ref().is_some_and(|held| now < held.until) {
            return Ok(Begin::Busy);
        }
        let token = random()?;
        let until = now.saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        self.interrupted |= self.guard.replace(Held { token: written(token), until }).is_some();
        let guard = RefreshGuard::new(token, current);
        Ok(Begin::Refresh(if self.interrupted { guard.after_interruption() } else { guard }))
    }

    pub(super) fn save(&mut self, guard: &RefreshGuard, tokens: &Tokens) -> Save {
        let token = written(guard.token());
        if self.tokens.is_some() && self.version == guard.version() {
            return Save::Saved(self.replace(Some(tokens.clone()), Some(token)));
        }
        match self.saved_by.as_ref() {
            Some(saved_by) if *saved_by == token => Save::Saved(self.version),
            _ => Save::Superseded(self.load()),
        }
    }

    /// Whether there was something to release.
    pub(super) fn release(&mut self, guard: &RefreshGuard) -> bool {
        let token = written(guard.token());
        self.guard.take_if(|held| held.token == token).is_some()
    }

    fn replace(&mut self, tokens: Option<Tokens>, saved_by: Option<String>) -> u64 {
        self.version += 1;
        *self = Self { version: self.version, tokens, guard: None, interrupted: false, saved_by };
        self.version
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &self.version)?;
        map.serialize_entry("tokens", &self.tokens)?;
        map.serialize_entry("guard", &self.guard.as_ref().map(|held| &held.token))?;
        map.serialize_entry("guard_until", &self.guard.as_ref().map(|held| held.until))?;
        map.serialize_entry("interrupted", &self.interrupted)?;
        map.serialize_entry("saved_by", &self.saved_by)?;
        map.end()
    }
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn written(token: u128) -> String {
    format!("{token:032x}")
}

fn random() -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::new(format!("no random numbers: {error}")))?;
    Ok(u128::from_le_bytes(bytes))
}

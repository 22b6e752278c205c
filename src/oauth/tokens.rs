//! The tokens of a login.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::models::Extra;
use crate::models::runtime::{RawObject, RawText, with_raw};
use crate::secret::Secret;

/// What a login or a refresh brings: the access token and what belongs to it.
///
/// Serialising writes the secrets, so that tokens can be kept in a store of yours and read back; `Debug` shows none of
/// them. Fields that this version does not know, or that came in another shape than it can use, are in `extra`.
///
/// ```
/// use onehorizon::oauth::Tokens;
/// let tokens: Tokens = serde_json::from_str(r#"{"access_token": "a", "refresh_token": "r", "expires_at": 1790000000}"#)?;
/// assert_eq!(serde_json::to_string(&tokens)?, r#"{"access_token":"a","refresh_token":"r","expires_at":1790000000}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Tokens {
    /// What goes with each call.
    pub access_token: Secret,
    /// What buys the next tokens, if the server gave one.
    pub refresh_token: Option<Secret>,
    /// When the access token ends, if the server gave its lifetime: this machine's clock at the time of the request plus
    /// the lifetime. Never a time that the server gave, since its clock may be wrong. Written as seconds since 1970.
    pub expires_at: Option<SystemTime>,
    /// The scopes that were given, with spaces in between, where the server says that they differ from those asked for.
    pub scope: Option<String>,
    /// What the server says of the user (`OpenID` Connect). This crate does not look into it.
    pub id_token: Option<Secret>,
    /// What this version cannot use, kept and written back. A server's own `expires_at` is here as `server_expires_at`, so that
    /// saved tokens do not take it for the time above.
    pub extra: Extra,
}

impl Tokens {
    /// An access token alone.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self {
            access_token: access_token.into(),
            refresh_token: None,
            expires_at: None,
            scope: None,
            id_token: None,
            extra: Extra::new(),
        }
    }

    /// Sets the refresh token.
    #[must_use]
    pub fn with_refresh_token(mut self, token: impl Into<Secret>) -> Self {
        self.refresh_token = Some(token.into());
        self
    }

    /// Sets when the access token ends.
    #[must_use]
    pub fn with_expires_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [Some(&self.access_token), self.refresh_token.as_ref(), self.id_token.as_ref()].into_iter().flatten()
    }

    /// What a refresh need not repeat: the refresh token stays valid when no new one came, the scope when none is given.
    pub(super) fn inherit(&mut self, old_refresh_token: &Secret, old: Option<&Self>) {
        self.refresh_token.get_or_insert_with(|| old_refresh_token.clone());
        if self.scope.is_none() {
            self.scope = old.and_then(|old| old.scope.clone());
        }
        if self.id_token.is_none() {
            self.id_token = old.and_then(|old| old.id_token.clone());
        }
    }
}

impl fmt::Debug for Tokens {
    /// What is there, without secrets; of `extra` the number alone, since a server may put a secret even into a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("expires_at", &self.expires_at)
            .field("scope", &self.scope)
            .field("id_token", &self.id_token)
            .field("extra", &self.extra.len())
            .finish()
    }
}

/// What a token response or saved tokens hold.
pub(super) struct Fields {
    pub(super) access_token: Option<Secret>,
    pub(super) refresh_token: Option<Secret>,
    pub(super) scope: Option<String>,
    pub(super) id_token: Option<Secret>,
    /// What has another name or another shape, as it came.
    pub(super) extra: Extra,
}

impl Fields {
    /// Reads what can be used and keeps the rest: one odd field must not cost a refresh token that the server has just
    /// replaced. `take` is offered the fields of other names and says what becomes of them.
    pub(super) fn read(object: &RawObject<'_>, mut take: impl FnMut(&str, &str) -> Other) -> Self {
        let mut fields =
            Self { access_token: None, refresh_token: None, scope: None, id_token: None, extra: Extra::new() };
        for (name, raw) in object.iter() {
            let json = raw.get();
            let other = match name {
                "access_token" => set(&mut fields.access_token, token(json)),
                "refresh_token" => set(&mut fields.refresh_token, token(json)),
                "id_token" => set(&mut fields.id_token, token(json)),
                "scope" => set(&mut fields.scope, scope(json)),
                _ => take(name, json),
            };
            let name = match other {
                Other::Taken => continue,
                Other::Kept => name,
                Other::KeptAs(new) => new,
            };
            if json != "null" {
                // JSON that was just read can be written.
                let _ = fields.extra.insert(name, raw);
            }
        }
        fields
    }

    pub(super) fn into_tokens(self, access_token: Secret) -> Tokens {
        Tokens {
            refresh_token: self.refresh_token,
            scope: self.scope,
            id_token: self.id_token,
            extra: self.extra,
            ..Tokens::new(access_token)
        }
    }
}

/// What becomes of a field.
#[derive(Clone, Copy)]
pub(super) enum Other {
    Taken,
    /// It goes into `extra`.
    Kept,
    /// It goes into `extra` under another name.
    KeptAs(&'static str),
}

impl Other {
    pub(super) const fn taken(is_taken: bool) -> Self {
        if is_taken { Self::Taken } else { Self::Kept }
    }
}

pub(super) fn set<T>(field: &mut Option<T>, value: Option<T>) -> Other {
    *field = value;
    Other::taken(field.is_some())
}

/// A token: a string, or the digits of a number.
fn token(json: &str) -> Option<Secret> {
    let token = match serde_json::from_str::<Secret>(json) {
        Ok(token) => token,
        Err(_) if json.starts_with(|c: char| c.is_ascii_digit()) => Secret::from(json),
        Err(_) => return None,
    };
    (!token.expose().is_empty()).then_some(token)
}

/// Scopes with spaces in between, as the standard has them, or a list of scopes, as some servers do.
fn scope(json: &str) -> Option<String> {
    serde_json::from_str::<String>(json)
        .ok()
        .or_else(|| serde_json::from_str::<Vec<String>>(json).ok().map(|scopes| scopes.join(" ")))
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_raw(deserializer, |json| {
            let object = RawObject::parse(json).map_err(|_| "tokens are a JSON object")?;
            let mut expires_at = None;
            let mut fields = Fields::read(&object, |name, json| match name {
                "expires_at" => set(&mut expires_at, serde_json::from_str::<u64>(json).ok()),
                _ => Other::Kept,
            });
            let access_token = fields.access_token.take().ok_or("tokens without an `access_token`")?;
            let mut tokens = fields.into_tokens(access_token);
            tokens.expires_at = expires_at.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
            Ok(tokens)
        })?
        .map_err(|fault: &str| D::Error::custom(fault))
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("access_token", &self.access_token)?;
        if let Some(token) = &self.refresh_token {
            map.serialize_entry("refresh_token", token)?;
        }
        let expires_at = self.expires_at.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        if let Some(since_1970) = expires_at {
            map.serialize_entry("expires_at", &since_1970.as_secs())?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        if let Some(token) = &self.id_token {
            map.serialize_entry("id_token", token)?;
        }
        // A field of another shape is in `extra` under its own name, and must not be there twice.
        let written = |name: &str| match name {
            "access_token" => true,
            "refresh_token" => self.refresh_token.is_some(),
            "expires_at" => expires_at.is_some(),
            "scope" => self.scope.is_some(),
            "id_token" => self.id_token.is_some(),
            _ => false,
        };
        for (name, json) in self.extra.iter().filter(|(name, _)| !written(name)) {
            map.serialize_entry(name, &RawText(json))?;
        }
        map.end()
    }
}

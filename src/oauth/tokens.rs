//! What a login brings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::models::Extra;
use crate::models::runtime::{Deserialize, Deserializer, Secret, Serialize, SerializeMap, Serializer, open_object};

/// What a login or a refresh brings: the access token and what belongs to it.
///
/// Serialising writes the secrets, so that tokens can be kept in a store of yours and read back; `Debug` shows none of
/// them. Members that the server sent and this version does not know are in `extra`.
///
/// ```
/// use onehorizon::oauth::Tokens;
/// let tokens: Tokens = serde_json::from_str(r#"{"access_token": "a", "refresh_token": "r", "expires_at": 1790000000}"#)?;
/// assert_eq!(serde_json::to_string(&tokens)?, r#"{"access_token":"a","refresh_token":"r","expires_at":1790000000}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tokens {
    /// What goes with each call.
    pub access_token: Secret,
    /// What buys the next tokens, if the server gave one.
    pub refresh_token: Option<Secret>,
    /// When the access token ends, if the server told its lifetime: this machine's clock at the time of asking plus the
    /// lifetime. Never a time that the server told, since its clock may be wrong. Written as seconds since 1970.
    pub expires_at: Option<SystemTime>,
    /// The scopes that were given, with spaces in between, where the server says that they differ from those asked for.
    pub scope: Option<String>,
    /// What the server tells of the user (`OpenID` Connect). This crate does not look into it.
    pub id_token: Option<Secret>,
    /// Members this version does not know, kept and written back.
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

    /// What a refresh need not repeat: the refresh token stays valid when no new one came, the scope when none is told.
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

open_object! {
    /// Tokens as they are written.
    struct Written {
        /// The access token.
        pub access_token: Secret = "access_token",
        optional:
        /// The refresh token.
        pub refresh_token: Option<Secret> = REFRESH_TOKEN "refresh_token",
        /// Seconds since 1970.
        pub expires_at: Option<u64> = EXPIRES_AT "expires_at",
        /// The scopes given.
        pub scope: Option<String> = SCOPE "scope",
        /// What the server says of the user.
        pub id_token: Option<Secret> = ID_TOKEN "id_token",
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            access_token: written.access_token,
            refresh_token: written.refresh_token,
            expires_at: written.expires_at.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
            scope: written.scope,
            id_token: written.id_token,
            extra: written.extra,
        })
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("access_token", &self.access_token)?;
        if let Some(token) = &self.refresh_token {
            map.serialize_entry("refresh_token", token)?;
        }
        if let Some(since_1970) = self.expires_at.and_then(|time| time.duration_since(UNIX_EPOCH).ok()) {
            map.serialize_entry("expires_at", &since_1970.as_secs())?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        if let Some(token) = &self.id_token {
            map.serialize_entry("id_token", token)?;
        }
        self.extra.write(&mut map)?;
        map.end()
    }
}

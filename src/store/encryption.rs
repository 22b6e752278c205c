//! Encryption of what stores keep: tokens and the payloads of events.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::StoreError;

/// What an encrypted string begins with. JSON, which is kept without encryption, cannot begin so.
const MARK: &str = "encrypted:";

/// Encrypts what a store keeps, with a key of yours: with a library of your choice, or a key service.
///
/// `purpose` names the row (for instance `tokens/acme/app`). Use it as associated data, so that what was kept for one row
/// cannot be read in another. The methods are called where a store reads and writes, and block it: keep the key at hand.
///
/// ```
/// use onehorizon::{Encryption, StoreError};
///
/// # struct Aead;
/// # impl Aead {
/// #     fn seal(&self, purpose: &[u8], plain: &[u8]) -> Vec<u8> { plain.iter().map(|byte| byte ^ 0x55).collect() }
/// #     fn open(&self, purpose: &[u8], kept: &[u8]) -> Option<Vec<u8>> { Some(self.seal(purpose, kept)) }
/// # }
/// struct WithOurKey(Aead);
///
/// impl Encryption for WithOurKey {
///     fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
///         Ok(self.0.seal(purpose.as_bytes(), plain))
///     }
///     fn decrypt(&self, purpose: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
///         self.0.open(purpose.as_bytes(), kept).ok_or_else(|| StoreError::new("it was encrypted with another key"))
///     }
/// }
/// ```
pub trait Encryption: Send + Sync + 'static {
    /// Encrypts. Everything that [`decrypt`](Self::decrypt) needs beside the key is in the result: a nonce, the key's id.
    ///
    /// # Errors
    /// The store fails with it, and nothing is written.
    fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError>;

    /// Decrypts what [`encrypt`](Self::encrypt) returned for the same purpose.
    ///
    /// # Errors
    /// The store fails with it, and changes nothing.
    fn decrypt(&self, purpose: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError>;
}

/// How a store writes JSON and reads it again: as it is, or encrypted. For those who write stores.
///
/// What was written before encryption was set can still be read, and is encrypted when it is next written.
#[derive(Clone, Default)]
pub struct AtRest(Option<Arc<dyn Encryption>>);

impl AtRest {
    /// Encrypted.
    pub fn encrypted(encryption: impl Encryption) -> Self {
        Self(Some(Arc::new(encryption)))
    }

    /// What is to be kept of some JSON, in ASCII if encrypted.
    ///
    /// # Errors
    /// That of the [`Encryption`].
    pub fn write(&self, purpose: &str, json: &str) -> Result<String, StoreError> {
        let Some(encryption) = &self.0 else { return Ok(json.to_owned()) };
        Ok(format!("{MARK}{}", BASE64.encode(encryption.encrypt(purpose, json.as_bytes())?)))
    }

    /// The JSON of what was kept. The string is erased when it is dropped.
    ///
    /// # Errors
    /// That of the [`Encryption`], or that none is set although the string is encrypted.
    pub fn read(&self, purpose: &str, kept: &str) -> Result<Zeroizing<String>, StoreError> {
        let Some(encoded) = kept.strip_prefix(MARK) else { return Ok(Zeroizing::new(kept.to_owned())) };
        let encryption = self.0.as_ref().ok_or_else(|| {
            StoreError::new("what is kept is encrypted: set the encryption of the process that wrote it")
        })?;
        let damaged = || StoreError::new("what is kept as encrypted is damaged");
        let bytes = BASE64.decode(encoded).map_err(|_| damaged())?;
        let plain = encryption.decrypt(purpose, &bytes)?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|fault| {
            drop(Zeroizing::new(fault.into_bytes()));
            StoreError::new("what was decrypted is not UTF-8: the key may be another")
        })
    }
}

impl AtRest {
    /// [`write`](Self::write), of a value.
    ///
    /// # Errors
    /// As there.
    pub fn write_value(&self, purpose: &str, value: &impl Serialize) -> Result<String, StoreError> {
        self.write(purpose, &Zeroizing::new(serde_json::to_string(value)?))
    }

    /// [`read`](Self::read), as a value. Its errors quote nothing of what was read.
    ///
    /// # Errors
    /// As there, or if the JSON is not that of such a value.
    pub fn read_value<T: DeserializeOwned>(&self, purpose: &str, kept: &str) -> Result<T, StoreError> {
        let json = self.read(purpose, kept)?;
        serde_json::from_str(&json).map_err(|fault| {
            let kind = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
            StoreError::new(format!(
                "what is kept cannot be read as {kind} (line {}, column {})",
                fault.line(),
                fault.column()
            ))
        })
    }
}

impl fmt::Debug for AtRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "AtRest(encrypted)" } else { "AtRest(as it is)" })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// Keeps the purpose beside what it is for, as associated data would.
    struct Bound(u8);

    impl Encryption for Bound {
        fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
            let bound = [purpose.as_bytes(), b"\0", plain].concat();
            Ok(bound.into_iter().map(|byte| byte ^ self.0).collect())
        }

        fn decrypt(&self, purpose: &str, kept: &[u8]) -> Result<Vec<u8>, StoreError> {
            let bound: Vec<u8> = kept.iter().map(|byte| byte ^ self.0).collect();
            let plain = bound.strip_prefix(purpose.as_bytes()).and_then(|rest| rest.strip_prefix(b"\0"));
            plain.map(<[u8]>::to_vec).ok_or_else(|| StoreError::new("another key or row"))
        }
    }

    #[test]
    fn what_was_written_can_be_read_for_the_same_row_with_the_same_key_only() {
        let (ours, other) = (AtRest::encrypted(Bound(0x5a)), AtRest::encrypted(Bound(0xc3)));
        let kept = ours.write("tokens/a", "{\"é\":1}").unwrap();
        assert!(!kept.contains('é') && kept.is_ascii(), "{kept}");
        assert_eq!(*ours.read("tokens/a", &kept).unwrap(), "{\"é\":1}");
        assert!(ours.read("tokens/b", &kept).is_err());
        assert!(other.read("tokens/a", &kept).is_err());
        let error = AtRest::default().read("tokens/a", &kept).unwrap_err();
        assert!(error.to_string().contains("set the encryption"), "{error}");
    }

    #[test]
    fn what_was_written_without_encryption_can_still_be_read() {
        let kept = AtRest::default().write("tokens/a", "{}").unwrap();
        assert_eq!(kept, "{}");
        assert_eq!(*AtRest::encrypted(Bound(1)).read("tokens/a", &kept).unwrap(), "{}");
    }

    #[test]
    fn a_value_that_cannot_be_read_is_not_quoted() {
        let kept = AtRest::default().write_value("tokens/a", &"secret").unwrap();
        let error = AtRest::default().read_value::<u32>("tokens/a", &kept).unwrap_err();
        assert!(error.to_string().contains("as u32") && !format!("{error:?}").contains("secret"), "{error}");
    }

    #[test]
    fn damage_is_an_error() {
        let ours = AtRest::encrypted(Bound(0xff));
        for kept in ["encrypted:", "encrypted:%", "encrypted:AAAA", "encrypted:/w=="] {
            assert!(ours.read("tokens/a", kept).is_err(), "{kept}");
        }
    }
}

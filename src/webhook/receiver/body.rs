//! Collects a body without ever holding more than the cap.

use std::fmt;

use crate::webhook::error::WebhookError;

/// The most that is reserved for an announced length, which may be untrue.
const RESERVED: usize = 16 * 1024;

/// Collects the chunks of a body, up to a cap.
///
/// ```
/// use onehorizon::webhook::BodyCollector;
/// let mut body = BodyCollector::new(8);
/// assert!(body.push(b"{\"a\"").is_ok());
/// assert!(body.push(b": 12345}").is_err());
/// assert_eq!((body.as_slice(), body.limit()), (&b"{\"a\""[..], 8));
/// ```
#[derive(Clone, Default)]
pub struct BodyCollector {
    bytes: Vec<u8>,
    limit: usize,
}

impl BodyCollector {
    /// A collector that takes at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// A collector for a request that announces its length in `Content-Length`.
    ///
    /// # Errors
    /// [`TooLarge`](WebhookError::TooLarge) when the announced length is over the limit: nothing of the body needs
    /// to be read then.
    pub fn announced(limit: usize, content_length: Option<&[u8]>) -> Result<Self, WebhookError> {
        match content_length.map(announced_length) {
            Some(Length::Of(length)) if length <= limit => {
                Ok(Self { bytes: Vec::with_capacity(length.min(RESERVED)), limit })
            }
            Some(Length::Of(_) | Length::Huge) => Err(WebhookError::TooLarge { limit }),
            // The HTTP server below rejects a length that is not a number; without one, the chunks are counted.
            Some(Length::Unknown) | None => Ok(Self::new(limit)),
        }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`TooLarge`](WebhookError::TooLarge) when the body would grow over the limit; the chunk is not kept.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), WebhookError> {
        if chunk.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(WebhookError::TooLarge { limit: self.limit });
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The cap, in bytes.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// What has been collected.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// What has been collected, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl fmt::Debug for BodyCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyCollector").field("len", &self.bytes.len()).field("limit", &self.limit).finish()
    }
}

enum Length {
    Of(usize),
    Huge,
    Unknown,
}

fn announced_length(value: &[u8]) -> Length {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Length::Unknown;
    }
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).map_or(Length::Huge, Length::Of)
}

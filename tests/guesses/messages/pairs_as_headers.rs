//! expect: cannot be read as the headers of a request
//! expect: pass `&HeaderMap` (feature `http`), a reference to pairs or to a map of strings
use onehorizon::webhook::{Verifier, WebhookError};

pub fn check(verifier: &Verifier, signature: &str) -> Result<(), WebhookError> {
    verifier.verify(signature, b"{}").map(drop)
}

//! Keys, signatures and headers that tests of the verifier share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;
use onehorizon::webhook::{AuthFailure, Verifier, WebhookError};

pub const KEY: &str = "correct horse battery staple";
pub const BODY: &[u8] = br#"{"test": 2432232314}"#;

/// Published by the Standard Webhooks project and its libraries.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const VECTORS: [(&str, u64, &str, &str); 2] = [
    (
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_696_200_454,
        r#"{"type": "example.created", "timestamp":"2023-09-28T19:20:22+00:00", "data":{"str":"string","bool":true,"int":42}}"#,
        "v1,GgjvufBlIj71MBIVQotYGb+xEC3LNXCsIZp0HsDC8qs=",
    ),
];
pub const SIGNED_AT: u64 = VECTORS[0].1;
pub const OTHER_SECRET: &str = "c2VjcmV0IG9mIGFub3RoZXIgZW5kcG9pbnQ=";

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Headers as a server holds them: any case, in a list.
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub fn key(key: &str) -> Self {
        Self::of(&[("X-One-Webhook-Key", key)])
    }

    pub fn signed(id: &str, timestamp: &str, signature: &str) -> Self {
        Self::of(&[("Webhook-Id", id), ("Webhook-Timestamp", timestamp), ("Webhook-Signature", signature)])
    }

    pub fn vector() -> Self {
        let (id, timestamp, _, signature) = VECTORS[0];
        Self::signed(id, &timestamp.to_string(), signature)
    }

    pub fn find<'h>(&'h self) -> impl Fn(&str) -> Option<&'h [u8]> {
        |name| self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
    }
}

pub fn signed_verifier(now: u64) -> Verifier {
    Verifier::builder().signed("relay", SECRET).clock(Moment(move || at(now))).build().unwrap()
}

pub fn failure(result: Result<impl Sized, WebhookError>) -> AuthFailure {
    match result {
        Err(WebhookError::Unauthorized(failure)) => failure,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

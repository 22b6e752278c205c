//! Webhook deliveries of a given size.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;
use onehorizon::webhook::{Signer, Verifier};

/// A webhook key.
pub const KEY: &str = "bench-webhook-key-0c93d1";
/// The signing secret from the Standard Webhooks documentation.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_2b7f";

/// The time of signing, and the time on the verifiers' clocks.
#[must_use]
pub fn signed_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_778_487_300)
}

/// A delivery with the headers of both schemes.
#[derive(Debug)]
pub struct Delivery {
    /// The body.
    pub body: Vec<u8>,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
}

impl Delivery {
    /// An event whose body has this many bytes, signed at [`signed_at`].
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self::sent_at(bytes, signed_at())
    }

    /// An event whose body has this many bytes, signed at a time.
    #[must_use]
    pub fn sent_at(bytes: usize, at: SystemTime) -> Self {
        let event = |text: &str| {
            format!(
                concat!(
                    r#"{{"specversion":"1.0","id":"evt_2b7f","source":"https://onehorizon.ai/workspaces/w_7hd2kp","#,
                    r#""type":"onehorizon.task.updated","datacontenttype":"application/json","#,
                    r#""time":"2026-05-11T08:15:00Z","workspaceid":"w_7hd2kp","data":{{"#,
                    r#""resource":{{"type":"task","id":"tsk_4qm9xt2b","taskId":"tsk_4qm9xt2b"}},"#,
                    r#""actor":{{"type":"user","id":"u_3fz8lq"}},"task":{{"taskId":"tsk_4qm9xt2b","#,
                    r#""title":"Recap e-mail is sent twice","status":"planned","mood":"calm","description":"{}"}}}}}}"#
                ),
                text
            )
        };
        let body = event(&"Members of two teams receive the recap twice. ".repeat(bytes / 46 + 1));
        let surplus = body.len().saturating_sub(bytes);
        let text = "Members of two teams receive the recap twice. ".repeat(bytes / 46 + 1);
        let body = event(text.get(..text.len() - surplus).unwrap_or_default()).into_bytes();
        let signer = Signer::new(SECRET).expect("a secret");
        let mut headers = vec![("content-type", "application/cloudevents+json".to_owned())];
        headers.push(("x-one-webhook-key", KEY.to_owned()));
        headers.extend(signer.headers(ID, at, &body));
        Self { body, headers }
    }

    /// Looks a header up, as a verifier does.
    pub fn find<'h>(&'h self) -> impl Fn(&str) -> Option<&'h [u8]> {
        move |name| self.headers.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value.as_bytes())
    }

    /// The signed text before the body.
    #[must_use]
    pub fn signed_prefix() -> String {
        format!("{ID}.1778487300.")
    }
}

/// A verifier of keys.
#[must_use]
pub fn by_key() -> Verifier {
    Verifier::builder().key("key", KEY).clock(Moment(signed_at)).build().expect("a verifier")
}

/// A verifier of signatures.
#[must_use]
pub fn by_signature() -> Verifier {
    Verifier::builder().signed("relay", SECRET).clock(Moment(signed_at)).build().expect("a verifier")
}

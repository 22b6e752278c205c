//! expect: `EventRouter` is not a handler of events
//! expect: an `EventRouter` is passed as `router.handler()`
use onehorizon::webhook::{EventRouter, Receiver, Reply};

pub async fn hook(receiver: &Receiver, router: EventRouter, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    receiver.receive("POST", headers, body, router).await
}

//! Deliveries: events, signatures, whole requests.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::moment::Moment;
use onehorizon::Secret;
use onehorizon::webhook::claims::MemoryClaims;
use onehorizon::webhook::{Event, Receiver, Signer, Verified, Verifier};

use crate::gauge::bounded;

const SECRET: &str = "whsec_Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTVmMmE";
const KEY: &str = "canary-webhook-key-5f2a";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

static SIGNED: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::builder().signed("one", SECRET).clock(Moment(now)).build().unwrap());
/// Its store keeps few events, so that memory does not grow with the number of runs.
static RECEIVER: LazyLock<Receiver> = LazyLock::new(|| {
    let verifier = Verifier::builder().key("one", KEY).clock(Moment(now)).build().unwrap();
    Receiver::builder(verifier).store(MemoryClaims::with_limits(16, Duration::from_secs(60))).build()
});

/// The JSON of an event: reading keeps the text, and the event's model can be written and read again.
pub fn event(data: &[u8]) {
    bounded(data.len(), 96, || {
        let Ok(event) = Event::from_json(data) else { return };
        let text = event.as_json().to_owned();
        let again = Event::from_json(&text).unwrap();
        assert_eq!(
            (event.id(), event.event_type(), event.task_id()),
            (again.id(), again.event_type(), again.task_id())
        );
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(event.data()).is_ok());
        event.attribute_names().iter().for_each(|name| assert!(event.attribute(name).is_some(), "{name:?}"));
        if let Ok(model) = event.to_model() {
            let written = serde_json::to_string(&model).unwrap();
            assert!(Event::from_json(written).is_ok(), "{text}");
        }
    });
}

/// Signature header, id and timestamp, each on its own line, then the body.
pub fn signature(data: &[u8]) {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (signature, id, timestamp, body) = (next(), next(), next(), next());
    bounded(data.len(), 32, || {
        let result = SIGNED.verify(
            |name: &str| match name {
                "webhook-signature" => Some(signature),
                "webhook-id" => Some(id),
                "webhook-timestamp" => Some(timestamp),
                _ => None,
            },
            body,
        );
        assert!(result.is_err(), "a forged signature is accepted");
        let error = result.map(|_| ()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    });
    let (Ok(id), Ok(seconds)) = (std::str::from_utf8(id), std::str::from_utf8(timestamp)) else { return };
    if id.is_empty() || seconds.len() > 10 {
        return;
    }
    bounded(data.len(), 64, || {
        let headers: BTreeMap<_, _> = Signer::new(SECRET).unwrap().headers(id, now(), body).into();
        let verified = SIGNED.verify(|name: &str| headers.get(name).map(String::as_bytes), body);
        assert!(verified.is_ok() || id.contains('.') || !id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    });
    // A secret chosen by the attacker is refused or works; it never panics.
    drop(Signer::new(Secret::from(String::from_utf8_lossy(data).into_owned())));
}

/// A whole request: the method in the first line, then headers up to an empty line, then the body.
pub fn webhook_request(data: &[u8]) {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let Ok(method) = std::str::from_utf8(lines.next().unwrap_or_default()) else { return };
    let mut headers = BTreeMap::new();
    for line in lines.take(32) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        headers.insert(String::from_utf8_lossy(&line[..colon]).to_lowercase(), &line[colon + 1..]);
    }
    let header = |name: &str| headers.get(name).copied();
    bounded(data.len(), 96, || {
        if let Ok(mut collector) = RECEIVER.begin(method, header) {
            for chunk in body.chunks(100) {
                if collector.push(chunk).is_err() {
                    break;
                }
            }
        }
    });
    bounded(data.len(), 96, || {
        let handled = |event: Verified<Event>| {
            assert!(
                header("x-one-webhook-key")
                    .is_some_and(|key| key.starts_with(KEY.as_bytes()) || key.ends_with(KEY.as_bytes()))
            );
            drop(event);
            std::future::ready(Ok::<_, Infallible>(()))
        };
        let mut reply = pin!(RECEIVER.receive(method, header, body, handled));
        let Poll::Ready(reply) = reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing here waits")
        };
        assert!(matches!(reply.status(), 200 | 204 | 400 | 401 | 405 | 413 | 415 | 500 | 503), "{}", reply.status());
        // The reply to a handled event contains its id and type.
        assert!(reply.body().len() < 500 + 8 * data.len());
        assert!(reply.status() == 200 || !reply.body().contains(KEY), "{}", reply.body());
    });
}

//! Signed deliveries: what an event is comes from what is signed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::{Event, Outcome, Receiver, Reply, Scheme, Signer, Verified, Verifier, WebhookError};
use support::bench::{KEY, body};
use support::moment::Moment;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MEDIA_TYPE: &str = "application/cloudevents+json";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn verifier() -> Verifier {
    Verifier::builder().signed("relay", SECRET).clock(Moment(now)).build().unwrap()
}

/// A captured delivery: its signed headers and its body.
fn captured(message: &str, event: &str) -> (Vec<(String, String)>, String) {
    let text = body(event);
    let signed = Signer::new(SECRET).unwrap().headers(message, now(), text.as_bytes());
    let mut headers: Vec<_> = signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    headers.push(("content-type".to_owned(), MEDIA_TYPE.to_owned()));
    (headers, text)
}

fn with(headers: &[(String, String)], more: &[(&str, &str)]) -> Vec<(String, String)> {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    headers.iter().cloned().chain(more).collect()
}

struct Counting {
    receiver: Receiver,
    runs: AtomicUsize,
}

impl Counting {
    fn new(verifier: Verifier) -> Self {
        Self { receiver: Receiver::new(verifier), runs: AtomicUsize::new(0) }
    }

    async fn post(&self, headers: &[(String, String)], text: &str) -> Reply {
        let handler = async |_: Verified<Event>| {
            self.runs.fetch_add(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(())
        };
        self.receiver.receive("POST", headers, text.as_bytes(), handler).await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[test]
fn a_header_that_contradicts_the_signed_body_is_refused() {
    let (headers, text) = captured("msg_1", "evt_1");
    for (name, value) in [
        ("x-one-event-id", "evt_2"),
        ("X-One-Event-Id", "EVT_1"),
        ("x-one-event-id", "evt_1\0"),
        ("x-one-event-type", "task.deleted"),
        ("X-ONE-EVENT-TYPE", "Task.Created"),
    ] {
        let error = verifier().event(&with(&headers, &[(name, value)]), text.as_bytes()).unwrap_err();
        let header = name.to_ascii_lowercase();
        assert!(matches!(&error, WebhookError::Contradiction { header: named } if *named == header), "{name}: {error}");
        assert_eq!((error.status(), error.code()), (400, "contradiction"));
    }
    for (name, joined) in [("x-one-event-id", "evt_1, evt_1"), ("x-one-event-type", "task.created,task.created")] {
        let event = verifier().event(&with(&headers, &[(name, joined)]), text.as_bytes());
        assert!(event.is_ok(), "an intermediary joined {joined}");
        let other = joined.replacen("_1", "_2", 1).replacen("created", "deleted", 1);
        assert!(verifier().event(&with(&headers, &[(name, &other)]), text.as_bytes()).is_err(), "{other}");
    }
    let twice = [("x-one-event-id", "evt_1"), ("x-one-event-id", "evt_2")];
    assert!(verifier().event(&with(&headers, &twice), text.as_bytes()).is_err(), "each line of the header counts");
    let not_text: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let not_text = [not_text, vec![("x-one-event-id", &b"evt_1\xff"[..])]].concat();
    assert!(verifier().event(&not_text, text.as_bytes()).is_err());
}

#[test]
fn a_header_cannot_contradict_what_is_broken_in_the_signed_body() {
    for broken in [&br"evt_\ud83d"[..], b"evt_\xfc"] {
        let text = body("evt_1").into_bytes();
        let at = text.windows(5).position(|window| window == b"evt_1").unwrap();
        let text = [&text[..at], broken, &text[at + 5..]].concat();
        let signed = Signer::new(SECRET).unwrap().headers("msg_1", now(), &text);
        let mut headers: Vec<_> = signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.push(("content-type".to_owned(), MEDIA_TYPE.to_owned()));
        let event = verifier().event(&with(&headers, &[("x-one-event-id", "evt_1")]), &text).unwrap();
        assert!(event.id().as_str().starts_with(r"evt_\ud"), "the header is not believed: {}", event.id());
        let other = with(&headers, &[("x-one-event-type", "task.deleted")]);
        assert!(matches!(verifier().event(&other, &text), Err(WebhookError::Contradiction { .. })));
    }
}

#[test]
fn headers_that_agree_with_the_signed_body_are_fine() {
    let (headers, text) = captured("msg_1", "evt_1");
    for more in [
        vec![("x-one-event-id", "evt_1"), ("x-one-event-type", "task.created")],
        vec![("x-one-event-id", " evt_1 ")],
        vec![("x-one-event-id", ""), ("x-one-event-type", "  ")],
        vec![],
    ] {
        let event = verifier().event(&with(&headers, &more), text.as_bytes()).unwrap();
        assert_eq!((event.id().as_str(), event.event_type().as_str()), ("evt_1", "task.created"));
        assert!(event.is_body_signed() && event.id_mismatch().is_none() && event.type_mismatch().is_none());
    }
}

#[tokio::test]
async fn a_captured_delivery_with_other_headers_never_runs_the_handler_again() {
    let receiver = Counting::new(verifier());
    let (headers, text) = captured("msg_1", "evt_1");
    for more in [
        vec![],
        vec![("x-one-event-id", "evt_a")],
        vec![("x-one-event-id", "evt_b"), ("x-one-retry-num", "3")],
        vec![("x-one-event-type", "task.deleted")],
        vec![("x-one-retry-num", "1"), ("x-one-retry-reason", "timeout")],
        vec![("x-one-webhook-key", "whatever")],
    ] {
        receiver.post(&with(&headers, &more), &text).await;
    }
    assert_eq!(receiver.runs(), 1);
    let (other, other_text) = captured("msg_2", "evt_2");
    let taken = with(&headers, &[("x-one-event-id", "evt_2")]);
    receiver.post(&taken, &text).await;
    let reply = receiver.post(&other, &other_text).await;
    assert!(matches!(reply.outcome(), Outcome::Handled), "a true event does not pass for a duplicate: {reply:?}");
}

#[tokio::test]
async fn the_signed_event_id_and_not_the_message_id_of_the_relay_makes_a_duplicate() {
    let receiver = Counting::new(verifier());
    let (first, text) = captured("msg_1", "evt_1");
    let (second, _) = captured("msg_2", "evt_1");
    assert!(matches!(receiver.post(&first, &text).await.outcome(), Outcome::Handled));
    assert!(matches!(receiver.post(&second, &text).await.outcome(), Outcome::Duplicate));
    let mut relabelled = first.clone();
    relabelled[0].1 = "msg_3".to_owned();
    assert_eq!(receiver.post(&relabelled, &text).await.status(), 401, "the message id is signed");
}

#[test]
fn with_key_and_signature_at_once_the_signature_decides_what_is_believed() {
    let both = Verifier::builder().key("key", KEY).signed("relay", SECRET).clock(Moment(now)).build().unwrap();
    let (headers, text) = captured("msg_1", "evt_1");
    let keyed = with(&headers, &[("x-one-webhook-key", KEY), ("x-one-event-id", "evt_2")]);
    assert!(matches!(both.event(&keyed, text.as_bytes()), Err(WebhookError::Contradiction { .. })));
    let wrong: Vec<_> = keyed.iter().filter(|(name, _)| name != "x-one-event-id").cloned().collect();
    assert_eq!(both.event(&wrong, text.as_bytes()).unwrap().scheme(), Scheme::Signature);
    let tampered = text.replace("evt_1", "evt_2");
    assert!(both.event(&wrong, tampered.as_bytes()).is_err(), "a right key does not excuse a wrong signature");
}

#[test]
fn an_event_that_came_with_a_key_alone_takes_id_and_type_from_the_headers() {
    let verifier = Verifier::key(KEY).unwrap();
    let headers = [("x-one-webhook-key", KEY), ("content-type", MEDIA_TYPE), ("x-one-event-id", "evt_header")];
    let event = verifier.event(&headers, body("evt_1").as_bytes()).unwrap();
    assert_eq!((event.id().as_str(), event.id_mismatch().unwrap().as_str()), ("evt_header", "evt_1"));
    assert!(!event.is_body_signed());
}

#[test]
fn an_encoded_body_is_refused_as_such() {
    let keyed = Verifier::key(KEY).unwrap();
    let (signed, text) = captured("msg_1", "evt_1");
    let key: Vec<_> = [("x-one-webhook-key", KEY), ("content-type", MEDIA_TYPE)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    for (verifier, headers) in [(keyed, key), (verifier(), signed)] {
        for encoding in ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "gzip,identity", "x-unknown"] {
            let headers = with(&headers, &[("content-encoding", encoding)]);
            let error = verifier.event(&headers, b"\x1f\x8b\x08 not the signed bytes").unwrap_err();
            assert_eq!((error.status(), error.code()), (415, "unsupported_encoding"), "{encoding}");
        }
        for harmless in ["identity", "", "Identity "] {
            assert!(verifier.event(&with(&headers, &[("content-encoding", harmless)]), text.as_bytes()).is_ok());
        }
        let two_lines = with(&headers, &[("content-encoding", "identity"), ("content-encoding", "gzip")]);
        assert_eq!(verifier.event(&two_lines, b"\x1f\x8b\x08").unwrap_err().status(), 415);
    }
}

#[test]
fn a_plain_body_is_taken_whatever_encoding_a_relay_wrote_beside_it() {
    let keyed = Verifier::key(KEY).unwrap();
    let (signed, text) = captured("msg_1", "evt_1");
    let key =
        [("x-one-webhook-key", KEY), ("content-type", MEDIA_TYPE)].map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    for (verifier, headers) in [(keyed, key), (verifier(), signed)] {
        for encoding in ["utf-8", "UTF-8", "none", "8bit", "identity, none", "application/json", "gzip", "br"] {
            let headers = with(&headers, &[("content-encoding", encoding)]);
            let event = verifier.event(&headers, text.as_bytes());
            assert_eq!(event.unwrap_or_else(|error| panic!("{encoding}: {error}")).id().as_str(), "evt_1");
        }
    }
}

//! A receiver at a time that tests move, and requests to it.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, UNIX_EPOCH};

use crate::moment::Moment;
use onehorizon::webhook::claims::{ClaimStore, MemoryClaims};
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier};
use serde_json::Value;

pub const KEY: &str = "the-key";
pub const HEADERS: [(&str, &str); 2] =
    [("x-one-webhook-key", KEY), ("content-type", "application/cloudevents+json; charset=utf-8")];

pub type Outcomes = Result<(), &'static str>;

pub fn body(id: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"task.created","source":"onehorizon/workspaces/w_1","time":
        "2026-05-05T12:00:00Z","datacontenttype":"application/json","workspaceid":"w_1","data":{{"resource":
        {{"type":"task","id":"tsk_1"}},"task":{{"taskId":"tsk_1"}}}}}}"#
    )
}

pub fn find<'h>(headers: &'h [(&'h str, &'h str)]) -> impl Fn(&str) -> Option<&'h [u8]> {
    |name| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_bytes())
}

pub fn json(reply: &Reply) -> Value {
    serde_json::from_str(reply.body()).unwrap()
}

/// A receiver at a time that tests move, and how often its handler ran.
pub struct Bench {
    pub receiver: Receiver,
    pub now: Arc<AtomicU64>,
    pub runs: AtomicUsize,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_store(MemoryClaims::new())
    }

    pub fn with_store(store: impl ClaimStore + 'static) -> Self {
        let now = Arc::new(AtomicU64::new(1_000));
        let clock = now.clone();
        let verifier = Verifier::builder()
            .key("key", KEY)
            .clock(Moment(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))))
            .build()
            .unwrap();
        let receiver = Receiver::builder(verifier).store(store).lease(Duration::from_secs(30)).build();
        Self { receiver, now, runs: AtomicUsize::new(0) }
    }

    pub fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub async fn request(&self, method: &str, headers: &[(&str, &str)], body: &str, outcome: Outcomes) -> Reply {
        let handler = async |_: Verified<Event>| {
            self.runs.fetch_add(1, Ordering::SeqCst);
            outcome
        };
        self.receiver.receive(method, find(headers), body.as_bytes(), handler).await
    }

    pub async fn post(&self, id: &str) -> Reply {
        self.request("POST", &HEADERS, &body(id), Ok(())).await
    }

    /// A delivery whose handler never ends.
    pub fn hang<'b>(&'b self, body: &'b str) -> impl Future<Output = Reply> + 'b {
        let handler = async |_: Verified<Event>| {
            self.runs.fetch_add(1, Ordering::SeqCst);
            pending::<Outcomes>().await
        };
        self.receiver.receive("POST", find(&HEADERS), body.as_bytes(), handler)
    }

    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

/// Runs a future as far as it goes.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

//! Responds from a recording.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use onehorizon::BoxFuture;
use onehorizon::transport::{Transport, TransportError, TransportRequest, TransportResponse};

use super::secrets::{Got, Secrets, Sent};
use super::{Cassette, Interaction};
use crate::service::reply;

/// A transport that responds from a recording; clones share it.
///
/// A request that the recording does not have gets status 501 with a message that names it.
#[derive(Clone, Debug)]
pub struct ReplayTransport {
    is_strict: bool,
    left: Arc<Mutex<Vec<(Interaction, bool)>>>,
}

impl ReplayTransport {
    /// Each interaction is replayed once, to a request of the same method, path, query and body. Requests may come in
    /// another order than in the recording.
    #[must_use]
    pub fn strict(cassette: Cassette) -> Self {
        Self::new(cassette, true)
    }

    /// Bodies do not count, and the last interaction of a request is replayed again and again.
    #[must_use]
    pub fn lenient(cassette: Cassette) -> Self {
        Self::new(cassette, false)
    }

    fn new(cassette: Cassette, is_strict: bool) -> Self {
        let left = cassette.interactions.into_iter().map(|one| (one, false)).collect();
        Self { is_strict, left: Arc::new(Mutex::new(left)) }
    }

    /// How many interactions were not replayed yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.lock().iter().filter(|(_, is_used)| !is_used).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Interaction, bool)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn respond(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let replayed = self.replay(&Sent::of_http("", request));
        let mut response = Response::new(replayed.body);
        *response.status_mut() = replayed.status;
        *response.headers_mut() = replayed.headers;
        response
    }

    fn replay(&self, sent: &Sent<'_>) -> TransportResponse {
        // The request is compared as it would have been recorded.
        let got = Got { status: StatusCode::OK, headers: &HeaderMap::new(), body: &[] };
        let asked = Secrets::default().interaction(sent, &got);
        let mut left = self.lock();
        let fits = |one: &Interaction| if self.is_strict { one.same_request(&asked) } else { one.same_target(&asked) };
        if let Some((found, is_used)) = left.iter_mut().find(|(one, is_used)| !is_used && fits(one)) {
            *is_used = true;
            return found.to_response();
        }
        if !self.is_strict
            && let Some((found, _)) = left.iter().rev().find(|(one, _)| fits(one))
        {
            return found.to_response();
        }
        let mut message = format!("the recording has no (further) {} {}", asked.method, asked.path);
        if left.iter().any(|(one, _)| one.same_target(&asked)) {
            message.push_str(" with this body, or it was replayed already; `ReplayTransport::lenient` repeats it");
        }
        let response = reply::error(StatusCode::NOT_IMPLEMENTED, &message);
        let (head, body) = response.into_parts();
        TransportResponse::new(head.status, head.headers, body)
    }
}

impl Transport for ReplayTransport {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let response = self.replay(&Sent::of(&request));
        Box::pin(async move { Ok(response) })
    }
}

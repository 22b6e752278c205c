//! From the bytes of a delivery to the handler and the reply.

// mutants: src/reconcile
// mutants-with: fake

mod axum;
mod body;
mod claim_store;
mod claims;
mod conformance;
mod crash;
mod event;
mod event_payload;
mod hooks;
mod inbox;
mod interop;
mod outage;
mod receiver;
mod reconcile;
mod reply;
mod router;
mod signatures;
mod signed;
mod verifier;

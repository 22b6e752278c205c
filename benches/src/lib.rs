//! Shared by the benches: responses of the service, a client written by hand as the peer, and statistics.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a bench panics on failure"
)]

pub mod canned;
pub mod deliveries;
pub mod hand;
pub mod load;
#[path = "../../tests/support/moment.rs"]
pub mod moment;
pub mod process;
pub mod responses;
pub mod stats;

//! What the benches share: answers of the service, the peer that a user would write by hand, and honest statistics.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a bench says so by panicking"
)]

pub mod answers;
pub mod canned;
pub mod deliveries;
pub mod hand;
pub mod load;
pub mod process;
pub mod stats;

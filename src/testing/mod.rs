//! A fake One Horizon for tests.
//!
//! [`FakeOneHorizon`] plays the REST API in this process: stateful, with the documented rules, and
//! strict: each request is held against the same contract that the client is generated from.
//! What the service does not document, the fake decides, and says so where it does.

mod contract;
mod core;
mod fake;
mod faults;
mod log;
mod query;
mod quota;
mod record;
mod reply;
mod routes;
mod seed;
mod server;
mod state;
mod time;
mod transport;
mod validate;

pub use self::fake::{FakeBuilder, FakeOneHorizon};
pub use self::faults::{Cut, Delivery, Fault, Wait};
pub use self::log::RecordedRequest;
pub use self::quota::QuotaModel;
pub use self::record::Record;
pub use self::transport::FakeTransport;
pub use self::validate::Violation;

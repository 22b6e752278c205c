//! One call from builder to response: attempts, retries, waits, deadlines.

mod bulk_update;
mod faults;
mod retry;
mod waits;

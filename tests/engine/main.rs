//! One call from builder to response: attempts, retries, waits, deadlines.

// mutants: src/clock.rs src/deadline.rs src/retry_after.rs src/trace.rs src/future.rs
// mutants-with: lib client fake rotation hostile spans

mod bulk_update;
mod faults;
mod hooks;
mod intermediaries;
mod retry;
mod waits;

//! One call from builder to response: attempts, retries, waits, deadlines.

// mutants: src/clock src/drift src/deadline src/hooks src/watchers src/retry_after src/trace src/future src/keyed_locks src/time_limit src/background src/contained src/media_type
// mutants-with: lib client fake rotation hostile spans

mod bulk_update;
mod compressed;
mod escapes;
mod faults;
mod hooks;
mod intermediaries;

mod retry;
mod statuses;
mod unused_hooks;
mod updates;
mod waits;
mod waits_in_words;

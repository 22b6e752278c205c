//! Pacing, the queue, the gate and the stores of the request quota.

// mutants: src/store.rs
// mutants-with: lib engine

mod gate;
mod pacing;
mod property;
mod store;
mod threads;

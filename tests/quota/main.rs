//! Pacing, the queue, the gate and the stores of the request quota.

// mutants: src/store
// mutants-with: lib engine fake

mod gate;
mod lanes;
mod pacing;
mod pacing_reported;
mod property;
mod scale;
mod store;
mod store_contract;
mod threads;
mod unpolled;

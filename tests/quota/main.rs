//! Pacing, the queue, the gate and the stores of the request quota.

mod gate;
mod pacing;
mod property;
mod store;
mod threads;

//! The models keep everything that the service sends.

// mutants: src/timestamp.rs
// mutants-with: lib client webhook

mod round_trip;
mod values;

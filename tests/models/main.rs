//! The models keep everything that the service sends.

// mutants: src/timestamp.rs
// mutants-with: lib client webhook

#[cfg(feature = "dates")]
mod dates;
mod round_trip;
mod values;

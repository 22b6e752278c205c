//! The models keep everything that the service sends.

// mutants: src/models
// mutants-with: lib client webhook

mod presence;
mod property;
mod round_trip;
mod unreadable;
mod values;

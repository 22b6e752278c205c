//! The models keep everything that the service sends.

// mutants-with: lib client webhook

#[cfg(feature = "dates")]
mod dates;
mod presence;
mod property;
mod round_trip;
mod unions;
mod unreadable;
mod values;

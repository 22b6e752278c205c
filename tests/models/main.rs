//! The models keep everything that the service sends.

mod round_trip;
mod values;

//! Rotation of API keys.

mod documented;
mod intermediaries;
mod ways;

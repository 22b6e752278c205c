//! Rotation of API keys.

mod documented;
mod ways;

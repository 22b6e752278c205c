//! Typed Rust client for One Horizon (onehorizon.ai) with webhook handling.

#[cfg(feature = "testing")]
pub mod testing;

//! Typed Rust client for One Horizon (onehorizon.ai) with webhook handling.

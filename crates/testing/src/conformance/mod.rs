//! The contracts of the stores as tests: run them against a store of yours.

pub mod claims;
pub mod quota;

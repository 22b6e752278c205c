//! `cargo generate [--check]`: turns the contract and its curation into `src/generated`.
fn main() {}

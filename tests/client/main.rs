//! What users meet first: configuration, credentials, responses and errors of single calls.

// mutants: src/apis src/configuration src/credential.rs src/error src/limits.rs src/options.rs src/response.rs src/secret.rs
// mutants: src/transport
// mutants-with: lib rotation engine fake oauth environment hostile

mod accounts;
mod bad_input;
mod blocking;
mod bulk;
mod edit;
mod error_bodies;
mod exit_codes;
mod find_or_create;
mod key_file;
mod lists;
mod network;
mod preview;
mod prism;
mod transport_cap;
mod whole;

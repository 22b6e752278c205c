//! What users meet first: configuration, credentials, responses and errors of single calls.

mod accounts;
mod bad_input;
mod error_bodies;
mod prism;
mod transport_cap;

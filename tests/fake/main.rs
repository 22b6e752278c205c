//! The fake service and the webhook sender behave as the contract says.

// mutants: crates/testing/src
// mutants-with: lib oauth

mod contract;
mod documented;
mod faults;
mod kit;
mod oauth;
mod oauth_rules;
mod page;
mod quota;
mod record;
mod recording;
mod rules;
mod sender;
mod server;
mod tasks;

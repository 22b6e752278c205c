//! Login, token exchange, refresh and saving of tokens.

// mutants-with: lib fake environment

mod errors;
mod examples;
mod independent;
mod login;
mod refresh;
mod responses;
mod runtimes;
mod saving;
mod settings;
mod shared;
mod token_store;

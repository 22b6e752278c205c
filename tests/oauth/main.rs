//! Login, token exchange, refresh and saving of tokens.

// mutants-with: lib fake environment

mod errors;
mod examples;
mod independent;
mod login;
mod refresh;
mod saving;
mod settings;

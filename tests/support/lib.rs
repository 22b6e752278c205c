//! What the tests share: servers that play the service, transports and clocks of the tests, fixtures.

pub mod bench;
pub mod canary;
pub mod canary_hooks;
pub mod canary_log;
pub mod contract;
pub mod delivery;
pub mod example;
pub mod fault_server;
pub mod file_store;
pub mod hostile_server;
pub mod http;
mod models;
pub mod moment;
pub mod mutate;
pub mod network;
pub mod oauth;
pub mod proofs;
pub mod service;
pub mod stage;
pub mod step_clock;
pub mod unknowns;
pub mod windows;
pub mod wire;

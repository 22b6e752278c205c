//! No secret leaks, and a service that grows breaks nobody.

mod canary;
mod canary_clients;
mod canary_types;
mod canary_watchers;
mod open_world;

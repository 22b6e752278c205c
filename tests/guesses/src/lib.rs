//! First guesses: what people write before they read anything. That this crate compiles is the test; nothing of it runs.
//!
//! The guesses that do not compile, and what to write instead, are doc tests of `refused`.
#![allow(dead_code, unused_variables, unused_mut, clippy::all)]

mod guess {
    pub(super) use std::collections::{BTreeMap, HashMap, HashSet};
    pub(super) use std::time::Duration;

    pub(super) use onehorizon::models::*;
    pub(super) use onehorizon::*;
}

mod comparing;
mod configuring;
mod defaulting;
mod deriving;
mod editing;
mod iterating;
mod listing;
mod matching;
mod receiving;
mod refused;
mod sorting;

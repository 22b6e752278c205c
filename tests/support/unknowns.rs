//! The behaviours of the fake that `ONEHORIZON_FAKE_UNKNOWNS` names, for tests that depend on one of them: what such a test
//! depends on stays as it is by default, everything else varies.

use onehorizon_testing::{ListContent, Unknowns, UpdateMethod, UpdateReply};

fn named() -> Unknowns {
    Unknowns::from_env().unwrap()
}

/// For tests that count the requests of an update: one PUT, which shows the task. `tests/engine/updates.rs` has the others.
pub fn counted_updates() -> Unknowns {
    named().update_method(UpdateMethod::Put).updated(UpdateReply::Task)
}

/// For tests of what a list shortens.
pub fn shortened_lists() -> Unknowns {
    named().lists(ListContent::Shortened)
}

//! The tests of `docs/testing.md`, as they stand there.

mod backend;
#[allow(clippy::unused_async, reason = "a reader's handler awaits its database")]
mod receiver;
mod script;

#[test]
fn the_document_shows_these_tests() {
    let document = include_str!("../../../docs/testing.md");
    let shown: Vec<&str> = document.split("```rust\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    let run = [include_str!("script.rs"), include_str!("backend.rs"), include_str!("receiver.rs")];
    assert_eq!(shown, run);
}

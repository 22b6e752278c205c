//! What is on disk against what should be there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use insta::assert_snapshot;
use onehorizon_generate::check::{compare, report, write};

#[test]
fn stale_files_are_reported_with_a_diff_and_mended_by_writing() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("models")).unwrap();
    std::fs::write(at("same.rs"), "same\n").unwrap();
    std::fs::write(at("changed.rs"), "one\ntwo\nthree\n").unwrap();
    std::fs::write(at("models/old.rs"), "old\n").unwrap();
    let right: BTreeMap<_, _> = [("same.rs", "same\n"), ("changed.rs", "one\n2\nthree\n"), ("apis/new.rs", "new\n")]
        .map(|(name, text)| (at(name), text.to_owned()))
        .into();

    let shown = report(&compare(directory.path(), &right).unwrap());
    assert_snapshot!(shown.replace(&format!("{}/", directory.path().display()), ""));

    assert_eq!(write(directory.path(), &right).unwrap(), 3);
    assert_eq!(compare(directory.path(), &right).unwrap(), []);
    assert!(!at("models/old.rs").exists());
    assert_eq!(std::fs::read_to_string(at("apis/new.rs")).unwrap(), "new\n");
    assert_eq!(write(directory.path(), &right).unwrap(), 0);
}

#[test]
fn a_directory_that_is_not_there_lacks_everything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none/a.rs");
    let right = BTreeMap::from([(path.clone(), "a\n".to_owned())]);
    assert_eq!(
        report(&compare(Path::new(path.parent().unwrap()), &right).unwrap()),
        format!("missing: {}\n", path.display())
    );
}

#[test]
fn a_write_that_fails_leaves_every_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (kept, blocked) = (directory.path().join("a.rs"), directory.path().join("b.rs"));
    std::fs::write(&kept, "old").unwrap();
    // A directory stands where the second file should go.
    std::fs::create_dir_all(blocked.join("inner")).unwrap();
    let files = BTreeMap::from([(kept.clone(), "new".to_owned()), (blocked.clone(), "new".to_owned())]);
    assert!(write(directory.path(), &files).is_err());
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old");
    let mut left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.rs", "b.rs"]);
}

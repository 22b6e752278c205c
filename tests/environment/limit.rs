//! No test program waits for ever: each runs under `.ci/limit`.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

const SIGALRM: i32 = 14;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Runs a script as cargo runs a program of this path, with a limit of a second.
fn run(path: &str, script: &str, arguments: &[&str]) -> ExitStatus {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(path);
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(root().join(".ci/limit"));
    command.arg(&program).args(arguments).env("ONEHORIZON_TEST_LIMIT", "1").status().unwrap()
}

#[test]
fn this_program_runs_under_the_limit_that_all_have() {
    let limit = std::env::var("ONEHORIZON_TEST_LIMIT").unwrap_or_default();
    let seconds: u64 = limit.parse().expect("run by cargo, which starts tests through .ci/limit (.cargo/config.toml)");
    assert!(seconds <= 3600, "{seconds} s");
    // The one setting is for all packages, unless a folder has its own.
    for folder in
        ["benches", "crates/testing", "crates/redis", "crates/postgres", "crates/sqlite", "openapi/generate", "tests"]
    {
        assert!(!root().join(folder).join(".cargo").exists(), "{folder} has settings of its own");
    }
}

#[test]
fn a_test_program_that_hangs_is_ended() {
    // `exec`, so that it is the program itself that hangs.
    let status = run("deps/area-0123456789abcdef", "exec sleep 30", &[]);
    assert_eq!(status.signal(), Some(SIGALRM), "{status}");
}

#[test]
fn a_program_that_ends_keeps_its_exit_code_and_its_arguments() {
    let status = run("deps/area-0123456789abcdef", r#"[ "$1" = "a b" ] && exit 7"#, &["a b"]);
    assert_eq!(status.code(), Some(7));
}

#[test]
fn what_is_no_test_has_no_limit() {
    for (path, arguments) in [("debug/onehorizon-fake", &[][..]), ("release/deps/call-0123", &["--bench"])] {
        assert_eq!(run(path, "sleep 1.5; exit 5", arguments).code(), Some(5), "{path}");
    }
}

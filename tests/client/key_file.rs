//! An API key in a file, which somebody may replace while the program runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use onehorizon::{Configuration, CredentialKind, ErrorKind, TasksApi};
use onehorizon_testing::Reply;
use support::wire::{Wire, plain, status};

struct KeyFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl KeyFile {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-key");
        fs::write(&path, content).unwrap();
        Self { _folder: folder, path }
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(&self.path, content).unwrap();
    }
}

type Seen = Arc<Mutex<Vec<String>>>;

/// A service that accepts one key, and the keys it was shown.
fn service(accepted: &'static str) -> (Wire, Seen) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    let wire = Wire::rule(move |request, _| -> Reply {
        let shown = request.headers.get("authorization").unwrap().to_str().unwrap().to_owned();
        let shown = shown.strip_prefix("Bearer ").unwrap().to_owned();
        record.lock().unwrap().push(shown.clone());
        if shown == accepted { plain(200, r#"{"tasks":[]}"#.to_owned()) } else { status(401) }
    });
    (wire, seen)
}

fn tasks(path: &Path, wire: &Wire) -> TasksApi {
    TasksApi::new(&Configuration::builder().api_key_file(path).transport(wire.transport()).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn one_line_end_is_not_part_of_the_key() {
    for content in ["the-key", "the-key\n", "the-key\r\n"] {
        let (wire, seen) = service("the-key");
        let file = KeyFile::new(content);
        tasks(&file.path, &wire).list_tasks().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["the-key"], "{content:?}");
    }
}

#[test]
fn a_file_without_a_usable_key_is_named_when_the_configuration_is_built() {
    let large = "k".repeat(70_000);
    let contents: [&[u8]; 10] = [
        b"",
        b"\n",
        b" \n",
        b"a b",
        b"key\n\n",
        b"\nkey",
        b"first-secret\nsecond-secret\n",
        b"key\x00",
        b"\xff\xfe",
        large.as_bytes(),
    ];
    for content in contents {
        let file = KeyFile::new(content);
        let error = Configuration::builder().api_key_file(&file.path).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(&format!("the API key file {}", file.path.display())), "{error}");
        assert!(!format!("{error}{error:?}").contains("secret"), "{error:?}");
    }
    let error = Configuration::builder().api_key_file("/nowhere/api-key").build().unwrap_err();
    assert!(error.message().contains("the API key file /nowhere/api-key cannot be read"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_rotated_in_the_file_is_used_without_a_restart() {
    let (wire, seen) = service("new-key");
    let file = KeyFile::new("old-key\n");
    let tasks = tasks(&file.path, &wire);
    assert_eq!(tasks.list_tasks().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    file.write("new-key\n");
    tasks.list_tasks().await.unwrap();
    tasks.clone().list_tasks().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["old-key", "old-key", "new-key", "new-key"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_rotated_to_garbage_leaves_the_call_unauthorised_and_says_why() {
    let (wire, seen) = service("new-key");
    let file = KeyFile::new("old-key");
    let tasks = tasks(&file.path, &wire);
    for (content, says) in
        [(Some("a secret with blanks"), "white space"), (Some(""), "is empty"), (None, "cannot be read")]
    {
        match content {
            Some(content) => file.write(content),
            None => fs::remove_file(&file.path).unwrap(),
        }
        let error = tasks.list_tasks().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.message().contains(says) && error.message().contains("api-key"), "{error}");
        assert!(!format!("{error}{error:?}").contains("secret with"), "{error:?}");
    }
    file.write("new-key");
    tasks.list_tasks().await.unwrap();
    assert_eq!(seen.lock().unwrap().last().map(String::as_str), Some("new-key"));
}

#[test]
fn a_key_of_a_file_is_an_api_key() {
    let file = KeyFile::new("key");
    let configuration = Configuration::builder().api_key_file(&file.path).build().unwrap();
    assert_eq!(configuration.credential().kind(), CredentialKind::ApiKey);
    assert!(!format!("{configuration:?}").contains("Secret(\"key"));
}

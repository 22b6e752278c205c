//! The program `onehorizon-fake`: bad input gets a sentence that says what to do, and the tools work together.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a broken test may panic"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use onehorizon::webhook::Verifier;

const PROGRAM: &str = env!("CARGO_BIN_EXE_onehorizon-fake");

fn run(arguments: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments.split_whitespace()).env_remove("ONE_WEBHOOK_KEY").output().unwrap()
}

fn refused(arguments: &str) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A fake that ends with the test.
struct Fake {
    child: Child,
    site: String,
    /// What it printed.
    said: String,
}

impl Fake {
    fn start(arguments: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        let command = command.args(["--port", "0"]).args(arguments.split_whitespace()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            said = format!("{said}{line}\n");
            // The last line, or the warning after it.
            let is_last = if arguments.contains("--bind") { line.contains("WARNING") } else { line.contains("  try ") };
            if is_last {
                break;
            }
        }
        let line = said.lines().find(|line| line.contains("status page")).unwrap();
        let site = line.split_whitespace().last().unwrap().trim_end_matches('/').to_owned();
        Self { child, site, said }
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let host = self.site.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let kind = if path.starts_with("/fake") { "application/x-www-form-urlencoded" } else { "application/json" };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A receiver that responds with these statuses, one connection each, and returns the requests.
fn receiver(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            loop {
                let read = stream.read(&mut chunk).unwrap();
                request.extend_from_slice(chunk.get(..read).unwrap_or_default());
                let text = String::from_utf8_lossy(&request).into_owned();
                let length = text
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
                if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) || read == 0 {
                    break;
                }
            }
            seen.push(String::from_utf8_lossy(&request).into_owned());
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
        seen
    });
    (url, thread)
}

#[test]
fn help_and_version_are_there() {
    let help = run("--help");
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for word in ["--port", "--seed", "listen", "resend", "trigger", "--record", "--replay"] {
        assert!(text.contains(word), "{word}");
    }
    assert!(run("--version").status.success());
}

#[test]
fn bad_input_gets_a_sentence_that_says_what_to_do() {
    let folder = std::env::temp_dir().join(format!("onehorizon-fake-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (arguments, said) in [
        (format!("--port {port}"), "is taken: choose another with --port"),
        ("--port 70000".to_owned(), "not a port: a number from 0 to 65535"),
        ("--prot 1".to_owned(), "did you mean `--port`?"),
        ("srve".to_owned(), "there is no command `srve`"),
        ("--bind nowhere".to_owned(), "not an IP address"),
        ("--bind 203.0.113.7 --port 0".to_owned(), "this machine has no address"),
        ("--quota many".to_owned(), "two numbers such as 200,40"),
        ("--unknowns errors=odd".to_owned(), "is not a behaviour of the fake: there are default, update=patch"),
        ("--seed /nowhere.json".to_owned(), "could not read the seed /nowhere.json"),
        (format!("--seed {}", file("seed1", "{")), "could not use the seed"),
        (format!("--seed {}", file("seed2", "{\"version\": 9}")), "version 9, and this program reads version 1"),
        (format!("--replay {}", file("tape1", "{")), "not the head of a recording"),
        (format!("--replay {}", file("tape2", "{\"onehorizon_recording\":9}")), "version 9"),
        ("--record /nowhere/at/all".to_owned(), "could not write /nowhere/at/all"),
        ("--port 0 --receiver http://example.com/".to_owned(), "must not call strangers"),
        ("listen".to_owned(), "say where deliveries go"),
        ("listen --forward-to http://example.com/".to_owned(), "must not call strangers"),
        ("listen --forward-to nonsense".to_owned(), "not a valid URL"),
        ("resend --forward-to http://127.0.0.1:1/".to_owned(), "say the id of an event"),
        ("trigger nonsense --forward-to http://127.0.0.1:1/x --once=1".to_owned(), "unknown argument `--once`"),
        (
            "listen --once --forward-to http://127.0.0.1:1/ --from http://127.0.0.1:1".to_owned(),
            "Is `onehorizon-fake serve` running",
        ),
        (
            format!("listen --once --forward-to http://127.0.0.1:1/ --state {}", file("state", "x")),
            "not a state file of this version",
        ),
    ] {
        let message = refused(&arguments);
        assert!(message.contains(said), "{arguments}: {message}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn trigger_delivers_a_keyed_event() {
    let (url, thread) = receiver(&[204]);
    let output = Command::new(PROGRAM)
        .args(["trigger", "comment.created", "--forward-to", &url])
        .env("ONE_WEBHOOK_KEY", "a-test-key")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let seen = thread.join().unwrap().remove(0);
    assert!(
        seen.contains("x-one-webhook-key: a-test-key") && seen.contains("x-one-event-type: comment.created"),
        "{seen}"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains("a-test-key"));
}

#[test]
fn listen_delivers_with_retries_and_catches_up_from_its_state() {
    let fake = Fake::start("");
    let state = std::env::temp_dir().join(format!("onehorizon-listen-{}", std::process::id()));
    let _ = std::fs::remove_file(&state);
    let listen = |url: &str| {
        let output = Command::new(PROGRAM)
            .args(["listen", "--once", "--time-scale", "0.0001", "--from", &fake.site, "--forward-to", url])
            .arg("--state")
            .arg(&state)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    fake.send("POST", "/fake/trigger", "", "type=task.created");
    let (url, thread) = receiver(&[500, 200]);
    let (code, text) = listen(&url);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("attempt 1  500  again in") && text.contains("attempt 2  200  taken"), "{text}");
    assert!(thread.join().unwrap()[1].contains("x-one-retry-reason: http_500"));

    // What came while nobody listened is delivered, and nothing twice.
    fake.send("POST", "/fake/task", "", "id=tsk_1003&status=blocked");
    fake.send("POST", "/fake/trigger", "", "type=comment.created");
    let (url, thread) = receiver(&[200, 200]);
    let (code, text) = listen(&url);
    assert_eq!((code, text.lines().count()), (Some(0), 2), "{text}");
    assert!(text.contains("evt_fake_000002") && text.contains("evt_fake_000003"), "{text}");
    thread.join().unwrap();

    let (url, thread) = receiver(&[200]);
    let again = run(&format!("resend evt_fake_000002 --from {} --forward-to {url}", fake.site));
    assert!(again.status.success(), "{again:?}");
    assert!(thread.join().unwrap()[0].contains("task.updated"));
    assert!(
        refused(&format!("resend evt_0 --from {} --forward-to {url}", fake.site))
            .contains("remembers no event `evt_0`")
    );
    std::fs::remove_file(&state).unwrap();
}

#[test]
fn a_recording_of_the_program_has_no_credential_and_replays() {
    let tape = std::env::temp_dir().join(format!("onehorizon-tape-{}", std::process::id()));
    let key = "fake-api-key-1001-not-a-secret";
    let path = "/api/v1/workspaces/current/tasks/tsk_1001";
    let live = {
        let fake = Fake::start(&format!("--record {}", tape.display()));
        fake.send("GET", path, key, "")
    };
    let text = std::fs::read_to_string(&tape).unwrap();
    assert!(text.contains("fetchTask") && !text.contains(key), "{text}");
    let fake = Fake::start(&format!("--seed empty --replay {}", tape.display()));
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    let replayed = fake.send("GET", path, "another", "");
    assert!(replayed.starts_with("HTTP/1.1 200"), "{replayed}");
    assert_eq!(body(&replayed), body(&live));
    assert!(fake.send("GET", "/api/v1/workspaces/current/tasks/tsk_2", "x", "").starts_with("HTTP/1.1 501"));
    std::fs::remove_file(&tape).unwrap();
}

#[test]
fn trigger_delivers_every_type_keyed_and_signed() {
    let secret = "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q=";
    for event_type in ["task.created", "task.updated", "comment.created", "agent.session_queued", "meeting.ended"] {
        for signed in [false, true] {
            let (url, thread) = receiver(&[204]);
            let mut command = Command::new(PROGRAM);
            command.args(["trigger", event_type, "--forward-to", &url]);
            command.env_remove("ONE_WEBHOOK_KEY").env_remove("ONE_WEBHOOK_SECRET");
            let variable = if signed { ("ONE_WEBHOOK_SECRET", secret) } else { ("ONE_WEBHOOK_KEY", "a-test-key") };
            let output = command.env(variable.0, variable.1).output().unwrap();
            assert!(output.status.success(), "{event_type}: {output:?}");
            let request = thread.join().unwrap().remove(0);
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let headers: Vec<(String, String)> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let verifier = if signed { Verifier::signed(secret) } else { Verifier::key("a-test-key") }.unwrap();
            let event =
                verifier.event(&headers, body.as_bytes()).unwrap_or_else(|error| panic!("{event_type}: {error}"));
            assert_eq!((event.event_type().as_str(), event.is_body_signed()), (event_type, signed));
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!printed.contains("a-test-key") && !printed.contains(secret), "{printed}");
        }
    }
}

#[test]
fn it_listens_on_loopback_unless_it_is_asked_for_more_and_then_warns() {
    let fake = Fake::start("");
    assert!(fake.site.starts_with("http://127.0.0.1:"), "{}", fake.site);
    assert!(!fake.said.contains("WARNING"), "{}", fake.said);
    let open = Fake::start("--bind 0.0.0.0");
    assert!(open.said.contains("WARNING") && open.said.contains("anyone who reaches that can use it"), "{}", open.said);
    assert!(open.said.contains("THIS IS A FAKE"), "{}", open.said);
}

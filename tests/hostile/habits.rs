//! What intermediaries do to the framing of a response that is whole: it is read.

use onehorizon::{ErrorKind, Sent};

use super::{alone, attack, refused};

const TASK: &str = r#"{"taskId":"tsk_1"}"#;

/// What a client sees of a response, and whether the connection can be used again.
struct Habit {
    name: &'static str,
    bytes: String,
    reused: bool,
    closes: bool,
}

fn habit(name: &'static str, bytes: impl Into<String>, reused: bool) -> Habit {
    Habit { name, bytes: bytes.into(), reused, closes: false }
}

fn closing(name: &'static str, bytes: impl Into<String>) -> Habit {
    Habit { name, bytes: bytes.into(), reused: false, closes: true }
}

fn whole(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}content-length: {}\r\n\r\n{TASK}", TASK.len())
}

fn chunked(lines: &str, chunks: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}transfer-encoding: chunked\r\n\r\n{chunks}")
}

#[test]
fn a_whole_response_is_read_however_it_is_framed() {
    let _alone = alone();
    let json = "content-type: application/json\r\n";
    let one = format!("12\r\n{TASK}\r\n0\r\n\r\n");
    let habits = vec![
        habit("gzip named as a transfer encoding", chunked(json, &one).replace(": chunked", ": gzip, chunked"), true),
        closing(
            "a transfer encoding that does not end with chunked",
            chunked(json, TASK).replace(": chunked", ": chunked, identity"),
        ),
        closing("the transfer encoding identity", chunked(json, TASK).replace(": chunked", ": identity")),
        closing("the transfer encoding identity beside a length", whole("transfer-encoding: identity\r\n")),
        closing("a length in a list", whole(json).replace(": 18", ": 18, 18")),
        closing("an empty line before it", format!("\r\n{}", whole(json))),
        closing("203 of a proxy that changed something", whole(json).replacen("200 OK", "203 Non", 1)),
        closing("206", whole(json).replacen("200 OK", "206 P", 1)),
        closing("226", whole(json).replacen("200 OK", "226 IM Used", 1)),
        closing("a success without a name", whole(json).replacen("200 OK", "299 x", 1)),
        closing("205 with a body", whole(json).replacen("200 OK", "205 x", 1)),
        closing("a header beyond ASCII", whole("x-a: caf\u{e9}\r\n")),
        closing("a header without a name", whole(": a\r\n")),
        closing("a malformed header in a 100", format!("HTTP/1.1 100 Continue\r\nfoo\r\n\r\n{}", whole(json))),
        habit(
            "103 before it",
            format!("HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n{}", whole(json)),
            true,
        ),
        habit("100 before it, unasked", format!("HTTP/1.1 100 Continue\r\n\r\n{}", whole(json)), true),
        habit(
            "102 and 103 before it",
            format!("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{}", whole(json)),
            true,
        ),
        habit("no reason", whole(json).replacen("200 OK", "200 ", 1), true),
        habit("no reason and no blank", whole(json).replacen("200 OK", "200", 1), true),
        habit("another reason", whole(json).replacen("200 OK", "200 Tout va bien", 1), true),
        habit("line feeds alone", whole(json).replace("\r\n", "\n"), true),
        habit("chunks", chunked(json, &one), true),
        habit(
            "chunks of one byte",
            chunked(json, &format!("{}0\r\n\r\n", TASK.chars().map(|c| format!("1\r\n{c}\r\n")).collect::<String>())),
            true,
        ),
        habit("upper-case and padded sizes", chunked(json, &format!("0012 \r\n{TASK}\r\n000\r\n\r\n")), true),
        habit("chunk extensions", chunked(json, &format!("12;name=\"v\"; x\r\n{TASK}\r\n0;last\r\n\r\n")), true),
        habit(
            "trailers",
            chunked(json, &format!("12\r\n{TASK}\r\n0\r\nserver-timing: a\r\nx-request-id: r\r\n\r\n")),
            true,
        ),
        habit(
            "announced trailers",
            chunked(&format!("{json}trailer: x-sum\r\n"), &format!("12\r\n{TASK}\r\n0\r\nx-sum: 1\r\n\r\n")),
            true,
        ),
        habit("chunked in upper case", chunked(json, &one).replace(": chunked", ": Chunked"), true),
        habit("chunked beside a length", chunked(&format!("{json}content-length: 3\r\n"), &one), true),
        habit("chunked twice in two lines", chunked(&format!("{json}transfer-encoding: chunked\r\n"), &one), true),
        habit("chunked twice in one line", chunked(json, &one).replace(": chunked", ": chunked, chunked"), true),
        habit("the same length twice", whole(&format!("{json}content-length: 18\r\n")), true),
        habit("a length with zeros", whole(json).replace(": 18", ": 0018"), true),
        habit(
            "HTTP/1.0 with keep-alive",
            whole(&format!("{json}connection: keep-alive\r\n")).replacen("1.1", "1.0", 1),
            true,
        ),
        closing("HTTP/1.0 without a length", format!("HTTP/1.0 200 OK\r\n{json}\r\n{TASK}")),
        closing("no length, then the end", format!("HTTP/1.1 200 OK\r\n{json}\r\n{TASK}")),
        closing("Connection: close", whole(&format!("{json}connection: close\r\n"))),
        habit("Connection: Close without closing", whole(&format!("{json}connection: Close\r\n")), false),
        habit("a folded header", whole(&format!("{json}x-trace: a\r\n  b\r\n")), true),
        habit("a blank before the colon", whole(&format!("{json}x-trace : a\r\n")), true),
        habit(
            "headers of other protocols",
            whole(&format!(
                "{json}alt-svc: h3=\":443\"; ma=86400\r\nupgrade: h2,h2c\r\nstrict-transport-security: max-age=1\r\nexpect-ct: x\r\n"
            )),
            true,
        ),
        habit(
            "marks of caches",
            whole(&format!(
                "{json}age: 60\r\nwarning: 110 - \"stale\"\r\nx-cache: HIT\r\nvia: 1.1 a, 1.0 b\r\netag: W/\"x\"\r\n"
            )),
            true,
        ),
        habit("cookies", whole(&format!("{json}set-cookie: a=b; Path=/\r\nset-cookie: c=d\r\n")), true),
    ];
    for Habit { name, bytes, reused, closes } in habits {
        let outcome = attack(move |stage| if closes { stage.send_and_close(&bytes) } else { stage.send(&bytes) });
        let task = outcome.result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((task.task_id.as_str(), outcome.reused), ("tsk_1", reused), "{name}");
    }
}

#[test]
fn what_is_not_http_or_not_whole_is_an_interruption() {
    let _alone = alone();
    for (says, bytes) in [
        ("HTTP version", whole("").replacen("HTTP", "http", 1)),
        ("HTTP version", whole("").replacen("1.1", "1.2", 1)),
        ("HTTP version", whole("").replacen("HTTP/1.1", "HTTP/2", 1)),
        ("HTTP version", whole("").replacen("HTTP/1.1", "ICY", 1)),
        ("content-length", whole("").replace(": 18", ": +18")),
        ("chunk size", chunked("", &format!("12\r\n{TASK}\r\n"))),
    ] {
        let error = refused(ErrorKind::Interrupted, says, move |stage| stage.send_and_close(&bytes));
        assert_eq!(error.was_sent(), Sent::Maybe);
    }
}

//! Responses that a gateway compressed, or says that it did.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use onehorizon::models::Task;
use onehorizon::{Error, ErrorKind, Response, Retry, Sent, TasksApi};
use onehorizon_testing::Reply;
use support::wire::{Wire, plain, unsafe_write};

const TASK: &str = r#"{"taskId":"tsk_1","title":"compressed"}"#;
const LIMITED: &str = r#"{"code":429,"message":"Rate limit exceeded, retry in 43 seconds"}"#;
const REFUSED: &str = r#"{"code":422,"message":"the title is too long"}"#;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare_deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Two files in one stream, as concatenating proxies make them, and zeros after them.
fn two_files(text: &[u8]) -> Vec<u8> {
    let (one, other) = text.split_at(text.len() / 2);
    [gzip(one), gzip(other), vec![0; 16]].concat()
}

fn with_lines(status: u16, body: impl Into<bytes::Bytes>, lines: &[&str]) -> Reply {
    lines.iter().fold(plain(status, body), |reply, line| reply.header("content-encoding", *line))
}

async fn fetch(reply: Reply) -> Result<Response<Task>, Error> {
    let wire = Wire::new([reply]);
    let configuration = wire.builder().retry(Retry::never()).max_response_bytes(64 * 1024).build().unwrap();
    TasksApi::new(&configuration).fetch_task("tsk_1").await
}

type Encode = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn what_comes_compressed_is_read_whole_and_keeps_its_words_and_its_wait() {
    let double: Encode = |text| gzip(&gzip(text));
    let mixed: Encode = |text| gzip(&zlib(text));
    let cases: [(&[&str], Encode); 13] = [
        (&["gzip"], gzip),
        (&["GZIP"], gzip),
        (&["x-gzip"], gzip),
        (&[" gzip "], gzip),
        (&["identity, gzip"], gzip),
        (&["gzip, identity"], gzip),
        (&["identity", "gzip"], gzip),
        (&["gzip,", "utf-8"], gzip),
        (&["gzip"], two_files),
        (&["deflate"], zlib),
        (&["Deflate"], bare_deflate),
        (&["gzip, gzip"], double),
        (&["deflate, gzip"], mixed),
    ];
    for (lines, encode) in cases {
        let task = fetch(with_lines(200, encode(TASK.as_bytes()), lines)).await;
        let task = task.unwrap_or_else(|error| panic!("{lines:?}: {error}"));
        assert_eq!((task.title.as_str(), task.header("content-encoding")), ("compressed", None), "{lines:?}");
        let error = fetch(with_lines(429, encode(LIMITED.as_bytes()), lines)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(43)), "{lines:?}: {error}");
        let error = fetch(with_lines(422, encode(REFUSED.as_bytes()), lines)).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "the title is too long"), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_refusal_in_the_documented_form_lets_a_write_wait_and_be_sent_again() {
    let wire = Wire::new([with_lines(429, gzip(LIMITED.replace("43", "7").as_bytes()), &["gzip"])]);
    unsafe_write(&wire.configuration()).json(&1).await.unwrap();
    assert_eq!(wire.sent(), [0, 7_000]);
}

#[tokio::test]
async fn a_body_that_is_not_compressed_is_read_whatever_its_header_says() {
    for lines in [&["gzip"][..], &["GZIP"], &["deflate"], &["identity, gzip"], &["utf-8"], &["none"], &["UTF8"], &[""]]
    {
        for body in [TASK.to_owned(), format!("\u{feff}{TASK}"), format!("\r\n {TASK}\n")] {
            let task = fetch(with_lines(200, body, lines)).await;
            assert_eq!(task.unwrap_or_else(|error| panic!("{lines:?}: {error}")).title, "compressed");
        }
        let error = fetch(with_lines(429, LIMITED, lines)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(43)), "{lines:?}");
        let wire = Wire::new([with_lines(204, "", lines)]);
        unsafe_write(&wire.configuration()).send::<()>().await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_named_and_not_called_a_broken_connection() {
    let broken = |at: usize| {
        let mut body = gzip(&TASK.repeat(20).into_bytes());
        body[at] ^= 0xff;
        body
    };
    for (line, body, says) in [
        ("gzip", broken(2), "encoded (gzip), which is broken"),
        ("gzip", broken(12), "encoded (gzip), which is broken"),
        ("gzip", b"\xff\xfe\0\0".to_vec(), "encoded (gzip), which is broken"),
        ("br", b"\x1b\x0e\0\xf8".to_vec(), "encoded (br), which was not asked for"),
        ("zstd, gzip", gzip(b"\x28\xb5\x2f\xfd"), "encoded (zstd), which was not asked for"),
        ("compress", b"\x1f\x9d\x90".to_vec(), "encoded (compress), which was not asked for"),
    ] {
        let error = fetch(with_lines(200, body.clone(), &[line])).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Decode, Sent::Yes), "{line}: {error}");
        assert!(error.message().contains(says) && !error.is_retryable(), "{line}: {error}");
        let error = fetch(with_lines(500, body, &[line])).await.unwrap_err();
        assert!(error.message().contains(says), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_compressed_body_that_breaks_off_is_an_interruption_or_what_came_of_a_refusal() {
    for encode in [gzip as Encode, zlib] {
        let line = if encode(b"").starts_with(b"\x1f\x8b") { "gzip" } else { "deflate" };
        let whole = encode(TASK.as_bytes());
        let error = fetch(with_lines(200, whole[..whole.len() - 6].to_vec(), &[line])).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (ErrorKind::Interrupted, Sent::Maybe), "{line}: {error}");
    }
    let whole = gzip(LIMITED.as_bytes());
    let error = fetch(with_lines(429, whole[..whole.len() - 4].to_vec(), &["gzip"])).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(43)), "{error}");
}

#[tokio::test]
async fn the_limit_on_a_response_is_of_what_comes_out() {
    let bomb = gzip(&vec![b' '; 1 << 20]);
    assert!(bomb.len() < 4_096);
    for (status, line, body) in
        [(200, "gzip", bomb.clone()), (429, "gzip", bomb.clone()), (200, "gzip, gzip", gzip(&bomb))]
    {
        let error = fetch(with_lines(status, body, &[line])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{status} {line}: {error}");
    }
    // Layers without end are not undone.
    let nested = (0..10).fold(TASK.as_bytes().to_vec(), |inner, _| gzip(&inner));
    let error =
        fetch(with_lines(200, nested, &["gzip,gzip,gzip,gzip,gzip,gzip,gzip,gzip,gzip,gzip"])).await.unwrap_err();
    assert!(error.is_decode(), "{error}");
}

//! What an error keeps of a response, and the remedy that it names.

use support::wire;

use onehorizon::transport::Failure;
use onehorizon::{Error, Retry};
use onehorizon_testing::Reply;
use support::wire::{Wire, limited, plain, refused, status};

const SECRET: &str = "s3cr3t-token-0123456789";
const CAP: usize = 16 * 1024;

async fn error_of(step: Reply) -> Error {
    let wire = Wire::new([step]);
    let configuration = wire.builder().api_key(SECRET).retry(Retry::never()).build().unwrap();
    wire::read(&configuration).await.unwrap_err()
}

async fn kept(body: String) -> String {
    let error = error_of(plain(500, body)).await;
    String::from_utf8(error.body().to_vec()).unwrap()
}

#[tokio::test]
async fn a_body_is_kept_up_to_16_kib() {
    for (length, keeps) in [(0, 0), (CAP - 1, CAP - 1), (CAP, CAP), (CAP + 1, CAP), (CAP + 1_000, CAP)] {
        assert_eq!(kept("x".repeat(length)).await.len(), keeps, "{length}");
    }
}

#[tokio::test]
async fn a_credential_that_lies_across_the_cap_is_seen_whole() {
    for before_the_cap in 1..SECRET.len() {
        let filler = "x".repeat(CAP - before_the_cap);
        let kept = kept(format!("{filler}{SECRET}{filler}")).await;
        assert!(kept.len() <= CAP && kept.starts_with(&filler), "{before_the_cap}");
        assert!("[redacted]".starts_with(kept.get(filler.len()..).unwrap().trim_end_matches('x')), "{before_the_cap}");
    }
}

#[tokio::test]
async fn a_credential_that_is_cut_where_looking_ends_is_left_out() {
    // Those that are taken out move what follows into view, among it the beginning of the last.
    for looked_at in CAP - 400..CAP + 4 {
        let several = SECRET.repeat(40);
        let filler = "x".repeat(looked_at - several.len());
        let kept = kept(format!("{several}{filler}{SECRET}{}", "y".repeat(1_000))).await;
        let tail = kept.strip_prefix(&"[redacted]".repeat(40)).unwrap().trim_start_matches('x');
        assert!("[redacted]".starts_with(tail.trim_end_matches('y')), "{looked_at}: {tail}");
    }
}

#[tokio::test]
async fn a_short_body_that_ends_as_the_credential_begins_is_kept_to_its_end() {
    assert_eq!(kept(format!("{SECRET} begins with s3c")).await, "[redacted] begins with s3c");
    assert_eq!(kept("begins with s3c".to_owned()).await, "begins with s3c");
}

#[tokio::test]
async fn each_refusal_with_a_known_way_out_names_it() {
    for (step, way_out) in [
        (status(401), "check that the credential is complete and not revoked"),
        (refused("standard rate limit exceeded"), "all API keys of a workspace share one quota"),
        (status(301), "redirects are not followed"),
        (status(399), "redirects are not followed"),
    ] {
        let error = error_of(step).await;
        assert!(error.hint().unwrap_or_default().contains(way_out), "{error}");
        assert!(error.to_string().contains(way_out), "{error}");
    }
    for step in [status(400), status(403), status(404), status(409), status(422), status(500), limited(7)] {
        let error = error_of(step).await;
        assert_eq!(error.hint(), None, "{error}");
    }
}

#[tokio::test]
async fn words_are_found_in_each_place_where_official_clients_look() {
    for (body, code, message) in [
        (r#"{"code":"locked","message":"somebody edits it"}"#, Some("locked"), "somebody edits it"),
        (r#"{"error":{"code":"locked","message":"somebody edits it"}}"#, Some("locked"), "somebody edits it"),
        (r#"{"error":"invalid_token","error_description":"it is over"}"#, None, "it is over"),
    ] {
        let error = error_of(plain(409, body.to_owned())).await;
        assert_eq!((error.code(), error.message()), (code, message), "{body}");
    }
}

#[tokio::test]
async fn a_message_is_shown_up_to_500_characters() {
    for (length, shown) in [(499, "ä".repeat(499)), (500, "ä".repeat(500)), (501, "ä".repeat(500) + "…")] {
        let body = format!(r#"{{"code":409,"message":"{}"}}"#, "ä".repeat(length));
        assert_eq!(error_of(plain(409, body)).await.message(), shown);
    }
}

#[tokio::test]
async fn a_plain_text_that_is_cut_shows_no_part_of_the_credential() {
    for before in 170..220 {
        let error = error_of(plain(400, format!("{} {SECRET} after", "w".repeat(before)))).await;
        assert!(!error.to_string().contains("s3c"), "{before}: {error}");
    }
}

#[tokio::test]
async fn a_credential_of_one_letter_leaves_our_own_words_readable() {
    let of = |reply| async {
        let wire = Wire::new([reply]);
        let configuration = wire.builder().api_key("x").retry(Retry::never()).build().unwrap();
        wire::read(&configuration).await.unwrap_err().to_string()
    };
    let broken = of(Reply::fail(Failure::Connect)).await;
    assert!(!broken.contains("[redacted]"), "{broken}");
    let page = of(Reply::new(502, "text/html", "<p>x</p>")).await;
    assert!(page.contains("with a body of 8 bytes that is not the service's JSON (te[redacted]t/html)"), "{page}");
}

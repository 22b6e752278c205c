//! What an error says when the service, or something in front of it, refuses in one of the usual forms.

use onehorizon::{Error, Retry};
use support::wire::{Wire, plain};

const SECRET: &str = "s3cr3t/token+0123456789==";

async fn refused(status: u16, media_type: &str, body: &str) -> Error {
    let step = plain(status, body.to_owned());
    let wire = Wire::new([if media_type.is_empty() { step } else { step.header("content-type", media_type) }]);
    let configuration = wire.builder().api_key(SECRET).retry(Retry::never()).build().unwrap();
    support::wire::unsafe_write(&configuration).await.unwrap_err()
}

#[tokio::test]
async fn the_words_of_every_usual_form_are_the_message() {
    let json = "application/json";
    for (media_type, body, message) in [
        (json, r#"{"code":400,"message":"too long"}"#, "too long"),
        (json, "\u{feff}{\"code\":400,\"message\":\"too long\"}", "too long"),
        (json, r#"{"error":"too long"}"#, "too long"),
        (json, r#"{"error":{"message":"too long"}}"#, "too long"),
        (json, r#"{"error":{"code":"bad","errors":["too long"]}}"#, "too long"),
        (json, r#"{"statusCode":400,"message":["too long","no kind"],"error":"Bad Request"}"#, "too long; no kind"),
        (json, r#"{"errors":["too long","no kind"]}"#, "too long; no kind"),
        (json, r#"{"errors":[{"message":"too long"}]}"#, "too long"),
        (json, r#"{"errors":[{"detail":"too long","source":{"pointer":"/data/title"}}]}"#, "/data/title: too long"),
        (json, r#"{"message":"Failed","errors":[{"field":"title","message":"too long"}]}"#, "Failed; title: too long"),
        (json, r#"{"message":"Failed","errors":{"title":["too long","odd"]}}"#, "Failed; title: too long; title: odd"),
        (json, r#"{"errors":{"title":"too long"}}"#, "title: too long"),
        (json, r#"{"detail":[{"loc":["body","title"],"msg":"too long","type":"x"}]}"#, "body.title: too long"),
        (json, r#"{"detail":"too long"}"#, "too long"),
        (json, r#"{"message":"","error":"Bad Request"}"#, "Bad Request"),
        (json, r#"{"msg":"too long"}"#, "too long"),
        (json, r#"{"reason":"too long"}"#, "too long"),
        (json, r#"{"title":["too long"],"kind":["unknown"]}"#, "kind: unknown; title: too long"),
        (
            "application/problem+json",
            r#"{"type":"about:blank","title":"Bad","status":400,"detail":"too long"}"#,
            "too long",
        ),
        ("application/problem+json", r#"{"type":"about:blank","title":"Too long"}"#, "Too long"),
        ("application/problem+json", r#"{"title":"One or more","errors":{"Title":["too long"]}}"#, "Title: too long"),
        ("text/plain; charset=utf-8", "too long\n", "too long"),
        ("", "too long", "too long"),
    ] {
        let error = refused(400, media_type, body).await;
        assert_eq!(error.message(), message, "{body}");
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.body(), body.as_bytes(), "the body is kept");
    }
}

#[tokio::test]
async fn a_body_without_words_is_described_and_never_called_what_it_is_not() {
    for (media_type, body, description) in [
        ("application/json", r#"{"ok":false}"#, r#"Bad Request, with the body {"ok":false}"#),
        ("application/json", "[1,2]", "Bad Request, with the body [1,2]"),
        ("application/json", "{\"cut\":", "with a body of 7 bytes that is not the service's JSON (application/json)"),
        ("text/html", "<p>no</p>", "with a body of 9 bytes that is not the service's JSON (text/html)"),
        ("", "<p>no</p>", "that is not the service's JSON (no media type)"),
        ("text/plain", " \r\n", "Bad Request, without a body"),
    ] {
        let error = refused(400, media_type, body).await;
        assert!(error.message().contains(description), "{body}: {error}");
    }
    let long = refused(400, "text/plain", &"word ".repeat(1000)).await;
    assert!(long.message().len() < 250 && long.message().ends_with('…'), "{long}");
}

#[tokio::test]
async fn errors_of_single_fields_can_be_gone_through() {
    let body =
        r#"{"errors":[{"field":"title","message":"too long"},{"path":["tags",0],"reason":"odd"},{"message":"x"}]}"#;
    let error = refused(422, "application/json", body).await;
    let fields: Vec<_> = error.field_errors().iter().map(|error| (&*error.field, &*error.message)).collect();
    assert_eq!(fields, [("title", "too long"), ("tags.0", "odd")]);
    assert!(refused(400, "", "no").await.field_errors().is_empty());
}

#[tokio::test]
async fn no_form_shows_the_credential_or_breaks_the_line() {
    let encoded = SECRET.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D");
    for secret in [SECRET.to_owned(), encoded, SECRET.replace('/', "\\\\/")] {
        for body in [
            format!(r#"{{"error":"bad {secret}"}}"#),
            format!(r#"{{"errors":[{{"field":"{secret}","message":"bad {secret}"}}]}}"#),
            format!(r#"{{"detail":"bad\n{secret}"}}"#),
            format!(r#"{{"{secret}":"bad"}}"#),
            format!("bad {secret}"),
        ] {
            let error = refused(400, "", &body).await;
            let shown =
                format!("{error} {error:?} {:?} {:?}", error.field_errors(), String::from_utf8_lossy(error.body()));
            assert!(!shown.contains("s3cr3t") && !error.to_string().contains('\n'), "{body}: {shown}");
            assert!(shown.contains("[redacted]"), "{body}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_fields_and_deep_nesting_stay_small() {
    let many: String = (0..5_000).map(|n| format!(r#"{{"field":"f{n}","message":"m"}},"#)).collect();
    let error = refused(400, "", &format!(r#"{{"errors":[{}]}}"#, many.trim_end_matches(','))).await;
    assert!(error.field_errors().len() <= 20 && error.to_string().len() < 1_000, "{error}");
    let error = refused(400, "", &format!(r#"{{"message":{}"x"{}}}"#, "[".repeat(200), "]".repeat(200))).await;
    assert!(error.is_invalid());
}

#[tokio::test]
async fn whether_trying_again_may_help_follows_from_the_kind_and_the_status() {
    for status in [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530] {
        assert!(refused(status, "", "").await.is_retryable(), "{status}");
    }
    for status in [400, 401, 403, 404, 405, 409, 410, 413, 415, 421, 422, 451, 501, 505, 507, 508, 511] {
        assert!(!refused(status, "", "").await.is_retryable(), "{status}");
    }
}

//! What an error shows of a response that has secrets of the service's own in it: a new key, new tokens, a password.

use onehorizon::{ApiKeysApi, Error, Retry};
use support::wire::{Wire, plain};

const MADE: &str = "oh_live_VERYSECRET";

fn shown(error: &Error) -> String {
    format!("{error} {error:?} {:?}", error.field_errors())
}

/// Bodies with a secret in them, as services and their frameworks write them.
fn bodies() -> Vec<String> {
    let key = format!(r#"{{"apiKeyId":"key_9","secret":"{MADE}"}}"#);
    let mut bodies = vec![
        key.clone(),
        format!("[{key}]"),
        format!("\u{feff}{key}"),
        format!(r#"{{"code":500,"message":"not saved","secret":"{MADE}"}}"#),
        format!(r#"{{"code":500,"message":"made {MADE} and lost it","secret":"{MADE}"}}"#),
        format!(r#"{{"message":{key}}}"#),
        format!(r#"{{"message":[{key}]}}"#),
        format!(r#"{{"error":{key}}}"#),
        format!(r#"{{"error":{{"message":"no","details":{key}}}}}"#),
        format!(r#"{{"detail":{key}}}"#),
        format!(r#"{{"errors":{key}}}"#),
        format!(r#"{{"errors":[{key}]}}"#),
        format!(r#"{{"errors":{{"apiKey":{{"secret":"{MADE}"}}}}}}"#),
        format!(r#"{{"data":{key},"status":"error"}}"#),
        format!(r#"{{"result":{{"secret":["{MADE}"]}}}}"#),
        format!(r#"{{"detail":"sent {}"}}"#, key.replace('"', "\\\"")),
        format!(r#"{{"apiKeyId":"key_9","secret":"{MADE}"#),
        format!("apiKeyId=key_9&secret={MADE}"),
        format!("secret: {MADE}"),
        format!("POST /x HTTP/1.1\r\nX-Api-Key: {MADE}\r\n"),
    ];
    for name in
        ["token", "access_token", "refreshToken", "ID_TOKEN", "apiKey", "api-key", "key", "password", "Authorization"]
    {
        bodies.push(format!(r#"{{"{name}":"{MADE}"}}"#));
        bodies.push(format!(r#"{{"errors":{{"{name}":["{MADE}"]}}}}"#));
        bodies.push(format!(r#"{{"title":["is too long"],"{name}":"{MADE}"}}"#));
    }
    bodies
}

#[tokio::test]
async fn no_error_shows_a_value_whose_name_says_that_it_is_secret() {
    for body in bodies() {
        for status in [400, 409, 500] {
            let wire = Wire::new([plain(status, body.clone())]);
            let configuration = wire.builder().api_key("mine").retry(Retry::never()).build().unwrap();
            let error = support::wire::unsafe_write(&configuration).await.unwrap_err();
            assert!(!shown(&error).contains("VERYSECRET"), "{body}: {error}");
        }
    }
}

#[tokio::test]
async fn an_operation_that_makes_keys_shows_words_and_no_other_content() {
    let unnamed = [
        format!(r#"{{"value":"{MADE}"}}"#),
        format!(r#"["{MADE}"]"#),
        format!(r#""{MADE}""#),
        format!(r#"{{"message":{{"value":"{MADE}"}}}}"#),
        format!(r#"{{"errors":{{"made":"{MADE}"}}}}"#),
        MADE.to_owned(),
    ];
    for body in bodies().into_iter().chain(unnamed) {
        for status in [303, 400, 409, 422, 500, 502] {
            let wire = Wire::rule({
                let body = body.clone();
                move |_, _| plain(status, body.clone())
            });
            let configuration = wire.builder().oauth_token("mine").retry(Retry::never()).build().unwrap();
            let error = ApiKeysApi::new(&configuration).create_api_key("x").await.unwrap_err();
            assert!(!shown(&error).contains("VERYSECRET"), "{status} {body}: {error}");
            for route in ["/workspaces/current/api-keys", "/auth/token"] {
                let error = configuration.request("POST", route).await.unwrap_err();
                assert!(!shown(&error).contains("VERYSECRET"), "{route}, {status} {body}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn the_words_of_an_operation_that_makes_keys_are_shown() {
    for (body, message) in [
        (r#"{"code":400,"message":"the name is taken"}"#, "the name is taken"),
        (r#"{"error":"no more keys"}"#, "no more keys"),
        (r#"{"message":"Failed","errors":{"name":["is too long"]}}"#, "Failed; name: is too long"),
        (r#"{"message":"Failed","errors":[{"field":"name","message":"is too long"}]}"#, "Failed; name: is too long"),
        (
            r#"{"apiKeyId":"key_9"}"#,
            "Bad Request, with a body of 20 bytes that is not shown, since a secret may be in it",
        ),
    ] {
        let wire = Wire::new([plain(400, body)]);
        let configuration = wire.builder().oauth_token("mine").retry(Retry::never()).build().unwrap();
        let error = ApiKeysApi::new(&configuration).create_api_key("x").await.unwrap_err();
        assert_eq!(error.message(), message, "{body}");
        assert_eq!(error.body(), body.as_bytes(), "the body is kept");
    }
}

#[tokio::test]
async fn the_field_of_a_secret_is_named_without_its_value() {
    let wire = Wire::new([plain(422, r#"{"errors":{"title":["is too long"],"password":["hunter2"],"token":null}}"#)]);
    let configuration = wire.builder().api_key("mine").retry(Retry::never()).build().unwrap();
    let error = support::wire::unsafe_write(&configuration).await.unwrap_err();
    assert_eq!(error.message(), "password: [redacted]; title: is too long");
}

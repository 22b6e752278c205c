//! The words and the errors of single fields in what frameworks, gateways and stores of files send.

use onehorizon::{Error, Retry};
use support::wire::{Wire, plain};

async fn refused(status: u16, media_type: &str, body: impl Into<bytes::Bytes>) -> Error {
    let step = plain(status, body.into());
    let wire = Wire::new([if media_type.is_empty() { step } else { step.header("content-type", media_type) }]);
    let configuration = wire.builder().api_key("the-api-key").retry(Retry::never()).build().unwrap();
    support::wire::unsafe_write(&configuration).await.unwrap_err()
}

async fn fields(body: &str) -> Vec<(String, String)> {
    let error = refused(400, "application/json", body.to_owned()).await;
    error.field_errors().iter().map(|error| (error.field.clone(), error.message.clone())).collect()
}

#[tokio::test]
async fn errors_of_fields_are_found_in_the_forms_of_frameworks() {
    for (body, wanted) in [
        // Problem details, RFC 7807.
        (r#"{"type":"x","title":"Bad","invalid-params":[{"name":"title","reason":"too long"}]}"#, "title: too long"),
        (r#"{"title":"Bad","invalid_params":[{"name":"title","reason":"too long"}]}"#, "title: too long"),
        // Google.
        (
            r#"{"error":{"code":400,"message":"no","details":[{"@type":"t","fieldViolations":[{"field":"title","description":"too long"}]}]}}"#,
            "title: too long",
        ),
        // Zod.
        (r#"{"errors":{"_errors":[],"title":{"_errors":["too long"]}}}"#, "title: too long"),
        (r#"{"errors":{"address":{"_errors":[],"city":{"_errors":["too long"]}}}}"#, "address.city: too long"),
        (
            r#"{"error":{"issues":[{"code":"too_big","path":["title"],"message":"too long"}],"name":"ZodError"}}"#,
            "title: too long",
        ),
        (r#"{"issues":[{"path":["tags",0],"message":"too long"}]}"#, "tags.0: too long"),
        (
            r#"{"success":false,"error":{"name":"ZodError","issues":[{"path":["title"],"message":"too long"}]}}"#,
            "title: too long",
        ),
        (r#"{"formErrors":[],"fieldErrors":{"title":["too long"]}}"#, "title: too long"),
        // Rails, Django, Laravel, ASP.NET, Spring, Mongoose, class-validator, Fluent Validation, Ajv.
        (r#"{"errors":{"address":{"city":["too long"]}}}"#, "address.city: too long"),
        (r#"{"errors":{"items":[{},{"title":["too long"]}]}}"#, "items.1.title: too long"),
        (r#"{"title":["too long"]}"#, "title: too long"),
        (r#"{"description":["too long"]}"#, "description: too long"),
        (r#"{"message":"The given data was invalid.","errors":{"title":["too long"]}}"#, "title: too long"),
        (r#"{"Message":"invalid","ModelState":{"task.title":["too long"]}}"#, "task.title: too long"),
        (r#"{"status":400,"violations":[{"propertyPath":"title","message":"too long"}]}"#, "title: too long"),
        (
            r#"{"errors":{"title":{"name":"ValidatorError","message":"too long","path":"title","kind":"x"}}}"#,
            "title: too long",
        ),
        (r#"{"message":[{"property":"title","constraints":{"maxLength":"too long"}}]}"#, "title: too long"),
        (r#"{"errors":[{"propertyName":"title","errorMessage":"too long"}]}"#, "title: too long"),
        (r#"{"errors":[{"instancePath":"/title","keyword":"x","message":"too long"}]}"#, "/title: too long"),
        (r#"{"details":{"title":["too long"]},"message":"no"}"#, "title: too long"),
        (r#"{"details":[{"path":["title"],"message":"too long","type":"x"}],"message":"no"}"#, "title: too long"),
        (r#"{"error":{"details":[{"target":"title","message":"too long"}],"message":"no"}}"#, "title: too long"),
        (r#"{"data":{"errors":{"title":["too long"]}}}"#, "title: too long"),
    ] {
        let found = fields(body).await;
        let found: Vec<_> = found.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        assert_eq!(found, [wanted], "{body}");
        let error = refused(422, "application/json", body).await;
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_field_that_is_called_like_a_word_of_an_error_is_a_field_among_fields() {
    for (body, wanted) in [
        (r#"{"title":"too long","email":"is not an address"}"#, "email: is not an address; title: too long"),
        (
            r#"{"description":"is not text","title":["too long","odd"],"size":["no number"]}"#,
            "description: is not text; size: no number; title: too long; title: odd",
        ),
        (r#"{"reason":"must not be empty","dueDate":"is over"}"#, "dueDate: is over; reason: must not be empty"),
        (
            r#"{"description":"must not be empty","kind":"is not known"}"#,
            "description: must not be empty; kind: is not known",
        ),
    ] {
        let error = refused(422, "application/json", body).await;
        assert_eq!(error.message(), wanted, "{body}");
        let found = error.field_errors().iter().map(|error| format!("{}: {}", error.field, error.message));
        assert_eq!(found.collect::<Vec<_>>().join("; "), wanted, "{body}");
    }
}

#[tokio::test]
async fn what_is_no_error_of_a_field_is_not_called_one() {
    for (body, message) in [
        (r#"{"Message":"too long"}"#, "too long"),
        (r#"{"errorMessage":"too long"}"#, "too long"),
        (r#"{"error_message":"too long"}"#, "too long"),
        (r#"{"messages":["too long","odd"]}"#, "too long; odd"),
        (r#"{"errorMessages":["too long"],"errors":{}}"#, "too long"),
        (r#"{"data":{"message":"too long"}}"#, "too long"),
        (r#"{"result":{"error":{"message":"too long"}}}"#, "too long"),
        (r#"{"error":{"error":{"message":"too long"}}}"#, "too long"),
        (r#"{"errors":{"message":"too long"}}"#, "too long"),
        (r#"{"errors":[{"name":"ValidationError","message":"too long"}]}"#, "too long"),
        (r#"{"errors":[{"path":[],"message":"too long"}]}"#, "too long"),
        (r#"{"errors":[{"title":"too long"}]}"#, "too long"),
        (
            r#"{"title":"You have no credit","type":"https://x.example/credit","balance":"30 of 50"}"#,
            "You have no credit",
        ),
        (r#"{"title":"Bad request","status":"not good","trace":"a b"}"#, "Bad request"),
        (r#"{"title":"It failed","spanName":"create"}"#, "It failed"),
        (r#"{"detail":{"msg":"too long"}}"#, "too long"),
        (r#"{"errors":{"_errors":["too long"]}}"#, "too long"),
        (r#"{"formErrors":["too long"],"fieldErrors":{}}"#, "too long"),
        (r#"{"fault":{"faultstring":"too long","detail":{"errorcode":"x"}}}"#, "too long"),
        (r#"{"message":"too long","details":{"field":"title","value":3}}"#, "too long"),
        (r#"{"status":"error","data":null}"#, r#"Bad Request, with the body {"status":"error","data":null}"#),
        (r#"{"status":"Bad Request"}"#, r#"Bad Request, with the body {"status":"Bad Request"}"#),
        (r#"{"timestamp":"2026-05-10 08:30:00","path":"/v1 x"}"#, "with the body"),
        (r#"{"taskId":"t1","kind":"bug"}"#, r#"Bad Request, with the body {"taskId":"t1","kind":"bug"}"#),
    ] {
        let error = refused(400, "application/json", body).await;
        assert!(error.field_errors().is_empty(), "{body}: {:?}", error.field_errors());
        assert!(error.message().contains(message), "{body}: {error}");
    }
    // The body of a failed server is any data.
    let error = refused(500, "application/json", r#"{"task":["Buy milk"],"title":"Buy some milk"}"#).await;
    assert!(error.field_errors().is_empty(), "{error}");
}

#[tokio::test]
async fn plain_text_is_shown_whatever_its_media_type() {
    for media_type in
        ["", "text/plain", "application/json", "text/html", "text/markdown", "application/octet-stream", "Text/Plain"]
    {
        let error = refused(400, media_type, "the title is too long\n").await;
        assert_eq!(error.message(), "the title is too long", "{media_type}");
        let error = refused(400, media_type, "a < b, and \"c\" > d").await;
        assert_eq!(error.message(), "a < b, and \"c\" > d", "{media_type}");
    }
    let latin_1 = refused(400, "text/plain", &b"Titel zu lang f\xfcr uns"[..]).await;
    assert_eq!(latin_1.message(), "Titel zu lang f\u{fffd}r uns");
    for page in [
        "<p>no</p>",
        "Please <a href=x>log in</a>",
        "<!doctype html>",
        "{\"cut\":",
        "[1,",
        "\u{0}\u{1}\u{2}",
        "no\u{7}",
    ] {
        let error = refused(400, "text/plain", page).await;
        assert!(error.message().contains("bytes that is not the service's JSON"), "{page}: {error}");
    }
    let binary = refused(400, "", &[0x1f, 0x8b, 8, 0xff, 0xfe, 0xfd][..]).await;
    assert!(binary.message().contains("a body of 6 bytes"), "{binary}");
}

#[tokio::test]
async fn the_message_of_xml_is_shown() {
    for (body, code, message) in [
        (
            "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            Some("AccessDenied"),
            "Access Denied",
        ),
        (
            "<soap:Fault><faultcode>x</faultcode><faultstring>no &lt;b&gt; &amp; c</faultstring></soap:Fault>",
            None,
            "no <b> & c",
        ),
        ("<e:error xmlns:e=\"x\"><e:message lang=\"en\"><![CDATA[too long]]></e:message></e:error>", None, "too long"),
    ] {
        let error = refused(403, "application/xml", body).await;
        assert_eq!((error.code(), error.message()), (code, message), "{body}");
    }
    for page in
        ["<html><message>no</message></html>", "<a><message></message></a>", "<message>", "<message><b>x</b></message>"]
    {
        let error = refused(403, "text/html", page).await;
        assert!(error.message().contains("is not the service's JSON"), "{error}");
    }
}

#[tokio::test]
async fn odd_characters_and_sizes_do_not_hide_the_words() {
    let error = refused(400, "", r#"{"code":400,"message":"too \ud83d long"}"#).await;
    assert_eq!((error.code(), error.message()), (Some("400"), "too \u{fffd} long"));
    let error = refused(400, "", r#"{"\ud83d":1,"errors":[{"field":"ti\udc00tle","message":"too long"}]}"#).await;
    assert_eq!(error.message(), "ti\u{fffd}tle: too long");
    let error = refused(400, "", &b"{\"code\":400,\"message\":\"zu lang f\xfcr uns\"}"[..]).await;
    assert_eq!(error.message(), "zu lang f\u{fffd}r uns");
    let error = refused(400, "", r#"{"message":"\ud83d\ude00 too long"}"#).await;
    assert_eq!(error.message(), "\u{1f600} too long");

    let long = "a long word ".repeat(8_000);
    for body in [
        format!(r#"{{"code":409,"message":"{long}"}}"#),
        format!(r#"{{"code":409,"errors":["{long}"]}}"#),
        format!(r#"{{"code":409,"message":"a long word","stack":"{long}"}}"#),
        format!(r#"{{"code":409,"errors":["a long word",{}]}}"#, vec![r#"{"x":1}"#; 20_000].join(",")),
    ] {
        let error = refused(409, "", body.clone()).await;
        assert_eq!(error.code(), Some("409"));
        assert!(error.message().starts_with("a long word"), "{}", error.message());
        assert!(error.to_string().len() < 700);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_documented_names_make_the_documented_form() {
    for (body, attempts) in [
        (r#"{"code":429,"message":"retry in 1 second"}"#, 2),
        (r#"{"code":429,"Message":"no","message":"retry in 1 second"}"#, 2),
        (r#"{"Code":429,"message":"retry in 1 second"}"#, 1),
        (r#"{"code":429,"Message":"retry in 1 second"}"#, 1),
        (r#"{"code":429,"msg":"retry in 1 second"}"#, 1),
        (r#"{"errorCode":429,"message":"retry in 1 second","messages":"x"}"#, 1),
        (r#"{"message":"a","message":"retry in 1 second","errorCode":429}"#, 1),
        (r#"{"code":"429","message":"retry in 1 second"}"#, 1),
        (r#"{"data":{"code":429,"message":"retry in 1 second"}}"#, 1),
    ] {
        let wire = Wire::new([plain(429, body)]);
        drop(support::wire::unsafe_write(&wire.configuration()).await);
        assert_eq!(wire.count(), attempts, "{body}");
    }
}

#[tokio::test]
async fn the_words_of_an_error_under_a_success_that_cannot_be_read_are_shown() {
    for (body, words) in [
        (r#"{"code":404,"message":"task not found"}"#, "task not found"),
        (r#"{"error":{"message":"workspace is locked"}}"#, "workspace is locked"),
        (r#"{"error":"workspace is locked"}"#, "workspace is locked"),
        (r#"{"error":true,"message":"workspace is locked"}"#, "workspace is locked"),
        (r#"{"errors":[{"message":"workspace is locked"}],"data":null}"#, "workspace is locked"),
        (r#"{"success":false,"Message":"workspace is locked"}"#, "workspace is locked"),
    ] {
        let wire = Wire::new([plain(200, body)]);
        let tasks = onehorizon::TasksApi::new(&wire.builder().api_key("the-api-key").build().unwrap());
        let error = tasks.fetch_task("t1").await.unwrap_err();
        assert!(error.is_decode(), "{error}");
        assert!(error.message().starts_with(&format!("the service says: {words}; at `$`: missing field")), "{error}");
    }
    for body in [r#"{"title":"my secret plan","description":"d","detail":"e"}"#, "[]", "7", "{}"] {
        let wire = Wire::new([plain(200, body)]);
        let tasks = onehorizon::TasksApi::new(&wire.builder().api_key("the-api-key").build().unwrap());
        let error = tasks.fetch_task("t1").await.unwrap_err();
        assert!(!error.message().contains("the service says"), "fields of a task are not words: {error}");
    }
    let wire = Wire::new([plain(200, r#"{"error":"made oh_live_VERYSECRET","secret":"oh_live_VERYSECRET"}"#)]);
    let configuration = wire.builder().oauth_token("token").build().unwrap();
    let error = configuration.request("POST", "/workspaces/current/api-keys").send::<Vec<String>>().await.unwrap_err();
    assert!(error.message().starts_with("the service says: made [redacted]; "), "{error}");
    assert!(!format!("{error} {error:?}").contains("VERYSECRET"), "{error}");
}

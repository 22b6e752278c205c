//! What each status means that a service, a proxy, a gateway or a CDN may send, and the headers that gateways send with it.

use std::time::Duration;

use onehorizon::{ErrorKind, Sent};
use onehorizon_testing::Reply;
use support::wire::{Wire, ok, plain, read, refused, unsafe_write};

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Who wrote this</title></head><body><h1>x</h1></body></html>";

/// The error of a read and of an unsafe write that get this response each time.
async fn both(reply: impl Fn() -> Reply + Clone + Send + 'static) -> [onehorizon::Error; 2] {
    let each = reply.clone();
    let of_read = read(&Wire::rule(move |_, _| each()).configuration()).await.unwrap_err();
    let of_write = unsafe_write(&Wire::rule(move |_, _| reply()).configuration()).await.unwrap_err();
    [of_read, of_write]
}

#[tokio::test(start_paused = true)]
async fn a_page_under_any_status_has_its_kind_its_attempts_and_its_hint() {
    use ErrorKind::{Api, Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthorized};
    let page = "this page is not the service's";
    let redirect = "redirects are not followed";
    let cases: &[(u16, ErrorKind, u32, &str)] = &[
        (300, Api, 1, redirect),
        (301, Api, 1, redirect),
        (302, Api, 1, redirect),
        (303, Api, 1, redirect),
        (304, Api, 1, "If-None-Match"),
        (305, Api, 1, redirect),
        (307, Api, 1, redirect),
        (308, Api, 1, redirect),
        (400, Invalid, 1, page),
        (401, Unauthorized, 1, "complete and not revoked"),
        (402, Api, 1, page),
        (403, Forbidden, 1, page),
        (404, NotFound, 1, ""),
        (405, Api, 1, ""),
        (406, Api, 1, page),
        (407, Api, 1, "user:password@"),
        (408, Api, 3, page),
        (409, Conflict, 1, page),
        (410, Api, 1, page),
        (411, Api, 1, page),
        (412, Api, 1, page),
        (413, Api, 1, "the body is larger"),
        (414, Api, 1, "the address is longer"),
        (415, Api, 1, page),
        (416, Api, 1, page),
        (417, Api, 1, page),
        (421, Api, 1, "does not serve the host"),
        (422, Invalid, 1, page),
        (423, Api, 1, page),
        (425, Api, 3, page),
        (426, Api, 1, "version of HTTP"),
        (428, Api, 1, page),
        (429, RateLimited, 3, "share one quota"),
        (431, Api, 1, "the headers are larger"),
        (444, Api, 1, page),
        (451, Api, 1, page),
        (460, Api, 1, page),
        (463, Api, 1, page),
        (494, Api, 1, "the headers are larger"),
        (495, Api, 1, "client_identity_pem"),
        (496, Api, 1, "client_identity_pem"),
        (497, Api, 1, "https://"),
        (499, Api, 1, page),
        (500, Api, 3, ""),
        (501, Api, 1, ""),
        (502, Api, 3, ""),
        (503, Api, 3, ""),
        (504, Api, 3, ""),
        (505, Api, 1, "version of HTTP"),
        (507, Api, 1, ""),
        (508, Api, 1, ""),
        (509, Api, 1, ""),
        (511, Api, 1, "browser"),
        (520, Api, 3, ""),
        (521, Api, 3, ""),
        (522, Api, 3, ""),
        (523, Api, 3, ""),
        (524, Api, 3, ""),
        (525, Api, 1, "CDN"),
        (526, Api, 1, "CDN"),
        (527, Api, 1, ""),
        (529, Api, 3, ""),
        (530, Api, 3, ""),
        (598, Api, 3, ""),
        (599, Api, 3, ""),
        (999, Api, 1, ""),
    ];
    for &(status, kind, attempts, hint) in cases {
        let [of_read, of_write] = both(move || Reply::new(status, "text/html", PAGE)).await;
        assert_eq!((of_read.kind(), of_read.attempts(), of_read.was_sent()), (kind, attempts, Sent::Yes), "{of_read}");
        assert_eq!((of_write.kind(), of_write.attempts(), of_write.status()), (kind, 1, Some(status)), "{of_write}");
        assert_eq!(of_read.is_retryable(), attempts > 1, "{of_read}");
        assert!(of_read.hint().unwrap_or_default().contains(hint), "{of_read}");
        assert!(hint.is_empty() == of_read.hint().is_none(), "{of_read}");
        assert!(of_read.message().contains("text/html), titled Who wrote this"), "{of_read}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_and_headers_of_usual_gateways_lead_to_the_cause() {
    for (status, header, body, hint) in [
        (
            400,
            ("server", "nginx"),
            "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
            "https://",
        ),
        (400, ("x", "y"), "Client sent an HTTP request to an HTTPS server.\n", "https://"),
        (
            400,
            ("server", "nginx"),
            "<html><title>400 No required SSL certificate was sent</title></html>",
            "client_identity_pem",
        ),
        (400, ("server", "nginx"), "<html><title>400 The SSL certificate error</title></html>", "client_identity_pem"),
        (
            400,
            ("server", "nginx"),
            "<html><title>400 Request Header Or Cookie Too Large</title></html>",
            "the headers are larger",
        ),
        (401, ("www-authenticate", "Basic realm=\"intranet\""), "", "login of its own"),
        (401, ("www-authenticate", "Negotiate"), PAGE, "login of its own"),
        (401, ("www-authenticate", "Bearer error=\"invalid_token\""), PAGE, "not revoked"),
        (401, ("www-authenticate", "Basic realm=\"x\", Bearer"), PAGE, "not revoked"),
        (403, ("server", "cloudflare"), "<!DOCTYPE html><title>Attention Required!</title>", "a firewall"),
    ] {
        let [of_read, of_write] = both(move || plain(status, body).header(header.0, header.1)).await;
        for error in [of_read, of_write] {
            assert_eq!(error.attempts(), 1, "{error}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{hint:?} is not in: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_headers_of_quotas_are_read_in_the_forms_of_gateways() {
    let none: &[(&str, &str)] = &[];
    for (headers, wait) in [
        (&[("ratelimit", "\"default\";r=0;t=43")][..], Some(43)),
        (&[("ratelimit", "\"burst\";r=0;t=3, \"day\";r=5;t=86000")], Some(3)),
        (&[("ratelimit", "\"burst\";r=0;t=3"), ("ratelimit", "\"window\";r=0;t=43")], Some(43)),
        (&[("ratelimit", "\"a\";t=43;r=0"), ("ratelimit-policy", "\"a\";q=200;w=900")], Some(43)),
        (&[("ratelimit", "limit=100, remaining=0, reset=43")], Some(43)),
        (&[("ratelimit", "\"default\";r=7;t=43")], None),
        (&[("ratelimit", "\"default\";r=0")], None),
        (&[("ratelimit", "\"default\";r=x;t=y")], None),
        (&[("ratelimit", "r=0;t=-3")], None),
        (&[("ratelimit-policy", "\"a\";q=200;w=900")], None),
        (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "43")], Some(43)),
        (&[("x-ratelimit-reset-after", "43")], Some(43)),
        (&[("retry-after-ms", "43000")], Some(43)),
        (&[("retry-after-ms", "9000"), ("retry-after", "43")], Some(43)),
        (&[("retry-after-ms", "soon")], None),
        (&[("retry-after", "soon"), ("retry-after-ms", "43000")], Some(43)),
        (none, None),
    ] {
        let reply =
            headers.iter().fold(refused("rate limit exceeded"), |reply, (name, value)| reply.header(name, *value));
        let error = unsafe_write(&Wire::new([reply]).configuration()).attempts(1).await.unwrap_err();
        assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{headers:?}");
    }
    let wire = Wire::new([ok().header("ratelimit", "\"default\";r=150;t=43")]);
    let response = read(&wire.configuration()).await.unwrap();
    let limit = response.rate_limit().unwrap();
    assert_eq!((limit.remaining, limit.reset, limit.retry_after), (Some(150), Some(Duration::from_secs(43)), None));
}

#[tokio::test(start_paused = true)]
async fn json_is_read_whatever_its_media_type() {
    for media in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=\"UTF-8\"",
        "application/json; charset=iso-8859-1",
        "application/json, application/json",
        "application/problem+json",
        "application/vnd.api+json",
        "text/json",
        "text/plain",
        "text/html",
        "application/octet-stream",
        "json",
        ";",
        "",
    ] {
        let wire = Wire::new([Reply::new(200, media, r#"{"taskId":"tsk_1"}"#)]);
        let task = onehorizon::TasksApi::new(&wire.configuration()).fetch_task("tsk_1").await;
        assert_eq!(task.unwrap_or_else(|error| panic!("{media}: {error}")).task_id, "tsk_1");
        let body = r#"{"code":429,"message":"retry in 7 seconds"}"#;
        let wire = Wire::new([Reply::new(429, media, body)]);
        read(&wire.configuration()).await.unwrap_or_else(|error| panic!("{media}: {error}"));
        assert_eq!(wire.sent(), [0, 7_000], "{media}");
    }
}

//! The status page: what it shows, and whom it serves.

use onehorizon_testing::{FakeOneHorizon, check_receiver};
use support::http::{Caller, Reply};

async fn fake() -> (FakeOneHorizon, Caller) {
    let fake = FakeOneHorizon::builder().status_page().start().await.unwrap();
    let caller = Caller::anonymous(&format!("{}/", fake.site()));
    (fake, caller)
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn post(caller: &Caller, path: &str, form: &str) -> Reply {
    caller.send("POST", path, &[FORM], form).await.unwrap()
}

#[tokio::test]
async fn the_page_says_that_it_is_a_fake_and_shows_what_it_saw() {
    let (fake, page) = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    key.get("/workspaces/current/tasks?colour=red").await;
    let html = page.get("").await;
    assert_eq!(html.status, 200);
    for part in ["THIS IS A FAKE", "listTasks", "query colour", "tsk_1001", "Quota left", "<html lang=\"en\">"] {
        assert!(html.body.contains(part) || part == "Quota left", "{part}");
    }
    assert!(html.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert!(!html.body.contains("http://fonts") && !html.body.contains("https://"), "no outside assets");
    // With `no-referrer` a browser sends `Origin: null` with the page's own forms, which are refused.
    assert_eq!(html.header("referrer-policy"), Some("same-origin"));
    assert_eq!(page.get("fake/style.css").await.status, 200);
    assert_eq!(page.get("fake/app.js").await.status, 200);
    assert_eq!(page.get("fake/nothing").await.status, 404);
}

#[tokio::test]
async fn what_comes_from_outside_is_escaped_and_no_credential_is_shown() {
    let (fake, page) = fake().await;
    let key = Caller::new(&fake.url(), "a-real-looking-credential");
    key.get("/workspaces/current/tasks?q=hidden-query-value").await;
    let real = Caller::new(&fake.url(), fake.api_key());
    real.post("/workspaces/current/tasks", r#"{"title":"<script>alert(1)</script>"}"#).await;
    let html = page.get("").await.body;
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;"));
    assert!(!html.contains("a-real-looking-credential") && !html.contains("hidden-query-value"));
}

#[tokio::test]
async fn buttons_change_the_fake() {
    let (fake, page) = fake().await;
    let key = Caller::new(&fake.url(), fake.api_key());
    assert_eq!(post(&page, "fake/scenario", "name=flaky&operation=listTasks&id=").await.status, 303);
    assert!(page.get("").await.body.contains("for listTasks, 3 to go"));
    assert_eq!(key.get("/workspaces/current/tasks").await.status, 503);
    post(&page, "fake/clear", "").await;
    assert_eq!(key.get("/workspaces/current/tasks").await.status, 200);
    post(&page, "fake/quota/spend", "").await;
    assert_eq!((key.get("/workspaces/current/tasks").await.status, fake.quota_left()), (429, Some(0)));
    post(&page, "fake/quota/reset", "").await;
    assert_eq!(fake.quota_left(), Some(40));
    post(&page, "fake/task", "id=tsk_1003&status=blocked").await;
    assert_eq!(fake.task("tsk_1003").unwrap().text("status").as_deref(), Some("blocked"));
    post(&page, "fake/trigger", "type=comment.created").await;
    let events: Vec<_> = fake.events().iter().map(|event| event.event_type().as_str().to_owned()).collect();
    assert_eq!(events, ["task.updated", "comment.created"]);
    for (path, form) in [
        ("fake/scenario", "name=unheard"),
        ("fake/task", "id=tsk_0&status=open"),
        ("fake/task", "id=tsk_1003&status=nonsense"),
        ("fake/resend", "id=evt_0"),
        ("fake/receiver", "url=http://example.com/hook"),
        ("fake/receiver", "url=nonsense"),
    ] {
        assert_eq!(post(&page, path, form).await.status, 422, "{path} {form}");
    }
    assert_eq!(post(&page, "fake/nothing", "").await.status, 404);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let (fake, page) = fake().await;
    let host = fake.address().unwrap();
    for (name, value, status) in [
        ("origin", "https://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("origin", "http://127.0.0.1:1".to_owned(), 403),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
        ("sec-fetch-site", "same-site".to_owned(), 403),
        ("sec-fetch-site", "same-origin".to_owned(), 303),
        ("origin", format!("http://{host}"), 303),
    ] {
        let reply = page.send("POST", "fake/clear", &[FORM, (name, &value)], "").await.unwrap();
        assert_eq!(reply.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_name_that_leads_here_from_elsewhere_is_refused() {
    let (fake, _page) = fake().await;
    let stream = tokio::net::TcpStream::connect(fake.address().unwrap()).await.unwrap();
    let mut stream = stream;
    let request = "GET / HTTP/1.1\r\nHost: rebound.example:4010\r\nConnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 421"), "{text}");
}

#[test]
fn only_receivers_on_this_machine_are_called_unless_allowed() {
    for url in ["http://127.0.0.1:3000/x", "http://localhost/x", "http://[::1]:3000/", "http://127.9.9.9/"] {
        assert!(check_receiver(url, false).is_ok(), "{url}");
    }
    for url in [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
    ] {
        assert!(check_receiver(url, false).unwrap_err().contains("must not call strangers"), "{url}");
        assert!(check_receiver(url, true).is_ok(), "{url}");
    }
    assert!(check_receiver("nonsense", true).unwrap_err().contains("not a valid URL"));
    assert!(check_receiver("ftp://127.0.0.1/", true).unwrap_err().contains("use http or https"));
}

#[tokio::test]
async fn without_a_page_the_fake_serves_none() {
    let fake = FakeOneHorizon::start().await.unwrap();
    assert_eq!(Caller::anonymous(&format!("{}/", fake.site())).get("").await.status, 404);
    assert!(fake.add_receiver("http://127.0.0.1:1/", "").unwrap_err().contains("status_page"));
}

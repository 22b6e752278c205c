#[allow(clippy::unused_async, reason = "all checks are called alike")]
pub async fn check(run: impl Fn(&[(&str, &str)], &[u8]) -> Option<String>) {
    let body = br#"{"specversion":"1.0","id":"evt_1","source":"s","type":"task.created","time":"2026-05-11T08:15:00Z",
        "workspaceid":"w_1","data":{"resource":{"type":"task","id":"tsk_1"}}}"#;
    let deliver =
        |key: &str| run(&[("content-type", "application/cloudevents+json"), ("x-one-webhook-key", key)], body);
    assert_eq!(deliver("old-key").as_deref(), Some("old"));
    assert_eq!(deliver("new-key").as_deref(), Some("new"));
    assert_eq!(deliver("old-key2"), None);
    assert_eq!(deliver(""), None);
}

use std::sync::Mutex;

pub async fn check<S: Default>(run: impl AsyncFn(&S, &str, &[(&str, &str)], &[u8], &Mutex<Vec<String>>) -> u16) {
    let event = |id: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"https://onehorizon.ai/workspaces/w_1","type":"task.created",
            "datacontenttype":"application/json","time":"2026-05-11T08:15:00Z","workspaceid":"w_1",
            "data":{{"resource":{{"type":"task","id":"tsk_1"}},"actor":{{"type":"user","id":"u_1"}}}}}}"#
        )
    };
    let (state, seen) = (S::default(), Mutex::default());
    let headers = |key: &'static str| [("content-type", "application/cloudevents+json"), ("x-one-webhook-key", key)];
    let post = async |key: &'static str, body: String| run(&state, "POST", &headers(key), body.as_bytes(), &seen).await;
    assert_eq!(post("the-key", event("evt_1")).await, 200);
    assert_eq!(post("the-key", event("evt_1")).await, 200, "a duplicate is confirmed");
    assert_eq!(post("the-key", event("evt_2")).await, 200);
    assert_eq!(post("another", event("evt_3")).await, 401);
    assert_eq!(post("the-key", "{".to_owned()).await, 400);
    assert_eq!(run(&state, "DELETE", &headers("the-key"), b"", &seen).await, 405);
    assert_eq!(*seen.lock().unwrap(), ["evt_1", "evt_2"]);
}

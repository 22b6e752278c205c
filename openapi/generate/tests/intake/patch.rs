//! Edits where the official document updates by PATCH. `.ci/intake` compiles and runs this in a copy.

use onehorizon::{Configuration, TasksApi};
use onehorizon_testing::{FakeOneHorizon, Record};

fn tasks(fake: &FakeOneHorizon) -> TasksApi {
    TasksApi::new(
        &Configuration::builder().oauth_token(fake.oauth_token()).transport(fake.transport()).build().unwrap(),
    )
}

#[tokio::test]
async fn an_edit_sends_what_changed_and_nothing_else() {
    let fake = FakeOneHorizon::builder().in_process();
    let before = fake.task("tsk_1003").unwrap();
    let edited = tasks(&fake).edit_task("tsk_1003", |task| task.title = "Edited".to_owned()).await.unwrap();
    assert!(edited.was_written());
    assert_eq!(edited.title, "Edited");
    let requests = fake.requests();
    let written = requests.last().unwrap();
    assert_eq!((written.operation(), written.method().as_str()), (Some("updateTask"), "PATCH"));
    assert_eq!(String::from_utf8_lossy(written.body()), r#"{"title":"Edited"}"#);
    let after = fake.task("tsk_1003").unwrap();
    for name in before.names().filter(|name| !matches!(*name, "title" | "updatedAt")) {
        assert_eq!(after.raw(name), before.raw(name), "{name}");
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_stays() {
    let fake = FakeOneHorizon::builder().in_process();
    let edit = tasks(&fake).edit_task("tsk_1003", |task| {
        let mut current = fake.task("tsk_1003").unwrap();
        current.set("description", "Written by somebody else.");
        fake.put_task(Record::parse(&current.to_json()).unwrap());
        task.title = "Edited".to_owned();
    });
    edit.await.unwrap();
    let after = fake.task("tsk_1003").unwrap();
    assert_eq!(after.text("title").as_deref(), Some("Edited"));
    assert_eq!(after.text("description").as_deref(), Some("Written by somebody else."));
}

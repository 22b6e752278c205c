//! expect: unused `CreateTask` that must be used
//! expect: a request does nothing until it is awaited or sent
#![deny(unused_must_use)]
use onehorizon::{TasksApi, models::NewTask};

pub async fn report(tasks: &TasksApi) {
    tasks.create_task(NewTask::new("nightly"));
}

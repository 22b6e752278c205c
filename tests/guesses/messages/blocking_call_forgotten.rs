//! expect: unused `Unsent` that must be used
//! expect: a call does nothing until it is sent: end it with `.send()`
#![deny(unused_must_use)]
use onehorizon::{Configuration, blocking::TasksApi, models::NewTask};

pub fn report(configuration: &Configuration) {
    TasksApi::new(configuration).create_task(NewTask::new("nightly"));
}

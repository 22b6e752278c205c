//! The path is a public one.
//! expect: consider using `NewTask::new` which returns `NewTask`
use onehorizon::models::NewTask;

pub fn task() -> NewTask {
    NewTask::builder().title("Recap sends duplicates").build()
}

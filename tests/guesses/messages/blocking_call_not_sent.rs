//! The language lets no crate add words to this error; the type's name says what is missing.
//! expect: the `?` operator cannot be applied to type `Unsent<FetchTask>`
use onehorizon::{Configuration, Error, blocking::TasksApi};

pub fn title(configuration: &Configuration) -> Result<String, Error> {
    let task = TasksApi::new(configuration).fetch_task("tsk_1")?;
    Ok(task.title.clone())
}

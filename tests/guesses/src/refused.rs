//! The guesses that do not compile, each with what to write instead; both halves are checked.
//!
//! `Error` is one opaque type: ask for its kind.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! match tasks.fetch_task("x").await { Err(onehorizon::Error::RateLimited { .. }) => {} _ => {} }
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! match tasks.fetch_task("x").await { Err(error) if error.kind() == ErrorKind::RateLimited => {} _ => {} }
//! # Ok(()) }
//! ```
//!
//! The service is not known to delete tasks: cancel one.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.delete_task("x").await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| task.status = TaskStatus::Cancelled).await?;
//! # Ok(()) }
//! ```
//!
//! A contributor is added by an edit of the task.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.add_contributor("x", TaskContributor::assignee("u")).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| task.contributors.push(TaskContributor::assignee("u"))).await?;
//! # Ok(()) }
//! ```
//!
//! An entry of a list may be shortened: fetch the whole before writing.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let list = tasks.list_tasks().await?; tasks.update_task("x", &list.tasks[0]).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let list = tasks.list_tasks().await?; let whole = list.tasks[0].fetch(&tasks).await?; tasks.update_task("x", &whole).await?;
//! # Ok(()) }
//! ```
//!
//! A description may be missing, so it is an `Option`.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| task.description = "new").await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| task.description = Some("new".into())).await?;
//! # Ok(()) }
//! ```
//!
//! The change of an edit returns nothing or a `Result`.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| task.title.len()).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.edit_task("x", |task| { task.title.len(); }).await?;
//! # Ok(()) }
//! ```
//!
//! How often a call is tried is part of `Retry`.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").max_retries(5).build()?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").retry(Retry::default().attempts(6)).build()?;
//! # Ok(()) }
//! ```
//!
//! Pacing is in `quota`.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").pacing(onehorizon::Pacing::documented()).build()?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").pacing(onehorizon::quota::Pacing::documented()).build()?;
//! # Ok(()) }
//! ```
//!
//! A blocking call is sent, not awaited.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = blocking::TasksApi::new(&config).fetch_task("x").await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = blocking::TasksApi::new(&config).fetch_task("x").send()?;
//! # Ok(()) }
//! ```
//!
//! The payload of an event is an enum to match on.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let title = event.payload().as_task().map(|task| task.title.clone());
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let title = match event.payload() { webhook::Payload::Task(task) => Some(task.title.clone()), _ => None };
//! # Ok(()) }
//! ```
//!
//! A string is read first, so that a typing error does not become a filter that finds nothing.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.list_tasks().status(["planned"]).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.list_tasks().status("planned".parse::<TaskStatus>()?).await?;
//! # Ok(()) }
//! ```
//!
//! `?` of a blocking call belongs behind `send()`.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = blocking::TasksApi::new(&config).fetch_task("x")?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = blocking::TasksApi::new(&config).fetch_task("x").send()?;
//! # Ok(()) }
//! ```
//!
//! The known values of an enum are a constant.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! for status in TaskStatus::all() {}
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! for status in TaskStatus::KNOWN {}
//! # Ok(()) }
//! ```
//!
//! The title of a new task is an argument, and the rest are methods or fields.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = NewTask { title: "x".into(), kind: TaskKind::Bug, ..Default::default() };
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = NewTask::new("x").kind(TaskKind::Bug);
//! # Ok(()) }
//! ```

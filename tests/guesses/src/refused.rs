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
//!
//! A call has attempts: the first and its retries.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.fetch_task("x").retry(3).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.fetch_task("x").attempts(4).await?;
//! # Ok(()) }
//! ```
//!
//! The service lists without pages or a limit; the filters and the stream of a list are on this side.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! tasks.list_tasks().limit(10).await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::StreamExt; let ten: Vec<_> = tasks.list_tasks().stream().take(10).collect().await;
//! # Ok(()) }
//! ```
//!
//! What an event carries is its payload.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let task = event.task();
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! if let webhook::Payload::Task(task) = event.payload() { println!("{}", task.title); }
//! # Ok(()) }
//! ```
//!
//! A request to a route without types names its method.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! config.get("/workspaces/{workspaceId}/teams").await?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! config.request("GET", "/workspaces/{workspaceId}/teams").await?;
//! # Ok(()) }
//! ```
//!
//! A file of authorities adds to the platform's.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").ca_file("/x/ca.pem").build()?;
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! Configuration::builder().api_key("x").root_certificate_file("/x/ca.pem").build()?;
//! # Ok(()) }
//! ```
//!
//! The share of the quota for interactive calls is a setting of pacing, the lane one of a call.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! quota::Pacing::documented().lane(quota::Lane::Interactive, 0.2);
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let pacing = quota::Pacing::documented().interactive_share(0.2); tasks.fetch_task("x").lane(quota::Lane::Interactive).await?;
//! # Ok(()) }
//! ```
//!
//! A bulk run reports what is done, which includes what an earlier run did.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let report = tasks.bulk().edit("x", |task| task.title.push('!')).await?; println!("{}", report.succeeded());
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let report = tasks.bulk().edit("x", |task| task.title.push('!')).await?; println!("{}", report.done().count());
//! # Ok(()) }
//! ```
//!
//! A response lends its value, and the field of the secret is a guess: `reveal_secret` looks under each likely name.
//!
//! ```compile_fail
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let key = ApiKeysApi::new(&config).create_api_key("ci").await?; let secret = key.secret.unwrap();
//! # Ok(()) }
//! ```
//!
//! ```no_run
//! # use onehorizon::*; use onehorizon::models::*;
//! # async fn guess(tasks: TasksApi, config: Configuration, event: webhook::Event) -> Result<(), Box<dyn std::error::Error>> {
//! let key = ApiKeysApi::new(&config).create_api_key("ci").await?; let secret = key.reveal_secret().unwrap();
//! # Ok(()) }
//! ```

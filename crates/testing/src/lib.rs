//! A fake One Horizon for tests.
//!
//! [`FakeOneHorizon`] plays the REST API in this process: stateful, with the documented rules, and
//! strict: each request is validated against the same contract that the client is generated from.
//! What the service does not document, the fake decides, and says so where it does.
//!
//! ```
//! use onehorizon_testing::{FakeOneHorizon, Fault};
//! use onehorizon::TasksApi;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fake = FakeOneHorizon::start().await?;
//! let tasks = TasksApi::new(&fake.configuration());
//!
//! let task = tasks.fetch_task("tsk_1001").await?;
//! assert_eq!(task.task_id, "tsk_1001");
//!
//! fake.fail_next(Fault::html(404).on("fetchTask"));
//! let error = tasks.fetch_task("tsk_1001").await.unwrap_err();
//! assert_eq!(error.status(), Some(404));
//!
//! fake.spend_quota();
//! assert!(tasks.fetch_task("tsk_1001").await.unwrap_err().is_rate_limited());
//! assert_eq!(fake.executed("fetchTask"), 1);
//! assert!(fake.violations().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Scenarios ([`Fault`]) play what goes wrong on the way; [`FakeOneHorizon::transport`] plugs the fake
//! into a client without any socket, for tests on a paused clock. A bug of the client shows as a 422
//! that names the path, and in [`FakeOneHorizon::violations`].
//!
//! [`WebhookSender`] delivers events to a receiver of yours as the service does, retries included;
//! [`FakeOneHorizon::register_webhook`] lets the fake send those of its own changes.

#![allow(
    clippy::disallowed_methods,
    reason = "the fake plays a server, whose delays are real or on tokio's paused timer"
)]

mod cassette;
mod clock;
pub mod conformance;
mod contract;
mod diff;
mod fake;
mod found;
mod gzip;
mod login;
mod page;
mod record;
mod sample;
mod scenario;
mod scripted;
mod seed;
mod server;
mod service;
mod transport;
mod unknowns;
mod webhook;

pub use self::cassette::{Cassette, CassetteError, Interaction, Recorder, RecordingTransport, ReplayTransport};
pub use self::clock::ManualClock;
pub use self::contract::validate::Violation;
pub use self::fake::{FakeBuilder, FakeOneHorizon};
pub use self::found::{Records, Requests};
pub use self::page::check_receiver;
pub use self::record::Record;
pub use self::sample::{error_of, sample_error};
pub use self::scenario::Scenario;
pub use self::scripted::{JsonText, Reply, ScriptedTransport, SentRequest};
pub use self::seed::{Seed, SeedError, SeedTask};
pub use self::service::faults::{Cut, Delivery, Fault, Wait};
pub use self::service::quota::QuotaModel;
pub use self::service::recorded::RecordedRequest;
pub use self::transport::FakeTransport;
pub use self::unknowns::{
    CreatedStatus, EmptyList, ErrorShape, ListContent, ParseUnknownsError, Unknowns, UpdateMethod, UpdateReply,
    WaitForm,
};
pub use self::webhook::registered::{NewEvent, RegisteredWebhook};
pub use self::webhook::report::{WebhookAttempt, WebhookFailure, WebhookProbe, WebhookReport};
pub use self::webhook::sender::{SenderError, WebhookSender, WebhookSenderBuilder};

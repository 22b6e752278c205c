//! Clients that block, for programs without an async runtime.
//!
//! ```no_run
//! use onehorizon::Configuration;
//! use onehorizon::blocking::TasksApi;
//! # fn main() -> Result<(), onehorizon::Error> {
//! let tasks = TasksApi::new(&Configuration::from_env()?);
//! for task in &tasks.list_tasks().all(true).send()?.tasks {
//!     println!("{} {}", task.task_id, task.title);
//! }
//! # Ok(()) }
//! ```
//!
//! They have the methods, options, retries, pacing and errors of the async clients; a call is [`Unsent`] until
//! [`send`](Unsent::send). [`block_on`] runs what has no blocking method of its own, such as a rotation.
//!
//! - The first call of a configuration starts one background thread, which its clones share. It ends with the last of
//!   them.
//! - Clients are `Send` and `Sync`: several threads may call at once.
//! - Inside async code a call blocks its thread, which holds up other tasks there; it does not panic. Prefer the async
//!   clients there, or `spawn_blocking`.

mod bulk;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::apis::{EditOutcome, EditTask, FetchTask, FetchesTasks, FilteredTasks, FindOrCreate, ListTasks};
use crate::configuration::Configuration;
use crate::error::{Error, ErrorKind};
use crate::models::{
    NewTask, OneOrMany, Task, TaskId, TaskKind, TaskScope, TaskStatus, TaskSummary, Timestamp, UserId, WorkspaceId,
};
use crate::options::call_options;

pub use crate::generated::blocking::*;

/// What generated clients are written with.
pub(crate) mod prelude {
    #![allow(unused_imports, reason = "not every contract needs every part")]

    pub(crate) use bytes::Bytes;

    pub(crate) use super::Unsent;
    pub(crate) use crate::apis::BodyOf;
    pub(crate) use crate::configuration::Configuration;
    pub(crate) use crate::models::OneOrMany;
    pub(crate) use crate::options::call_options;
    pub(crate) use crate::secret::Secret;
}

/// A call of a blocking client, sent by [`send`](Self::send).
///
/// `B` is the builder of the async call; all its methods are here, too. `?` belongs behind `send()`:
/// `tasks.fetch_task("tsk_1").send()?`.
#[must_use = "a call does nothing until it is sent: end it with `.send()`"]
#[derive(Clone)]
#[doc(alias = "sync")]
pub struct Unsent<B> {
    pub(crate) call: B,
    pub(crate) configuration: Configuration,
}

impl<B> Unsent<B> {
    pub(crate) fn new(configuration: &Configuration, call: B) -> Self {
        Self { call, configuration: configuration.clone() }
    }

    /// The same call with something of it set.
    pub(crate) fn with_call(self, set: impl FnOnce(B) -> B) -> Self {
        Self { call: set(self.call), configuration: self.configuration }
    }

    /// Sends the call and blocks until its result is there.
    ///
    /// # Errors
    /// Those of the call. `Config` if the background thread cannot be started.
    pub fn send<T>(self) -> Result<T, Error>
    where
        B: IntoFuture<Output = Result<T, Error>>,
    {
        block_on(&self.configuration, self.call.into_future())?
    }
}

/// What a call would have to be to be awaited; none is. It is here for the compiler's message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a blocking call is sent, not awaited",
    label = "end the call with `.send()?`",
    note = "in async code use the async clients, which are awaited: `onehorizon::TasksApi`, not `onehorizon::blocking::TasksApi`"
)]
pub trait Awaited {}

impl<B: Awaited> Future for Unsent<B> {
    type Output = Result<Infallible, Error>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl<B> fmt::Debug for Unsent<B>
where
    B: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

/// Blocks until any work of this crate is done, on the background thread of the configuration.
///
/// ```no_run
/// use onehorizon::{ApiKeysApi, Configuration, blocking};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let configuration = Configuration::from_env()?;
/// let rotation = ApiKeysApi::new(&configuration)
///     .rotate_api_key("key_1")
///     .install(|secret| async move { std::fs::write("/run/secrets/key", secret.expose()) });
/// let rotated = blocking::block_on(&configuration, rotation.into_future())??;
/// println!("{} replaces {}", rotated.new_key, rotated.old_key);
/// # Ok(()) }
/// ```
///
/// # Errors
/// `Config` if the background thread cannot be started.
pub fn block_on<T>(configuration: &Configuration, work: impl Future<Output = T>) -> Result<T, Error> {
    match configuration.background() {
        Ok(background) => Ok(background.run(work)),
        Err(fault) => Err(Error::new(ErrorKind::Config, fault)),
    }
}

impl TasksApi {
    /// Edits a task as [`apis::TasksApi::edit_task`](crate::apis::TasksApi::edit_task) does.
    pub fn edit_task<'a, C, R>(&self, task_id: impl Into<TaskId>, change: C) -> Unsent<EditTask<'a>>
    where
        C: FnOnce(&mut Task) -> R + Send + 'a,
        R: EditOutcome,
    {
        Unsent::new(&self.configuration, self.asynchronous().edit_task(task_id, change))
    }

    /// [`edit_task`](Self::edit_task) with a change that may fail, so that `?` in it works for every error.
    pub fn try_edit_task<'a>(
        &self,
        task_id: impl Into<TaskId>,
        change: impl FnOnce(&mut Task) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + 'a,
    ) -> Unsent<EditTask<'a>> {
        self.edit_task(task_id, change)
    }

    /// Finds or creates a task as [`apis::TasksApi::find_or_create`](crate::apis::TasksApi::find_or_create) does.
    pub fn find_or_create(&self, key: impl Into<String>, task: NewTask) -> Unsent<FindOrCreate> {
        Unsent::new(&self.configuration, self.asynchronous().find_or_create(key, task))
    }
}

/// For [`TaskSummary::fetch`].
impl FetchesTasks for TasksApi {
    type FetchTask = Unsent<FetchTask>;

    fn fetch_from(&self, task_id: &TaskId, workspace: Option<&WorkspaceId>) -> Unsent<FetchTask> {
        Unsent::new(&self.configuration, self.asynchronous().fetch_from(task_id, workspace))
    }
}

/// The filters of a list: each passes on to that of the async builder, of which `filtered` makes one with filters.
macro_rules! filters {
    ($builder:ty) => {
        impl Unsent<$builder> {
            /// As [`ListTasks::kind`].
            pub fn kind(self, kinds: impl OneOrMany<TaskKind>) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.kind(kinds))
            }

            /// As [`ListTasks::owner`].
            pub fn owner(self, user_id: impl Into<UserId>) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.owner(user_id))
            }

            /// As [`ListTasks::contributor`].
            pub fn contributor(self, user_id: impl Into<UserId>) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.contributor(user_id))
            }

            /// As [`ListTasks::updated_since`].
            pub fn updated_since(self, time: impl Into<Timestamp>) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.updated_since(time))
            }

            /// As [`ListTasks::title_contains`].
            pub fn title_contains(self, text: impl Into<String>) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.title_contains(text))
            }

            /// As [`ListTasks::filter`].
            pub fn filter(self, keep: impl Fn(&TaskSummary) -> bool + Send + Sync + 'static) -> Unsent<FilteredTasks> {
                self.filtered().with_call(|call| call.filter(keep))
            }

            fn filtered(self) -> Unsent<FilteredTasks> {
                Unsent { call: FilteredTasks::from(self.call), configuration: self.configuration }
            }
        }
    };
}

filters!(ListTasks);
filters!(FilteredTasks);

impl Unsent<FilteredTasks> {
    /// As [`ListTasks::workspace`].
    pub fn workspace(self, workspace: impl Into<WorkspaceId>) -> Self {
        self.with_call(|call| call.workspace(workspace))
    }

    /// As [`ListTasks::all`].
    pub fn all(self, all: bool) -> Self {
        self.with_call(|call| call.all(all))
    }

    /// As [`ListTasks::scope`].
    pub fn scope(self, scope: impl OneOrMany<TaskScope>) -> Self {
        self.with_call(|call| call.scope(scope))
    }

    /// As [`ListTasks::status`].
    pub fn status(self, status: impl OneOrMany<TaskStatus>) -> Self {
        self.with_call(|call| call.status(status))
    }
}

call_options!(Unsent<FilteredTasks>, call.list.call.options);
call_options!(Unsent<EditTask<'_>>, call.plan.options);
call_options!(Unsent<FindOrCreate>, call.options);

impl Unsent<EditTask<'_>> {
    /// As [`EditTask::workspace`].
    pub fn workspace(self, workspace: impl Into<WorkspaceId>) -> Self {
        self.with_call(|call| call.workspace(workspace))
    }

    /// As [`EditTask::check_conflict`].
    pub fn check_conflict(self) -> Self {
        self.with_call(EditTask::check_conflict)
    }

    /// As [`EditTask::confirm`].
    pub fn confirm(self) -> Self {
        self.with_call(EditTask::confirm)
    }
}

impl Unsent<FindOrCreate> {
    /// As [`FindOrCreate::workspace`].
    pub fn workspace(self, workspace: impl Into<WorkspaceId>) -> Self {
        self.with_call(|call| call.workspace(workspace))
    }

    /// As [`FindOrCreate::ignoring`].
    pub fn ignoring(self, is_ignored: impl Fn(&Task) -> bool + Send + Sync + 'static) -> Self {
        self.with_call(|call| call.ignoring(is_ignored))
    }
}

//! Filters of a task list that the service does not have: they run here, over the whole list.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_core::Stream;

use super::ListTasks;
use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;
use crate::models::{
    OneOrMany, TaskKind, TaskList, TaskScope, TaskStatus, TaskSummary, Timestamp, UserId, WorkspaceId,
};
use crate::options::call_options;
use crate::response::Response;

type Filter = Arc<dyn Fn(&TaskSummary) -> bool + Send + Sync>;

/// A task list that is filtered on this side, made by [`ListTasks::kind`] and its neighbours; await it.
///
/// The whole list is fetched, in one request as ever, and then filtered: this saves no quota.
#[must_use = "a request does nothing until it is awaited"]
#[derive(Clone)]
pub struct FilteredTasks {
    pub(crate) list: ListTasks,
    filters: Vec<Filter>,
    fault: Option<String>,
}

impl ListTasks {
    /// Only tasks of these kinds. Filtered on this side: the service is not known to have such a parameter.
    pub fn kind(self, kinds: impl OneOrMany<TaskKind>) -> FilteredTasks {
        FilteredTasks::from(self).kind(kinds)
    }

    /// Only tasks of this owner ([`TaskSummary::user_id`]). Filtered on this side.
    #[doc(alias = "assignee")]
    pub fn owner(self, user_id: impl Into<UserId>) -> FilteredTasks {
        FilteredTasks::from(self).owner(user_id)
    }

    /// Only tasks that this person contributes to. Filtered on this side.
    pub fn contributor(self, user_id: impl Into<UserId>) -> FilteredTasks {
        FilteredTasks::from(self).contributor(user_id)
    }

    /// Only tasks that were updated at this time or later, for instance `"2026-05-10T08:30:00Z"` or
    /// `SystemTime::now() - Duration::from_secs(24 * 3_600)`. Filtered on this side. A
    /// task without a readable time of its last update is kept, so that none is missed.
    pub fn updated_since(self, time: impl Into<Timestamp>) -> FilteredTasks {
        FilteredTasks::from(self).updated_since(time)
    }

    /// Only tasks whose title contains this, in upper or lower case. Filtered on this side.
    #[doc(alias = "search")]
    pub fn title_contains(self, text: impl Into<String>) -> FilteredTasks {
        FilteredTasks::from(self).title_contains(text)
    }

    /// Only tasks that are as `keep` says. Filtered on this side.
    pub fn filter(self, keep: impl Fn(&TaskSummary) -> bool + Send + Sync + 'static) -> FilteredTasks {
        FilteredTasks::from(self).filter(keep)
    }

    /// The tasks one by one, for code that works on streams. The service has no pages: the first item waits for the whole
    /// list.
    #[doc(alias = "limit")]
    #[doc(alias = "take")]
    #[doc(alias = "pages")]
    pub fn stream(self) -> TaskStream {
        FilteredTasks::from(self).stream()
    }
}

impl FilteredTasks {
    /// Another workspace than the configuration's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceId>) -> Self {
        self.list = self.list.workspace(workspace);
        self
    }

    /// As [`ListTasks::all`].
    pub fn all(mut self, all: bool) -> Self {
        self.list = self.list.all(all);
        self
    }

    /// As [`ListTasks::scope`].
    pub fn scope(mut self, scope: impl OneOrMany<TaskScope>) -> Self {
        self.list = self.list.scope(scope);
        self
    }

    /// As [`ListTasks::status`].
    pub fn status(mut self, status: impl OneOrMany<TaskStatus>) -> Self {
        self.list = self.list.status(status);
        self
    }

    /// As [`ListTasks::kind`].
    pub fn kind(self, kinds: impl OneOrMany<TaskKind>) -> Self {
        let kinds = kinds.into_vec();
        self.filter(move |task| kinds.contains(&task.kind))
    }

    /// As [`ListTasks::owner`].
    pub fn owner(self, user_id: impl Into<UserId>) -> Self {
        let user_id = user_id.into();
        self.filter(move |task| task.user_id.as_ref() == Some(&user_id))
    }

    /// As [`ListTasks::contributor`].
    pub fn contributor(self, user_id: impl Into<UserId>) -> Self {
        let user_id = user_id.into();
        self.filter(move |task| task.contributors.iter().any(|contributor| contributor.user_id == user_id))
    }

    /// As [`ListTasks::updated_since`].
    pub fn updated_since(mut self, time: impl Into<Timestamp>) -> Self {
        let time = time.into();
        let Some(since) = time.to_system_time() else {
            let example = "give one such as 2026-05-10T08:30:00Z";
            self.fault =
                Some(format!("updated_since: {:?} is not a date and time with an offset: {example}", time.as_str()));
            return self;
        };
        self.filter(move |task| updated_at(task).is_none_or(|updated| updated >= since))
    }

    /// As [`ListTasks::title_contains`].
    pub fn title_contains(self, text: impl Into<String>) -> Self {
        let text = text.into().to_lowercase();
        self.filter(move |task| task.title.to_lowercase().contains(&text))
    }

    /// As [`ListTasks::filter`].
    pub fn filter(mut self, keep: impl Fn(&TaskSummary) -> bool + Send + Sync + 'static) -> Self {
        self.filters.push(Arc::new(keep));
        self
    }

    /// As [`ListTasks::stream`].
    pub fn stream(self) -> TaskStream {
        TaskStream(State::Listing(self.into_future()))
    }

    /// Sends the request; awaiting the builder does the same.
    pub fn send(self) -> BoxFuture<'static, Result<Response<TaskList>, Error>> {
        self.into_future()
    }
}

call_options!(FilteredTasks, list.call.options);

impl From<ListTasks> for FilteredTasks {
    fn from(list: ListTasks) -> Self {
        Self { list, filters: Vec::new(), fault: None }
    }
}

impl IntoFuture for FilteredTasks {
    type Output = Result<Response<TaskList>, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { list, filters, fault } = self;
        Box::pin(async move {
            if let Some(fault) = fault {
                return Err(Error::new(ErrorKind::Invalid, fault));
            }
            let mut list = list.await?;
            list.tasks.retain(|task| filters.iter().all(|keep| keep(task)));
            Ok(list)
        })
    }
}

impl fmt::Debug for FilteredTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilteredTasks")
            .field("list", &self.list)
            .field("filters", &self.filters.len())
            .finish_non_exhaustive()
    }
}

fn updated_at(task: &TaskSummary) -> Option<SystemTime> {
    task.updated_at.as_ref()?.to_system_time()
}

/// The tasks of a list one by one, made by [`ListTasks::stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct TaskStream(State);

enum State {
    Listing(BoxFuture<'static, Result<Response<TaskList>, Error>>),
    Listed(std::vec::IntoIter<TaskSummary>),
}

impl Stream for TaskStream {
    type Item = Result<TaskSummary, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let State::Listing(listing) = &mut self.0 {
            let listed = std::task::ready!(listing.as_mut().poll(context));
            let (tasks, failure) = match listed {
                Ok(list) => (list.into_inner().tasks, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            self.0 = State::Listed(tasks.into_iter());
            if failure.is_some() {
                return Poll::Ready(failure);
            }
        }
        match &mut self.0 {
            State::Listed(tasks) => Poll::Ready(tasks.next().map(Ok)),
            State::Listing(_) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            State::Listing(_) => (0, None),
            State::Listed(tasks) => tasks.size_hint(),
        }
    }
}

impl fmt::Debug for TaskStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskStream")
    }
}

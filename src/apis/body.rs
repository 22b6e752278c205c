//! What may be passed as the body of a call, and a task out of what brought it.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::{EditedTask, FoundOrCreated};
use crate::models::Task;
use crate::response::Response;

mod sealed {
    pub trait Sealed<T> {}
}

/// A `T` to send: the value, a reference to it, or the [`Response`] that brought it.
///
/// ```
/// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
/// let mut task = tasks.fetch_task("tsk_1").await?;
/// task.title = "Recap sends duplicates".to_owned();
/// tasks.update_task("tsk_1", &task).await?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{T}` that can be sent",
    label = "expected a `{T}`, a reference to one, or the `Response` that brought one",
    note = "an entry of a list may be shortened: fetch the whole task with `let task = entry.fetch(&tasks).await?` and pass `&task`"
)]
pub trait BodyOf<T>: sealed::Sealed<T> {
    #[doc(hidden)]
    fn body(&self) -> &T;
}

macro_rules! bodies {
    ($([$($generics:tt)*] $ty:ty => $body:ty;)*) => {$(
        impl<$($generics)*> sealed::Sealed<$body> for $ty {}
        impl<$($generics)*> BodyOf<$body> for $ty {
            fn body(&self) -> &$body {
                self
            }
        }
    )*};
}

bodies! {
    [T] T => T;
    [T] &T => T;
    [T] &mut T => T;
    [T] Box<T> => T;
    [T] Rc<T> => T;
    [T] Arc<T> => T;
    [T: Clone] Cow<'_, T> => T;
    [T] Response<T> => T;
    [T] &Response<T> => T;
    [T] &mut Response<T> => T;
    [] EditedTask => Task;
    [] &EditedTask => Task;
    [] FoundOrCreated => Task;
    [] &FoundOrCreated => Task;
}

impl From<Response<Task>> for Task {
    fn from(response: Response<Task>) -> Self {
        response.into_inner()
    }
}

impl From<EditedTask> for Task {
    fn from(edited: EditedTask) -> Self {
        edited.into_inner()
    }
}

impl From<FoundOrCreated> for Task {
    fn from(found: FoundOrCreated) -> Self {
        found.into_inner()
    }
}

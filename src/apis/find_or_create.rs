//! Creating a task once, however often a program runs.
//!
//! The service has no idempotency keys. [`TasksApi::find_or_create`] puts a mark into the task instead and looks for it
//! before it creates, and again before it repeats a create whose response was lost.
//!
//! What remains possible: two processes that look at the same time both create (within one process, clones of a
//! configuration take turns), and a create that the service executes late, after it was looked for. Then several tasks have
//! the mark, every later run finds the oldest, and [`FoundOrCreated::duplicates`] names the others.

use std::fmt;
use std::ops::Deref;

use super::TasksApi;
use super::steps::{Steps, is_worth_repeating, may_have_arrived};
use super::whole_list::is_whole_list;
use crate::configuration::Configuration;
use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;
use crate::keyed_locks::Held;
use crate::metadata::Sent;
use crate::models::{NewTask, Task, TaskId, Unreadable, WorkspaceId};
use crate::options::{CallOptions, call_options};
use crate::response::Response;

/// The longest key: lists may shorten descriptions, and the mark at their beginning must survive.
const LONGEST_KEY: usize = 80;
/// How often to look for a task whose create got no response: a listing may lag.
const LOOKS: u32 = 2;

impl TasksApi {
    /// Finds the task that carries `key`, or creates it with that key, for instance to report a failing job once.
    ///
    /// The key is put before the description as a line `[ref: key]`; what is not a letter of ASCII, a digit or one of
    /// `. _ : / # -` is percent-encoded there, and that has up to 80 characters. The line is found wherever it stands in what a
    /// list shows of the description, also if an editor escapes its brackets. Who takes it out, or puts more before it than
    /// lists show, makes the next run create another task.
    ///
    /// Through clones of one configuration, one of them runs at a time for each key. One that has begun and is not polled keeps the
    /// others waiting: they end with `Timeout` at their deadline, or when it has not ended for 10 minutes.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::{NewTask, TaskStatus};
    /// let report = NewTask::new("The nightly job fails").description("See the log of run 4711.");
    /// let task = tasks
    ///     .find_or_create("ci/nightly", report)
    ///     .ignoring(|task| task.status == TaskStatus::Completed)
    ///     .await?;
    /// println!("{} {}", task.task_id, task.was_created());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `Invalid` for a key that cannot be used; those of listing, fetching and creating. After an error of `createTask` that
    /// [was perhaps sent](Error::was_sent), call it again: it looks first.
    #[doc(alias = "get_or_create")]
    #[doc(alias = "upsert")]
    pub fn find_or_create(&self, key: impl Into<String>, task: NewTask) -> FindOrCreate {
        FindOrCreate {
            configuration: self.configuration.clone(),
            key: key.into(),
            task,
            workspace: None,
            options: CallOptions::default(),
            ignoring: None,
        }
    }
}

type Ignoring = Box<dyn Fn(&Task) -> bool + Send + Sync>;

/// A search with its create, made by [`TasksApi::find_or_create`]; await it.
#[must_use = "nothing is looked for until this is awaited"]
pub struct FindOrCreate {
    configuration: Configuration,
    key: String,
    task: NewTask,
    workspace: Option<WorkspaceId>,
    pub(crate) options: CallOptions,
    ignoring: Option<Ignoring>,
}

impl FindOrCreate {
    /// Another workspace than the configuration's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceId>) -> Self {
        self.workspace = Some(workspace.into());
        self
    }

    /// Passes over tasks that carry the key and are as `is_ignored` says, for instance completed ones, so that a new task is
    /// created. Each task that carries the key costs one request to look at.
    pub fn ignoring(mut self, is_ignored: impl Fn(&Task) -> bool + Send + Sync + 'static) -> Self {
        self.ignoring = Some(Box::new(is_ignored));
        self
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

call_options!(FindOrCreate, options);

impl IntoFuture for FindOrCreate {
    type Output = Result<FoundOrCreated, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(crate::trace::several("findOrCreate", self.run()))
    }
}

impl fmt::Debug for FindOrCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindOrCreate").field("key", &self.key).field("options", &self.options).finish_non_exhaustive()
    }
}

/// The task that carries a key; it derefs to the response that brought it and to the task.
#[derive(Clone, Debug)]
pub struct FoundOrCreated {
    response: Response<Task>,
    was_created: bool,
    duplicates: Vec<TaskId>,
}

impl FoundOrCreated {
    /// Whether this run created it.
    #[must_use]
    pub fn was_created(&self) -> bool {
        self.was_created
    }

    /// Further tasks that carry the key, created by runs at the same time: merge them by hand.
    #[must_use]
    pub fn duplicates(&self) -> &[TaskId] {
        &self.duplicates
    }

    /// The task alone.
    #[must_use]
    pub fn into_inner(self) -> Task {
        self.response.into_inner()
    }
}

impl Deref for FoundOrCreated {
    type Target = Response<Task>;

    fn deref(&self) -> &Response<Task> {
        &self.response
    }
}

impl FindOrCreate {
    async fn run(mut self) -> Result<FoundOrCreated, Error> {
        let steps = Steps::begin(&self.configuration, self.options.clone());
        let mark = mark(&self.key)?;
        self.task.description = Some(match self.task.description.take() {
            Some(text) if !text.is_empty() => format!("{mark}\n\n{text}"),
            _ => mark.clone(),
        });
        let workspace = self.workspace.as_ref().unwrap_or_else(|| self.configuration.workspace());
        let nested = || {
            Error::new(ErrorKind::Invalid, format!("the key {:?} is looked for within its own `ignoring`", self.key))
        };
        let alone =
            steps.alone(format!("{workspace} {mark}"), "another find_or_create of the same key", nested).await?;
        let mut attempt = 1;
        loop {
            if let Some(found) = self.find(&steps, &alone, &mark).await? {
                return Ok(found);
            }
            let error = match self.create(&steps).await {
                Ok(response) => return created(response, &mark),
                Err(error) => error,
            };
            let is_last = attempt >= steps.attempts();
            if may_have_arrived(&error) && !error.is_deadline() {
                let mut error = error;
                for look in 0..LOOKS {
                    error = steps.pause(attempt + look, error).await?;
                    match self.find(&steps, &alone, &mark).await {
                        Ok(Some(found)) => return Ok(FoundOrCreated { was_created: true, ..found }),
                        Ok(None) => {}
                        // Its own failure says less than that of the create.
                        Err(_) => return Err(error),
                    }
                }
                if is_last {
                    return Err(error);
                }
            } else if is_last || !is_worth_repeating(&error) {
                return Err(error);
            } else {
                steps.pause(attempt, error).await?;
            }
            attempt += 1;
        }
    }

    /// The oldest task with the mark.
    async fn find(&self, steps: &Steps, alone: &Held, mark: &str) -> Result<Option<FoundOrCreated>, Error> {
        let mut call = TasksApi::new(&self.configuration).list_tasks().all(true);
        call.call.options = steps.options();
        if let Some(workspace) = &self.workspace {
            call = call.workspace(workspace.clone());
        }
        let list = call.await?;
        if let Some(entry) = list.unreadable().iter().find(|entry| entry.path().ends_with(']') && has_mark(entry, mark))
        {
            let message =
                format!("the task at `{}` carries {mark} and cannot be read: {}", entry.path(), entry.error());
            return Err(Error::new(ErrorKind::Decode, message)
                .with(|error| error.hint = Some("create no other: look at the task, and update this crate")));
        }
        let is_whole = is_whole_list(&list, "tasks");
        let mut marked = list.into_inner().tasks;
        marked.retain(|task| match task.description.as_deref() {
            Some(text) => is_marked(text, mark),
            // Of another type than a string.
            None => task.unreadable().iter().any(|field| has_mark(field, mark)),
        });
        marked.sort_by_cached_key(|task| (task.created_at.clone(), task.task_id.clone()));
        if marked.is_empty() && !is_whole {
            let message = format!("the list of tasks is not whole, so the one with {mark} may be in the rest");
            return Err(Error::new(ErrorKind::Decode, message)
                .with(|error| error.hint = Some("create no other: look for it by hand, or update this crate")));
        }
        let mut found: Option<FoundOrCreated> = None;
        for task in marked {
            // The list may have shortened it, so it is fetched to be looked at and returned.
            let response = match (&found, &self.ignoring) {
                (None, _) | (_, Some(_)) => Some(self.fetch(steps, &task.task_id).await?),
                (Some(_), None) => None,
            };
            let is_ignored = self
                .ignoring
                .as_ref()
                .zip(response.as_ref())
                .is_some_and(|(is_ignored, task)| alone.run(|| is_ignored(task)));
            match (&mut found, response) {
                _ if is_ignored => {}
                (Some(found), _) => found.duplicates.push(task.task_id),
                (None, Some(response)) => {
                    found = Some(FoundOrCreated { response, was_created: false, duplicates: Vec::new() });
                }
                (None, None) => {}
            }
        }
        Ok(found)
    }

    async fn fetch(&self, steps: &Steps, id: &TaskId) -> Result<Response<Task>, Error> {
        let mut call = TasksApi::new(&self.configuration).fetch_task(id);
        call.call.options = steps.options();
        if let Some(workspace) = &self.workspace {
            call = call.workspace(workspace.clone());
        }
        call.await
    }

    async fn create(&self, steps: &Steps) -> Result<Response<Task>, Error> {
        let mut call = TasksApi::new(&self.configuration).create_task(&self.task);
        call.call.options = steps.options_once();
        if let Some(workspace) = &self.workspace {
            call = call.workspace(workspace.clone());
        }
        call.await
    }
}

/// A task that came back without the mark would not be found by the next run.
fn created(response: Response<Task>, mark: &str) -> Result<FoundOrCreated, Error> {
    if response.description.as_deref().is_none_or(|text| is_marked(text, mark)) {
        return Ok(FoundOrCreated { response, was_created: true, duplicates: Vec::new() });
    }
    let message = format!("{} was created, and the service took `{mark}` out of its description", response.task_id);
    Err(Error::new(ErrorKind::Conflict, message).with(|error| {
        error.metadata.sent = Sent::Yes;
        error.hint = Some("find_or_create cannot find it again: keep its id, and do not call this again");
    }))
}

/// Whether the mark stands in something that could not be read.
fn has_mark(unreadable: &Unreadable, mark: &str) -> bool {
    unreadable.json().get().replace("\\/", "/").contains(mark)
}

/// Tags at which rich text begins a new line.
const BLOCKS: [&str; 14] =
    ["br", "p", "div", "li", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "td", "tr"];

/// Whether a line of the description begins with the mark, perhaps escaped, quoted, listed or emphasised as Markdown and
/// rich text do.
fn is_marked(description: &str, mark: &str) -> bool {
    lines_of(description).lines().any(|line| {
        let mut escaped = false;
        let unescaped =
            line.trim_start_matches(|c: char| c.is_whitespace() || "-*>_~#+`".contains(c)).chars().filter(|&c| {
                escaped = c == '\\' && !escaped;
                !escaped
            });
        unescaped.take(mark.len()).eq(mark.chars())
    })
}

/// Without the tags of rich text, and with its lines as lines.
fn lines_of(description: &str) -> String {
    let (mut lines, mut rest) = (String::with_capacity(description.len()), description);
    while let Some((before, tag)) = rest.split_once('<') {
        lines.push_str(before);
        let name = tag.strip_prefix('/').unwrap_or(tag);
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        rest = match tag.split_once('>') {
            Some((_, after)) if !name.is_empty() => {
                lines.push_str(if BLOCKS.contains(&&*name) { "\n" } else { "" });
                after
            }
            _ => {
                lines.push('<');
                tag
            }
        };
    }
    lines.push_str(rest);
    lines.replace(['\u{a0}', '\u{202f}'], " ")
}

/// The line that stands for a key. A mark has ASCII characters only.
fn mark(key: &str) -> Result<String, Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/#-".contains(&byte);
    let encoded: String = key
        .bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if key.is_empty() || encoded.len() > LONGEST_KEY {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "a key has 1 to {LONGEST_KEY} characters, as they are percent-encoded, and {key:?} has {}",
                encoded.len()
            ),
        ));
    }
    Ok(format!("[ref: {encoded}]"))
}

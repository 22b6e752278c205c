//! What a fake workspace starts with, in a few lines or from a file.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use serde::Serialize;

use crate::record::Record;
use crate::service::seed::{DEMO, WORKSPACE_ID};
use crate::service::state::{Role, State, User};

/// The version of seed files that this crate reads and writes.
const VERSION: u64 = 1;

/// The lists of a seed file, each with the name of its objects' id.
const LISTS: [(&str, &str); 5] = [
    ("tasks", "taskId"),
    ("documents", "documentId"),
    ("comments", "commentId"),
    ("teams", "teamId"),
    ("taxonomyLabels", "taxonomyLabelId"),
];

/// Why a [`Seed`] cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SeedError(String);

/// What a fake workspace holds at its start.
///
/// Ids that are not given are `tsk_1`, `tsk_2`, …, `doc_1`, … and `comment_1`, … in the order of the calls. The two API
/// keys and the users `u_ada` (owner), `u_tomas` (admin) and `u_mira` (member) are in every workspace.
///
/// ```
/// use onehorizon_testing::{FakeOneHorizon, Seed, SeedTask};
///
/// let seed = Seed::new()
///     .task("Write the release notes")
///     .task(SeedTask::new("Login fails on iPad").id("tsk_login").status("open").kind("bug").assignee("u_mira"))
///     .comment("tsk_login", "Seen twice today.")
///     .document("tsk_login", "How to see it", "1. Open the link twice")
///     .team("team_web", "Web")
///     .user("u_zoe", "member");
/// let fake = FakeOneHorizon::builder().seed(seed).in_process();
/// fake.tasks().titled("Login fails on iPad").expect_one();
/// assert_eq!(fake.tasks().len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a seed does nothing until a fake starts with it"]
pub struct Seed {
    tasks: Vec<Record>,
    documents: Vec<Record>,
    comments: Vec<Record>,
    teams: Vec<Record>,
    labels: Vec<Record>,
    users: Vec<(String, Role)>,
}

impl Seed {
    /// No tasks, documents, comments, teams and labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a fake starts with unless a seed is set: a dozen tasks and what belongs to them.
    pub fn demo() -> Self {
        let demo = Record::parse(DEMO).unwrap_or_default();
        let list = |name: &str| demo.get::<Vec<Record>>(name).unwrap_or_default();
        Self {
            tasks: list("tasks"),
            documents: list("documents"),
            comments: list("comments"),
            teams: list("teams"),
            labels: list("taxonomyLabels"),
            users: Vec::new(),
        }
    }

    /// Reads a seed file: `{"version": 1, "tasks": [...], "documents": [...], "comments": [...], "teams": [...],
    /// "taxonomyLabels": [...], "users": [{"userId": "u_zoe", "role": "member"}]}`, each list optional.
    ///
    /// # Errors
    /// The text is not JSON, is of another version, has an unknown field, an object without its id, the same id twice,
    /// or a comment on a task that is not there.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let file = Record::parse(text).map_err(|error| SeedError(format!("the seed is not a JSON object: {error}")))?;
        match file.get::<u64>("version") {
            Some(VERSION) => {}
            Some(other) => {
                let message = format!(
                    "the seed has version {other}, and this program reads version {VERSION}: use the release that wrote it"
                );
                return Err(SeedError(message));
            }
            None => return Err(SeedError(format!("the seed has no version: add `\"version\": {VERSION}`"))),
        }
        let known = |name: &str| {
            matches!(name, "version" | "users" | "workspaceId") || LISTS.iter().any(|(list, _)| *list == name)
        };
        if let Some(unknown) = file.names().find(|name| !known(name)) {
            let lists: Vec<&str> = LISTS.iter().map(|(list, _)| *list).collect();
            return Err(SeedError(format!(
                "the seed has an unknown field `{unknown}`: it may have users, {}",
                lists.join(", ")
            )));
        }
        let mut lists = Vec::new();
        for (name, id) in LISTS {
            lists.push(read_list(&file, name, id)?);
        }
        let mut lists = lists.into_iter();
        let mut next = || lists.next().unwrap_or_default();
        let mut seed = Self {
            tasks: next(),
            documents: next(),
            comments: next(),
            teams: next(),
            labels: next(),
            users: Vec::new(),
        };
        for (index, user) in read_list(&file, "users", "userId")?.into_iter().enumerate() {
            let role = user
                .text("role")
                .and_then(|role| role_of(&role))
                .ok_or_else(|| SeedError(format!("users[{index}].role has to be `owner`, `admin` or `member`")))?;
            seed.users.push((user.text("userId").unwrap_or_default(), role));
        }
        seed.check()?;
        Ok(seed)
    }

    /// The seed as the text of a file for [`from_json`](Self::from_json).
    #[must_use]
    pub fn to_json(&self) -> String {
        let users: Vec<Record> =
            self.users.iter().map(|(id, role)| Record::new().with("userId", id).with("role", role.name())).collect();
        let mut text = format!("{{\n  \"version\": {VERSION}");
        let lists = [&self.tasks, &self.documents, &self.comments, &self.teams, &self.labels, &users];
        for (name, list) in LISTS.iter().map(|(name, _)| *name).chain(["users"]).zip(lists) {
            let lines: Vec<String> = list.iter().map(|record| format!("\n    {}", record.to_json())).collect();
            let _ = write!(text, ",\n  \"{name}\": [{}\n  ]", lines.join(","));
        }
        text + "\n}\n"
    }

    /// Adds a task: a title, or a [`SeedTask`].
    pub fn task(mut self, task: impl Into<SeedTask>) -> Self {
        let task = task.into().0;
        let number = self.tasks.len() + 1;
        self.tasks.push(identified(&task, "taskId", &format!("tsk_{number}")));
        self
    }

    /// Adds a document that belongs to a task.
    pub fn document(self, task_id: &str, title: &str, content: &str) -> Self {
        let document = Record::new().with("title", title).with("taskId", task_id).with("content", content);
        self.document_record(&document)
    }

    /// Adds a document with any fields.
    pub fn document_record(mut self, document: &Record) -> Self {
        let number = self.documents.len() + 1;
        self.documents.push(identified(document, "documentId", &format!("doc_{number}")));
        self
    }

    /// Adds a comment on a task, written by `u_mira`.
    pub fn comment(mut self, task_id: &str, content: &str) -> Self {
        let number = self.comments.len() + 1;
        let comment = Record::new().with("taskId", task_id).with("userId", "u_mira").with("content", content);
        self.comments.push(identified(&comment, "commentId", &format!("comment_{number}")));
        self
    }

    /// Adds a team.
    pub fn team(mut self, team_id: &str, name: &str) -> Self {
        self.teams.push(identified(&Record::new().with("name", name), "teamId", team_id));
        self
    }

    /// Adds a taxonomy label.
    pub fn label(mut self, label_id: &str, name: &str) -> Self {
        self.labels.push(identified(&Record::new().with("name", name), "taxonomyLabelId", label_id));
        self
    }

    /// Adds a user with the role `owner`, `admin` or `member` (what is none of them counts as `member`). Their OAuth access
    /// token is [`FakeOneHorizon::token_of`](crate::FakeOneHorizon::token_of).
    pub fn user(mut self, user_id: &str, role: &str) -> Self {
        self.users.push((user_id.to_owned(), role_of(role).unwrap_or(Role::Member)));
        self
    }

    fn check(&self) -> Result<(), SeedError> {
        for (index, comment) in self.comments.iter().enumerate() {
            let task = comment.text("taskId").unwrap_or_default();
            if !self.tasks.iter().any(|known| known.is("taskId", &task)) {
                return Err(SeedError(format!("comments[{index}].taskId is `{task}`, and the seed has no such task")));
            }
        }
        Ok(())
    }

    pub(crate) fn fill(self, state: &mut State) {
        state.tasks = self.tasks;
        state.documents = self.documents;
        state.comments = self.comments;
        state.teams = self.teams;
        state.labels = self.labels;
        for (user_id, role) in self.users {
            state.users.retain(|known| known.id != user_id);
            let token = token(&user_id).into();
            state.users.push(User { id: user_id, role, token });
        }
    }
}

/// The access token of a user that a seed brings.
fn token(user_id: &str) -> String {
    format!("fake-oauth-token-of-{user_id}-not-a-secret")
}

fn role_of(name: &str) -> Option<Role> {
    match name {
        "owner" => Some(Role::Owner),
        "admin" => Some(Role::Admin),
        "member" => Some(Role::Member),
        _ => None,
    }
}

/// The record with its id first, and in the fake's workspace.
fn identified(record: &Record, id_name: &str, id: &str) -> Record {
    let id = record.text(id_name).unwrap_or_else(|| id.to_owned());
    let mut whole = Record::new().with(id_name, &id).with("workspaceId", WORKSPACE_ID);
    for (name, value) in record.values().filter(|(name, _)| *name != id_name) {
        whole.set(name, value);
    }
    for (name, value) in [("createdAt", "2026-06-01T09:00:00.000Z"), ("updatedAt", "2026-06-01T09:00:00.000Z")] {
        if whole.raw(name).is_none() && matches!(id_name, "taskId" | "documentId" | "commentId") {
            whole.set(name, value);
        }
    }
    whole
}

fn read_list(file: &Record, name: &str, id_name: &str) -> Result<Vec<Record>, SeedError> {
    let Some(raw) = file.raw(name) else { return Ok(Vec::new()) };
    let list: Vec<Record> = serde_json::from_str(raw)
        .map_err(|error| SeedError(format!("`{name}` of the seed is not a list of objects: {error}")))?;
    let mut ids = BTreeSet::new();
    for (index, record) in list.iter().enumerate() {
        let id = record.text(id_name).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| SeedError(format!("{name}[{index}] has no `{id_name}` with a string in it")))?;
        if !ids.insert(id.clone()) {
            return Err(SeedError(format!("{name}[{index}] has the id `{id}` a second time")));
        }
        if name == "tasks" && record.text("title").is_none() {
            return Err(SeedError(format!("{name}[{index}] (`{id}`) has no `title` with a string in it")));
        }
    }
    Ok(list)
}

/// A task of a [`Seed`]: planned, visible to the team and owned by `u_ada` unless it says otherwise.
#[derive(Clone, Debug)]
#[must_use = "a task does nothing until it is part of a seed"]
pub struct SeedTask(Record);

impl SeedTask {
    /// A task with this title.
    pub fn new(title: &str) -> Self {
        let task = Record::new().with("title", title).with("status", "planned").with("visibility", "team");
        Self(task.with("userId", "u_ada").with("contributors", &Vec::<Record>::new()))
    }

    /// Its id.
    pub fn id(self, task_id: &str) -> Self {
        self.field("taskId", task_id)
    }

    /// Its status: a string or a `TaskStatus`.
    pub fn status(self, status: impl Display) -> Self {
        self.field("status", &status.to_string())
    }

    /// Its kind, such as `bug`.
    pub fn kind(self, kind: impl Display) -> Self {
        self.field("kind", &kind.to_string())
    }

    /// Its scope, such as `initiative`.
    pub fn scope(self, scope: impl Display) -> Self {
        self.field("scope", &scope.to_string())
    }

    /// Its topic.
    pub fn topic(self, topic: &str) -> Self {
        self.field("topic", topic)
    }

    /// Its description.
    pub fn description(self, description: &str) -> Self {
        self.field("description", description)
    }

    /// The user who owns it.
    pub fn owner(self, user_id: &str) -> Self {
        self.field("userId", user_id)
    }

    /// One more user who works on it.
    pub fn assignee(self, user_id: &str) -> Self {
        let mut contributors: Vec<Record> = self.0.get("contributors").unwrap_or_default();
        contributors.push(Record::new().with("userId", user_id).with("type", "assignee"));
        self.field("contributors", &contributors)
    }

    /// Any other field.
    pub fn field(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.0.set(name, value);
        self
    }
}

impl From<&str> for SeedTask {
    fn from(title: &str) -> Self {
        Self::new(title)
    }
}

impl From<String> for SeedTask {
    fn from(title: String) -> Self {
        Self::new(&title)
    }
}

impl From<Record> for SeedTask {
    fn from(record: Record) -> Self {
        Self(record)
    }
}

//! The data of the fake workspace, and the rules for changing it.

use std::time::Duration;

use onehorizon::Secret;
use onehorizon::limits::ACTIVE_API_KEYS;

use crate::record::Record;
use crate::service::time;

/// Lists cut descriptions after so many characters.
const LISTED_DESCRIPTION: usize = 200;

/// More tasks, and more comments, than so many are refused, so that a fake under load does not grow for ever.
pub(crate) const CAPACITY: usize = 10_000;

/// Statuses that end a task; lists leave such tasks out unless asked.
const ENDED: [&str; 3] = ["completed", "cancelled", "merged"];

/// What a member of the workspace may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Owns the workspace; may manage API keys.
    Owner,
    /// May manage API keys.
    Admin,
    /// May not manage API keys.
    Member,
}

impl Role {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member", // language: allow
        }
    }
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Key { id: String },
    User { id: String, role: Role },
}

impl Principal {
    /// The id of the key or of the user; no secret.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Key { id } | Self::User { id, .. } => id,
        }
    }
}

/// A user and the OAuth token that acts for them.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) token: Secret,
}

/// An active API key. A revoked one is gone: nobody can use or see it again.
pub(crate) struct ActiveKey {
    pub(crate) public: Record,
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

/// What `listTasks` filters by.
#[derive(Debug, Default)]
pub(crate) struct TaskFilter {
    pub(crate) all: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) statuses: Vec<String>,
}

/// What `listDocuments` filters by.
#[derive(Debug, Default)]
pub(crate) struct DocumentFilter {
    pub(crate) task_id: Option<String>,
    pub(crate) include_content: bool,
    pub(crate) limit: Option<usize>,
}

/// Why a change does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Unknown,
    OtherId,
    TooManyKeys,
    Full,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) workspace_id: String,
    pub(crate) users: Vec<User>,
    pub(crate) keys: Vec<ActiveKey>,
    pub(crate) tasks: Vec<Record>,
    pub(crate) documents: Vec<Record>,
    pub(crate) comments: Vec<Record>,
    pub(crate) teams: Vec<Record>,
    pub(crate) labels: Vec<Record>,
    pub(crate) sequence: u32,
}

impl State {
    pub(crate) fn authenticate(&self, token: &str) -> Option<Principal> {
        if let Some(key) = self.keys.iter().find(|key| key.secret.expose() == token) {
            return Some(Principal::Key { id: key.id.clone() });
        }
        let user = self.users.iter().find(|user| user.token.expose() == token)?;
        Some(Principal::User { id: user.id.clone(), role: user.role })
    }

    pub(crate) fn is_workspace(&self, id: &str) -> bool {
        id == "current" || id == self.workspace_id
    }

    /// A fresh number for ids; never used twice in the life of a fake.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.sequence += 1;
        5000 + self.sequence
    }

    pub(crate) fn list_tasks(&self, who: &Principal, filter: &TaskFilter, whole: bool) -> Vec<Record> {
        let asked = |values: &[String], record: &Record, name: &str| {
            values.is_empty() || record.text(name).is_some_and(|value| values.contains(&value))
        };
        let by_default = |task: &Record| {
            let ended = task.text("status").is_some_and(|status| ENDED.contains(&status.as_str()));
            let wanted = !ended || !filter.statuses.is_empty();
            match who {
                Principal::Key { .. } => wanted,
                Principal::User { id, .. } => wanted && involves(task, id),
            }
        };
        self.tasks
            .iter()
            .filter(|task| filter.all || by_default(task))
            .filter(|task| asked(&filter.scopes, task, "scope") && asked(&filter.statuses, task, "status"))
            .map(|task| if whole { task.clone() } else { listed(task) })
            .collect()
    }

    pub(crate) fn task(&self, id: &str) -> Option<&Record> {
        self.tasks.iter().find(|task| task.is("taskId", id))
    }

    /// Keeps what was sent and adds what only the service knows.
    pub(crate) fn create_task(&mut self, sent: &Record, now: Duration) -> Result<Record, Obstacle> {
        if self.tasks.len() >= CAPACITY {
            return Err(Obstacle::Full);
        }
        let id = format!("tsk_{}", self.next_number());
        let mut task = Record::new().with("taskId", &id).with("workspaceId", &self.workspace_id);
        for (name, value) in sent.values().filter(|(name, _)| !matches!(*name, "taskId" | "workspaceId")) {
            task.set(name, value);
        }
        fill_in(&mut task);
        stamp(&mut task, &time::text(now), now);
        self.tasks.push(task.clone());
        Ok(task)
    }

    /// Replaces the whole task: a field that was not sent is gone, except what only the service
    /// can know (`taskId`, `workspaceId`, `createdAt`).
    pub(crate) fn replace_task(&mut self, id: &str, sent: &Record, now: Duration) -> Result<Record, Obstacle> {
        let workspace_id = self.workspace_id.clone();
        let task = self.tasks.iter_mut().find(|task| task.is("taskId", id)).ok_or(Obstacle::Unknown)?;
        if sent.raw("taskId").is_some() && !sent.is("taskId", id) {
            return Err(Obstacle::OtherId);
        }
        let created = task.text("createdAt").unwrap_or_else(|| time::text(now));
        let mut replaced = sent.clone();
        replaced.set("taskId", id);
        replaced.set("workspaceId", &workspace_id);
        stamp(&mut replaced, &created, now);
        *task = replaced.clone();
        Ok(replaced)
    }

    /// Changes the fields that were sent and leaves the others.
    pub(crate) fn patch_task(&mut self, id: &str, sent: &Record, now: Duration) -> Result<Record, Obstacle> {
        let whole = self.merged(id, sent).ok_or(Obstacle::Unknown)?;
        self.replace_task(id, &whole, now)
    }

    /// A task with the fields that were sent, without changing it.
    pub(crate) fn merged(&self, id: &str, sent: &Record) -> Option<Record> {
        let mut whole = self.task(id)?.clone();
        for (name, value) in sent.values() {
            whole.set(name, value);
        }
        Some(whole)
    }

    /// Puts a task in place, replacing one of the same id.
    pub(crate) fn put_task(&mut self, mut task: Record) {
        let id = task.text("taskId").filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("tsk_{}", self.next_number()));
        task.set("taskId", &id);
        match self.tasks.iter_mut().find(|known| known.is("taskId", &id)) {
            Some(known) => *known = task,
            None => self.tasks.push(task),
        }
    }

    pub(crate) fn remove_task(&mut self, id: &str) {
        self.tasks.retain(|task| !task.is("taskId", id));
    }

    /// The created key with its secret, which no later response shows again.
    pub(crate) fn create_key(&mut self, description: &str, now: Duration) -> Result<Record, Obstacle> {
        if self.keys.len() >= ACTIVE_API_KEYS {
            return Err(Obstacle::TooManyKeys);
        }
        let number = self.next_number();
        let id = format!("key_{number}");
        let public = Record::new()
            .with("apiKeyId", &id)
            .with("workspaceId", &self.workspace_id)
            .with("description", description)
            .with("createdAt", &time::text(now));
        let secret = format!("fake-api-key-{number}-not-a-secret");
        let created = public.clone().with("secret", &secret);
        let secret = Secret::from(secret);
        self.keys.push(ActiveKey { public, id, secret });
        Ok(created)
    }

    pub(crate) fn revoke_key(&mut self, id: &str) -> Result<(), Obstacle> {
        let index = self.keys.iter().position(|key| key.id == id).ok_or(Obstacle::Unknown)?;
        self.keys.remove(index);
        Ok(())
    }

    /// Documents without their content unless it is asked for.
    pub(crate) fn list_documents(&self, filter: &DocumentFilter) -> Vec<Record> {
        let wanted = |document: &&Record| filter.task_id.as_deref().is_none_or(|id| document.is("taskId", id));
        let lighten = |document: &Record| {
            let mut document = document.clone();
            if !filter.include_content {
                document.remove("content");
            }
            document
        };
        let limit = filter.limit.unwrap_or(usize::MAX);
        self.documents.iter().filter(wanted).take(limit).map(lighten).collect()
    }
}

/// What a new task is unless it says otherwise.
pub(crate) fn fill_in(task: &mut Record) {
    for (name, value) in [("status", "planned"), ("visibility", "team"), ("origin", "api")] {
        if task.raw(name).is_none() {
            task.set(name, value);
        }
    }
}

/// A task as lists show it: a long description is cut.
fn listed(task: &Record) -> Record {
    let mut task = task.clone();
    let cut = task.text("description").and_then(|text| {
        let (end, _) = text.char_indices().nth(LISTED_DESCRIPTION)?;
        text.get(..end).map(|start| format!("{start}…"))
    });
    if let Some(cut) = cut {
        task.set("description", &cut);
    }
    task
}

/// Whether the task is the user's own or names them as a contributor.
fn involves(task: &Record, user_id: &str) -> bool {
    let contributors: Vec<Record> = task.get("contributors").unwrap_or_default();
    task.is("userId", user_id) || contributors.iter().any(|contributor| contributor.is("userId", user_id))
}

/// Sets what the service alone writes.
fn stamp(task: &mut Record, created: &str, now: Duration) {
    task.set("createdAt", created);
    task.set("updatedAt", &time::text(now));
    if task.is("status", "completed") && task.raw("completedAt").is_none_or(|value| value == "null") {
        task.set("completedAt", &time::text(now));
    }
}

//! A task of the list, and the event that is made of it.

use std::time::SystemTime;

use crate::models::{TaskId, TaskSummary, Timestamp, WorkspaceId};
use crate::webhook::Event;
use crate::webhook::task_state::TaskState;

/// A task of the list.
pub(super) struct Entry {
    task: TaskSummary,
    json: String,
    workspace: WorkspaceId,
    updated: Option<SystemTime>,
    state: Option<TaskState>,
}

impl Entry {
    pub(super) fn new(task: TaskSummary, workspace: &WorkspaceId) -> Self {
        let json = serde_json::to_string(&task).unwrap_or_default();
        Self {
            updated: task.updated_at.as_ref().and_then(Timestamp::to_system_time),
            state: TaskState::of(task.task_id.as_str(), &json),
            workspace: task.workspace_id.as_ref().unwrap_or(workspace).clone(),
            json,
            task,
        }
    }

    pub(super) fn task_id(&self) -> &TaskId {
        &self.task.task_id
    }

    /// When it last changed, if the list says so.
    pub(super) fn updated(&self) -> Option<SystemTime> {
        self.updated
    }

    pub(super) fn state(&self) -> Option<&TaskState> {
        self.state.as_ref()
    }

    /// When it was created, if the list says so, and the state that it had then.
    pub(super) fn created(&self) -> Option<(SystemTime, TaskState)> {
        let created = self.task.created_at.as_ref()?.to_system_time()?;
        Some((created, TaskState::at(self.task.task_id.as_str(), created)?))
    }

    /// The event that shows the task as it is; `None` for a task without an id.
    pub(super) fn event(&self, is_new: bool, now: SystemTime) -> Option<Event> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let id = quoted(&self.state.as_ref()?.reconciled_id());
        let kind = quoted(if is_new { "task.created" } else { "task.updated" });
        let source = quoted(&format!("onehorizon/workspaces/{}", self.workspace));
        let time = match &self.task.updated_at {
            Some(updated) => quoted(updated.as_str()),
            None => quoted(Timestamp::from(now).as_str()),
        };
        let (task_id, workspace) = (quoted(self.task.task_id.as_str()), quoted(self.workspace.as_str()));
        let task = &self.json;
        let json = format!(
            r#"{{"specversion":"1.0","id":{id},"type":{kind},"source":{source},"time":{time},"subject":{task_id},"datacontenttype":"application/json","workspaceid":{workspace},"reconciled":true,"data":{{"resource":{{"type":"task","id":{task_id},"taskId":{task_id},"workspaceId":{workspace}}},"task":{task}}}}}"#
        );
        Event::from_json(json).ok()
    }
}

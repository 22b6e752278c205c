#![allow(missing_docs)]
use crate::engine::prelude::*;
use crate::models::*;
#[derive(Clone, Debug)]
pub struct TasksApi { configuration: Configuration }
static FETCH_TASK: Operation = Operation { id: "fetchTask", method: Method::GET, path: "/workspaces/{workspaceId}/tasks/{taskId}", retry: RetryClass::Read, access: Access::Any };
static UPDATE_TASK: Operation = Operation { id: "updateTask", method: Method::PUT, path: "/workspaces/{workspaceId}/tasks/{taskId}", retry: RetryClass::IdempotentWrite, access: Access::OauthOnly };
impl TasksApi {
    #[must_use] pub fn new(configuration: &Configuration) -> Self { Self { configuration: configuration.clone() } }
    pub fn fetch_task(&self, task_id: impl Into<TaskId>) -> FetchTask {
        let mut call = Call::new(&self.configuration, &FETCH_TASK);
        call.path("taskId", task_id.into());
        FetchTask { call }
    }
    pub fn update_task(&self, task_id: impl Into<TaskId>, task: &Task) -> FetchTask {
        let mut call = Call::new(&self.configuration, &UPDATE_TASK);
        call.path("taskId", task_id.into());
        call.json(task);
        FetchTask { call }
    }
}
#[must_use = "a request does nothing until it is awaited or sent"]
#[derive(Clone, Debug)]
pub struct FetchTask { call: Call }
impl FetchTask {
    pub fn workspace(mut self, workspace_id: impl Into<WorkspaceId>) -> Self { self.call.path("workspaceId", workspace_id.into()); self }
    pub fn send(self) -> Pending<Task> { self.call.send() }
}
impl IntoFuture for FetchTask { type Output = Result<Response<Task>, Error>; type IntoFuture = Pending<Task>; fn into_future(self) -> Pending<Task> { self.send() } }
impl RequestOptions for FetchTask { fn options_mut(&mut self) -> &mut CallOptions { self.call.options_mut() } }

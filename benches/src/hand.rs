//! The peer: what a user writes with `reqwest` and serde's derive. It drops unknown fields.

use serde::Deserialize;

/// A list.
#[derive(Debug, Deserialize)]
pub struct TaskList {
    /// The tasks.
    pub tasks: Vec<Task>,
}

/// The fields of the contract.
#[allow(missing_docs, clippy::struct_excessive_bools)]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub task_id: String,
    pub workspace_id: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub status: Option<Status>,
    pub scope: Option<Scope>,
    pub kind: Option<Kind>,
    pub visibility: Option<Visibility>,
    pub user_id: Option<String>,
    pub contributors: Option<Vec<Contributor>>,
    pub priority: Option<Priority>,
    pub team_ids: Option<Vec<String>>,
    pub parent_initiative_id: Option<String>,
    pub taxonomy_label_ids: Option<Vec<String>>,
    pub topic: Option<String>,
    pub completed_at: Option<String>,
    pub is_new_feature: Option<bool>,
    pub is_bug_fix: Option<bool>,
    pub is_refactor: Option<bool>,
    pub is_documentation: Option<bool>,
    pub is_infrastructure: Option<bool>,
    pub is_test: Option<bool>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

#[allow(missing_docs)]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contributor {
    pub user_id: String,
    pub r#type: Option<Role>,
}

/// Closed enums, as most people write them; the cheapest to decode.
macro_rules! closed {
    ($($name:ident { $($variant:ident),* })*) => { $(
        #[allow(missing_docs)]
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),* }
    )* };
}

closed! {
    Status { Planned, InProgress, Review, Done, Canceled, Backlog }
    Scope { Initiative, Task, Todo }
    Kind { Bug, Idea, Improvement, Feature }
    Visibility { Team, Private, Workspace }
    Priority { Low, Medium, High, Urgent }
    Role { Assignee, Reviewer, Owner, Contributor }
}

/// A client of two methods.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    api_key: String,
}

impl Client {
    /// A client as most people make one: no time limit, no retry, no limit on the response's size.
    #[must_use]
    pub fn new(base_url: &str, api_key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { http, base_url: base_url.to_owned(), api_key: api_key.to_owned() }
    }

    /// One task.
    pub async fn fetch_task(&self, task_id: &str) -> Result<Task, reqwest::Error> {
        let url = format!("{}/workspaces/current/tasks/{task_id}", self.base_url);
        self.http.get(url).bearer_auth(&self.api_key).send().await?.error_for_status()?.json().await
    }

    /// All tasks.
    pub async fn list_tasks(&self) -> Result<TaskList, reqwest::Error> {
        let url = format!("{}/workspaces/current/tasks?all=true", self.base_url);
        self.http.get(url).bearer_auth(&self.api_key).send().await?.error_for_status()?.json().await
    }
}

//! What each operation does, once the request is known to be allowed.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::contract::Operation;
use crate::contract::validate::{Violation, refusal};
use crate::record::Record;
use crate::service::preview;
use crate::service::reply::{self, Refused};
use crate::service::state::{CAPACITY, DocumentFilter, Obstacle, Principal, Role, State, TaskFilter};

/// Operations that are closed to users without a managing role, and to API keys.
const KEY_MANAGEMENT: [&str; 3] = ["listApiKeys", "createApiKey", "revokeApiKey"];

/// One request that passed all checks.
pub(crate) struct Call<'r> {
    pub(crate) operation: &'r Operation,
    pub(crate) who: &'r Principal,
    pub(crate) path: &'r [(String, String)],
    pub(crate) query: &'r [(String, String)],
    pub(crate) body: &'r [u8],
    /// The time since the fake began.
    pub(crate) now: Duration,
    /// Whether lists leave descriptions whole.
    pub(crate) whole_lists: bool,
}

impl Call<'_> {
    pub(crate) fn captured(&self, name: &str) -> &str {
        // A document may call the parameter otherwise: the last one is what the operation works on.
        let named = self.path.iter().find(|(key, _)| key == name).or_else(|| self.path.last());
        named.map_or("", |(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    fn one(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    fn flag(&self, name: &str) -> bool {
        self.one(name).as_deref() == Some("true")
    }

    pub(crate) fn record(&self) -> Result<Record, Refused> {
        let refuse = |problem: &str| refusal(StatusCode::UNPROCESSABLE_ENTITY, &[Violation::body("$", problem)]);
        let text = std::str::from_utf8(self.body).map_err(|_| refuse("is not valid UTF-8"))?;
        Record::parse(text).map_err(|error| refuse(&error.to_string()))
    }

    pub(crate) fn done(&self, body: &Record) -> Response<Bytes> {
        let mut body = body.clone();
        if !self.operation.renamed_items.is_empty() {
            let names: Vec<String> = body.names().map(str::to_owned).collect();
            for name in names {
                if let Some(mut items) = body.get::<Vec<Record>>(&name) {
                    for item in &mut items {
                        rename(item, &self.operation.renamed_items);
                    }
                    body.set(&name, &items);
                }
            }
        }
        rename(&mut body, &self.operation.renamed);
        let mut response = reply::json(self.operation.success, &body);
        if let Some(conformed) =
            std::str::from_utf8(response.body()).ok().and_then(|text| self.operation.conformed(text))
        {
            *response.body_mut() = conformed.into();
        }
        response
    }
}

/// Gives fields the names that the contract has for them.
fn rename(record: &mut Record, names: &[(String, String)]) {
    for (here, there) in names {
        if let Some(value) = record.get::<Box<serde_json::value::RawValue>>(here) {
            record.remove(here);
            record.set(there, &value);
        }
    }
}

/// Why this credential may not call the operation at all.
pub(crate) fn forbidden(operation: &Operation, who: &Principal) -> Option<Refused> {
    let managing = KEY_MANAGEMENT.contains(&operation.id.as_str());
    let message = match who {
        Principal::Key { .. } if managing => {
            "API keys cannot manage API keys, use an OAuth access token of a workspace owner or admin"
        }
        Principal::Key { .. } if operation.oauth_only => "this operation needs an OAuth access token of a user",
        Principal::User { role: Role::Member, .. } if managing => {
            "only workspace owners and admins can manage API keys"
        }
        Principal::Key { .. } | Principal::User { .. } => return None,
    };
    Some(reply::refuse(StatusCode::FORBIDDEN, message))
}

/// Does what the operation says.
pub(crate) fn execute(state: &mut State, call: &Call<'_>) -> Response<Bytes> {
    let result = match call.operation.id.as_str() {
        "listTasks" => Ok(list_tasks(state, call)),
        "fetchTask" => fetch_task(state, call),
        "createTask" => create_task(state, call),
        "updateTask" => update_task(state, call),
        "listApiKeys" => Ok(list_keys(state, call)),
        "createApiKey" => create_key(state, call),
        "revokeApiKey" => revoke_key(state, call),
        "listDocuments" => Ok(list_documents(state, call)),
        _ => preview::execute(state, call).unwrap_or_else(|| {
            Err(reply::refuse(StatusCode::NOT_IMPLEMENTED, "the fake does not play this operation"))
        }),
    };
    result.unwrap_or_else(|refused| *refused)
}

type Served = Result<Response<Bytes>, Refused>;

fn list_tasks(state: &State, call: &Call<'_>) -> Response<Bytes> {
    let filter = TaskFilter { all: call.flag("all"), scopes: call.all("scope"), statuses: call.all("status") };
    call.done(&Record::new().with("tasks", &state.list_tasks(call.who, &filter, call.whole_lists)))
}

fn fetch_task(state: &State, call: &Call<'_>) -> Served {
    let task = state.task(call.captured("taskId"));
    task.map(|task| call.done(task)).ok_or_else(|| unknown("task"))
}

fn create_task(state: &mut State, call: &Call<'_>) -> Served {
    let sent = call.record()?;
    state.create_task(&sent, call.now).map(|task| call.done(&task)).map_err(|_| full("tasks"))
}

/// The fake holds as much as it can.
pub(crate) fn full(what: &str) -> Refused {
    let message = format!("the fake holds {CAPACITY} {what} and takes no more: start it again");
    reply::refuse(StatusCode::CONFLICT, &message)
}

fn update_task(state: &mut State, call: &Call<'_>) -> Served {
    let sent = call.record()?;
    let id = call.captured("taskId");
    match state.replace_task(id, &sent, call.now) {
        Ok(task) => Ok(call.done(&task)),
        Err(Obstacle::OtherId) => {
            let violation = Violation::body("$.taskId", "is not the task of the path");
            Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, &[violation]))
        }
        Err(_) => Err(unknown("task")),
    }
}

fn list_keys(state: &State, call: &Call<'_>) -> Response<Bytes> {
    let keys: Vec<&Record> = state.keys.iter().map(|key| &key.public).collect();
    call.done(&Record::new().with("apiKeys", &keys))
}

fn create_key(state: &mut State, call: &Call<'_>) -> Served {
    let description = call.record()?.text("description").unwrap_or_default();
    let created = state.create_key(&description, call.now);
    created.map(|key| call.done(&key)).map_err(|_| {
        let message = "this workspace has 20 active API keys, revoke one before you create another";
        reply::refuse(StatusCode::CONFLICT, message)
    })
}

fn revoke_key(state: &mut State, call: &Call<'_>) -> Served {
    let revoked = state.revoke_key(call.captured("apiKeyId"));
    revoked.map(|()| reply::empty(StatusCode::NO_CONTENT)).map_err(|_| unknown("API key"))
}

fn list_documents(state: &State, call: &Call<'_>) -> Response<Bytes> {
    let filter = DocumentFilter {
        task_id: call.one("taskId"),
        include_content: call.flag("includeContent"),
        limit: call.one("limit").and_then(|limit| limit.parse().ok()),
    };
    call.done(&Record::new().with("documents", &state.list_documents(&filter)))
}

pub(crate) fn unknown(what: &str) -> Refused {
    reply::refuse(StatusCode::NOT_FOUND, &format!("{what} not found"))
}

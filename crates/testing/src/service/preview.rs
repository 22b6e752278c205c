//! The operations of the SDK's feature `preview`: they exist, and their routes and fields are deduced.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::record::Record;
use crate::service::reply::{self, Refused};
use crate::service::routes::{self, Call, unknown};
use crate::service::state::{CAPACITY, Principal, State};
use crate::service::time;

/// Does what one of these operations says; nothing if it is none of them.
pub(crate) fn execute(state: &mut State, call: &Call<'_>) -> Option<Result<Response<Bytes>, Refused>> {
    let done = |name: &str, records: &[Record]| Ok(call.done(&Record::new().with(name, &records.to_vec())));
    Some(match call.operation.id.as_str() {
        "listTaskComments" => list_comments(state, call),
        "createTaskComment" => create_comment(state, call),
        "toggleCommentReaction" => toggle_reaction(state, call),
        "fetchDocument" => {
            let found = state.documents.iter().find(|document| document.is("documentId", call.captured("documentId")));
            found.map(|document| call.done(document)).ok_or_else(|| unknown("document"))
        }
        "listTeams" => done("teams", &state.teams),
        "listTaxonomyLabels" => done("taxonomyLabels", &state.labels),
        "listUsers" => {
            let users: Vec<Record> = state.users.iter().map(|known| user(&known.id)).collect();
            done("users", &users)
        }
        "fetchCurrentUser" => match call.who {
            Principal::User { id, .. } => Ok(call.done(&user(id))),
            Principal::Key { .. } => Err(reply::refuse(
                StatusCode::FORBIDDEN,
                "an API key belongs to no user, use the OAuth access token of a user",
            )),
        },
        "listWorkspaces" => done("workspaces", &[workspace(state)]),
        "fetchWorkspace" => Ok(call.done(&workspace(state))),
        _ => return None,
    })
}

fn user(id: &str) -> Record {
    Record::new().with("userId", id).with("name", id.trim_start_matches("u_"))
}

fn workspace(state: &State) -> Record {
    Record::new().with("workspaceId", &state.workspace_id).with("name", "Lighthouse")
}

fn list_comments(state: &State, call: &Call<'_>) -> Result<Response<Bytes>, Refused> {
    let id = call.captured("taskId");
    state.task(id).ok_or_else(|| unknown("task"))?;
    let comments: Vec<Record> = state.comments.iter().filter(|comment| comment.is("taskId", id)).cloned().collect();
    Ok(call.done(&Record::new().with("comments", &comments)))
}

fn create_comment(state: &mut State, call: &Call<'_>) -> Result<Response<Bytes>, Refused> {
    let task = call.captured("taskId");
    state.task(task).ok_or_else(|| unknown("task"))?;
    if state.comments.len() >= CAPACITY {
        return Err(routes::full("comments"));
    }
    let mut comment = call.record()?;
    comment.set("commentId", &format!("comment_{}", state.next_number()));
    comment.set("taskId", task);
    comment.set("workspaceId", &state.workspace_id);
    comment.set("createdAt", &time::text(call.now));
    if let Principal::User { id, .. } = call.who {
        comment.set("userId", id);
    }
    state.comments.push(comment.clone());
    Ok(call.done(&comment))
}

fn toggle_reaction(state: &State, call: &Call<'_>) -> Result<Response<Bytes>, Refused> {
    let id = call.captured("commentId");
    let known = state.comments.iter().find(|comment| comment.is("commentId", id)).ok_or_else(|| unknown("comment"))?;
    let mut reaction = call.record()?;
    reaction.set("commentId", id);
    reaction.set("taskId", &known.text("taskId").unwrap_or_default());
    Ok(call.done(&reaction))
}

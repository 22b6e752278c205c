//! The small workspace that a fake starts with.

use crate::record::Record;
use crate::seed::Seed;
use crate::service::state::{ActiveKey, Role, State, User};

pub(crate) const DEMO: &str = include_str!("seed.json");

pub(crate) const API_KEY: &str = "fake-api-key-1001-not-a-secret";
pub(crate) const OWNER_TOKEN: &str = "fake-oauth-token-of-the-owner-not-a-secret";
pub(crate) const ADMIN_TOKEN: &str = "fake-oauth-token-of-the-admin-not-a-secret";
pub(crate) const MEMBER_TOKEN: &str = "fake-oauth-token-of-the-member-not-a-secret";
pub(crate) const WORKSPACE_ID: &str = "w_lighthouse";

/// The users and keys of the workspace, and what the seed brings.
pub(crate) fn state(content: Seed) -> State {
    let seed = Record::parse(DEMO).unwrap_or_default();
    let list = |name: &str| seed.get::<Vec<Record>>(name).unwrap_or_default();
    let mut state = State { workspace_id: WORKSPACE_ID.to_owned(), ..State::default() };
    state.users = list("users").iter().map(user).collect();
    state.keys = list("keys").into_iter().map(key).collect();
    content.fill(&mut state);
    state
}

fn user(record: &Record) -> User {
    let text = |name: &str| record.text(name).unwrap_or_default();
    let role = match text("role").as_str() {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        _ => Role::Member,
    };
    User { id: text("userId"), role, token: text("token").into() }
}

fn key(mut record: Record) -> ActiveKey {
    let text = |record: &Record, name: &str| record.text(name).unwrap_or_default();
    let (id, secret) = (text(&record, "apiKeyId"), text(&record, "secret"));
    record.remove("secret");
    ActiveKey { public: record, id, secret: secret.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_credentials_are_the_documented_ones() {
        let state = state(Seed::demo());
        assert_eq!(state.workspace_id, WORKSPACE_ID);
        for (token, id) in
            [(API_KEY, "key_1001"), (OWNER_TOKEN, "u_ada"), (ADMIN_TOKEN, "u_tomas"), (MEMBER_TOKEN, "u_mira")]
        {
            let who = state.authenticate(token);
            assert_eq!(who.as_ref().map(crate::service::state::Principal::id), Some(id));
        }
    }

    #[test]
    fn the_workspace_has_work_of_every_sort() {
        let state = state(Seed::demo());
        assert!(state.tasks.len() >= 12 && state.documents.len() == 3);
    }
}

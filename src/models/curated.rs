//! Hand-written methods of generated models.

use super::{CreatedApiKey, TaskContributionType, TaskContributor};
use crate::secret::Secret;

/// The names that services give a new key's secret; the first is the contract's guess.
pub(super) const SECRET_FIELDS: [&str; 4] = ["secret", "key", "apiKey", "token"];

impl CreatedApiKey {
    /// The new key's secret, wherever the response carries it: the name of the field is not documented.
    ///
    /// `None` means that none of the likely fields is there; `extra` then has what came, and the key should be revoked
    /// and made again if the secret cannot be found.
    #[must_use]
    pub fn reveal_secret(&self) -> Option<Secret> {
        let is_there = |secret: &Secret| !secret.expose().is_empty();
        let guessed = || SECRET_FIELDS.iter().find_map(|name| self.extra.get::<Secret>(name)?.ok().filter(is_there));
        self.secret.clone().filter(is_there).or_else(guessed)
    }
}

impl TaskContributor {
    /// The person who is to do the work.
    ///
    /// [`observed`](crate::evidence#taskcontributor)
    #[must_use]
    pub fn assignee(user_id: impl Into<super::UserId>) -> Self {
        Self::new(user_id).contribution_type(TaskContributionType::Assignee)
    }
}

//! Lists the workspace's keys, and decides what a listing proves.

use super::builder::Job;
use super::progress::OrphanedKey;
use crate::apis::whole_list::is_whole_list;
use crate::error::Error;
use crate::models::{ApiKey, ApiKeyId, ApiKeyList};
use crate::response::Response;

/// The keys there were before the rotation; `None` when the service has no listing.
pub(super) type Before = Option<Vec<ApiKey>>;

impl Job {
    pub(super) async fn keys(&self) -> Result<Response<ApiKeyList>, Error> {
        self.api().list_api_keys().workspace(&self.plan.workspace).await
    }

    /// The keys that a request to create may have left, after its response got lost.
    ///
    /// The request may still be at work and a listing may lag, so it is asked several times. When the key does not show
    /// up, it is named as unknown: that it is not there cannot be proven.
    pub(super) async fn orphans_of_create(&self, before: &Before, description: &str) -> Vec<OrphanedKey> {
        let mut orphaned = vec![OrphanedKey::Unknown { description: description.to_owned() }];
        let Some(before) = before else { return orphaned };
        let mut pauses = self.pauses();
        loop {
            if let Ok(now) = self.keys().await {
                let is_new = |key: &ApiKey| !before.iter().any(|known| known.api_key_id == key.api_key_id);
                let newcomers = now.into_inner().api_keys.into_iter().filter(|key| is_new(key) && !says_revoked(key));
                let (ours, others): (Vec<_>, Vec<_>) =
                    newcomers.partition(|key| key.description.as_deref().is_some_and(|text| text == description));
                let suspected = |keys: Vec<ApiKey>| keys.into_iter().map(|key| OrphanedKey::Suspected(key.api_key_id));
                if !ours.is_empty() {
                    return suspected(ours).collect();
                }
                // Somebody else's, or ours under a description that the service changed.
                orphaned.truncate(1);
                orphaned.extend(suspected(others));
            }
            let Some(pause) = pauses.next() else { return orphaned };
            self.sleep(pause).await;
        }
    }

    /// Whether a fresh listing shows that a key is gone. A listing counts only if it shows `witness`, a key that is active:
    /// otherwise it lags, or is not this workspace's.
    pub(super) async fn is_gone(&self, id: &ApiKeyId, witness: &ApiKeyId) -> bool {
        let mut pauses = self.pauses();
        loop {
            match self.keys().await {
                Ok(listing) if listing.api_keys.iter().any(|key| key.api_key_id == *id && says_revoked(key)) => {
                    return true;
                }
                // The key may be on a page that this client cannot ask for.
                Ok(listing) if !is_whole(&listing) => return false,
                Ok(listing) if shows(&listing, witness) && !shows(&listing, id) => return true,
                Err(error) if matches!(error.status(), Some(404 | 405 | 501)) => return false,
                Ok(_) | Err(_) => {}
            }
            let Some(pause) = pauses.next() else { return false };
            self.sleep(pause).await;
        }
    }
}

/// Whether a listing shows a key as active, also in an entry that cannot be read.
fn shows(listing: &Response<ApiKeyList>, id: &ApiKeyId) -> bool {
    if let Some(entry) = listing.api_keys.iter().find(|key| key.api_key_id == *id) {
        return !says_revoked(entry);
    }
    let quoted = serde_json::to_string(id.as_str()).unwrap_or_default();
    String::from_utf8_lossy(listing.raw()).contains(&quoted)
}

/// Whether a listing has no sign of further pages, and no entry that may be any key.
pub(super) fn is_whole(listing: &Response<ApiKeyList>) -> bool {
    let is_entry = |at: &str| at.starts_with("apiKeys[") && !at.contains('.');
    is_whole_list(listing, "apiKeys") && !listing.unreadable().iter().any(|found| is_entry(found.path()))
}

/// Whether an entry says of itself that the key is revoked. No such field is documented; these are names that services
/// use.
pub(super) fn says_revoked(key: &ApiKey) -> bool {
    let raw = |name| key.extra.raw(name).unwrap_or("null");
    let has_date = |name| raw(name).starts_with('"') || raw(name).starts_with(|first: char| first.is_ascii_digit());
    let status = |name| matches!(raw(name).to_ascii_lowercase().as_str(), "\"revoked\"" | "\"deleted\"");
    has_date("revokedAt")
        || has_date("deletedAt")
        || raw("revoked") == "true"
        || raw("active") == "false"
        || raw("isActive") == "false"
        || status("status")
        || status("state")
}

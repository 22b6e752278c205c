//! Runs a rotation: one step after the other, and back.

use std::time::Duration;

use super::builder::{Job, Report, Restore, Rotation};
use super::error::{Fault, RotationError};
use super::listing::{Before, is_whole, says_revoked};
use super::progress::{OrphanedKey, RotatedApiKey, RotationProgress, RotationStep};
use super::refusal::{confirms_revocation, is_refusal_by_the_service};
use crate::apis::ApiKeysApi;
use crate::configuration::Configuration;
use crate::credential::Credential;
use crate::deadline::within;
use crate::error::ErrorKind;
use crate::future::BoxFuture;
use crate::limits::ACTIVE_API_KEYS;
use crate::metadata::Sent;
use crate::models::{ApiKeyId, CreatedApiKey, Json};
use crate::redact::Redactor;
use crate::response::Response;
use crate::secret::Secret;

const ANOTHER_NAME: &str = "created() has the response: look for the secret there, and either name its field with \
                            secret_from or revoke the key";
const FINISH_BY_HAND: &str = "the new key is in use and was left active: see whether it works and then revoke the old one, or \
                              put the old secret back and then revoke the new one";
const REVOKE_LATER: &str = "the new key is installed and works: revoke the old one when the reason is gone";
const NOT_SEEN_REVOKED: &str =
    "the response does not prove that the key is revoked, and listing the keys did not confirm it";

/// The replacement, ready to be used.
struct Replacement {
    id: ApiKeyId,
    secret: Secret,
    /// The configuration that calls with it.
    configuration: Configuration,
    created: Response<CreatedApiKey>,
}

impl IntoFuture for Rotation {
    type Output = Result<RotatedApiKey, RotationError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(crate::trace::several("rotateApiKey", rotate(self)))
    }
}

/// The whole rotation.
async fn rotate(rotation: Rotation) -> Result<RotatedApiKey, RotationError> {
    let Rotation { job, install, restore, report } = rotation;
    let mut log = Log(report);
    let before = job.check().await?;
    let description = job.description(&before);
    let created = job.create(&before, &description).await?;
    let new = job.read(created, &before, &description).await?;
    log.report(&RotationProgress::Created(new.id.clone()));
    match job.limited(install(new.secret.clone())).await {
        Some(Ok(())) => log.report(&RotationProgress::Installed),
        Some(Err(fault)) => {
            let error = job.because(RotationStep::Install, without(&new.secret, fault));
            return Err(job.withdraw(&new.id, error, &mut log).await);
        }
        // Nobody knows which secret is in use now, so the way back is that of a key in use.
        None => {
            let error = job.failed(RotationStep::Install, job.too_slow("the installer"));
            return Err(job.undo(&new, error, restore, &mut log).await);
        }
    }
    let confirm_attempts = match job.confirm(&new.configuration).await {
        Ok(attempts) => attempts,
        Err(fault) => {
            let error = job.because(RotationStep::Confirm, without(&new.secret, fault));
            return Err(job.undo(&new, error, restore, &mut log).await);
        }
    };
    log.report(&RotationProgress::Confirmed(confirm_attempts));
    let old_was_gone = job.revoke_old(&new.id).await?;
    log.report(&RotationProgress::OldRevoked(job.plan.old_key.clone()));
    Ok(RotatedApiKey {
        new_key: new.id,
        old_key: job.plan.old_key,
        created: new.created.into_inner(),
        confirm_attempts,
        old_was_gone,
    })
}

/// Reports progress to the caller's function.
struct Log(Option<Report>);

impl Log {
    fn report(&mut self, progress: &RotationProgress) {
        if let Some(report) = &mut self.0 {
            report(progress);
        }
    }
}

impl Job {
    /// Looks for the old key, so that a mistyped id does not cost a new key.
    async fn check(&self) -> Result<Before, RotationError> {
        let listing = match self.keys().await {
            Ok(listing) => listing,
            // That keys can be listed is documented, how is deduced: a wrong guess must not stand in the way.
            Err(error) if error.is_decode() || matches!(error.status(), Some(404 | 405 | 501)) => return Ok(None),
            Err(error) => return Err(self.because(RotationStep::Check, error.into())),
        };
        let is_whole = is_whole(&listing);
        let keys = listing.into_inner().api_keys;
        match keys.iter().find(|key| key.api_key_id == self.plan.old_key) {
            Some(old) if says_revoked(old) => Err(self.failed(RotationStep::Check, "the key is already revoked")),
            Some(_) => Ok(Some(keys)),
            // It may be on another page, and so may any key that was there before.
            None if !is_whole => Ok(None),
            None => Err(self
                .failed(RotationStep::Check, "the workspace has no such key")
                .with_hint("list_api_keys names the ids; an id is not the secret")),
        }
    }

    async fn create(&self, before: &Before, description: &str) -> Result<Response<CreatedApiKey>, RotationError> {
        let error = match self.api().create_api_key(description).workspace(&self.plan.workspace).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let refused = is_refusal_by_the_service(&error);
        // How one key too many is refused is not documented, so any refusal with no room left counts as that.
        let full = before.as_ref().is_some_and(|keys| keys.len() >= ACTIVE_API_KEYS)
            && matches!(error.status(), Some(400 | 402 | 403 | 409 | 422));
        if refused && (error.is_key_limit() || full) {
            return Err(self.because(RotationStep::Create, error.into()).limit_reached());
        }
        let maybe_created = match error.kind() {
            ErrorKind::Decode | ErrorKind::TooLarge => true,
            _ if error.status().is_some() => !refused,
            _ => error.was_sent() != Sent::No,
        };
        let orphaned = if maybe_created { self.orphans_of_create(before, description).await } else { Vec::new() };
        Err(self.because(RotationStep::Create, error.into()).leaving(orphaned))
    }

    /// Reads the id and the secret. When one is missing nothing is undone, since the response may hold it under another
    /// name.
    async fn read(
        &self,
        created: Response<CreatedApiKey>,
        before: &Before,
        description: &str,
    ) -> Result<Replacement, RotationError> {
        let is_new =
            |id: &ApiKeyId| *id != self.plan.old_key && !before.iter().flatten().any(|known| known.api_key_id == *id);
        let Some(id) = created.api_key_id.clone().filter(is_new) else {
            let orphaned = self.orphans_of_create(before, description).await;
            let error = self.failed(RotationStep::Read, "the response to creating the key does not name a new id");
            return Err(error.with_hint(ANOTHER_NAME).leaving(orphaned).with_created(created));
        };
        let unusable = |error: RotationError, created| {
            error.with_hint(ANOTHER_NAME).leaving([OrphanedKey::New(id.clone())]).with_created(created)
        };
        let Some(secret) =
            created.reveal_secret().or_else(|| self.secret_from.as_ref().and_then(|find| find(&created)))
        else {
            let names: Vec<&str> = created.extra.names().collect();
            let message = format!("the new key came without `secret` (unknown fields: {})", names.join(", "));
            return Err(unusable(self.failed(RotationStep::Read, message), created));
        };
        match Credential::api_key(&secret) {
            Ok(credential) => {
                let configuration = self.plan.configuration.derived(credential, self.plan.workspace.clone());
                Ok(Replacement { id, secret, configuration, created })
            }
            Err(error) => Err(unusable(self.because(RotationStep::Read, error.into()), created)),
        }
    }

    /// Calls with the new key until it works, or often enough.
    async fn confirm(&self, with_new_key: &Configuration) -> Result<u32, Fault> {
        let mut attempts = 0;
        let mut pauses = self.pauses();
        loop {
            attempts += 1;
            let confirming = match &self.confirm {
                Some(confirm) => confirm(with_new_key.clone()),
                None => Box::pin(lists_tasks(with_new_key.clone())),
            };
            let confirmed = self.limited(confirming).await.unwrap_or_else(|| Err(self.too_slow("confirming").into()));
            match (confirmed, pauses.next()) {
                (Ok(()), _) => return Ok(attempts),
                (Err(fault), None) => return Err(fault),
                (Err(_), Some(pause)) => self.sleep(pause).await,
            }
        }
    }

    /// The way back when the new key may be in use.
    async fn undo(
        &self,
        new: &Replacement,
        error: RotationError,
        restore: Option<Restore>,
        log: &mut Log,
    ) -> RotationError {
        let left = OrphanedKey::New(new.id.clone());
        // Whatever uses the key has the new one now: revoking it could leave that without any.
        let Some(restore) = restore else { return error.leaving([left]).with_hint(FINISH_BY_HAND) };
        let fault = match self.limited(restore()).await {
            Some(Ok(())) => {
                log.report(&RotationProgress::Restored);
                return self.withdraw(&new.id, error, log).await;
            }
            Some(Err(fault)) => without(&new.secret, fault),
            None => self.too_slow("the restorer").into(),
        };
        error.leaving([left]).with_hint(FINISH_BY_HAND).undo_failed(fault)
    }

    /// Revokes the replacement, which nothing uses (any more).
    async fn withdraw(&self, id: &ApiKeyId, error: RotationError, log: &mut Log) -> RotationError {
        match self.revoke(id, &self.plan.old_key).await {
            Ok(_) => {
                log.report(&RotationProgress::NewRevoked(id.clone()));
                error
            }
            Err(fault) => error.leaving([OrphanedKey::New(id.clone())]).undo_failed(fault),
        }
    }

    /// Revokes the old key; returns whether it was gone already.
    async fn revoke_old(&self, new: &ApiKeyId) -> Result<bool, RotationError> {
        self.revoke(&self.plan.old_key, new).await.map_err(|fault| {
            self.because(RotationStep::Revoke, fault)
                .with_hint(REVOKE_LATER)
                .leaving([OrphanedKey::Old(self.plan.old_key.clone())])
        })
    }

    /// Revokes a key; returns whether it was gone already. `witness` is another key that is active.
    ///
    /// A 404 may mean that the route is another, and an intermediary may have written it, or a success that does not say what
    /// was done: both are believed only when a fresh listing shows the witness and not the key.
    async fn revoke(&self, id: &ApiKeyId, witness: &ApiKeyId) -> Result<bool, Fault> {
        match self.api().revoke_api_key(id).workspace(&self.plan.workspace).await {
            Ok(response) if confirms_revocation(&response, id) => Ok(false),
            Ok(_) if self.is_gone(id, witness).await => Ok(false),
            Ok(_) => Err(NOT_SEEN_REVOKED.into()),
            Err(error) if matches!(error.status(), Some(404 | 410)) && self.is_gone(id, witness).await => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn description(&self, before: &Before) -> String {
        if let Some(description) = &self.plan.description {
            return description.clone();
        }
        let old = before.iter().flatten().find(|key| key.api_key_id == self.plan.old_key);
        let description = old.and_then(|key| key.description.as_ref()).filter(|text| !text.trim().is_empty());
        description.cloned().unwrap_or_else(|| format!("replaces {}", self.plan.old_key))
    }

    pub(super) fn api(&self) -> ApiKeysApi {
        ApiKeysApi::new(&self.plan.configuration)
    }

    /// The pauses between the tries of something that may take a moment until it works everywhere.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let most = Duration::from_secs(60).max(self.confirm_pause);
        let first = self.confirm_pause;
        let pauses = std::iter::successors(Some(first), move |pause| Some(pause.saturating_mul(2).min(most)));
        pauses.take(usize::try_from(self.confirm_attempts - 1).unwrap_or(usize::MAX))
    }

    pub(super) async fn sleep(&self, pause: Duration) {
        self.plan.configuration.settings().clock.sleep(pause).await;
    }

    /// Runs the caller's code within its time limit; `None` when it took longer.
    async fn limited<T>(&self, work: BoxFuture<'static, T>) -> Option<T> {
        within(&*self.plan.configuration.settings().clock, self.step_timeout, work).await.ok()
    }

    fn too_slow(&self, what: &str) -> String {
        format!("{what} took longer than its time limit ({:?})", self.step_timeout)
    }

    fn failed(&self, step: RotationStep, message: impl Into<String>) -> RotationError {
        RotationError::new(&self.plan.old_key, step, message)
    }

    fn because(&self, step: RotationStep, fault: Fault) -> RotationError {
        RotationError::because(&self.plan.old_key, step, fault)
    }
}

/// One read that is documented for API keys. A success alone proves nothing, since a login page is one too: the response
/// must be a task listing.
async fn lists_tasks(configuration: Configuration) -> Result<(), Fault> {
    let listing = configuration.request("GET", "/workspaces/{workspaceId}/tasks").send::<Json>().await?;
    let fields = listing.decode::<std::collections::HashMap<String, Json>>().unwrap_or_default();
    match fields.get("tasks").map(Json::get) {
        Some(tasks) if tasks.starts_with('[') || tasks == "null" => Ok(()),
        _ => Err("the response to listing tasks with the new key is not a list of tasks".into()),
    }
}

/// An error of the caller's code, unless it contains the secret that the code was given.
fn without(secret: &Secret, fault: Fault) -> Fault {
    Redactor::new([secret.expose()])
        .error(fault)
        .unwrap_or_else(|| "the error is not shown, since it contains the new key's secret".into())
}

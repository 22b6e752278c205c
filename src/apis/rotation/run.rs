//! The rotation itself: one step after the other, and back.

use std::time::Duration;

use super::builder::{Job, Restore, Rotation, Tell};
use super::error::{Fault, RotationError};
use super::progress::{OrphanedKey, RotatedApiKey, RotationProgress, RotationStep};
use crate::apis::ApiKeysApi;
use crate::configuration::Configuration;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind, Sent, without_secret};
use crate::limits::ACTIVE_API_KEYS;
use crate::models::{ApiKey, ApiKeyId, CreatedApiKey};
use crate::response::Response;
use crate::secret::Secret;
use crate::transport::BoxFuture;

const ANOTHER_NAME: &str = "created() has the answer: look for it there, and either tell by secret_from where the secret is \
                            or revoke the key";
const FINISH_BY_HAND: &str = "the new key is in use and was left active: see whether it works and then revoke the old one, or \
                              put the old secret back and then revoke the new one";

/// The keys there were before, where the service could tell.
type Before = Option<Vec<ApiKey>>;

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
        Box::pin(rotate(self))
    }
}

/// The whole way.
async fn rotate(rotation: Rotation) -> Result<RotatedApiKey, RotationError> {
    let Rotation { job, install, restore, tell } = rotation;
    let mut log = Log(tell);
    let before = job.check().await?;
    let created = job.create(&before).await?;
    let new = job.read(created)?;
    log.tell(&RotationProgress::Created(new.id.clone()));
    if let Err(fault) = install(new.secret.clone()).await {
        let error = job.because(RotationStep::Install, without(&new.secret, fault));
        return Err(job.withdraw(&new.id, error, &mut log).await);
    }
    log.tell(&RotationProgress::Installed);
    let confirm_attempts = match job.confirm(&new.configuration).await {
        Ok(attempts) => attempts,
        Err(fault) => return Err(job.undo(&new, without(&new.secret, fault), restore, &mut log).await),
    };
    log.tell(&RotationProgress::Confirmed(confirm_attempts));
    let old_was_gone = job.revoke_old(&before).await?;
    log.tell(&RotationProgress::OldRevoked(job.plan.old_key.clone()));
    Ok(RotatedApiKey {
        new_key: new.id,
        old_key: job.plan.old_key,
        created: new.created.into_inner(),
        confirm_attempts,
        old_was_gone,
    })
}

/// Whoever wants to be told.
struct Log(Option<Tell>);

impl Log {
    fn tell(&mut self, progress: &RotationProgress) {
        if let Some(tell) = &mut self.0 {
            tell(progress);
        }
    }
}

impl Job {
    /// Looks for the old key, so that a mistyped id does not cost a new key.
    async fn check(&self) -> Result<Before, RotationError> {
        let keys = match self.keys().await {
            Ok(keys) => keys,
            // That keys can be listed is documented, how is deduced: a wrong guess must not stand in the way.
            Err(error) if error.is_decode() || matches!(error.status(), Some(404 | 405 | 501)) => return Ok(None),
            Err(error) => return Err(self.because(RotationStep::Check, error.into())),
        };
        if keys.iter().any(|key| key.api_key_id == self.plan.old_key) {
            return Ok(Some(keys));
        }
        Err(self
            .failed(RotationStep::Check, "the workspace has no such key")
            .with_hint("list_api_keys names the ids; an id is not the secret"))
    }

    async fn create(&self, before: &Before) -> Result<Response<CreatedApiKey>, RotationError> {
        let description = self.plan.description.clone().unwrap_or_else(|| self.description(before));
        let error = match self.api().create_api_key(description).workspace(&self.plan.workspace).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        // How one key too many is refused is not documented, so any refusal with a full house counts as that.
        let full = before.as_ref().is_some_and(|keys| keys.len() >= ACTIVE_API_KEYS);
        let refused = matches!(error.status(), Some(400 | 402 | 403 | 409 | 422));
        if error.is_key_limit() || full && refused {
            return Err(self.because(RotationStep::Create, error.into()).limit_reached());
        }
        let maybe_made = match error.kind() {
            ErrorKind::Decode | ErrorKind::TooLarge => true,
            ErrorKind::Api => error.status().is_some_and(|status| status >= 500),
            _ => error.was_sent() == Sent::Maybe,
        };
        let left = if maybe_made { self.newcomers(before).await } else { Vec::new() };
        Err(self.because(RotationStep::Create, error.into()).leaving(left))
    }

    /// The id and the secret. Without them nothing is undone, since the secret may be in the answer under another name.
    fn read(&self, created: Response<CreatedApiKey>) -> Result<Replacement, RotationError> {
        let unusable = |error: RotationError, left| error.with_hint(ANOTHER_NAME).leaving([left]);
        let secret = created.secret.get().filter(|secret| !secret.expose().is_empty()).cloned();
        let secret = secret.or_else(|| self.secret_from.as_ref().and_then(|find| find(&created)));
        let Some(id) = created.api_key_id.get().cloned() else {
            let error = self.failed(RotationStep::Read, "the answer to creating the key does not tell its id");
            return Err(unusable(error, OrphanedKey::Unknown).with_created(created));
        };
        let left = OrphanedKey::New(id.clone());
        let Some(secret) = secret else {
            let names: Vec<&str> = created.extra.names().collect();
            let message = format!("the new key came without `secret` (members unknown here: {})", names.join(", "));
            return Err(unusable(self.failed(RotationStep::Read, message), left).with_created(created));
        };
        match Credential::api_key(&secret) {
            Ok(credential) => {
                let configuration = self.plan.configuration.derived(credential, self.plan.workspace.clone());
                Ok(Replacement { id, secret, configuration, created })
            }
            Err(error) => Err(unusable(self.because(RotationStep::Read, error.into()), left).with_created(created)),
        }
    }

    /// Calls with the new key until it works, or often enough.
    async fn confirm(&self, with_new_key: &Configuration) -> Result<u32, Fault> {
        let clock = &with_new_key.settings().clock;
        let mut attempts = 0;
        let mut pause = self.confirm_pause;
        loop {
            attempts += 1;
            let confirmed = match &self.confirm {
                Some(confirm) => confirm(with_new_key.clone()).await,
                None => lists_tasks(with_new_key).await.map_err(Into::into),
            };
            match confirmed {
                Ok(()) => return Ok(attempts),
                Err(fault) if attempts >= self.confirm_attempts => return Err(fault),
                Err(_) => clock.sleep(pause).await,
            }
            pause = pause.saturating_mul(2).min(Duration::from_secs(60).max(self.confirm_pause));
        }
    }

    /// The way back after the new key was installed and could not be confirmed.
    async fn undo(&self, new: &Replacement, fault: Fault, restore: Option<Restore>, log: &mut Log) -> RotationError {
        let error = self.because(RotationStep::Confirm, fault);
        let left = OrphanedKey::New(new.id.clone());
        // Whatever uses the key has the new one now: revoking it could leave that without any.
        let Some(restore) = restore else { return error.leaving([left]).with_hint(FINISH_BY_HAND) };
        if let Err(fault) = restore().await {
            return error.leaving([left]).with_hint(FINISH_BY_HAND).undo_failed(without(&new.secret, fault));
        }
        log.tell(&RotationProgress::Restored);
        self.withdraw(&new.id, error, log).await
    }

    /// Revokes the replacement, which nothing uses (any more).
    async fn withdraw(&self, id: &ApiKeyId, error: RotationError, log: &mut Log) -> RotationError {
        match self.revoke(id).await {
            Ok(()) => {}
            Err(fault) if fault.is_not_found() => {}
            Err(fault) => return error.leaving([OrphanedKey::New(id.clone())]).undo_failed(fault),
        }
        log.tell(&RotationProgress::NewRevoked(id.clone()));
        error
    }

    /// Whether the old key was gone already.
    async fn revoke_old(&self, before: &Before) -> Result<bool, RotationError> {
        match self.revoke(&self.plan.old_key).await {
            Ok(()) => Ok(false),
            // It was there at the beginning, so somebody else has revoked it.
            Err(error) if error.is_not_found() && before.is_some() => Ok(true),
            Err(error) => Err(self
                .because(RotationStep::Revoke, error.into())
                .with_hint("the new key is installed and works: revoke the old one when the reason is gone")
                .leaving([OrphanedKey::Old(self.plan.old_key.clone())])),
        }
    }

    /// The keys that there are now and were not before.
    async fn newcomers(&self, before: &Before) -> Vec<OrphanedKey> {
        let Some(before) = before else { return vec![OrphanedKey::Unknown] };
        let Ok(now) = self.keys().await else { return vec![OrphanedKey::Unknown] };
        now.into_iter()
            .filter(|key| !before.iter().any(|known| known.api_key_id == key.api_key_id))
            .map(|key| OrphanedKey::Suspected(key.api_key_id))
            .collect()
    }

    fn description(&self, before: &Before) -> String {
        let old = before.iter().flatten().find(|key| key.api_key_id == self.plan.old_key);
        let description = old.and_then(|key| key.description.get()).filter(|text| !text.trim().is_empty());
        description.cloned().unwrap_or_else(|| format!("replaces {}", self.plan.old_key))
    }

    fn api(&self) -> ApiKeysApi {
        ApiKeysApi::new(&self.plan.configuration)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, Error> {
        Ok(self.api().list_api_keys().workspace(&self.plan.workspace).await?.into_inner().api_keys)
    }

    async fn revoke(&self, id: &ApiKeyId) -> Result<(), Error> {
        self.api().revoke_api_key(id).workspace(&self.plan.workspace).await.map(|_| ())
    }

    fn failed(&self, step: RotationStep, message: impl Into<String>) -> RotationError {
        RotationError::new(&self.plan.old_key, step, message)
    }

    fn because(&self, step: RotationStep, fault: Fault) -> RotationError {
        RotationError::because(&self.plan.old_key, step, fault)
    }
}

/// One read that is documented for API keys; what it brings does not matter.
async fn lists_tasks(configuration: &Configuration) -> Result<(), Error> {
    configuration.request("GET", "/workspaces/{workspaceId}/tasks").send_raw().await.map(|_| ())
}

/// An error of the caller's code, unless it holds the secret that the code was given.
fn without(secret: &Secret, fault: Fault) -> Fault {
    without_secret(fault, secret.expose())
        .unwrap_or_else(|| "the error is not shown, since it contains the new key's secret".into())
}

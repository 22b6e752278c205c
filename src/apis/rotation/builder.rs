//! The builders of a rotation.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::Fault;
use super::progress::RotationProgress;
use crate::apis::ApiKeysApi;
use crate::configuration::Configuration;
use crate::engine::CREATE_API_KEY;
use crate::error::Error;
use crate::future::BoxFuture;
use crate::limits::ACTIVE_API_KEYS;
use crate::models::{ApiKeyId, CreatedApiKey, WorkspaceId};
use crate::secret::Secret;

pub(super) type Install = Box<dyn FnOnce(Secret) -> BoxFuture<'static, Result<(), Fault>> + Send>;
pub(super) type Restore = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), Fault>> + Send>;
pub(super) type Confirm = Arc<dyn Fn(Configuration) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>;
pub(super) type SecretFrom = Arc<dyn Fn(&CreatedApiKey) -> Option<Secret> + Send + Sync>;
pub(super) type Report = Box<dyn FnMut(&RotationProgress) + Send>;

impl Error {
    /// The workspace has as many active API keys as it may have.
    ///
    /// *What to do:* list the keys, revoke one that nothing uses, then create again. The status of this refusal is not
    /// documented: 409 counts, and so does another refusal whose message speaks of the limit.
    #[must_use]
    pub fn is_key_limit(&self) -> bool {
        let speaks = |words: &str| {
            let words = words.to_ascii_lowercase();
            let number = ACTIVE_API_KEYS.to_string();
            words.contains("key") && ["limit", "maximum", "too many", &number].iter().any(|sign| words.contains(sign))
        };
        self.operation() == Some(CREATE_API_KEY)
            && match self.status() {
                Some(409) => true,
                Some(400 | 402 | 403 | 422) => speaks(self.message()),
                _ => false,
            }
    }
}

impl ApiKeysApi {
    /// Replaces an API key in the documented order: create the replacement, install it where it is used, confirm it with a
    /// live call, then revoke the old one. A failed step is undone in the right order, and the error names every key that is
    /// left behind; `docs/key-rotation.md` has the table.
    ///
    /// There is always a working key: the old one is revoked last, and only after the new one was seen working.
    ///
    /// Dropping the future stops between two requests and undoes nothing: a key may exist whose id only
    /// [`Rotation::on_progress`] reported. Let it run to its end.
    ///
    /// Evidence: documented (API keys page: create, switch, confirm, revoke).
    ///
    /// ```
    /// # async fn example(keys: onehorizon::ApiKeysApi) -> Result<(), onehorizon::apis::RotationError> {
    /// let rotated = keys
    ///     .rotate_api_key("key_1")
    ///     .description("ci-production")
    ///     .install(|secret| async move { put_into_the_store(secret.expose()).await })
    ///     .restore(|| async { put_the_previous_one_back().await })
    ///     .await?;
    /// println!("{} took the place of {}", rotated.new_key, rotated.old_key);
    /// # Ok(()) }
    /// # async fn put_into_the_store(_: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn put_the_previous_one_back() -> Result<(), std::io::Error> { Ok(()) }
    /// ```
    pub fn rotate_api_key(&self, old_key: impl Into<ApiKeyId>) -> RotateApiKey {
        let configuration = self.configuration.clone();
        let workspace = configuration.workspace().clone();
        RotateApiKey { configuration, workspace, old_key: old_key.into(), description: None }
    }
}

/// A rotation without an installer, made by [`ApiKeysApi::rotate_api_key`].
#[must_use = "a rotation does nothing until it has an installer and is awaited"]
#[derive(Clone, Debug)]
pub struct RotateApiKey {
    pub(super) configuration: Configuration,
    pub(super) workspace: WorkspaceId,
    pub(super) old_key: ApiKeyId,
    pub(super) description: Option<String>,
}

impl RotateApiKey {
    /// What the new key is for; default the old key's description.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Another workspace than the configuration's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceId>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// Puts the new key's secret where the key is used.
    ///
    /// An installer that returns an error must have left the previous secret in place: the new key is revoked then.
    pub fn install<F, E>(self, install: impl FnOnce(Secret) -> F + Send + 'static) -> Rotation
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let job = Job {
            plan: self,
            confirm: None,
            confirm_attempts: 5,
            confirm_pause: Duration::from_secs(1),
            secret_from: None,
            step_timeout: Duration::from_secs(300),
        };
        Rotation {
            job,
            install: Box::new(move |secret| {
                let installing = install(secret);
                Box::pin(async move { installing.await.map_err(Into::into) })
            }),
            restore: None,
            report: None,
        }
    }
}

/// A rotation that is ready to run: await it.
#[must_use = "a rotation does nothing until it is awaited"]
pub struct Rotation {
    pub(super) job: Job,
    pub(super) install: Install,
    pub(super) restore: Option<Restore>,
    pub(super) report: Option<Report>,
}

/// What the steps read.
pub(super) struct Job {
    pub(super) plan: RotateApiKey,
    pub(super) confirm: Option<Confirm>,
    pub(super) confirm_attempts: u32,
    pub(super) confirm_pause: Duration,
    pub(super) secret_from: Option<SecretFrom>,
    pub(super) step_timeout: Duration,
}

impl Rotation {
    /// Puts the previous secret back when the new key could not be confirmed; then the new key is revoked.
    ///
    /// Without it the new key stays active and the error names it: the installer has put it in use, and revoking it would
    /// leave its user with a dead one. An installer that only puts the secret beside the old one has nothing to put back and
    /// says so with `.restore(|| async { Ok::<(), std::convert::Infallible>(()) })`.
    pub fn restore<F, E>(mut self, restore: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.restore = Some(Box::new(move || {
            let restoring = restore();
            Box::pin(async move { restoring.await.map_err(Into::into) })
        }));
        self
    }

    /// Confirms with your own code: `confirm` gets a configuration that calls with the new key.
    ///
    /// By default one task listing must succeed and be one, the read that is documented for API keys.
    pub fn confirm_with<F, E>(mut self, confirm: impl Fn(Configuration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.job.confirm = Some(Arc::new(move |configuration| {
            let confirming = confirm(configuration);
            Box::pin(async move { confirming.await.map_err(Into::into) })
        }));
        self
    }

    /// How many times to try to confirm, whatever the failure: a new key may take a moment until it works everywhere.
    /// Default 5; at least 1. Listings that must show a change are repeated as often.
    pub fn confirm_attempts(mut self, attempts: u32) -> Self {
        self.job.confirm_attempts = attempts.max(1);
        self
    }

    /// How long to wait before confirming again, doubled each time; default 1 s, so 15 s in all.
    pub fn confirm_pause(mut self, pause: Duration) -> Self {
        self.job.confirm_pause = pause;
        self
    }

    /// Finds the secret in the service's response when [`CreatedApiKey::reveal_secret`] does not: the name of its field is
    /// not documented.
    ///
    /// ```
    /// # fn example(rotation: onehorizon::apis::Rotation) -> onehorizon::apis::Rotation {
    /// rotation.secret_from(|created| created.extra.get("credential")?.ok())
    /// # }
    /// ```
    pub fn secret_from(mut self, find: impl Fn(&CreatedApiKey) -> Option<Secret> + Send + Sync + 'static) -> Self {
        self.job.secret_from = Some(Arc::new(find));
        self
    }

    /// Calls `report` after each step, for a log; the new key's id is reported as soon as it is known.
    pub fn on_progress(mut self, report: impl FnMut(&RotationProgress) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// How long the installer, the restorer and each confirmation may take; default 5 minutes.
    ///
    /// After an installer that took longer nobody knows which secret is in use, so the rotation goes back as it does after
    /// a failed confirmation.
    pub fn step_timeout(mut self, timeout: Duration) -> Self {
        self.job.step_timeout = timeout;
        self
    }
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("old_key", &self.job.plan.old_key)
            .field("workspace", &self.job.plan.workspace)
            .field("description", &self.job.plan.description)
            .field("restores", &self.restore.is_some())
            .field("confirm_attempts", &self.job.confirm_attempts)
            .finish_non_exhaustive()
    }
}

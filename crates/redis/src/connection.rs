//! One connection that reconnects by itself, and the names of keys.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onehorizon::{AtRest, Encryption};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use tokio::runtime::Handle;

use crate::error::{Error, Warning};

/// How long the server may take to respond: less than the second that the SDK waits for a store.
const RESPONSE: Duration = Duration::from_millis(800);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_millis(500);

/// The most of a scope's name.
const LONGEST_SCOPE: usize = 100;

#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    scope: String,
    at_rest: AtRest,
    client: Option<Client>,
    /// Made when first used: that needs a runtime.
    manager: OnceLock<ConnectionManager>,
}

impl Connection {
    pub(crate) fn new(
        client: Option<Client>,
        manager: OnceLock<ConnectionManager>,
        scope: &str,
    ) -> Result<Self, Error> {
        // Braces would break the hash tag, and a colon would let one scope read another's keys.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if scope.is_empty() || scope.len() > LONGEST_SCOPE || !scope.bytes().all(fits) {
            return Err(Error::Scope);
        }
        Ok(Self(Arc::new(Inner { scope: scope.to_owned(), at_rest: AtRest::default(), client, manager })))
    }

    pub(crate) fn encrypted(&self, encryption: impl Encryption) -> Self {
        let Inner { scope, client, manager, .. } = &*self.0;
        let (scope, client, manager) = (scope.clone(), client.clone(), manager.clone());
        Self(Arc::new(Inner { scope, at_rest: AtRest::encrypted(encryption), client, manager }))
    }

    pub(crate) fn at_rest(&self) -> &AtRest {
        &self.0.at_rest
    }

    pub(crate) fn scope(&self) -> &str {
        &self.0.scope
    }

    /// One hash tag for all, so that a cluster keeps them on one node.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{{onehorizon:{}}}:{name}", self.0.scope)
    }

    pub(crate) fn manager(&self) -> Result<ConnectionManager, Error> {
        if let Some(manager) = self.0.manager.get() {
            return Ok(manager.clone());
        }
        // The client's own code panics outside a runtime.
        if Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        let Some(client) = &self.0.client else { return Err(Error::NoRuntime) };
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE))
            // The caller gets the error at once and decides whether to wait and ask again.
            .set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(self.0.manager.get_or_init(|| manager).clone())
    }

    pub(crate) async fn check(&self) -> Result<Vec<Warning>, Error> {
        let mut manager = self.manager()?;
        // A write shows what a ping does not: a replica, a full disk, a missing right.
        let written =
            redis::cmd("SET").arg(self.key("check")).arg(1).arg("PX").arg(1000).query_async::<()>(&mut manager).await;
        match written {
            Err(fault) if fault.code() == Some("READONLY") => return Err(Error::ReadOnly),
            Err(fault) => return Err(Error::Server(fault)),
            Ok(()) => {}
        }
        Ok(match self.settings(&mut manager).await {
            Ok(warnings) => warnings,
            // Services that rent out servers hide this.
            Err(fault) => vec![Warning::Unknown(fault.to_string())],
        })
    }

    async fn settings(&self, manager: &mut ConnectionManager) -> Result<Vec<Warning>, RedisError> {
        let mut warnings = Vec::new();
        let memory: String = redis::cmd("INFO").arg("memory").query_async(manager).await?;
        let policy = line(&memory, "maxmemory_policy").unwrap_or("noeviction");
        if policy != "noeviction" && line(&memory, "maxmemory") != Some("0") {
            warnings.push(Warning::Evicts(policy.to_owned()));
        }
        let persistence: String = redis::cmd("INFO").arg("persistence").query_async(manager).await?;
        let (_, save): (String, String) = redis::cmd("CONFIG").arg("GET").arg("save").query_async(manager).await?;
        if line(&persistence, "aof_enabled") != Some("1") && save.is_empty() {
            warnings.push(Warning::NoPersistence);
        }
        Ok(warnings)
    }
}

/// The value of a line `name:value`.
fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))
}

//! A rotation and everything around it: the fake, a secret store, and the cases of the table.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use onehorizon::apis::{RotateApiKey, Rotation, RotationError, RotationProgress};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{ApiKeysApi, Configuration, Credential};
use onehorizon_testing::{FakeOneHorizon, FakeTransport, Fault};

use crate::contract::Contract;

pub const OLD: &str = "key_1001";
pub const OLD_SECRET: &str = "fake-api-key-1001-not-a-secret";

/// What something between the client and the service makes of the response to the n-th call of an operation.
pub type Meddle = Arc<dyn Fn(&str, u32, TransportResponse) -> TransportResponse + Send + Sync>;

/// The fake, whose responses can be rewritten.
#[derive(Clone)]
pub struct Wire {
    pub fake: FakeTransport,
    /// Changes the body of the response to creating a key.
    pub rewrite: fn(String) -> String,
    pub meddle: Meddle,
    calls: Arc<Mutex<BTreeMap<&'static str, u32>>>,
}

impl Transport for Wire {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let operation = match (request.method.as_str(), request.url.path().ends_with("/tasks")) {
            ("POST", false) => "createApiKey",
            ("DELETE", false) => "revokeApiKey",
            ("GET", false) => "listApiKeys",
            ("GET", true) => "listTasks",
            other => panic!("{other:?}"),
        };
        let number = {
            let mut calls = self.calls.lock().unwrap();
            let number = calls.entry(operation).or_default();
            *number += 1;
            *number
        };
        Box::pin(async move {
            let mut response = self.fake.send(request).await?;
            if operation == "createApiKey" {
                let text = (self.rewrite)(String::from_utf8(response.body.to_vec()).unwrap());
                response = TransportResponse::new(response.status, response.headers, Bytes::from(text));
            }
            Ok((self.meddle)(operation, number, response))
        })
    }
}

/// A response that a proxy writes in place of the service's.
pub fn page(status: u16) -> TransportResponse {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("text/html"));
    headers.insert("location", http::HeaderValue::from_static("/login"));
    let status = http::StatusCode::from_u16(status).unwrap();
    TransportResponse::new(status, headers, Bytes::from_static(b"<html><title>Sign in</title></html>"))
}

/// Puts a page in place of each response to `operation`.
pub fn page_for(operation: &'static str, status: u16) -> Meddle {
    Arc::new(move |seen, _, response| if seen == operation { page(status) } else { response })
}

/// Hides the new key from the listings after the first, until `listings` of them have been asked for.
pub fn lag(listings: u32) -> Meddle {
    Arc::new(move |operation, number, response| {
        if operation != "listApiKeys" || number > listings {
            return response;
        }
        let mut listing: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let keys = listing["apiKeys"].as_array_mut().unwrap();
        keys.retain(|key| !key["apiKeyId"].as_str().unwrap().starts_with("key_5"));
        TransportResponse::new(response.status, response.headers, Bytes::from(listing.to_string()))
    })
}

/// The field with the secret of a new key, as it stands in a body.
pub fn secret_field() -> String {
    format!("\"{}\"", Contract::load().field("createApiKey", "secret"))
}

/// A secret store that starts with the old secret.
#[derive(Clone)]
pub struct Store(Arc<Mutex<String>>);

impl Store {
    pub fn put(self, secret: String) -> std::future::Ready<io::Result<()>> {
        *self.0.lock().unwrap() = secret;
        std::future::ready(Ok(()))
    }

    pub fn holds(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

pub struct Stage {
    pub fake: FakeOneHorizon,
    pub wire: Wire,
    pub store: Store,
    pub token: &'static str,
    pub key: &'static str,
    pub progress: Arc<Mutex<Vec<RotationProgress>>>,
}

impl Stage {
    pub fn new() -> Self {
        let fake = FakeOneHorizon::builder().quota_off().in_process();
        let wire = Wire {
            fake: fake.transport(),
            rewrite: |body| body,
            meddle: Arc::new(|_, _, response| response),
            calls: Arc::default(),
        };
        let store = Store(Arc::new(Mutex::new(OLD_SECRET.to_owned())));
        let token = fake.oauth_token();
        Self { fake, wire, store, token, key: OLD, progress: Arc::default() }
    }

    pub fn configuration(&self) -> Configuration {
        Configuration::builder().oauth_token(self.token).transport(self.wire.clone()).build().unwrap()
    }

    /// A rotation with an installer and nothing else.
    pub fn plain(&self) -> Rotation {
        self.installing(ApiKeysApi::new(&self.configuration()).rotate_api_key(self.key))
    }

    /// The same with a description of its own.
    pub fn plain_with(&self, description: &str) -> Rotation {
        self.installing(ApiKeysApi::new(&self.configuration()).rotate_api_key(self.key).description(description))
    }

    fn installing(&self, plan: RotateApiKey) -> Rotation {
        let (store, progress) = (self.store.clone(), Arc::clone(&self.progress));
        plan.install(move |secret| store.put(secret.expose().to_owned()))
            .on_progress(move |step| progress.lock().unwrap().push(step.clone()))
    }

    /// A rotation that can put the old secret back.
    pub fn restoring(&self) -> Rotation {
        let store = self.store.clone();
        self.plain().restore(move || store.put(OLD_SECRET.to_owned()))
    }

    pub fn refusing_installer(&self) -> Rotation {
        ApiKeysApi::new(&self.configuration())
            .rotate_api_key(self.key)
            .install(|secret| async move { Err(io::Error::other(format!("store is read-only: {}", secret.expose()))) })
    }

    /// An installer that puts the secret in place and then never ends.
    pub fn stuck_installer(&self) -> Rotation {
        let store = self.store.clone();
        ApiKeysApi::new(&self.configuration()).rotate_api_key(self.key).install(move |secret| async move {
            store.put(secret.expose().to_owned()).await?;
            std::future::pending::<io::Result<()>>().await
        })
    }

    /// The secrets of the keys that appeared, by what the fake's numbering makes of their ids.
    pub fn new_secrets(&self) -> Vec<String> {
        let new = self.fake.active_keys().into_iter().filter(|id| id.starts_with("key_5"));
        new.map(|id| format!("fake-api-key-{}-not-a-secret", id.trim_start_matches("key_"))).collect()
    }

    pub async fn works(&self, secret: &str) -> bool {
        let configuration = Configuration::builder().api_key(secret).transport(self.fake.transport()).build().unwrap();
        self.fake.clear_script();
        configuration.request("GET", "/workspaces/current/tasks").await.is_ok()
    }
}

pub fn confirm_fails(stage: &Stage) {
    stage.fake.fail_next(Fault::status(401).on("listTasks").forever());
}

/// Sets a case up and runs it.
#[allow(clippy::too_many_lines, reason = "one arm for each row of the table")]
pub async fn play(case: &str, stage: &mut Stage) -> Result<onehorizon::apis::RotatedApiKey, RotationError> {
    let fault = |fault: Fault| stage.fake.fail_next(fault);
    match case {
        "nothing fails" => {}
        "the old key is revoked by somebody else meanwhile" => {
            let owner = ApiKeysApi::new(&stage.configuration());
            let rotation = stage.plain().confirm_with(move |_| {
                let owner = owner.clone();
                async move { owner.revoke_api_key(OLD).await.map(|_| ()) }
            });
            return rotation.await;
        }
        "the response to revoking is lost" => fault(Fault::drop_after().on("revokeApiKey")),
        "the key is not confirmed at first" => fault(Fault::status(401).on("listTasks").times(4)),
        "the service has no key listing" => fault(Fault::status(404).on("listApiKeys").forever()),
        "the credential is an API key" => {
            let configuration = stage.configuration().with_credential(Credential::api_key(OLD_SECRET).unwrap());
            let store = stage.store.clone();
            let rotation = ApiKeysApi::new(&configuration).rotate_api_key(OLD);
            let result = rotation.install(move |secret| store.put(secret.expose().to_owned())).await;
            assert!(stage.fake.requests().is_empty(), "refused before sending");
            return result;
        }
        "the user may not manage keys" => stage.token = stage.fake.member_token(),
        "the workspace has no such key" => stage.key = "key_1010",
        "the service cannot be reached" => fault(Fault::drop_before().forever()),
        "the workspace has 20 keys" => {
            let owner = ApiKeysApi::new(&stage.configuration());
            while stage.fake.active_keys().len() < 20 {
                owner.create_api_key("filler").await.unwrap();
            }
        }
        "creating is refused" => fault(Fault::status(422).on("createApiKey")),
        "the request to create is lost" => fault(Fault::drop_before().on("createApiKey")),
        "the response to creating is lost" => fault(Fault::drop_after().on("createApiKey")),
        "the response to creating is lost, and so is the listing after it" => {
            fault(Fault::pass().on("listApiKeys"));
            fault(Fault::status(503).on("listApiKeys").forever());
            fault(Fault::drop_after().on("createApiKey"));
        }
        "the response to creating is not JSON" => stage.wire.rewrite = |_| "<html>created</html>".to_owned(),
        "the secret has another likely name in the response" => {
            stage.wire.rewrite = |body| body.replace(&secret_field(), "\"token\"");
        }
        "the secret has an unknown name in the response" => {
            stage.wire.rewrite = |body| body.replace(&secret_field(), "\"bearer\"");
        }
        "creating takes longer than an attempt may" => {
            fault(Fault::slow(Duration::from_secs(300)).on("createApiKey"));
            stage.wire.meddle = lag(3);
        }
        "the response to creating is lost, and the listing lags" => {
            fault(Fault::drop_after().on("createApiKey"));
            stage.wire.meddle = lag(4);
        }
        "the response to creating is lost, and the listing never shows the key" => {
            fault(Fault::drop_after().on("createApiKey"));
            stage.wire.meddle = lag(u32::MAX);
        }
        "creating gets a redirect" => stage.wire.meddle = page_for("createApiKey", 303),
        "a proxy replies to creating with 408" => stage.wire.meddle = page_for("createApiKey", 408),
        "a proxy forbids the response to creating" => stage.wire.meddle = page_for("createApiKey", 403),
        "a login page replies to creating" => stage.wire.meddle = page_for("createApiKey", 200),
        "a login page replies to confirming" => {
            stage.wire.meddle = page_for("listTasks", 200);
            return stage.restoring().await;
        }
        "a proxy replies to revoking the old key with 404" => {
            fault(Fault::html(404).on("revokeApiKey").forever());
        }
        "a login page replies to revoking the old key" => fault(Fault::html(200).on("revokeApiKey").forever()),
        "a proxy replies to revoking the new key with 404" => {
            fault(Fault::html(404).on("revokeApiKey").forever());
            return stage.refusing_installer().await;
        }
        "installing takes too long, with a restorer" => {
            let store = stage.store.clone();
            return stage.stuck_installer().restore(move || store.put(OLD_SECRET.to_owned())).await;
        }
        "installing takes too long, without a restorer" => return stage.stuck_installer().await,
        "the response does not name the new key's id" => stage.wire.rewrite = |body| body.replace("apiKeyId", "uid"),
        "installing fails" => return stage.refusing_installer().await,
        "installing fails, and so does revoking the new key" => {
            fault(Fault::status(500).on("revokeApiKey").forever());
            return stage.refusing_installer().await;
        }
        "confirming fails, with a restorer" => {
            confirm_fails(stage);
            return stage.restoring().await;
        }
        "confirming fails, without a restorer" => confirm_fails(stage),
        "confirming fails, and so does the restorer" => {
            confirm_fails(stage);
            return stage.plain().restore(|| async { Err::<(), _>("the store is gone") }).await;
        }
        "confirming fails, and so does revoking the new key" => {
            confirm_fails(stage);
            fault(Fault::status(500).on("revokeApiKey").forever());
            return stage.restoring().await;
        }
        "revoking the old key fails" => fault(Fault::status(500).on("revokeApiKey").forever()),
        other => panic!("the table has a case that nobody plays: {other}"),
    }
    stage.plain().await
}

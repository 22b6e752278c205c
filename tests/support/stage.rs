//! A rotation and everything around it: the fake, a secret store, and the cases of the table.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use onehorizon::testing::{FakeOneHorizon, FakeTransport, Fault};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::{ApiKeysApi, Configuration, Credential, Rotation, RotationError, RotationProgress};

pub const OLD: &str = "key_1001";
pub const OLD_SECRET: &str = "fake-api-key-1001-not-a-secret";

/// The fake, whose answers to `createApiKey` can be rewritten.
#[derive(Clone)]
pub struct Wire {
    pub fake: FakeTransport,
    pub rewrite: fn(String) -> String,
}

impl Transport for Wire {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let creates = request.method == "POST" && request.url.path().ends_with("/api-keys");
        Box::pin(async move {
            let answer = self.fake.send(request).await?;
            if !creates {
                return Ok(answer);
            }
            let text = (self.rewrite)(String::from_utf8(answer.body.to_vec()).unwrap());
            Ok(TransportResponse::new(answer.status, answer.headers, Bytes::from(text)))
        })
    }
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
        let wire = Wire { fake: fake.transport(), rewrite: |body| body };
        let store = Store(Arc::new(Mutex::new(OLD_SECRET.to_owned())));
        let token = fake.oauth_token();
        Self { fake, wire, store, token, key: OLD, progress: Arc::default() }
    }

    pub fn configuration(&self) -> Configuration {
        Configuration::builder().oauth_token(self.token).transport(self.wire.clone()).build().unwrap()
    }

    /// A rotation with an installer and nothing else.
    pub fn plain(&self) -> Rotation {
        let (store, progress) = (self.store.clone(), Arc::clone(&self.progress));
        ApiKeysApi::new(&self.configuration())
            .rotate_api_key(self.key)
            .install(move |secret| store.put(secret.expose().to_owned()))
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
pub async fn play(case: &str, stage: &mut Stage) -> Result<onehorizon::RotatedApiKey, RotationError> {
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
        "the answer to revoking is lost" => fault(Fault::drop_after().on("revokeApiKey")),
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
        "the member may not manage keys" => stage.token = stage.fake.member_token(),
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
        "the answer to creating is lost" => fault(Fault::drop_after().on("createApiKey")),
        "the answer to creating is lost, and so is the listing after it" => {
            fault(Fault::pass().on("listApiKeys"));
            fault(Fault::status(503).on("listApiKeys").forever());
            fault(Fault::drop_after().on("createApiKey"));
        }
        "the answer to creating is no JSON" => stage.wire.rewrite = |_| "<html>created</html>".to_owned(),
        "the secret has another name in the answer" => {
            stage.wire.rewrite = |body| body.replace("\"secret\"", "\"token\"");
        }
        "the answer does not tell the new key's id" => stage.wire.rewrite = |body| body.replace("apiKeyId", "uid"),
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

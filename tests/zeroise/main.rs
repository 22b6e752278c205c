//! What is dropped is overwritten: the process looks through its own memory for secrets that it no longer holds.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use onehorizon::oauth::OauthApp;
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::{Signer, Verifier};
use onehorizon::{ApiKeysApi, Configuration, Credential, CredentialKind, Secret};

/// The needle is kept in disguise, so that looking for it does not find the looker.
const DISGUISE: u8 = 0x80;

/// A string that occurs nowhere else, long enough to outlive what an allocator writes into freed blocks.
struct Canary {
    disguised: Vec<u8>,
}

impl Canary {
    fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let letters = (0..776).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b'a' + u8::try_from(state % 26).unwrap()
        });
        Self { disguised: letters.map(|letter| letter ^ DISGUISE).collect() }
    }

    /// Its text, in one allocation that no other follows.
    fn text(&self) -> String {
        let mut text = String::with_capacity(self.disguised.len());
        text.extend(self.disguised.iter().map(|byte| char::from(byte ^ DISGUISE)));
        text
    }

    fn is_in_memory(&self) -> bool {
        let tail = &self.disguised[self.disguised.len() - 200..];
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter_map(writable).any(|(start, end)| {
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            let read = memory.read_at(&mut bytes, start).unwrap_or(0);
            let found = bytes[..read].windows(tail.len()).any(|window| {
                window[0] ^ DISGUISE == tail[0] && window.iter().zip(tail).all(|(a, b)| a ^ DISGUISE == *b)
            });
            bytes.fill(0);
            found
        })
    }
}

/// The range of a mapping that can be written.
fn writable(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    words.next()?.starts_with("rw").then_some((number(start)?, number(end)?))
}

/// One test at a time: a search copies the memory of the whole process, the canaries of other tests included, and these
/// would find themselves in the copy.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_text_that_nobody_overwrites_is_found_after_its_drop() {
    let _alone = alone();
    let canary = Canary::new(1);
    drop(std::hint::black_box(canary.text()));
    assert!(canary.is_in_memory(), "this test can see nothing");
}

#[test]
fn a_secret_is_overwritten_when_its_last_copy_is_dropped() {
    let _alone = alone();
    let canary = Canary::new(2);
    let secret = Secret::from(canary.text());
    let copy = secret.clone();
    drop(secret);
    assert!(canary.is_in_memory());
    drop(copy);
    assert!(!canary.is_in_memory());
}

#[test]
fn a_credential_overwrites_its_token_and_the_header_made_of_it() {
    let _alone = alone();
    for (seed, make) in
        [(3, Credential::api_key as fn(_) -> _), (4, Credential::oauth_token), (5, Credential::access_token)]
    {
        let canary = Canary::new(seed);
        let credential = make(canary.text()).unwrap();
        assert!(canary.is_in_memory());
        drop(credential);
        assert!(!canary.is_in_memory());
    }
}

#[test]
fn a_configuration_overwrites_its_credential() {
    let _alone = alone();
    let canary = Canary::new(6);
    let configuration = Configuration::builder().api_key(canary.text()).build().unwrap();
    assert_eq!(configuration.credential().kind(), CredentialKind::ApiKey);
    assert!(canary.is_in_memory());
    drop(configuration);
    assert!(!canary.is_in_memory());
}

#[test]
fn a_webhook_key_is_not_kept_at_all() {
    let _alone = alone();
    let canary = Canary::new(7);
    let verifier = Verifier::key(canary.text()).unwrap();
    assert!(!canary.is_in_memory());
    drop(verifier);
}

#[test]
fn a_signing_secret_is_not_kept_in_writing() {
    let _alone = alone();
    let canary = Canary::new(8);
    let (signer, verifier) = (Signer::new(canary.text()).unwrap(), Verifier::signed(canary.text()).unwrap());
    assert!(!canary.is_in_memory());
    drop((signer, verifier));
}

#[test]
fn a_login_overwrites_the_clients_secret() {
    let _alone = alone();
    let canary = Canary::new(9);
    let app = OauthApp::builder("client", "https://app.example/callback").client_secret(canary.text()).build().unwrap();
    let login = app.login().unwrap();
    drop(app);
    assert!(canary.is_in_memory());
    drop(login);
    assert!(!canary.is_in_memory());
}

/// A service that makes one key, whose secret is in this field.
struct OneKey {
    field: &'static str,
    canary: Canary,
}

impl Transport for OneKey {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let secret = self.canary.text();
        let mut body = String::with_capacity(secret.len() + 200);
        body.push_str(r#"{"apiKeyId":"key_9","note":"n","#);
        body.push_str(&format!("\"{}\":\"", self.field));
        body.push_str(&secret);
        body.push_str(r#"","later":1}"#);
        drop(Secret::from(secret));
        let response = TransportResponse::new(http::StatusCode::OK, http::HeaderMap::new(), body.into());
        Box::pin(std::future::ready(Ok(response)))
    }
}

#[test]
fn a_new_key_stays_neither_in_the_response_nor_in_unknown_fields() {
    let _alone = alone();
    for (seed, field) in [(20, "secret"), (21, "token"), (22, "key"), (23, "apiKey")] {
        let service = OneKey { field, canary: Canary::new(seed) };
        let configuration = Configuration::builder().oauth_token("owner").transport(service).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let keys = ApiKeysApi::new(&configuration);
        let created = runtime.block_on(keys.create_api_key("ci").into_future()).unwrap();
        let canary = Canary::new(seed);
        assert!(created.reveal_secret().is_some() && canary.is_in_memory(), "{field}");
        drop(created.clone());
        drop(created);
        assert!(!canary.is_in_memory(), "{field}");
    }
}

/// A token endpoint that puts a secret into this field, and forgets the request.
struct OneToken(&'static str, Canary);

impl Transport for OneToken {
    fn send(&self, _: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let secret = self.1.text();
        let mut body = String::with_capacity(secret.len() + 200);
        body.push_str(if self.0 == "access_token" { "{" } else { r#"{"access_token":"new","# });
        body.push_str(&format!("\"{}\":\"", self.0));
        body.push_str(&secret);
        body.push_str(r#"","expires_in":3600}"#);
        drop(Secret::from(secret));
        let response = TransportResponse::new(http::StatusCode::OK, http::HeaderMap::new(), body.into());
        Box::pin(std::future::ready(Ok(response)))
    }
}

#[test]
fn new_tokens_are_overwritten_and_so_is_the_response_that_brought_them() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (seed, field) in [(30, "access_token"), (31, "refresh_token"), (32, "id_token")] {
        let app = OauthApp::builder("client", "https://app.example/callback");
        let app = app.transport(OneToken(field, Canary::new(seed))).build().unwrap();
        let tokens = runtime.block_on(app.refresh(&"old".into())).unwrap();
        let canary = Canary::new(seed);
        assert!(canary.is_in_memory(), "{field}");
        drop(tokens.clone());
        drop(tokens);
        assert!(!canary.is_in_memory(), "{field}");
    }
}

#[test]
fn the_refresh_token_of_a_request_is_overwritten_with_the_request() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let canary = Canary::new(33);
    let app = OauthApp::builder("client", "https://app.example/callback");
    let app = app.transport(OneToken("access_token", Canary::new(34))).build().unwrap();
    let old = Secret::from(canary.text());
    drop(runtime.block_on(app.refresh(&old)).unwrap());
    assert!(canary.is_in_memory());
    drop(old);
    assert!(!canary.is_in_memory());
}

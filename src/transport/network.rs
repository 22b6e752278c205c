//! Settings of the network between this machine and the service: proxies, trusted certificates, a client's identity.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// The network settings of one client; the default takes proxies and certificates from the environment.
#[derive(Clone, Default)]
pub(crate) struct Network {
    /// An address, possibly with a password in it.
    pub(crate) proxy: Option<Secret>,
    pub(crate) no_proxy: Option<String>,
    pub(crate) root_certificates: Vec<Pem>,
    pub(crate) identity: Option<Arc<Zeroizing<Vec<u8>>>>,
    client: Option<Arc<Mutex<Option<::reqwest::ClientBuilder>>>>,
}

/// Certificates, or where they are.
#[derive(Clone)]
#[cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(dead_code, reason = "only TLS reads them"))]
pub(crate) enum Pem {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Network {
    pub(crate) fn use_client_builder(&mut self, builder: ::reqwest::ClientBuilder) {
        self.client = Some(Arc::new(Mutex::new(Some(builder))));
    }

    pub(crate) fn has_client_builder(&self) -> bool {
        self.client.is_some()
    }

    /// The user's builder, which can be used once, or a new one.
    pub(crate) fn client_builder(&self) -> Result<::reqwest::ClientBuilder, String> {
        let Some(client) = &self.client else { return Ok(::reqwest::Client::builder()) };
        let taken = client.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken
            .ok_or_else(|| "the http_client_builder was already used to build a clone of this configuration".to_owned())
    }

    /// The setting that only this crate's own transport heeds, if one is set.
    pub(crate) fn needs_own_transport(&self) -> Option<&'static str> {
        [
            (self.proxy.is_some(), "proxy"),
            (self.no_proxy.is_some(), "no_proxy"),
            (!self.root_certificates.is_empty(), "root_certificate"),
            (self.identity.is_some(), "client_identity_pem"),
            (self.client.is_some(), "http_client_builder"),
        ]
        .into_iter()
        .find_map(|(is_set, name)| is_set.then_some(name))
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
impl Pem {
    /// The certificates' text; the error is one line for the user.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read(path).map_err(|fault| fault.to_string()),
        }
    }

    /// What it is called in an error.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Text(_) => "root_certificate_pem".to_owned(),
            Self::File(path) => format!("root_certificate_file {}", path.display()),
        }
    }
}

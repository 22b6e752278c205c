//! TLS for `reqwest`: library, trusted certificates, client identity.

use ::reqwest::ClientBuilder;
use url::Url;

use super::network::Network;

/// Rustls with ring and the platform's trust store, given to our clients alone: no global provider is touched.
#[cfg(feature = "rustls")]
pub(super) struct Tls(rustls::ClientConfig);

#[cfg(feature = "rustls")]
impl Tls {
    /// Reads the certificates; the error is one line for the user.
    pub(super) fn new(base_url: &Url, network: &Network) -> Result<Self, String> {
        let mut config = client_config(base_url, network)?;
        if cfg!(feature = "http2") {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(Self(config))
    }

    #[allow(clippy::unnecessary_wraps, reason = "one signature for every choice of TLS")]
    pub(super) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, String> {
        Ok(builder.tls_backend_preconfigured(self.0.clone()))
    }
}

#[cfg(feature = "rustls")]
fn client_config(base_url: &Url, network: &Network) -> Result<rustls::ClientConfig, String> {
    use std::sync::Arc;

    use rustls_platform_verifier::Verifier;

    let own = roots(network)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS could not be set up: {error}"))?;
    // A plain-text address (a test server on this machine) needs no trust store, and loading one takes time.
    let config = if base_url.scheme() == "https" {
        let roots = own.into_iter().chain(pem::from_environment()?);
        let verifier = Verifier::new_with_extra_roots(roots, provider)
            .map_err(|error| format!("the platform's trust store could not be used: {error}; {WITHOUT_STORE}"))?;
        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        config.with_root_certificates(rustls::RootCertStore::empty())
    };
    Ok(match &network.identity {
        None => config.with_no_client_auth(),
        Some(text) => {
            let (certificates, key) = pem::identity(text)?;
            config
                .with_client_auth_cert(certificates, key)
                .map_err(|error| format!("client_identity_pem cannot be used: {error}"))?
        }
    })
}

/// What to do on a machine without certificates.
#[cfg(feature = "rustls")]
const WITHOUT_STORE: &str = "install the system's CA certificates (ca-certificates), set SSL_CERT_FILE, or set \
                             root_certificate_file";

/// The root certificates of the settings.
#[cfg(feature = "rustls")]
fn roots(network: &Network) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, String> {
    let mut roots = Vec::new();
    for source in &network.root_certificates {
        let name = source.name();
        let text = source.read().map_err(|fault| format!("{name} cannot be read: {fault}"))?;
        let found = pem::certificates(&text).map_err(|fault| format!("{name} {fault}"))?;
        let mut store = rustls::RootCertStore::empty();
        for certificate in &found {
            store.add(certificate.clone()).map_err(|_| {
                format!("{name} has an unusable certificate: one of its sections is not a whole X.509 certificate")
            })?;
        }
        roots.extend(found);
    }
    Ok(roots)
}

/// Windows editors put a byte order mark before the first line, which then is not seen as the beginning of a section.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
const BOM: &[u8] = b"\xEF\xBB\xBF";

#[cfg(feature = "rustls")]
mod pem {
    use rustls::pki_types::pem::{self, PemObject};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::BOM;

    /// The library's own words are for its programmers.
    fn words(fault: &pem::Error) -> &'static str {
        match fault {
            pem::Error::Base64Decode(_) => "a section has characters that base64 does not have, or was cut",
            pem::Error::MissingSectionEnd { .. } => "a section has no -----END line",
            _ => "a -----BEGIN line is incomplete",
        }
    }

    /// All certificates of a string, at least one.
    pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let found: Vec<_> = CertificateDer::pem_slice_iter(text)
            .collect::<Result<_, _>>()
            .map_err(|fault| format!("is not valid PEM: {}", words(&fault)))?;
        if found.is_empty() {
            return Err("has no certificate in it: PEM begins with -----BEGIN CERTIFICATE-----".to_owned());
        }
        Ok(found)
    }

    /// A certificate chain and its key.
    pub(super) fn identity(text: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let chain = certificates(text).map_err(|fault| format!("client_identity_pem {fault}"))?;
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| {
            "client_identity_pem has no usable private key in it: give the certificate chain and its unencrypted key, one \
             after the other"
                .to_owned()
        })?;
        Ok((chain, key))
    }

    /// What the environment says about certificates, beyond what the platform's verifier reads itself.
    ///
    /// On Unix that verifier reads `SSL_CERT_FILE` and `SSL_CERT_DIR`, and trusts nothing when they are set to nothing or
    /// cannot be read. Here, set to nothing counts as not set, and a file that cannot be used is an error that names it.
    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    pub(super) fn from_environment() -> Result<Vec<CertificateDer<'static>>, String> {
        let Some(file) = std::env::var_os("SSL_CERT_FILE") else { return Ok(Vec::new()) };
        if file.is_empty() {
            let dirs = std::env::var_os("SSL_CERT_DIR").is_some_and(|dirs| !dirs.is_empty());
            return Ok(if dirs { Vec::new() } else { platform_bundle() });
        }
        let name = format!("the environment variable SSL_CERT_FILE names {}", std::path::Path::new(&file).display());
        let text = std::fs::read(&file).map_err(|fault| format!("{name}, which cannot be read: {fault}"))?;
        // One bad certificate in a bundle of many is nothing to stop for: the platform's verifier skips it, too.
        let found = readable(&text);
        if found.is_empty() { Err(format!("{name}, which has no usable certificate in it")) } else { Ok(found) }
    }

    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    fn readable(text: &[u8]) -> Vec<CertificateDer<'static>> {
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let mut store = rustls::RootCertStore::empty();
        let found = CertificateDer::pem_slice_iter(text).filter_map(Result::ok);
        found.filter(|certificate| store.add(certificate.clone()).is_ok()).collect()
    }

    #[cfg(not(all(unix, not(any(target_vendor = "apple", target_os = "android")))))]
    #[allow(clippy::unnecessary_wraps, reason = "one signature for every platform")]
    pub(super) fn from_environment() -> Result<Vec<CertificateDer<'static>>, String> {
        Ok(Vec::new())
    }

    /// The certificates of this machine, from where the distributions keep them.
    #[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
    fn platform_bundle() -> Vec<CertificateDer<'static>> {
        const BUNDLES: [&str; 5] = [
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
            "/etc/ssl/cert.pem",
            "/usr/local/share/certs/ca-root-nss.crt",
        ];
        let text = BUNDLES.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
        readable(&text)
    }
}

/// The platform's own library and trust store.
#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
pub(super) struct Tls {
    roots: Vec<::reqwest::Certificate>,
    identity: Option<std::sync::Arc<zeroize::Zeroizing<Vec<u8>>>>,
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
impl Tls {
    /// Reads the certificates; the error is one line for the user.
    pub(super) fn new(_: &Url, network: &Network) -> Result<Self, String> {
        let mut roots = Vec::new();
        for source in &network.root_certificates {
            let name = source.name();
            let text = source.read().map_err(|fault| format!("{name} cannot be read: {fault}"))?;
            let text = text.strip_prefix(BOM).unwrap_or(&text);
            let found = ::reqwest::Certificate::from_pem_bundle(text)
                .map_err(|fault| format!("{name} is not valid PEM: {fault}"))?;
            if found.is_empty() {
                return Err(format!("{name} has no certificate in it: PEM begins with -----BEGIN CERTIFICATE-----"));
            }
            roots.extend(found);
        }
        Ok(Self { roots, identity: network.identity.clone() })
    }

    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, String> {
        for certificate in &self.roots {
            builder = builder.add_root_certificate(certificate.clone());
        }
        if let Some(text) = &self.identity {
            let identity = ::reqwest::Identity::from_pkcs8_pem(text, text)
                .map_err(|fault| format!("client_identity_pem cannot be used: {fault}"))?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }
}

/// No TLS at all.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
pub(super) struct Tls;

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
impl Tls {
    pub(super) fn new(base_url: &Url, network: &Network) -> Result<Self, String> {
        if base_url.scheme() == "https" || !network.root_certificates.is_empty() || network.identity.is_some() {
            return Err(
                "this build has no TLS: enable the feature `rustls` or `native-tls`, or bring a transport".to_owned()
            );
        }
        Ok(Self)
    }

    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "one signature for every choice of TLS")]
    pub(super) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, String> {
        Ok(builder)
    }
}

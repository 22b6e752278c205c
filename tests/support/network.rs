//! What stands between a client and the service: an authority of our own, a server with TLS, a proxy.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// No connection of a test is open longer.
const LONGEST: Duration = Duration::from_secs(20);

/// A certificate authority that no machine trusts by itself.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client's certificate and its key, one after the other.
    pub fn client_identity(&self) -> String {
        let mut params = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        format!("{}{}", certificate.pem(), key.serialize_pem())
    }

    fn server(&self, host: &str, asks_for_identity: bool) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = if asks_for_identity {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
    }
}

/// Bounded work behind a port; it ends with its value.
pub struct Served {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    work: JoinHandle<()>,
}

impl Served {
    /// The heads of the requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// A server with TLS for `host`, which responds to each request with an empty task list.
pub async fn tls_server(authority: &Authority, host: &str, asks_for_identity: bool) -> Served {
    let acceptor = authority.server(host, asks_for_identity);
    serve(move |stream, seen| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while let Some(head) = read_head(&mut stream).await {
                seen.lock().unwrap().push(head);
                if stream.write_all(response(r#"{"tasks":[]}"#).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// A proxy that tunnels every `CONNECT` to `target` and responds to other requests itself; with `user:password` it asks for
/// them.
pub async fn proxy(target: Option<SocketAddr>, login: Option<&'static str>) -> Served {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let expected = login.map(|login| format!("proxy-authorization: Basic {}", BASE64_STANDARD.encode(login)));
    serve(move |mut stream, seen| {
        let expected = expected.clone();
        async move {
            let Some(head) = read_head(&mut stream).await else { return };
            seen.lock().unwrap().push(head.clone());
            let is_let_in = expected.is_none_or(|line| head.to_lowercase().contains(&line.to_lowercase()));
            if !is_let_in {
                let _ =
                    stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
            } else if head.starts_with("CONNECT ") {
                let Some(target) = target else { return };
                let Ok(mut onward) = TcpStream::connect(target).await else { return };
                if stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
                    let _ = copy_bidirectional(&mut stream, &mut onward).await;
                }
            } else {
                let _ = stream.write_all(response(r#"{"tasks":[]}"#).as_bytes()).await;
            }
        }
    })
    .await
}

/// A plain server that gives these bodies one after the other, each with a status.
pub async fn plain_server(responses: impl IntoIterator<Item = (u16, &'static str, &'static str)>) -> Served {
    let responses = Arc::new(Mutex::new(responses.into_iter().collect::<VecDeque<_>>()));
    serve(move |mut stream, seen| {
        let responses = Arc::clone(&responses);
        async move {
            while let Some(head) = read_head(&mut stream).await {
                seen.lock().unwrap().push(head);
                let Some((status, media_type, body)) = responses.lock().unwrap().pop_front() else { return };
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

async fn serve<F>(handle: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static) -> Served
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let work = tokio::spawn(async move {
        for _ in 0..100 {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(timeout(LONGEST, handle(stream, Arc::clone(&record))));
        }
    });
    Served { address, seen, work }
}

fn response(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The head of a request without a body, up to 64 KiB.
/// Reads up to the end of the head; what came of the body with it is left out.
async fn read_head(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if head.len() > 65_536 || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    };
    head.truncate(end);
    String::from_utf8(head).ok()
}

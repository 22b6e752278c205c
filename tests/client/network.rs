//! Proxies, authorities of one's own, client certificates, and what is wrong with each of these settings.

use std::time::Duration;

use onehorizon::{Configuration, ConfigurationBuilder, Error, ErrorKind, Retry, TasksApi};
use onehorizon_testing::ScriptedTransport;
use support::network::{Authority, Served, proxy, tls_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const HOST: &str = "onehorizon.example";

fn to(base_url: &str) -> ConfigurationBuilder {
    Configuration::builder().api_key("key").base_url(base_url).timeout(Duration::from_secs(10)).retry(Retry::never())
}

fn to_host() -> ConfigurationBuilder {
    to(&format!("https://{HOST}/api/v1"))
}

async fn list(builder: ConfigurationBuilder) -> Result<(), Error> {
    TasksApi::new(&builder.build()?).list_tasks().await.map(drop)
}

fn address(served: &Served) -> String {
    format!("http://{}", served.address)
}

#[tokio::test]
async fn a_call_goes_through_the_proxy_to_a_server_of_ones_own_authority() {
    let authority = Authority::new();
    let server = tls_server(&authority, HOST, false).await;
    let proxy = proxy(Some(server.address), None).await;
    for proxy_address in [address(&proxy), proxy.address.to_string(), format!("{}/", address(&proxy))] {
        list(to_host().proxy(proxy_address).root_certificate_pem(authority.pem())).await.unwrap();
    }
    assert!(proxy.seen().iter().all(|head| head.starts_with("CONNECT onehorizon.example:443 ")), "{:?}", proxy.seen());
    assert!(!proxy.seen().concat().contains("Bearer"), "the credential stays in the tunnel");
    assert_eq!(server.seen().len(), 3);
    assert!(server.seen().iter().all(|head| head.starts_with("GET /api/v1/workspaces/current/tasks ")));
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_login_gets_it() {
    let authority = Authority::new();
    let server = tls_server(&authority, HOST, false).await;
    let proxy = proxy(Some(server.address), Some("user:pa/ss@word")).await;
    let with = |login: &str| {
        let proxy_address = format!("http://{login}{}", proxy.address);
        list(to_host().proxy(proxy_address).root_certificate_pem(authority.pem()))
    };
    with("user:pa%2Fss%40word@").await.unwrap();
    for login in ["", "user:wrong@"] {
        let error = with(login).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_the_login_is_asked_once_and_the_hint_says_where_to_give_it() {
    let authority = Authority::new();
    let proxy = proxy(None, Some("user:right")).await;
    for base in [to_host(), to("http://onehorizon.example/api/v1").allow_insecure_http()] {
        let before = proxy.seen().len();
        let proxied = base.retry(Retry::default()).proxy(address(&proxy)).root_certificate_pem(authority.pem());
        let error = list(proxied).await.unwrap_err();
        assert_eq!(error.attempts(), 1, "{error}");
        assert!(!error.is_retryable() && error.hint().unwrap().contains("user:password@"), "{error}");
        assert_eq!(proxy.seen().len(), before + 1, "{error}");
    }
}

#[tokio::test]
async fn an_error_names_the_proxy_only_where_it_is_on_the_way() {
    let closed = || tokio::net::TcpListener::bind("127.0.0.1:0");
    let [here, there] = [closed().await.unwrap(), closed().await.unwrap()].map(|port| port.local_addr().unwrap());
    let base = format!("http://{here}/api/v1");
    for (hosts, named) in [
        ("", true),
        ("other.example,10.0.0.0/8", true),
        ("127.0.0.2", true),
        ("127.0.0.1", false),
        ("other.example, 127.0.0.0/8", false),
        ("*", false),
    ] {
        let error = list(to(&base).proxy(format!("http://user:s3cret@{there}")).no_proxy(hosts)).await.unwrap_err();
        assert_eq!(error.message().contains(&format!("(proxy: http://{there})")), named, "{hosts:?}: {error}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
    let suffix = to("http://intranet.invalid").allow_insecure_http().proxy(format!("http://{there}"));
    let error = list(suffix.no_proxy(".invalid")).await.unwrap_err();
    assert!(!error.message().contains("(proxy"), "{error}");
}

/// The error of a call that may be repeated, and was not.
async fn is_final(builder: ConfigurationBuilder, says: &str) {
    let error = list(builder.retry(Retry::default())).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts(), error.was_sent()),
        (ErrorKind::Tls, 1, onehorizon::Sent::No),
        "{error}"
    );
    assert!(!error.is_retryable() && error.hint().unwrap().contains(says), "{says:?} is not in: {error}");
}

#[tokio::test]
async fn a_fault_of_tls_is_final_whenever_it_shows_and_says_what_to_do() {
    let authority = Authority::new();
    // With TLS 1.3 the server looks at the client's certificate after the handshake, and its alert comes in place of a response.
    let strict = tls_server(&authority, "localhost", true).await;
    let local = |served: &Served| to(&format!("https://localhost:{}/api/v1", served.address.port()));
    let trusting = |served: &Served| local(served).root_certificate_pem(authority.pem());
    is_final(trusting(&strict), "client_identity_pem").await;
    is_final(trusting(&strict).client_identity_pem(Authority::new().client_identity()), "client_identity_pem").await;
    assert!(strict.seen().is_empty());
    let wrong_name = tls_server(&authority, "elsewhere.example", false).await;
    is_final(trusting(&wrong_name), "another name").await;
    let unknown = tls_server(&authority, "localhost", false).await;
    is_final(local(&unknown), "root_certificate_file").await;
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    let work = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        while stream.read_u8().await.is_ok() {}
    });
    is_final(to(&format!("https://localhost:{port}/api/v1")), "without TLS").await;
    timeout(Duration::from_secs(20), work).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_port_that_expects_tls_is_named_where_the_address_says_http() {
    let authority = Authority::new();
    let server = tls_server(&authority, "localhost", false).await;
    let error = list(to(&address(&server))).await.unwrap_err();
    assert!(error.is_interrupted() && error.hint().unwrap().contains("https://"), "{error}");
}

#[tokio::test]
async fn no_proxy_names_hosts_that_are_reached_directly() {
    let authority = Authority::new();
    let server = tls_server(&authority, "localhost", false).await;
    let proxy = proxy(Some(server.address), None).await;
    let local = format!("https://localhost:{}/api/v1", server.address.port());
    let base = || to(&local).proxy(address(&proxy)).root_certificate_pem(authority.pem());
    for (hosts, through) in
        [("", true), ("other.example", true), ("localhost", false), ("a.example, localhost", false), ("*", false)]
    {
        let before = proxy.seen().len();
        list(base().no_proxy(hosts)).await.unwrap();
        assert_eq!(proxy.seen().len() > before, through, "{hosts:?}");
    }
}

#[tokio::test]
async fn an_authority_counts_only_where_it_was_named() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = tls_server(&authority, "localhost", false).await;
    let local = format!("https://localhost:{}/api/v1", server.address.port());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    list(to(&local).root_certificate_file(&file)).await.unwrap();
    list(to(&local).root_certificate_pem(other.pem()).root_certificate_pem(authority.pem())).await.unwrap();
    list(to(&local).root_certificate_pem(format!("{}{}", other.pem(), authority.pem()))).await.unwrap();
    list(to(&local).root_certificate_pem(format!("\u{feff}{}", authority.pem()))).await.unwrap();
    list(to(&local).root_certificate_pem(authority.pem().replace('\n', "\r\n"))).await.unwrap();
    for builder in [to(&local), to(&local).root_certificate_pem(other.pem())] {
        let error = list(builder).await.unwrap_err();
        assert_eq!(error.was_sent(), onehorizon::Sent::No, "{error}");
    }
    let wrong_name = tls_server(&authority, "elsewhere.example", false).await;
    let local = format!("https://localhost:{}/api/v1", wrong_name.address.port());
    list(to(&local).root_certificate_pem(authority.pem())).await.unwrap_err();
}

#[tokio::test]
async fn a_client_shows_its_certificate_to_a_server_that_asks() {
    let authority = Authority::new();
    let server = tls_server(&authority, "localhost", true).await;
    let local = format!("https://localhost:{}/api/v1", server.address.port());
    let base = || to(&local).root_certificate_pem(authority.pem());
    list(base().client_identity_pem(authority.client_identity())).await.unwrap();
    list(base()).await.unwrap_err();
    list(base().client_identity_pem(Authority::new().client_identity())).await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_client_builder_of_ones_own_keeps_its_settings_and_never_follows_or_repeats() {
    let authority = Authority::new();
    let server = tls_server(&authority, HOST, false).await;
    let own = reqwest::Client::builder()
        .resolve(HOST, server.address)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::limited(5));
    let base = format!("https://{HOST}:{}/api/v1", server.address.port());
    let builder = to(&base).root_certificate_pem(authority.pem()).http_client_builder(own);
    let copy = builder.clone();
    list(builder).await.unwrap();
    let error = copy.build().unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("http_client_builder"), "{error}");

    let redirecting = support::network::plain_server([(302, "text/html\r\nlocation: /elsewhere", "")]).await;
    let own = reqwest::Client::builder().redirect(reqwest::redirect::Policy::limited(5));
    let error = list(to(&address(&redirecting)).http_client_builder(own)).await.unwrap_err();
    assert_eq!((error.status(), redirecting.seen().len()), (Some(302), 1), "{error}");
}

#[test]
fn a_network_setting_that_cannot_be_used_is_named_when_the_configuration_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let authority = Authority::new();
    let truncated = authority.pem().replace("-----END CERTIFICATE-----", "");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let identity = authority.client_identity();
    let key_alone = identity.get(identity.find("-----BEGIN PRIVATE").unwrap()..).unwrap().to_owned();
    let certificate_alone = identity.replace(&key_alone, "");
    for (builder, says) in [
        (to_host().no_proxy("http://["), "no_proxy set in code has an entry that is not a host"),
        (to_host().timeout(Duration::ZERO), "the timeout is zero"),
        (to_host().connect_timeout(Duration::ZERO), "the connect_timeout is zero"),
        (to_host().base_url("https://onehorizon.ai/"), "the base URL must end with the path of the API"),
        (to_host().api_key("key\nother\n"), "has line ends in it: give one line"),
        (to_host().proxy(""), "the proxy set in code is empty"),
        (to_host().proxy("http://proxy.example:99999"), "the proxy set in code is not a valid address"),
        (to_host().proxy("http://user:s3cret/x@proxy.example:1"), "the proxy set in code is not a valid address"),
        (to_host().proxy("http://proxy.example:3128\n"), "the proxy set in code has a line end in it"),
        (to_host().proxy("http://proxy.example/path"), "the proxy set in code has more than a host and a port"),
        (to_host().proxy("socks5://proxy.example:1080"), "the proxy set in code is a SOCKS proxy"),
        (to_host().proxy("ftp://proxy.example"), "the proxy set in code is not the address of an HTTP proxy"),
        (to_host().root_certificate_pem(""), "root_certificate_pem has no certificate"),
        (to_host().root_certificate_pem("no certificate"), "root_certificate_pem has no certificate"),
        (to_host().root_certificate_pem(truncated), "root_certificate_pem"),
        (to_host().root_certificate_pem(garbage), "root_certificate_pem"),
        (to_host().root_certificate_file("/nowhere/ca.pem"), "root_certificate_file /nowhere/ca.pem cannot be read"),
        (to_host().root_certificate_file(&empty), "empty.pem has no certificate"),
        (to_host().root_certificate_file(folder.path()), "cannot be read"),
        (to_host().client_identity_pem(""), "client_identity_pem has no certificate"),
        (to_host().client_identity_pem(certificate_alone), "client_identity_pem has no usable private key"),
        (to_host().client_identity_pem(key_alone), "client_identity_pem has no certificate"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(says), "{says:?} is not in: {error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}

#[test]
fn settings_of_the_built_in_transport_are_refused_beside_another_one() {
    let wire = || ScriptedTransport::new([]);
    for builder in [
        to_host().proxy("http://proxy.example:3128"),
        to_host().no_proxy("*"),
        to_host().root_certificate_file("/ca.pem"),
        to_host().client_identity_pem("pem"),
        to_host().http_client_builder(reqwest::Client::builder()),
    ] {
        let error = builder.transport(wire()).build().unwrap_err();
        assert!(error.message().contains("with a transport of your own, set it there"), "{error}");
    }
}

#[tokio::test]
async fn a_base_url_without_its_path_and_a_page_in_place_of_json_get_a_hint() {
    let page = "<!DOCTYPE html><title>Sign in</title>";
    for (path, status, body, hint) in [
        ("", 404, page, Some("under /api/v1")),
        ("/", 405, "", Some("under /api/v1")),
        ("/api/v1", 404, page, None),
        ("", 404, r#"{"code":404,"message":"no such task"}"#, Some("under /api/v1")),
        ("/api/v1", 200, page, Some("wrong base URL")),
    ] {
        let server = support::network::plain_server([(status, "text/html", body)]).await;
        let error = list(to(&format!("{}{path}", address(&server)))).await.unwrap_err();
        let found = error.hint().unwrap_or_default();
        match hint {
            Some(hint) => assert!(found.contains(hint), "{path:?} {status}: {error}"),
            None => assert!(!found.contains("/api/v1"), "{path:?} {status}: {error}"),
        }
    }
}

//! Proxies and authorities that the environment names.

use std::path::Path;
use std::process::Stdio;

use onehorizon::{Configuration, Retry, TasksApi};
use support::network::{Authority, Served, proxy, tls_server};
use tokio::process::Command;

const HOST: &str = "https://onehorizon.example/api/v1";
const VARIABLES: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

#[tokio::test]
#[ignore = "run by the tests of the environment"]
async fn lists_tasks_as_the_environment_says() {
    let builder = onehorizon::ConfigurationBuilder::from_env().unwrap().retry(Retry::never()).allow_insecure_http();
    let configuration: Configuration = match builder.build() {
        Ok(configuration) => configuration,
        Err(error) => return println!("build: {error} {error:?}"),
    };
    match TasksApi::new(&configuration).list_tasks().await {
        Ok(_) => println!("listed"),
        Err(error) => println!("call: {error} {error:?}"),
    }
}

/// Runs the test above in a process of its own with these variables.
async fn with(base_url: &str, variables: &[(&str, &str)]) -> String {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "network::lists_tasks_as_the_environment_says", "--ignored", "--nocapture"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONE_")) {
        test.env_remove(name);
    }
    for name in VARIABLES {
        test.env_remove(name);
    }
    test.env("ONE_API_KEY", "key").env("ONE_HORIZON_BASE_URL", base_url);
    test.envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), test.output()).await.unwrap().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains("s3cret"), "{printed}");
    printed
}

struct Stage {
    proxy: Served,
    server: Served,
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Stage {
    /// A server for `host` behind a proxy.
    async fn new(host: &str) -> Self {
        let authority = Authority::new();
        let server = tls_server(&authority, host, false).await;
        let proxy = proxy(Some(server.address), None).await;
        let folder = tempfile::tempdir().unwrap();
        Self { proxy, server, folder, authority }
    }

    fn proxy(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(&path)
    }

    fn ca(&self) -> String {
        self.file("ca.pem", &self.authority.pem())
    }

    fn local(&self) -> String {
        format!("https://localhost:{}/api/v1", self.server.address.port())
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_proxy_variable_that_is_set_to_something_counts() {
    let stage = Stage::new("onehorizon.example").await;
    let (ca, address) = (stage.ca(), stage.proxy());
    let without_scheme = stage.proxy.address.to_string();
    let cases: [&[(&str, &str)]; 7] = [
        &[("HTTPS_PROXY", &address)],
        &[("https_proxy", &address)],
        &[("ALL_PROXY", &address)],
        &[("all_proxy", &without_scheme)],
        &[("HTTPS_PROXY", ""), ("https_proxy", &address)],
        &[("HTTPS_PROXY", &address), ("ALL_PROXY", "http://127.0.0.1:9")],
        &[("HTTPS_PROXY", &address), ("HTTP_PROXY", "not read: s3cret"), ("NO_PROXY", "other.example")],
    ];
    for (number, variables) in cases.into_iter().enumerate() {
        let printed = with(HOST, &[variables, &[("SSL_CERT_FILE", &ca)]].concat()).await;
        assert!(printed.contains("listed"), "{variables:?}: {printed}");
        assert_eq!(stage.proxy.seen().len(), number + 1, "{variables:?}");
    }
    assert!(stage.proxy.seen().iter().all(|head| head.starts_with("CONNECT onehorizon.example:443 ")));
}

#[tokio::test]
async fn no_proxy_and_empty_variables_mean_a_direct_connection() {
    let stage = Stage::new("onehorizon.example").await;
    let (ca, address) = (stage.ca(), stage.proxy());
    // To other libraries `*` stands for names alone.
    let printed = with("http://127.0.0.2:9/api/v1", &[("HTTP_PROXY", &address), ("NO_PROXY", "*")]).await;
    assert!(printed.contains("call: ") && !printed.contains("(proxy:") && stage.proxy.seen().is_empty(), "{printed}");
    let cases: [&[(&str, &str)]; 5] = [
        &[("HTTPS_PROXY", ""), ("ALL_PROXY", "")],
        &[("HTTPS_PROXY", &address), ("NO_PROXY", ".example")],
        &[("HTTPS_PROXY", &address), ("no_proxy", "a.test, onehorizon.example")],
        &[("HTTPS_PROXY", &address), ("NO_PROXY", ""), ("no_proxy", "*")],
        &[("HTTP_PROXY", &address)],
    ];
    for variables in cases {
        let printed = with(HOST, &[variables, &[("SSL_CERT_FILE", &ca)]].concat()).await;
        assert!(printed.contains("call: "), "the host exists only behind the proxy: {variables:?}: {printed}");
        assert!(!printed.contains("(proxy:"), "it was not on the way: {variables:?}: {printed}");
        assert!(stage.proxy.seen().is_empty(), "{variables:?}");
    }
}

#[tokio::test]
async fn a_proxy_variable_that_cannot_be_read_is_an_error_and_no_bypass() {
    for (name, value) in [
        ("HTTPS_PROXY", "http://127.0.0.1:18083 "),
        ("HTTPS_PROXY", "http://user:s3cret/x@127.0.0.1:18083"),
        ("https_proxy", "http://"),
        ("HTTPS_PROXY", "http://proxy.example:http"),
        ("ALL_PROXY", "socks5h://user:s3cret@127.0.0.1:1080"),
        ("all_proxy", "s3cret://proxy.example"),
    ] {
        let printed = with(HOST, &[(name, value)]).await;
        assert!(
            printed.contains(&format!("build: configuration: the environment variable {name} ")),
            "{value}: {printed}"
        );
    }
    let stage = Stage::new("localhost").await;
    let printed = with(&stage.local(), &[("HTTPS_PROXY", "not an address"), ("SSL_CERT_FILE", &stage.ca())]).await;
    assert!(printed.contains("listed"), "not asked for a server on this machine: {printed}");
}

#[tokio::test]
async fn http_proxy_counts_for_plain_addresses_unless_a_request_could_have_set_it() {
    let stage = Stage::new("localhost").await;
    let address = stage.proxy();
    let plain = "http://intranet.example/api/v1";
    assert!(with(plain, &[("HTTP_PROXY", &address)]).await.contains("listed"));
    assert!(stage.proxy.seen().concat().starts_with("GET http://intranet.example/api/v1/workspaces/current/tasks "));
    let printed = with(plain, &[("HTTP_PROXY", &address), ("REQUEST_METHOD", "GET")]).await;
    assert!(printed.contains("call: ") && stage.proxy.seen().len() == 1, "{printed}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_of_authorities_in_the_environment_is_used_or_named() {
    let stage = Stage::new("localhost").await;
    let pem = stage.authority.pem();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, content) in [
        ("plain.pem", pem.clone()),
        ("crlf.pem", pem.replace('\n', "\r\n")),
        ("bom.pem", format!("\u{feff}{pem}")),
        ("mixed.pem", format!("{garbage}{pem}")),
        ("other.pem", format!("a comment\n{}{pem}", Authority::new().pem())),
    ] {
        let printed = with(&stage.local(), &[("SSL_CERT_FILE", &stage.file(name, &content))]).await;
        assert!(printed.contains("listed"), "{name}: {printed}");
    }
    for (name, content) in [("empty.pem", ""), ("text.pem", "no certificate"), ("garbage.pem", garbage)] {
        let file = stage.file(name, content);
        let printed = with(&stage.local(), &[("SSL_CERT_FILE", &file)]).await;
        assert!(
            printed.contains(&format!("the environment variable SSL_CERT_FILE names {file}, which has no usable")),
            "{printed}"
        );
    }
    let printed = with(&stage.local(), &[("SSL_CERT_FILE", "/nowhere.pem")]).await;
    assert!(printed.contains("names /nowhere.pem, which cannot be read"), "{printed}");
    // Set to nothing: the platform's store, which does not know this authority.
    let printed = with(&stage.local(), &[("SSL_CERT_FILE", "")]).await;
    assert!(printed.contains("call: "), "{printed}");
}

#[tokio::test]
async fn a_plain_text_address_needs_no_trust_store() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (scheme, expected) in [("http", "call: "), ("https", "build: ")] {
        let printed = with(&format!("{scheme}://{closed}/api/v1"), &[("SSL_CERT_FILE", "/no/such/file")]).await;
        assert!(printed.contains(expected), "{scheme}: {printed}");
    }
}

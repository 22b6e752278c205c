//! What configurations, verifiers and apps take from the environment.

#[cfg(unix)]
mod limit;
mod network;

use std::ffi::{OsStr, OsString};
use std::process::Command;

use onehorizon::Configuration;
use onehorizon::oauth::OauthAppBuilder;
use onehorizon::webhook::Verifier;

/// Runs the test below in a process of its own, since a test must not change its own environment.
fn with(variables: &[(&str, &OsStr)]) -> String {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "prints_what_the_environment_makes", "--ignored", "--nocapture"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONE_")) {
        test.env_remove(name);
    }
    let printed = String::from_utf8(test.envs(variables.iter().copied()).output().unwrap().stdout).unwrap();
    assert!(!printed.contains("secret-of-env"), "{printed}");
    printed
}

#[test]
#[ignore = "run by the tests of the environment"]
fn prints_what_the_environment_makes() {
    match Configuration::from_env() {
        Ok(configuration) => {
            println!("calls {} as {:?}", configuration.base_url(), configuration.credential().kind());
        }
        Err(error) => println!("{error}"),
    }
    match Verifier::from_env() {
        Ok(verifier) => println!("{verifier:?}"),
        Err(error) => println!("{error}"),
    }
    match OauthAppBuilder::from_env("https://app.example/callback").and_then(OauthAppBuilder::build) {
        Ok(app) => println!("{app:?}"),
        Err(error) => println!("{error}"),
    }
}

fn check(variables: &[(&str, &str)], says: &str) {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, OsStr::new(value))).collect();
    let printed = with(&variables);
    assert!(printed.contains(says), "{variables:?}: {printed}");
}

#[test]
fn an_api_key_comes_before_an_oauth_token() {
    let (key, token) = (("ONE_API_KEY", "secret-of-env"), ("ONE_OAUTH_TOKEN", "another-secret-of-env"));
    check(&[key], "calls https://onehorizon.ai/api/v1 as ApiKey");
    check(&[token], "calls https://onehorizon.ai/api/v1 as OauthToken");
    check(&[key, token], "as ApiKey");
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let token = ("ONE_OAUTH_TOKEN", "secret-of-env");
    check(&[("ONE_API_KEY", ""), token], "as OauthToken");
    check(&[token, ("ONE_HORIZON_BASE_URL", "")], "calls https://onehorizon.ai/api/v1");
    check(&[("ONE_API_KEY", ""), ("ONE_OAUTH_TOKEN", "")], "no credential: set ONE_API_KEY");
    check(&[], "no credential: set ONE_API_KEY");
}

#[test]
fn the_base_url_can_be_set_and_is_checked() {
    let key = ("ONE_API_KEY", "secret-of-env");
    check(&[key, ("ONE_HORIZON_BASE_URL", "http://127.0.0.1:9/api/v1/")], "calls http://127.0.0.1:9/api/v1 as");
    check(&[key, ("ONE_HORIZON_BASE_URL", "http://example.com")], "in the clear");
}

#[test]
fn a_webhook_key_comes_from_its_variable() {
    check(&[("ONE_WEBHOOK_KEY", "secret-of-env")], r#"keys: ["key"]"#);
    check(&[], "ONE_WEBHOOK_KEY");
    check(&[("ONE_WEBHOOK_KEY", "")], "ONE_WEBHOOK_KEY");
    check(&[("ONE_WEBHOOK_KEY", " ")], "empty");
    check(&[("ONE_WEBHOOK_KEY", "\"secret-of-env\"")], "quotes");
    let previous = |key| [("ONE_WEBHOOK_KEY", "secret-of-env"), ("ONE_WEBHOOK_KEY_PREVIOUS", key)];
    check(&previous("older"), r#"keys: ["key", "previous"]"#);
    check(&previous(""), r#"keys: ["key"]"#);
    check(&previous("older\n"), "`previous` has a line end");
}

#[test]
fn the_environment_names_the_app() {
    let (client, scope) = (("ONE_HORIZON_CLIENT_ID", "client-of-env"), ("ONE_HORIZON_SCOPE", "openid  agents"));
    let app = [client, scope, ("ONE_HORIZON_CLIENT_SECRET", "secret-of-env")];
    for says in [r#"client_id: "client-of-env""#, r#"scope: "openid agents""#, "https://onehorizon.ai/app/auth/token"] {
        check(&app, says);
    }
    check(&[], "set ONE_HORIZON_CLIENT_ID");
}

#[test]
fn one_base_url_in_the_environment_serves_the_api_and_the_login() {
    for url in ["https://proxy.example", "https://proxy.example/api/v1"] {
        let variables = [("ONE_HORIZON_CLIENT_ID", "c"), ("ONE_HORIZON_BASE_URL", url)];
        check(&variables, "https://proxy.example/app/auth/authorize");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(b"secret-of-env\xff".to_vec());
    for name in ["ONE_API_KEY", "ONE_OAUTH_TOKEN"] {
        let printed = with(&[(name, &value)]);
        assert!(printed.contains(&format!("the environment variable {name} is not valid text")), "{printed}");
    }
}

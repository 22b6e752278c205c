//! What a configuration and a verifier take from the environment.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::ffi::{OsStr, OsString};
use std::process::Command;

use onehorizon::Configuration;
use onehorizon::webhook::Verifier;

/// Runs the test below in a process of its own, since a test must not change its own environment.
fn with(variables: &[(&str, &OsStr)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "prints_what_the_environment_makes", "--ignored", "--nocapture"])
        .env_remove("ONE_API_KEY")
        .env_remove("ONE_OAUTH_TOKEN")
        .env_remove("ONE_HORIZON_BASE_URL")
        .env_remove("ONE_WEBHOOK_KEY")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
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
    check(&[("ONE_WEBHOOK_KEY", " ")], "empty");
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

//! The login page and the rotation of a CI's key, run as the programs they are.

use std::process::{Command, Output};

use support::example::{Example, binary};
use support::http::{Caller, Reply};

/// A browser with one cookie for each host.
#[derive(Default)]
struct Browser {
    cookie: Option<String>,
}

impl Browser {
    async fn send(&mut self, method: &str, url: &str, form: &str, cookies: bool) -> Reply {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        let cookie = self.cookie.clone().filter(|_| cookies);
        headers.extend(cookie.as_deref().map(|cookie| ("Cookie", cookie)));
        let caller = Caller::anonymous(&format!("http://{host}/"));
        let response = caller.send(method, path.strip_prefix('/').unwrap(), &headers, form).await.unwrap();
        if let Some(set) = response.header("set-cookie").filter(|_| cookies) {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        response
    }
}

fn location(response: &Reply) -> String {
    response.header("location").unwrap_or_else(|| panic!("no redirect: {response:?}")).to_owned()
}

/// Starts a login and confirms the consent page: the address that the browser is sent back to.
async fn consent(browser: &mut Browser, site: &str, decision: &str) -> String {
    let away = location(&browser.send("POST", &format!("{site}/login"), "", true).await);
    let page = browser.send("GET", &away, "", false).await;
    assert!(page.body.contains("Let <code>login-example</code> act for you?"), "{}", page.body);
    let (address, query) = away.split_once('?').unwrap();
    let form = format!("{query}&user=u_ada&decision={decision}");
    location(&browser.send("POST", address, &form, false).await)
}

#[tokio::test]
async fn a_user_logs_in_sees_tasks_refreshes_and_logs_out() {
    let example = Example::start("oauth_login", &[("ONE_HORIZON_CLIENT_ID", "")]);
    let site = format!("http://{}", example.host);
    let mut browser = Browser::default();
    let home = format!("{site}/");
    assert!(browser.send("GET", &home, "", true).await.body.contains("Log in with One Horizon"));

    let callback = consent(&mut browser, &site, "allow").await;
    let before = browser.cookie.clone();
    let arrived = browser.send("GET", &callback, "", true).await;
    assert_eq!(location(&arrived), "/");
    assert_ne!(browser.cookie, before, "a new session for the logged-in user");
    assert!(browser.send("GET", &home, "", true).await.body.contains("Self-serve onboarding"));
    assert_eq!(browser.send("GET", &callback, "", true).await.status, 400, "the callback works once");

    let fresh = browser.send("POST", &format!("{site}/refresh"), "", true).await;
    assert!(fresh.body.contains("The tokens were replaced"), "{}", fresh.body);
    assert!(browser.send("GET", &home, "", true).await.body.contains("Self-serve onboarding"));

    browser.send("POST", &format!("{site}/logout"), "", true).await;
    assert!(browser.send("GET", &home, "", true).await.body.contains("Log in with One Horizon"));
}

#[tokio::test]
async fn a_callback_in_another_browser_logs_nobody_in() {
    let example = Example::start("oauth_login", &[("ONE_HORIZON_CLIENT_ID", "")]);
    let site = format!("http://{}", example.host);
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let callback = consent(&mut attacker, &site, "allow").await;
    // The victim is made to open the attacker's callback, with and without a login of their own under way.
    assert_eq!(victim.send("GET", &callback, "", true).await.status, 400);
    let own = consent(&mut victim, &site, "allow").await;
    let lured = victim.send("GET", &callback, "", true).await;
    assert!(lured.status == 400 && lured.body.contains("does not belong to this login"), "{}", lured.body);
    assert_eq!(victim.send("GET", &own, "", true).await.status, 303, "the victim's own login is unharmed");
}

#[tokio::test]
async fn a_user_who_says_no_reads_so() {
    let example = Example::start("oauth_login", &[("ONE_HORIZON_CLIENT_ID", "")]);
    let site = format!("http://{}", example.host);
    let mut browser = Browser::default();
    let callback = consent(&mut browser, &site, "deny").await;
    let page = browser.send("GET", &callback, "", true).await;
    assert!(page.status == 400 && page.body.contains("access_denied"), "{}", page.body);
}

fn rotate(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(binary("rotate_key"))
        .env_remove("ONE_API_KEY")
        .env_remove("ONE_OAUTH_TOKEN")
        .env_remove("ONE_HORIZON_BASE_URL")
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_key_goes_into_the_store_and_never_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let stored = folder.path().join("secret");
    let store = format!("tee {}", stored.display());
    let output = rotate(&["--fake", "--key", "key_1001", "--store", &store], &[]);
    assert!(output.status.success(), "{output:?}");
    let secret = std::fs::read_to_string(&stored).unwrap();
    assert!(secret.starts_with("fake-api-key-5") && !secret.contains('\n'), "{secret}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("took the place of key_1001"), "{output:?}");

    let printed = rotate(&["--fake", "--key", "key_1001", "--print"], &[]);
    assert!(String::from_utf8_lossy(&printed.stdout).starts_with("fake-api-key-5"), "only when asked for: {printed:?}");
}

#[test]
fn a_store_that_refuses_ends_in_one_line_and_a_failure() {
    let output = rotate(&["--fake", "--key", "key_1001", "--store", "exit 3"], &[]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("install failed: the command of --store failed") && words.contains("NewRevoked"), "{words}");
}

#[test]
fn a_rotation_without_a_place_for_the_secret_does_not_begin() {
    for arguments in [&["--fake", "--key", "key_1001"][..], &["--fake", "--store", "cat"], &["--nonsense"]] {
        let output = rotate(arguments, &[]);
        assert!(
            !output.status.success() && String::from_utf8_lossy(&output.stderr).starts_with("usage:"),
            "{output:?}"
        );
    }
    let output = rotate(&["--key", "key_1", "--print"], &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("ONE_OAUTH_TOKEN"), "{output:?}");
}

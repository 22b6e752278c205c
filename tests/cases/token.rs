//! Plays a case of a token endpoint: one refresh of tokens that are over.

use std::time::SystemTime;

use onehorizon::Secret;
use onehorizon::oauth::{OauthApp, RefreshingCredential, Tokens};
use onehorizon_testing::ScriptedTransport;
use serde_json::{Value, json};

use crate::client::script;
use crate::expect::{self, Outcome, number};

pub async fn play(setup: &Value, case: &Value) -> Vec<String> {
    let transport = ScriptedTransport::new(script(&case["script"]));
    let client = setup["client_id"].as_str().unwrap();
    let app = OauthApp::builder(client, "https://app.example/callback").transport(transport.clone()).build().unwrap();
    let stored = json!({
        "access_token": setup["access_token"], "refresh_token": setup["refresh_token"], "expires_at": 1000,
    });
    let stored: Tokens = serde_json::from_value(stored).unwrap();
    let credential = RefreshingCredential::builder(&app, stored).build();
    let outcome = credential.access_token().await;
    let outcome: Outcome = outcome.map(|_| ("null".to_owned(), None)).map_err(|error| Box::new(error.into()));
    let mut problems = expect::compare(&case["expect"], &transport.requests(), &outcome);
    let tokens = credential.latest().unwrap();
    for (name, wanted) in case["expect"]["tokens"].as_object().into_iter().flatten() {
        let seen = match name.as_str() {
            "access_token" => json!(tokens.access_token.expose()),
            "refresh_token" => json!(tokens.refresh_token.as_ref().map(Secret::expose)),
            "scope" => json!(tokens.scope),
            "expires_in" => {
                let left = tokens.expires_at.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
                // The real clock has moved on since the refresh.
                match left.map(|left| left.as_secs_f64()) {
                    Some(left) if wanted.is_number() && (left - number(wanted)).abs() < 60.0 => wanted.clone(),
                    other => json!(other),
                }
            }
            other => json!(format!("{other} is not known")),
        };
        if seen != *wanted {
            problems.push(format!("{name} is {seen}, not {wanted}"));
        }
    }
    problems
}

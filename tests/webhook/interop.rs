//! Signatures against the `standardwebhooks` packages of npm and `PyPI`. Run by `.ci/interop`, which installs them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::{AuthFailure, Signer, Verifier, WebhookError};
use serde_json::{Value, json};
use support::moment::Moment;

fn folder() -> PathBuf {
    std::env::var_os("ONEHORIZON_INTEROP").expect("ONEHORIZON_INTEROP names the folder of the cases").into()
}

fn read(path: &Path) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{field} in {}", case["name"]))
}

#[test]
#[ignore = "run by .ci/interop"]
fn signs_for_others() {
    let cases = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/interop/cases.json")));
    // The packages compare with their machine's clock, which cannot be set.
    let now = SystemTime::now();
    let signed: Vec<Value> = cases
        .iter()
        .map(|case| {
            let body = match case["repeat"].as_u64() {
                Some(times) => {
                    format!("\"{}\"", text(case, "body").trim_matches('"').repeat(times.try_into().unwrap()))
                }
                None => text(case, "body").to_owned(),
            };
            let [(_, id), (_, timestamp), (_, signature)] =
                Signer::new(text(case, "secret")).unwrap().headers(text(case, "id"), now, body.as_bytes());
            json!({
                "name": case["name"], "id": id, "secret": case["secret"], "body": body,
                "timestamp": timestamp.parse::<u64>().unwrap(), "signature": signature,
            })
        })
        .collect();
    std::fs::write(folder().join("rust.json"), serde_json::to_string(&signed).unwrap()).unwrap();
}

#[test]
#[ignore = "run by .ci/interop"]
fn verifies_what_others_signed() {
    for other in ["npm", "pypi"] {
        let cases = read(&folder().join(other).with_extension("json"));
        assert!(cases.len() >= 8, "{other} signed {}", cases.len());
        for case in &cases {
            let timestamp = case["timestamp"].as_u64().unwrap();
            let at = UNIX_EPOCH + Duration::from_secs(timestamp);
            let verifier = Verifier::builder()
                .signed(other, text(case, "secret"))
                .max_body_bytes(1024 * 1024)
                .clock(Moment(move || at))
                .build()
                .unwrap();
            let timestamp = timestamp.to_string();
            let find = |name: &str| match name {
                "webhook-id" => Some(text(case, "id").as_bytes()),
                "webhook-timestamp" => Some(timestamp.as_bytes()),
                "webhook-signature" => Some(text(case, "signature").as_bytes()),
                _ => None,
            };
            let body = text(case, "body");
            let checked = verifier.verify(find, body.as_bytes());
            assert_eq!(checked.unwrap_or_else(|e| panic!("{other}, {}: {e}", case["name"])).label(), Some(other));
            let changed = verifier.verify(find, format!("{body} ").as_bytes()).map(drop);
            assert!(matches!(changed, Err(WebhookError::Unauthorized(AuthFailure::WrongSignature))));
        }
    }
}

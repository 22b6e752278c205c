//! Plays a case of a receiver, without a socket.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine};
use onehorizon::webhook::{Event, Receiver, Signer, Verified, Verifier};
use serde_json::{Map, Value, json};
use support::moment::Moment;

use crate::expect::items;

/// The receiver's time.
const NOW: Duration = Duration::from_secs(1_780_304_400);

/// The headers and the body of a delivery.
type Message = (Vec<(String, String)>, Vec<u8>);

pub async fn play(setup: &Value, case: &Value) -> Vec<String> {
    let clock = Moment(|| UNIX_EPOCH + NOW);
    let text = |name: &str| setup[name].as_str().unwrap().to_owned();
    let verifier = Verifier::builder().key("key", text("key")).signed("relay", text("secret")).clock(clock);
    let receiver = Receiver::new(verifier.build().unwrap());
    let (handled, failed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let mut problems = Vec::new();
    for (index, delivery) in items(&case["deliveries"]).enumerate() {
        let delivery = filled(delivery, setup, case);
        let (headers, body) = message(&filled(setup, setup, case), &delivery);
        let (done, refused) = (Arc::clone(&handled), Arc::clone(&failed));
        let handler = move |event: Verified<Event>| async move {
            let id = event.id().to_string();
            let is_first = !refused.lock().unwrap().contains(&id);
            let subject = event.subject().unwrap_or_default().to_owned();
            if subject == "fails" || (subject == "fails-once" && is_first) {
                refused.lock().unwrap().push(id);
                return Err(io::Error::other("inside-of-the-handler"));
            }
            done.lock().unwrap().push(id);
            Ok(())
        };
        let method = delivery["method"].as_str().unwrap_or("POST");
        let reply = receiver.receive(method, &headers, &body, handler).await;
        let expect = &delivery["expect"];
        let number = index + 1;
        let status = json!(reply.status());
        if expect["status"] != status && !items(&expect["status"]).any(|one| *one == status) {
            problems.push(format!("delivery {number} got {status}, not {}: {}", expect["status"], reply.body()));
        }
        let own = event(&filled(setup, setup, case), &delivery);
        let own = own.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = expect["id"].as_str().map_or(own, str::to_owned);
        let count = handled.lock().unwrap().iter().filter(|one| **one == id).count();
        if !expect["handled"].is_null() && expect["handled"] != json!(count) {
            problems.push(format!("after delivery {number} {id} was handled {count} times, not {}", expect["handled"]));
        }
        if let Some(part) = items(&expect["hides"]).find(|part| reply.body().contains(part.as_str().unwrap())) {
            problems.push(format!("the reply to delivery {number} shows {part}: {}", reply.body()));
        }
    }
    problems
}

/// The same with the words in braces filled in.
fn filled(value: &Value, setup: &Value, case: &Value) -> Value {
    let text = value.to_string();
    let text = text.replace("{{run}}", "1").replace("{{case}}", case["id"].as_str().unwrap());
    serde_json::from_str(&text.replace("{{key}}", setup["key"].as_str().unwrap())).unwrap()
}

/// The event of a delivery: that of the setup, changed.
fn event(setup: &Value, delivery: &Value) -> Map<String, Value> {
    let mut event = setup["event"].as_object().unwrap().clone();
    event.extend(delivery["changes"].as_object().cloned().unwrap_or_default());
    for name in items(&delivery["without"]) {
        event.remove(name.as_str().unwrap());
    }
    event
}

fn message(setup: &Value, delivery: &Value) -> Message {
    let mut body = match (delivery["body"].as_str(), delivery["base64"].as_str()) {
        (Some(body), _) => body.as_bytes().to_vec(),
        (None, Some(body)) => BASE64_STANDARD.decode(body).unwrap(),
        (None, None) => {
            let event = Value::Object(event(setup, delivery)).to_string();
            format!("{}{event}", delivery["before"].as_str().unwrap_or_default()).into_bytes()
        }
    };
    if let Some(length) = delivery["pad_to"].as_u64() {
        body.resize(usize::try_from(length).unwrap(), b' ');
    }
    let mut headers = setup["headers"].as_object().unwrap().clone();
    if let Some(sign) = delivery["sign"].as_object() {
        headers.remove("x-one-webhook-key");
        for (name, value) in signature(setup, sign, &body) {
            headers.insert(name, value.into());
        }
    }
    headers.extend(delivery["headers"].as_object().cloned().unwrap_or_default());
    let sent = headers.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    (sent.collect(), body)
}

fn signature(setup: &Value, sign: &Map<String, Value>, body: &[u8]) -> [(String, String); 3] {
    let text = |name: &str| sign.get(name).and_then(Value::as_str);
    let age = |name: &str| sign.get(name).and_then(Value::as_i64);
    let said = age("age").unwrap_or(0);
    let time = |age: i64| UNIX_EPOCH + Duration::from_secs(NOW.as_secs().checked_add_signed(-age).unwrap());
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let id = text("id").unwrap_or("msg_of_the_cases");
    let signer = Signer::new(text("secret").unwrap_or(setup["secret"].as_str().unwrap())).unwrap();
    let signed = signer.sign(id, time(age("signed_age").unwrap_or(said)), text("body").map_or(body, str::as_bytes));
    let mac = signed.trim_start_matches("v1,");
    let signature = format!("{}{}{mac}", text("before").unwrap_or_default(), text("prefix").unwrap_or("v1,"));
    [
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), seconds(time(said)).to_string()),
        ("webhook-signature".to_owned(), signature),
    ]
}

use std::convert::Infallible;
use std::sync::Mutex;

use onehorizon::webhook::{Event, Receiver, Verified, Verifier};

pub struct State(Receiver);

impl Default for State {
    fn default() -> Self {
        Self(Receiver::new(Verifier::key("the-key").expect("a key")))
    }
}

pub async fn run(state: &State, method: &str, headers: &[(&str, &str)], body: &[u8], seen: &Mutex<Vec<String>>) -> u16 {
    let header = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
    let handler = async |event: Verified<Event>| {
        seen.lock().unwrap().push(event.id().to_string());
        Ok::<_, Infallible>(())
    };
    state.0.receive(method, header, body, handler).await.status()
}

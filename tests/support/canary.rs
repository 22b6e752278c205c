//! Secrets that sing when they get out, and the ears for them.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue, StatusCode};
use onehorizon::models::Json;
use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use onehorizon::webhook::Event;
use onehorizon_testing::NewEvent;

pub const API_KEY: &str = "canary-api-key/1f7c";
pub const OAUTH_TOKEN: &str = "canary-oauth-token-2e8d";
pub const REFRESH_TOKEN: &str = "canary-refresh-token-3d9e";
pub const CLIENT_SECRET: &str = "canary-client-secret-4caf";
pub const WEBHOOK_KEY: &str = "canary-webhook-key-5bb0";
/// Base64 of `canary-signing-secret-6ac1`.
pub const SIGNING_SECRET: &str = "whsec_Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTZhYzE=";
pub const CREATED_KEY: &str = "canary-created-key-79d2";
pub const SIGNED_URL: &str = "https://files.example/a?signature=canary-signed-url-88e3";

/// What must show nowhere: all of the above, also in part.
const SONGS: [&str; 2] = ["canary", "Y2FuYXJ5"];

/// Looks at everything that can be printed, and remembers whose turn it was.
#[derive(Default)]
pub struct Watch {
    pub seen: BTreeSet<String>,
    pub looks: usize,
    leaks: Vec<String>,
    others: Vec<String>,
}

impl Watch {
    pub fn text(&mut self, what: &str, text: &str) {
        self.looks += 1;
        if SONGS.iter().any(|song| text.contains(song)) || self.others.iter().any(|secret| text.contains(secret)) {
            self.leaks.push(format!("{what}: {}", text.replace('\n', " ").chars().take(600).collect::<String>()));
        }
    }

    /// A secret that is known only now.
    pub fn beware(&mut self, secret: &str) {
        self.others.push(secret.to_owned());
    }

    /// Looks at a value of a public type.
    pub fn look<T: Debug>(&mut self, value: &T) {
        let name = type_name::<T>();
        self.seen.insert(name.split('<').next().unwrap_or(name).to_owned());
        self.text(name, &format!("{value:?}"));
        self.text(name, &format!("{value:#?}"));
    }

    pub fn show<T: Debug + Display>(&mut self, value: &T) {
        self.look(value);
        self.text(type_name::<T>(), &value.to_string());
    }

    /// Looks at an error and all that caused it; a panic says what `Debug` says.
    pub fn error<E: Error + 'static>(&mut self, error: &E) {
        self.show(error);
        let mut next: Option<&(dyn Error + 'static)> = error.source();
        while let Some(cause) = next {
            self.text("a cause", &format!("{cause} {cause:?} {cause:#?}"));
            next = cause.source();
        }
    }

    /// Nothing got out; says what was looked at.
    pub fn done(&self, part: &str) {
        assert!(self.leaks.is_empty(), "{} leaks:\n{}", self.leaks.len(), self.leaks.join("\n"));
        println!("scorecard: canary: {part}: {} strings searched, 0 leaks", self.looks);
        for name in self.seen.iter().filter(|name| name.starts_with("onehorizon::")) {
            println!("covered: {name}");
        }
    }
}

type Script = dyn Fn(&TransportRequest) -> Result<TransportResponse, TransportError> + Send + Sync;

/// A service that repeats what it was sent wherever it can, and remembers to which hosts it came.
#[derive(Clone)]
pub struct Echo {
    script: Arc<Script>,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    pub fn new(
        script: impl Fn(&TransportRequest) -> Result<TransportResponse, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self { script: Arc::new(script), requests: Arc::default() }
    }

    /// Responds with this status, with everything it got in its headers and in a body made by `body`.
    pub fn responding(status: u16, body: fn(&str) -> String) -> Self {
        Self::new(move |request| {
            let got = everything(request);
            let mut headers = HeaderMap::new();
            for name in ["x-request-id", "x-echo", "content-type", "location", "set-cookie", "retry-after"] {
                headers.insert(name, HeaderValue::from_str(&got).unwrap());
            }
            headers.append("x-echo", HeaderValue::from_static("harmless"));
            Ok(TransportResponse::new(StatusCode::from_u16(status).unwrap(), headers, body(&got).into()))
        })
    }

    /// Breaks with an error that quotes the request.
    pub fn breaking(failure: Failure) -> Self {
        Self::new(move |request| Err(TransportError::new(failure, format!("could not send {}", everything(request)))))
    }
}

impl Transport for Echo {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        self.requests.lock().unwrap().push(format!("{request:?} {:?}", request.headers.get("authorization")));
        let result = (self.script)(&request);
        Box::pin(async { result })
    }
}

/// The credential of a request and its form's secrets.
fn everything(request: &TransportRequest) -> String {
    let bearer = request.headers.get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let bearer = bearer.unwrap_or_default().trim_start_matches("Bearer ").to_owned();
    let form: Vec<_> = String::from_utf8_lossy(&request.body)
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()))
        .filter(|value| value.starts_with("canary"))
        .collect();
    format!("{bearer} {}", form.join(" ")).trim().to_owned()
}

/// An event with a signed address in it.
pub fn event() -> Event {
    let event = NewEvent::new("task.created", "evt_1").resource("task", "tsk_1");
    event
        .field("task", &Json::from_value(&BTreeMap::from([("taskId", "tsk_1"), ("url", SIGNED_URL)])).unwrap())
        .build()
        .unwrap()
}

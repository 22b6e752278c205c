//! An authorisation server and an API made of closures, with no socket behind them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use onehorizon::oauth::{OauthApp, OauthAppBuilder, RefreshingCredential, Tokens};
use onehorizon::transport::{BoxFuture, Failure, Transport, TransportError, TransportRequest, TransportResponse};
use tokio::sync::Semaphore;

pub const CALLBACK: &str = "https://app.example/callback";

/// What the token endpoint got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form(pub BTreeMap<String, String>);

impl Form {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// What the token endpoint says.
#[derive(Clone)]
pub enum Say {
    Json(u16, String),
    /// As `Json`, with the server's idea of the date.
    Dated(String, &'static str),
    Fail(Failure, &'static str),
    Silence,
}

type Script = Box<dyn Fn(usize, &Form) -> Say + Send + Sync>;
type Api = Box<dyn Fn(&str) -> u16 + Send + Sync>;

struct Inner {
    script: Script,
    api: Api,
    forms: Mutex<Vec<Form>>,
    api_tokens: Mutex<Vec<String>>,
    gate: Semaphore,
}

/// The server; clones share everything.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

impl Server {
    /// A server whose token endpoint follows the script: the number of the request (from 1) and its form.
    pub fn new(script: impl Fn(usize, &Form) -> Say + Send + Sync + 'static) -> Self {
        Self::build(Box::new(script), Box::new(|_| 200))
    }

    /// A server with an API beside the token endpoint, which responds to each bearer token with a status.
    pub fn with_api(
        script: impl Fn(usize, &Form) -> Say + Send + Sync + 'static,
        api: impl Fn(&str) -> u16 + Send + Sync + 'static,
    ) -> Self {
        Self::build(Box::new(script), Box::new(api))
    }

    fn build(script: Script, api: Api) -> Self {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner { script, api, forms: Mutex::default(), api_tokens: Mutex::default(), gate }))
    }

    /// A server that gives `access-1`, `access-2`… and `refresh-1`, `refresh-2`…, each good for an hour.
    pub fn rotating() -> Self {
        Self::new(|number, _| grant(number))
    }

    /// Holds responses of the token endpoint back until `open`.
    pub fn close(&self) {
        self.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open(&self) {
        self.0.gate.add_permits(1_000_000);
    }

    pub fn forms(&self) -> Vec<Form> {
        self.0.forms.lock().unwrap().clone()
    }

    pub fn token_requests(&self) -> usize {
        self.0.forms.lock().unwrap().len()
    }

    /// The bearer tokens that the API saw.
    pub fn api_tokens(&self) -> Vec<String> {
        self.0.api_tokens.lock().unwrap().clone()
    }

    pub fn builder(&self) -> OauthAppBuilder {
        OauthApp::builder("client-1", CALLBACK).transport(self.clone())
    }

    pub fn app(&self) -> OauthApp {
        self.builder().build().unwrap()
    }
}

pub fn grant(number: usize) -> Say {
    Say::Json(200, grant_json(number))
}

pub fn grant_json(number: usize) -> String {
    format!(
        r#"{{"access_token":"access-{number}","refresh_token":"refresh-{number}","token_type":"Bearer","expires_in":3600}}"#
    )
}

/// Tokens as a store gives them back: expired long ago, so that the first use refreshes them.
pub fn stale_tokens() -> Tokens {
    serde_json::from_str(r#"{"access_token":"access-0","refresh_token":"refresh-0","expires_at":1000}"#).unwrap()
}

impl Transport for Server {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        let server = self.clone();
        Box::pin(async move {
            if request.headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
                return Ok(server.api(&request));
            }
            let form = Form(url::form_urlencoded::parse(&request.body).into_owned().collect());
            let number = {
                let mut forms = server.0.forms.lock().unwrap();
                forms.push(form.clone());
                forms.len()
            };
            let said = (server.0.script)(number, &form);
            server.0.gate.acquire().await.unwrap().forget();
            match said {
                Say::Json(status, body) => Ok(response(status, body, None)),
                Say::Dated(body, date) => Ok(response(200, body, Some(date))),
                Say::Fail(failure, why) => Err(TransportError::new(failure, why)),
                Say::Silence => std::future::pending().await,
            }
        })
    }
}

impl Server {
    fn api(&self, request: &TransportRequest) -> TransportResponse {
        let bearer = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = bearer.strip_prefix("Bearer ").unwrap_or_default();
        self.0.api_tokens.lock().unwrap().push(token.to_owned());
        let status = (self.0.api)(token);
        response(status, format!(r#"{{"code":{status},"message":"as scripted"}}"#), None)
    }
}

fn response(status: u16, body: String, date: Option<&'static str>) -> TransportResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(date) = date {
        headers.insert(DATE, HeaderValue::from_static(date));
    }
    TransportResponse::new(StatusCode::from_u16(status).unwrap(), headers, body.into())
}

/// The parameters of an address.
pub fn parameters(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

pub fn stale(server: &Server) -> RefreshingCredential {
    RefreshingCredential::builder(&server.app(), stale_tokens()).build()
}

pub async fn token(credential: &RefreshingCredential) -> String {
    credential.access_token().await.unwrap().expose().to_owned()
}

/// Polls a future once, as a task does that is dropped afterwards.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

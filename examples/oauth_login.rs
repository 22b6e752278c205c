//! A web page where a user logs in with One Horizon, sees their tasks, refreshes the tokens and logs out.
//!
//! `cargo run --example oauth_login --features oauth` runs against the fake of `onehorizon-testing`: no account is
//! needed. For the real service register `http://127.0.0.1:3000/callback` with a custom app (Settings > Apps), then
//!
//! ```text
//! PORT=3000 ONE_HORIZON_CLIENT_ID=… ONE_HORIZON_CLIENT_SECRET=… cargo run --example oauth_login --features oauth
//! ```
//!
//! `PORT` says where to listen on 127.0.0.1 (default: any free port). Ctrl-C stops the page.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use onehorizon::oauth::{Login, OauthApp, OauthAppBuilder, RefreshingCredential};
use onehorizon::{Configuration, DEFAULT_BASE_URL, TasksApi};
use onehorizon_testing::FakeOneHorizon;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is known of one browser.
enum Session {
    /// Sent to the login page. The login stays here: the browser gets nothing but the session's name.
    LoggingIn(Arc<Login>),
    LoggedIn(RefreshingCredential),
}

struct Site {
    app: OauthApp,
    api: String,
    sessions: Mutex<HashMap<String, Session>>,
    /// Stops when it is dropped.
    _fake: Option<FakeOneHorizon>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned()).parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let own = format!("http://{}", listener.local_addr()?);
    let callback = format!("{own}/callback");
    let site = Arc::new(if std::env::var("ONE_HORIZON_CLIENT_ID").is_ok_and(|id| !id.is_empty()) {
        let app = OauthAppBuilder::from_env(callback)?.build()?;
        let api = std::env::var("ONE_HORIZON_BASE_URL").unwrap_or_else(|_| DEFAULT_BASE_URL.to_owned());
        Site { app, api, sessions: Mutex::default(), _fake: None }
    } else {
        let fake = FakeOneHorizon::start().await?;
        fake.add_oauth_app("login-example", Some("login-example-secret"), &callback);
        let app = OauthApp::builder("login-example", callback).client_secret("login-example-secret").site(fake.site());
        Site { app: app.build()?, api: fake.url(), sessions: Mutex::default(), _fake: Some(fake) }
    });
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/callback", get(callback_page))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
        .with_state(site);
    println!("listening on {own}/");
    axum::serve(listener, routes).with_graceful_shutdown(stop_signal()).await?;
    println!("stopped");
    Ok(())
}

/// Ctrl-C.
async fn stop_signal() {
    // Without a way to hear of it the page runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The page itself: a button to log in, or the user's tasks.
async fn home(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(user) = site.user(&headers) else {
        return page(
            "Welcome",
            r#"<form method="post" action="/login"><button>Log in with One Horizon</button></form>"#,
        );
    };
    let list = async {
        let configuration = Configuration::builder().base_url(&site.api).credential(user.into()).build()?;
        TasksApi::new(&configuration).list_tasks().await
    };
    let tasks = match list.await {
        Ok(tasks) => {
            let item = |title: String| format!("<li>{}</li>", escape(&title));
            tasks.tasks.iter().map(|task| item(task.title.clone())).collect::<Vec<_>>().concat()
        }
        Err(error) => format!("<li>{}</li>", escape(&error.to_string())),
    };
    page(
        "Your tasks",
        &format!(
            r#"<ul>{tasks}</ul><form method="post" action="/refresh"><button>Refresh the tokens</button></form>
<form method="post" action="/logout"><button>Log out</button></form>"#
        ),
    )
}

/// Starts a login and sends the browser away. A POST, so that no link elsewhere can start one.
async fn login(State(site): State<Arc<Site>>) -> Response {
    match site.app.login() {
        Ok(login) => {
            let away = login.url().to_owned();
            site.enter(Session::LoggingIn(Arc::new(login)), &away)
        }
        Err(error) => problem(&error.to_string()),
    }
}

/// The browser comes back. Only the session that was sent away can finish its login.
async fn callback_page(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(login) = site.login(&headers) else {
        return problem("This browser has no login under way. Start again from the first page.");
    };
    let code = match login.check(uri.query().unwrap_or_default()) {
        Ok(code) => code,
        // The login stays: somebody else may have made this callback up.
        Err(error) => return problem(&error.to_string()),
    };
    // Taken out first, so that a second callback finds no login; a refusal below means starting again.
    site.leave(&headers);
    let Some(login) = Arc::into_inner(login) else {
        return problem("This login is being finished by another request.");
    };
    match login.exchange(code).await {
        Ok(tokens) => {
            let user = RefreshingCredential::builder(&site.app, tokens)
                // A real site saves the tokens here, encrypted, beside the user's record.
                .on_refresh(|_| async { Ok::<(), std::io::Error>(()) })
                .build();
            // A new name for the session: a client that knows the old one is not logged in by this.
            site.enter(Session::LoggedIn(user), "/")
        }
        Err(error) => problem(&error.to_string()),
    }
}

async fn refresh(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(user) = site.user(&headers) else { return redirect("/") };
    match user.refresh().await {
        Ok(()) => page("Fresh tokens", r#"<p>The tokens were replaced.</p><p><a href="/">Back to the tasks</a></p>"#),
        Err(error) => problem(&error.to_string()),
    }
}

/// Forgets the tokens. The service is not known to have an endpoint that revokes them.
async fn logout(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if let Some(user) = site.user(&headers) {
        user.forget();
    }
    site.leave(&headers);
    redirect("/")
}

impl Site {
    /// Opens a session under a name that nobody can guess and sends the browser on with it.
    fn enter(&self, session: Session, to: &str) -> Response {
        let name = match (getrandom::u64(), getrandom::u64()) {
            (Ok(one), Ok(two)) => format!("{one:016x}{two:016x}"),
            (Err(error), _) | (_, Err(error)) => return problem(&error.to_string()),
        };
        self.sessions().insert(name.clone(), session);
        // A site with TLS adds `Secure`.
        let cookie = format!("session={name}; HttpOnly; SameSite=Lax; Path=/");
        let mut response = redirect(to);
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    fn leave(&self, headers: &HeaderMap) {
        if let Some(name) = session_name(headers) {
            self.sessions().remove(name);
        }
    }

    fn login(&self, headers: &HeaderMap) -> Option<Arc<Login>> {
        match self.sessions().get(session_name(headers)?)? {
            Session::LoggingIn(login) => Some(Arc::clone(login)),
            Session::LoggedIn(_) => None,
        }
    }

    fn user(&self, headers: &HeaderMap) -> Option<RefreshingCredential> {
        match self.sessions().get(session_name(headers)?)? {
            Session::LoggedIn(user) => Some(user.clone()),
            Session::LoggingIn(_) => None,
        }
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session_name(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))
}

fn redirect(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, to), (CACHE_CONTROL, "no-store")]).into_response()
}

fn problem(words: &str) -> Response {
    let body = format!(r#"<p>{}</p><p><a href="/">To the first page</a></p>"#, escape(words));
    (StatusCode::BAD_REQUEST, page("This did not work", &body)).into_response()
}

fn page(title: &str, body: &str) -> Response {
    let head = format!("<!doctype html><meta charset=\"utf-8\"><title>{title}</title>");
    ([(CACHE_CONTROL, "no-store")], Html(format!("{head}<h1>{title}</h1>{body}"))).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

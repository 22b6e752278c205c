//! One process that refreshes the tokens of many logins, which it shares with others.

use std::sync::Arc;
use std::time::Duration;

use onehorizon::oauth::{OauthApp, OauthError, OauthErrorKind, RefreshingCredential, TokenStore};
use onehorizon_postgres::Postgres;
use onehorizon_redis::Redis;
use onehorizon_sqlite::Sqlite;
use tokio::sync::Semaphore;

use super::{Input, end_with};

pub struct Job<'a> {
    pub store: &'a str,
    pub at: &'a str,
    pub issuer: &'a str,
    /// The logins from this one up to the last.
    pub first: &'a str,
    pub logins: &'a str,
}

/// So many at the same time.
const CONCURRENT: usize = 32;

/// The stores, opened once.
pub enum Logins {
    Redis(Redis),
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Logins {
    pub fn open(store: &str, at: &str) -> Self {
        match store {
            "redis" => Self::Redis(Redis::open(at, "logins").unwrap()),
            "postgres" => Self::Postgres(Postgres::open(at, "logins").unwrap()),
            "sqlite" => Self::Sqlite(Sqlite::open(at, "logins").unwrap()),
            other => panic!("no store {other}"),
        }
    }

    pub fn store(&self, login: usize) -> Box<dyn TokenStore> {
        let name = format!("u_{login}");
        match self {
            Self::Redis(redis) => Box::new(redis.tokens(&name)),
            Self::Postgres(postgres) => Box::new(postgres.tokens(&name)),
            Self::Sqlite(sqlite) => Box::new(sqlite.tokens(&name)),
        }
    }

    pub async fn refresh(&self, app: &OauthApp, login: usize) -> Result<(), OauthError> {
        let name = format!("u_{login}");
        let builder = match self {
            Self::Redis(redis) => RefreshingCredential::open(app, redis.tokens(&name)).await?,
            Self::Postgres(postgres) => RefreshingCredential::open(app, postgres.tokens(&name)).await?,
            Self::Sqlite(sqlite) => RefreshingCredential::open(app, sqlite.tokens(&name)).await?,
        };
        let credential = builder.save_timeout(Duration::from_secs(5)).build();
        let mut result = credential.refresh().await;
        // Tokens that could not be saved are in this credential alone.
        while matches!(&result, Err(error) if error.kind() == OauthErrorKind::NotSaved) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            result = credential.settle().await;
        }
        result
    }
}

pub fn app(issuer: &str) -> OauthApp {
    let app =
        OauthApp::builder("web", "http://127.0.0.1:3999/callback").client_secret("secret of the web app").site(issuer);
    // With the time for saving, the lease of a refresh: longer than a machine under load takes.
    app.timeout(Duration::from_secs(10)).build().unwrap()
}

/// Prints a line for each refresh: the login, and what became of it.
pub async fn run(input: Input, job: &Job<'_>) {
    let _end = end_with(input);
    let (app, logins) = (app(job.issuer), Arc::new(Logins::open(job.store, job.at)));
    let (first, last): (usize, usize) = (job.first.parse().unwrap(), job.logins.parse().unwrap());
    let free = Arc::new(Semaphore::new(CONCURRENT));
    let mut running = Vec::new();
    for login in first..last {
        let permit = Arc::clone(&free).acquire_owned().await.unwrap();
        let (app, logins) = (app.clone(), Arc::clone(&logins));
        running.push(tokio::spawn(async move {
            match logins.refresh(&app, login).await {
                Ok(()) => println!("{login} fresh"),
                Err(error) if error.needs_login() => println!("{login} lost {error}"),
                Err(error) => println!("{login} failed {error}"),
            }
            drop(permit);
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    println!("done");
}

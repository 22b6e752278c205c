//! Four processes refresh the same logins at a server that replaces the refresh token with each use, and are killed: no login is
//! lost but those where a process ended before it could save the server's response, and the errors of these say so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onehorizon::Configuration;
use onehorizon::oauth::Tokens;
use onehorizon_postgres::Postgres as Schema;
use serde_json::Value;
use tokio::process::Command;

use crate::process::Role;
use crate::receivers::node;
use crate::report::Report;
use crate::roles::refresher::{Logins, app};
use crate::servers::{Postgres, Redis, folder};

const PROCESSES: usize = 4;
/// With four processes, 10,000 refreshes for each store.
const LOGINS: usize = 2_500;
const KILLS: usize = 10;
/// What the error of a lost login says.
const NAMED: &str = "another process ended in the middle of a refresh";

pub async fn run(report: &mut Report) {
    println!(
        "   for each store {} refreshes by {PROCESSES} processes of {LOGINS} logins, {KILLS} kills",
        LOGINS * PROCESSES
    );
    let (redis, postgres, folder) = (Redis::start().await, Postgres::start().await, folder());
    Schema::open(&postgres.url(), "logins").expect("an address").migrate().await.expect("a schema");
    let file = folder.path().join("logins.db").to_string_lossy().into_owned();
    for (store, at) in [("redis", redis.url()), ("postgres", postgres.url()), ("sqlite", file)] {
        scenario(report, store, &at).await;
    }
}

/// What became of the refreshes of one run.
#[derive(Default)]
struct Run {
    /// All refreshes, whatever became of them.
    all: usize,
    fresh: usize,
    failed: Vec<String>,
    lost: BTreeMap<usize, String>,
    kills: usize,
}

async fn scenario(report: &mut Report, store: &str, at: &str) {
    let mut server = Role::of(Command::new("node").arg(node("oauth.mjs")));
    let issuer = server.line().await.expect("the server's URL");
    let logins = Logins::open(store, at);
    let tokens: Vec<String> = serde_json::from_value(get(&issuer, &format!("/logins/{LOGINS}")).await).expect("tokens");
    for (login, token) in tokens.iter().enumerate() {
        let tokens = Tokens::new("unused-token").with_refresh_token(token.as_str());
        logins.store(login).put(&tokens).await.expect("stored");
    }

    let run = refresh(store, at, &issuer).await;

    // Each login that no process has lost can be refreshed, and the store has what the server issued last.
    let (app, mut beyond, mut lost) = (app(&issuer), Vec::new(), run.lost);
    let issued = get(&issuer, "/issued").await;
    let mut unsaved = BTreeSet::new();
    for login in 0..LOGINS {
        let stored = logins.store(login).load().await.expect("loaded").expect("tokens").tokens;
        let stored = stored.refresh_token.expect("a refresh token").expose().to_owned();
        if issued["newest"][format!("u_{login}")] != stored {
            unsaved.insert(login);
        }
    }
    for login in 0..LOGINS {
        if let (false, Err(error)) = (lost.contains_key(&login), logins.refresh(&app, login).await) {
            lost.insert(login, error.to_string());
        }
    }
    for (login, error) in &lost {
        if !unsaved.contains(login) || !error.contains(NAMED) {
            beyond.push(format!("u_{login}: {error}"));
        }
    }
    let line = format!(
        "{store:<10} {} refreshed, {} failed and could be tried again, {} kills; the server issued {}; responses that never \
         arrived: {}, lost logins beyond these: {}",
        run.fresh,
        run.failed.len(),
        run.kills,
        issued["issued"].as_u64().unwrap_or(0).saturating_sub(LOGINS as u64),
        lost.len() - beyond.len(),
        beyond.len(),
    );
    report.line(
        line,
        &[
            (beyond.is_empty(), format!("no other login lost: {:?}", beyond.first())),
            (run.kills >= KILLS, format!("{KILLS} kills")),
            (run.all >= LOGINS * PROCESSES, format!("{} refreshes", LOGINS * PROCESSES)),
            (run.failed.len() < LOGINS / 5, format!("few failures: {:?}", run.failed.first())),
        ],
    );
}

/// Each process refreshes each login; one that is killed goes on where it was.
async fn refresh(store: &str, at: &str, issuer: &str) -> Run {
    let (count, start) = (LOGINS.to_string(), |first: usize| first.to_string());
    let begin = |first: usize| Role::start("refresher", &[store, at, issuer, &start(first), &count]);
    let mut run = Run::default();
    let mut processes: Vec<(Role, BTreeSet<usize>, bool)> =
        (0..PROCESSES).map(|_| (begin(0), (0..LOGINS).collect(), false)).collect();
    let mut next_kill = tokio::time::Instant::now() + Duration::from_millis(500);
    while processes.iter().any(|(.., done)| !done) {
        for (process, open, done) in &mut processes {
            while !*done && let Ok(line) = tokio::time::timeout(Duration::from_millis(5), process.line()).await {
                let Some(line) = line else {
                    // Killed: what it had not said is done again.
                    *process = begin(open.first().copied().unwrap_or(LOGINS));
                    continue;
                };
                let mut words = line.splitn(3, ' ');
                let (login, what) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let (login, error) = (login.parse().unwrap_or(LOGINS), words.next().unwrap_or_default());
                run.all += usize::from(!what.is_empty());
                match what {
                    "fresh" => run.fresh += 1,
                    "lost" => drop(run.lost.entry(login).or_insert_with(|| error.to_owned())),
                    "failed" => run.failed.push(error.to_owned()),
                    _ => *done = true,
                }
                open.remove(&login);
            }
        }
        if run.kills < KILLS && tokio::time::Instant::now() >= next_kill {
            let (process, _, done) = &mut processes[fastrand::usize(..PROCESSES)];
            if !*done {
                process.kill().await;
                run.kills += 1;
                next_kill = tokio::time::Instant::now() + Duration::from_millis(fastrand::u64(200..500));
            }
        }
    }
    run
}

async fn get(issuer: &str, path: &str) -> Value {
    let configuration =
        Configuration::builder().api_key("unused-key").base_url(issuer).build().expect("a configuration");
    let response = configuration.request("GET", path).await.expect("a response");
    serde_json::from_slice(response.raw()).expect("JSON")
}

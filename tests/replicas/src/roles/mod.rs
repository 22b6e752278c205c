//! What a process of this program does when another one starts it.

mod caller;
mod receiver;
pub mod refresher;
pub mod worker;

use std::process::ExitCode;
use std::time::Duration;

use onehorizon_postgres::deadpool_postgres::{Manager, Pool, Runtime};
use onehorizon_postgres::tokio_postgres::NoTls;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::task::JoinHandle;

/// What the process that started this one says.
type Input = Lines<BufReader<Stdin>>;

pub fn run(arguments: &[String]) -> ExitCode {
    let Some((role, arguments)) = arguments.split_first() else { return ExitCode::from(2) };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let input = BufReader::new(tokio::io::stdin()).lines();
        match (role.as_str(), arguments.as_slice()) {
            ("caller", &[service, name, store, scale, calls, callers]) => {
                caller::run(input, &caller::Job { service, name, store, scale, calls, callers }).await;
            }
            ("receiver", &[store, at, effects, work]) => {
                receiver::run(input, &receiver::Job { store, at, effects, work }).await;
            }
            ("refresher", &[store, at, issuer, first, logins]) => {
                refresher::run(input, &refresher::Job { store, at, issuer, first, logins }).await;
            }
            ("worker", &[store, at, work, lease]) => {
                worker::run(input, &worker::Job { store, at, work, lease }).await;
            }
            _ => panic!("unknown role {role} {arguments:?}"),
        }
    });
    ExitCode::SUCCESS
}

/// Ends this process when the one that started it has ended.
fn end_with(mut input: Input) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok(Some(_)) = input.next_line().await {}
        std::process::exit(1);
    })
}

/// Connections for a handler's own transactions.
fn pool(address: &str) -> Pool {
    let manager = Manager::new(address.parse().expect("an address"), NoTls);
    let wait = Some(Duration::from_millis(800));
    let pool = Pool::builder(manager).max_size(8).runtime(Runtime::Tokio1).wait_timeout(wait).create_timeout(wait);
    pool.build().expect("a pool")
}

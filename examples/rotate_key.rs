//! Replaces an API key in a CI's secret store.
//!
//! ```text
//! ONE_OAUTH_TOKEN=… cargo run --example rotate_key -- \
//!     --key key_1 --store 'gh secret set ONE_API_KEY'
//! ```
//!
//! The command of `--store` gets the new secret on its standard input, never as an argument, where other users of the machine
//! could see it. With the old secret in `ONE_API_KEY`, the same command puts it back should the new key not work. Without
//! `--store`, `--print` writes the new secret to standard output, which is the only way it gets there.
//!
//! `--fake` plays all this with the fake of `onehorizon-testing`, key `key_1001`, without any account.

use std::process::{ExitCode, Stdio};

use onehorizon::{ApiKeysApi, Configuration, Secret};
use onehorizon_testing::FakeOneHorizon;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: rotate_key --key ID (--store COMMAND | --print) [--description TEXT] [--fake]";

#[derive(Default)]
struct Arguments {
    key: String,
    store: Option<String>,
    print: bool,
    description: Option<String>,
    fake: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, with every key that is left over.
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let arguments = arguments()?;
    let fake = if arguments.fake { Some(FakeOneHorizon::start().await?) } else { None };
    let configuration = if let Some(fake) = &fake {
        Configuration::builder().base_url(fake.url()).oauth_token(fake.oauth_token()).build()?
    } else {
        let token = std::env::var("ONE_OAUTH_TOKEN").map_err(|_| "set ONE_OAUTH_TOKEN: API keys cannot manage keys")?;
        let mut builder = Configuration::builder().oauth_token(token);
        if let Ok(url) = std::env::var("ONE_HORIZON_BASE_URL") {
            builder = builder.base_url(url);
        }
        builder.build()?
    };
    let mut plan = ApiKeysApi::new(&configuration).rotate_api_key(arguments.key);
    if let Some(description) = arguments.description {
        plan = plan.description(description);
    }
    let (store, print) = (arguments.store.clone(), arguments.print);
    let mut rotation = plan
        .install(move |secret| async move {
            if let Some(command) = store {
                put(&command, &secret).await?;
            }
            // Now and not at the end: should revoking the old key fail, the new one is in use and must not be lost.
            if print {
                println!("{}", secret.expose());
            }
            Ok::<(), Failure>(())
        })
        .on_progress(|progress| eprintln!("{progress:?}"));
    if let (Some(command), Ok(old)) = (arguments.store.clone(), std::env::var("ONE_API_KEY")) {
        let old = Secret::from(old);
        rotation = rotation.restore(move || async move { put(&command, &old).await });
    }
    let rotated = rotation.await?;
    eprintln!("{} took the place of {}", rotated.new_key, rotated.old_key);
    Ok(())
}

/// Hands a secret to a command on its standard input.
async fn put(command: &str, secret: &Secret) -> Result<(), Failure> {
    let mut shell = Command::new("sh");
    // What the command prints goes beside, so that it cannot bring the secret to standard output by accident.
    shell.arg("-c").arg(command).stdin(Stdio::piped()).stdout(std::io::stderr()).kill_on_drop(true);
    let mut child = shell.spawn()?;
    let mut stdin = child.stdin.take().ok_or("the command has no standard input")?;
    // A command that fails early closes its input; its status says more than the broken pipe.
    let written = stdin.write_all(secret.expose().as_bytes()).await;
    drop(stdin);
    let status = child.wait().await?;
    if !status.success() {
        return Err(format!("the command of --store failed: {status}").into());
    }
    Ok(written?)
}

fn arguments() -> Result<Arguments, Failure> {
    let mut found = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match word.as_str() {
            "--key" => found.key = value()?,
            "--store" => found.store = Some(value()?),
            "--description" => found.description = Some(value()?),
            "--print" => found.print = true,
            "--fake" => found.fake = true,
            _ => return Err(USAGE.into()),
        }
    }
    // A secret that goes nowhere would be lost with this process.
    if found.key.is_empty() || (found.store.is_none() && !found.print) {
        return Err(USAGE.into());
    }
    Ok(found)
}

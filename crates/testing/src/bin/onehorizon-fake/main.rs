//! `onehorizon-fake`: the fake service for users of any language, and tools for webhook receivers. See `--help`.

#![allow(clippy::disallowed_methods, reason = "a program waits on the real clock")]

mod args;
mod listen;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use crate::args::Args;

const HELP: &str = "\
onehorizon-fake: a fake One Horizon on this machine, and tools for webhook receivers

  onehorizon-fake [serve] [options]        serve the REST API, the login and a status page
      --port N                 the port; 4010 unless set, 0 for any free one
      --bind ADDRESS           127.0.0.1 unless set; on another address anyone who reaches it can use the fake
      --seed demo|empty|FILE   what the workspace holds; demo unless set
      --quota off|N,M          N requests in 15 minutes and M in a minute; 200,40 unless set
      --unknowns NAMES         how it behaves where no documentation says, such as errors=nested,update=patch
      --receiver URL           deliver webhooks there from the start (key from ONE_WEBHOOK_KEY)
      --record FILE            write the traffic there, without secrets
      --replay FILE            respond from a recording instead of playing the service
      --keep N                 how many requests and events are remembered; 500 unless set
      --allow-remote           receivers may be on other machines

  onehorizon-fake listen --forward-to URL [options]
                               take the fake's events and deliver them with the service's retries, a line each
      --from URL               the fake; http://127.0.0.1:4010 unless set
      --state FILE             remembers the last event, so that the next start delivers what came in between
      --time-scale X           multiplies the waits between retries, such as 0.01; 1 unless set
      --once                   deliver what there is, then end; the exit code is 1 if a delivery was given up
      --allow-remote           the receiver may be on another machine

  onehorizon-fake resend EVENT_ID --forward-to URL [--from URL] [--allow-remote]
                               deliver one event of the fake once more
  onehorizon-fake trigger EVENT_TYPE --forward-to URL [--allow-remote]
                               deliver a sample event, such as task.created, without a running fake

  Receivers get the key in ONE_WEBHOOK_KEY; with ONE_WEBHOOK_SECRET (whsec_…) deliveries are signed, too.
  Exit codes: 0 done, 1 a delivery was not taken, 2 the command line or a file is wrong.
";

/// Why the program ends early: a sentence that says what to do, and the exit code.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl Stop {
    /// The command line or a file is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }
}

/// Prints a line; the program goes on when the reader went away.
pub(crate) fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|one| one == "--help" || one == "-h") || arguments.first().is_some_and(|one| one == "help")
    {
        say(format_args!("{}", HELP.trim_end()));
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|one| one == "--version") {
        say(format_args!("onehorizon-fake {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            let _ = writeln!(std::io::stderr(), "onehorizon-fake: {}", stop.message);
            ExitCode::from(stop.code)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::usage(format!("could not start: {error}")))?;
    let mut args = Args::new(arguments);
    match args.command().as_str() {
        "serve" => runtime.block_on(serve::run(serve::Settings::read(args)?)),
        "listen" => runtime.block_on(listen::listen(listen::Settings::read(args)?)),
        "resend" => {
            let id = args.positional("the id of an event, such as evt_fake_000001")?;
            runtime.block_on(listen::resend(&listen::Settings::read(args)?, &id))
        }
        "trigger" => {
            let event_type = args.positional("the type of an event, such as task.created")?;
            runtime.block_on(listen::trigger(&listen::Settings::read(args)?, &event_type))
        }
        other => Err(Stop::usage(format!(
            "there is no command `{other}`: use serve, listen, resend or trigger, or see `onehorizon-fake --help`"
        ))),
    }
}

//! `serve`: the fake on a port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use onehorizon_testing::{Cassette, FakeBuilder, Recorder, ReplayTransport, Seed, Unknowns};

use crate::args::Args;
use crate::{Stop, say};

/// So much of requests is remembered; the rest is forgotten, oldest first.
const KEPT_BYTES: usize = 8 << 20;

#[derive(Debug)]
pub(crate) struct Settings {
    address: SocketAddr,
    seed: Seed,
    quota: Option<(u32, u32)>,
    unknowns: Unknowns,
    keep: usize,
    receiver: Option<String>,
    allow_remote: bool,
    recorder: Option<Recorder>,
    replay: Option<ReplayTransport>,
}

impl Settings {
    pub(crate) fn read(mut args: Args) -> Result<Self, Stop> {
        let port = args.parsed("--port", "a port: a number from 0 to 65535")?.unwrap_or(4010);
        let ip = args.parsed("--bind", "an IP address such as 127.0.0.1")?;
        let seed = match args.value("--seed")?.as_deref() {
            None | Some("demo") => Seed::demo(),
            Some("empty") => Seed::new(),
            Some(file) => read_seed(file)?,
        };
        let quota = match args.value("--quota")?.as_deref() {
            None => Some((200, 40)),
            Some("off") => None,
            Some(pair) => Some(read_quota(pair)?),
        };
        let unknowns = match (Unknowns::from_env(), args.value("--unknowns")?) {
            (Ok(_), Some(text)) => text.parse(),
            (in_environment, _) => in_environment,
        };
        let unknowns = unknowns.map_err(|error| Stop::usage(error.to_string()))?;
        let keep = args.parsed("--keep", "a number of requests")?.unwrap_or(500);
        let receiver = args.value("--receiver")?;
        let (record, replay) = (args.value("--record")?, args.value("--replay")?);
        let allow_remote = args.switch("--allow-remote");
        args.finish()?;
        let recorder = record.map(Recorder::to_file).transpose().map_err(|error| Stop::usage(error.to_string()))?;
        let cassette = replay.map(Cassette::load).transpose().map_err(|error| Stop::usage(error.to_string()))?;
        let replay = cassette.map(ReplayTransport::lenient);
        let address = SocketAddr::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port);
        Ok(Self { address, seed, quota, unknowns, keep, receiver, allow_remote, recorder, replay })
    }

    fn builder(&self) -> FakeBuilder {
        let builder = FakeBuilder::default().address(self.address).seed(self.seed.clone()).status_page();
        let builder = builder.unknowns(self.unknowns);
        let builder = builder.keep_requests(self.keep).keep_bytes(KEPT_BYTES);
        let builder = if self.allow_remote { builder.allow_remote_receivers() } else { builder };
        let builder = match &self.recorder {
            Some(recorder) => builder.record(recorder.clone()),
            None => builder,
        };
        let builder = match &self.replay {
            Some(replay) => builder.replay(replay.clone()),
            None => builder,
        };
        match self.quota {
            Some((quarter, minute)) => builder.quota(quarter, minute),
            None => builder.quota_off(),
        }
    }
}

fn read_seed(file: &str) -> Result<Seed, Stop> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Stop::usage(format!("could not read the seed {file}: {error}. Use --seed demo, --seed empty or a file"))
    })?;
    Seed::from_json(&text).map_err(|error| Stop::usage(format!("could not use the seed {file}: {error}")))
}

fn read_quota(pair: &str) -> Result<(u32, u32), Stop> {
    let numbers =
        pair.split_once(',').and_then(|(quarter, minute)| Some((quarter.parse().ok()?, minute.parse().ok()?)));
    numbers.ok_or_else(|| {
        Stop::usage(format!(
            "`--quota {pair}` is not `off` or two numbers such as 200,40: per 15 minutes and per minute"
        ))
    })
}

pub(crate) async fn run(settings: Settings) -> Result<(), Stop> {
    let address = settings.address;
    let fake = settings.builder().start().await.map_err(|error| {
        Stop::usage(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {} is taken: choose another with --port, or --port 0 for any free one", address.port())
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {} is not allowed to this user: choose one above 1023 with --port", address.port())
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine has no address {}: use another --bind", address.ip())
            }
            _ => format!("could not listen on {address}: {error}"),
        })
    })?;
    if let Some(receiver) = &settings.receiver {
        let key = std::env::var("ONE_WEBHOOK_KEY").unwrap_or_default();
        fake.add_receiver(receiver, &key).map_err(Stop::usage)?;
    }
    say(format_args!("THIS IS A FAKE One Horizon. Nothing in it is real; do not send it real credentials."));
    say(format_args!("  base URL     {}", fake.url()));
    say(format_args!("  status page  {}/", fake.site()));
    say(format_args!("  API key      {}", fake.api_key()));
    say(format_args!("  OAuth token  {}", fake.oauth_token()));
    say(format_args!("  try          ONE_HORIZON_BASE_URL={} ONE_API_KEY={} your-program", fake.url(), fake.api_key()));
    if !address.ip().is_loopback() {
        say(format_args!("  WARNING      it listens on {}: anyone who reaches that can use it", address.ip()));
    }
    // Until the process is ended.
    std::future::pending::<()>().await;
    drop(fake);
    Ok(())
}

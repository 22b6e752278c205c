//! `listen`, `resend` and `trigger`: deliveries to a receiver of the user's.

use std::fs;
use std::time::Duration;

use http::Method;
use onehorizon::transport::{ReqwestTransport, Transport, TransportRequest};
use onehorizon::webhook::Event;
use onehorizon_testing::{NewEvent, Record, WebhookAttempt, WebhookSender, check_receiver};
use url::Url;

use crate::args::Args;
use crate::{Stop, say};

/// The time between two looks at the fake.
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Settings {
    sender: WebhookSender,
    from: Url,
    state: Option<String>,
    once: bool,
}

impl Settings {
    pub(crate) fn read(mut args: Args) -> Result<Self, Stop> {
        let receiver = args.value("--forward-to")?;
        let from = args.value("--from")?.unwrap_or_else(|| "http://127.0.0.1:4010".to_owned());
        let state = args.value("--state")?;
        let scale: f64 = args.parsed("--time-scale", "a number such as 0.01")?.unwrap_or(1.0);
        let once = args.switch("--once");
        let allow_remote = args.switch("--allow-remote");
        args.finish()?;
        let receiver = receiver
            .ok_or_else(|| Stop::usage("say where deliveries go: --forward-to http://127.0.0.1:3000/webhook"))?;
        check_receiver(&receiver, allow_remote).map_err(Stop::usage)?;
        let from: Url = from.parse().map_err(|_| {
            Stop::usage(format!("`--from {from}` is not a valid URL: write it like http://127.0.0.1:4010"))
        })?;
        let mut builder = WebhookSender::builder(&receiver).time_scale(scale);
        for (name, is_key) in [("ONE_WEBHOOK_KEY", true), ("ONE_WEBHOOK_SECRET", false)] {
            if let Some(secret) = std::env::var(name).ok().filter(|secret| !secret.is_empty()) {
                builder = if is_key { builder.key(secret) } else { builder.signed(secret) };
            }
        }
        let sender = builder.build().map_err(|error| Stop::usage(error.to_string()))?;
        Ok(Self { sender, from, state, once })
    }
}

/// Takes events from the fake and delivers them, until the process ends.
pub(crate) async fn listen(settings: Settings) -> Result<(), Stop> {
    let mut last = match &settings.state {
        Some(file) => read_state(file)?,
        None => None,
    };
    let http = transport(&settings.from)?;
    let mut given_up = 0_u32;
    let mut is_down = false;
    loop {
        match events(&http, &settings.from, &format!("after={}", last.unwrap_or(0))).await {
            Ok(page) => {
                is_down = false;
                // Without a state file only what comes from now on is delivered.
                let start = if last.is_none() && !settings.once { page.last } else { last.unwrap_or(0) };
                if last.is_some_and(|last| last > page.last) {
                    say(format_args!("the fake was started again: its events count from 1"));
                    last = Some(0);
                    continue;
                }
                if page.first > start + 1 && last.is_some() {
                    say(format_args!("{} events are missing: the fake has forgotten them", page.first - start - 1));
                }
                last = Some(start.max(last.unwrap_or(0)));
                for (number, event) in page.events.into_iter().filter(|(number, _)| *number > start) {
                    if !deliver(&settings.sender, &event).await {
                        given_up += 1;
                    }
                    last = Some(number);
                    save(&settings, number)?;
                }
                save(&settings, last.unwrap_or(0))?;
            }
            Err(problem) if settings.once => return Err(problem),
            Err(problem) => {
                if !is_down {
                    say(format_args!("{}; trying again", problem.message));
                }
                is_down = true;
            }
        }
        if settings.once {
            return match given_up {
                0 => Ok(()),
                many => Err(Stop { message: format!("{many} events were not taken"), code: 1 }),
            };
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Delivers one event that the fake remembers.
pub(crate) async fn resend(settings: &Settings, id: &str) -> Result<(), Stop> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("id", id).finish();
    let page = events(&transport(&settings.from)?, &settings.from, &query).await?;
    let event = page.events.into_iter().next().ok_or_else(|| {
        Stop::usage(format!("the fake at {} remembers no event `{id}`: its page lists them", settings.from))
    })?;
    taken(deliver(&settings.sender, &event.1).await)
}

/// Delivers a sample event.
pub(crate) async fn trigger(settings: &Settings, event_type: &str) -> Result<(), Stop> {
    let known = ["task.created", "task.updated", "comment.created", "agent.session_queued"];
    if !known.contains(&event_type) {
        say(format_args!("{event_type} is not one of {}: a bare event of that type is sent", known.join(", ")));
    }
    let event = NewEvent::sample(event_type).build().map_err(|error| {
        Stop::usage(format!("`{event_type}` makes no event ({error}): a type looks like task.created"))
    })?;
    taken(deliver(&settings.sender, &event).await)
}

fn taken(is_taken: bool) -> Result<(), Stop> {
    let message = "the event was not taken: look at the receiver's log".to_owned();
    if is_taken { Ok(()) } else { Err(Stop { message, code: 1 }) }
}

/// Delivers an event with retries, a line each.
async fn deliver(sender: &WebhookSender, event: &Event) -> bool {
    let line = |number: u32, attempt: &WebhookAttempt, next: Option<Duration>| {
        let outcome = match (attempt.status(), attempt.failure()) {
            (Some(status), _) => status.to_string(),
            (None, Some(failure)) => format!("{failure:?}").to_lowercase(),
            (None, None) => "no response".to_owned(),
        };
        let then = match next {
            Some(wait) => format!("again in {:.1} s", wait.as_secs_f64()),
            None if attempt.is_taken() => "taken".to_owned(),
            None => "given up".to_owned(),
        };
        say(format_args!("{:<20} {}  attempt {}  {outcome}  {then}", event.id(), event.event_type(), number + 1));
    };
    sender.deliver_with(event, line).await.is_delivered()
}

/// A part of the fake's events.
struct EventPage {
    first: u64,
    last: u64,
    events: Vec<(u64, Event)>,
}

fn transport(from: &Url) -> Result<ReqwestTransport, Stop> {
    let name = concat!("onehorizon-fake/", env!("CARGO_PKG_VERSION"));
    ReqwestTransport::standard(from, name, Duration::from_secs(5)).map_err(|error| Stop::usage(error.to_string()))
}

async fn events(http: &ReqwestTransport, from: &Url, query: &str) -> Result<EventPage, Stop> {
    let unusable = |why: &str| {
        Stop::usage(format!("could not take events from {from}: {why}. Is `onehorizon-fake serve` running there?"))
    };
    let mut url = from.join("/fake/events").map_err(|error| unusable(&error.to_string()))?;
    url.set_query(Some(query));
    let request = TransportRequest::new(Method::GET, url);
    let response = tokio::time::timeout(Duration::from_secs(10), http.send(request)).await;
    let response =
        response.map_err(|_| unusable("no response in 10 s"))?.map_err(|error| unusable(&error.to_string()))?;
    if !response.status.is_success() {
        return Err(unusable(&format!("status {}", response.status)));
    }
    let page: Record = serde_json::from_slice(&response.body).map_err(|_| unusable("the response is not its list"))?;
    let number = |name: &str| page.get::<u64>(name);
    let (Some(first), Some(last)) = (number("first"), number("last")) else {
        return Err(unusable("the response is not its list"));
    };
    let lines: Vec<Record> = page.get("events").unwrap_or_default();
    let events = lines.iter().filter_map(|line| {
        let event = Event::from_json(line.raw("event")?).ok()?;
        Some((line.get::<u64>("number")?, event))
    });
    Ok(EventPage { first, last, events: events.collect() })
}

/// The number of the last event that was delivered; `None` when there is no file yet.
fn read_state(file: &str) -> Result<Option<u64>, Stop> {
    match fs::read_to_string(file) {
        Ok(text) => match text.trim().strip_prefix("onehorizon-fake listen 1 ").map(str::parse) {
            Some(Ok(number)) => Ok(Some(number)),
            _ => Err(Stop::usage(format!("{file} is not a state file of this version: remove it to start afresh"))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(0)),
        Err(error) => Err(Stop::usage(format!("could not read {file}: {error}"))),
    }
}

fn save(settings: &Settings, last: u64) -> Result<(), Stop> {
    let Some(file) = &settings.state else { return Ok(()) };
    // Written aside and renamed, so that an end in between leaves a whole file.
    let aside = format!("{file}.new");
    let written =
        fs::write(&aside, format!("onehorizon-fake listen 1 {last}\n")).and_then(|()| fs::rename(&aside, file));
    written.map_err(|error| Stop::usage(format!("could not write {file}: {error}")))
}

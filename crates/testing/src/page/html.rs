//! The page as HTML. Whatever came from outside is escaped; credentials are never in it, but for the made-up ones.

use std::collections::VecDeque;
use std::fmt::Write;

use onehorizon::models::TaskStatus;

use crate::record::Record;
use crate::scenario::Scenario;
use crate::service::recorded::RecordedRequest;
use crate::service::{BASE_PATH, Core, seed};
use crate::webhook::registered::{DeliveryLine, RegisteredWebhook};

/// Rows of a table.
const ROWS: usize = 50;

/// The events that the page can send.
const EVENT_TYPES: [&str; 4] = ["task.created", "task.updated", "comment.created", "agent.session_queued"];

pub(super) struct View<'p> {
    pub(super) receivers: &'p [(String, RegisteredWebhook)],
    pub(super) samples: &'p VecDeque<u32>,
    pub(super) host: &'p str,
}

pub(super) fn page(core: &Core, view: &View<'_>) -> String {
    let now = core.now();
    let (quota, requests, waiting, tasks, events) = {
        let mut inner = core.lock();
        let quota = inner.quota.as_mut().map(|quota| (quota.left(now), quota.limit()));
        let requests: Vec<RecordedRequest> = inner.requests.iter().rev().take(ROWS).cloned().collect();
        let waiting: Vec<String> = inner.script.lines().take(ROWS).collect();
        let tasks: Vec<Record> = inner.state.tasks.iter().take(ROWS).cloned().collect();
        let events: Vec<(String, String)> = inner
            .webhooks
            .emitted
            .iter()
            .rev()
            .take(ROWS)
            .map(|(_, event)| (event.id().to_string(), event.event_type().as_str().to_owned()))
            .collect();
        (quota, requests, waiting, tasks, events)
    };
    let mut out = String::with_capacity(32 * 1024);
    out.push_str(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fake One Horizon</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/fake/style.css\"><script src=\"/fake/app.js\" defer></script></head><body>\
         <header class=\"banner\"><h1><strong>THIS IS A FAKE</strong> One Horizon for tests</h1>\
         <p>Nothing here is real, and its credentials open nothing else. Never send it a real one.</p>\
         <p><label id=\"refresh-control\" hidden><input type=\"checkbox\" id=\"refresh\" checked> Refresh every 2 seconds</label> \
         <span id=\"state\" role=\"status\"></span></p></header><main>",
    );
    connect(&mut out, view.host);
    quota_section(&mut out, quota, view.samples);
    scenarios(&mut out, &waiting);
    webhooks(&mut out, view.receivers, &events);
    request_table(&mut out, &requests);
    task_table(&mut out, &tasks);
    out.push_str("</main></body></html>");
    out
}

fn connect(out: &mut String, host: &str) {
    let _ = write!(
        out,
        "<section aria-labelledby=\"connect-h\"><h2 id=\"connect-h\">Connect</h2><dl>\
         <dt>Base URL</dt><dd><code>http://{}{BASE_PATH}</code></dd>\
         <dt>API key</dt><dd><code>{}</code></dd>\
         <dt>Token of an owner</dt><dd><code>{}</code></dd>\
         <dt>Token of a workspace member</dt><dd><code>{}</code></dd></dl>\
         <p class=\"soft\">All made up. Responses name in <code>x-fake-undocumented</code> what no documentation says.</p></section>",
        escape(host),
        seed::API_KEY,
        seed::OWNER_TOKEN,
        seed::MEMBER_TOKEN,
    );
}

fn quota_section(out: &mut String, quota: Option<(u32, u32)>, samples: &VecDeque<u32>) {
    out.push_str("<section aria-labelledby=\"quota-h\"><h2 id=\"quota-h\">Quota</h2><div id=\"quota\" data-live>");
    match quota {
        None => out.push_str("<p>The quota is off.</p>"),
        Some((left, limit)) => {
            let low = limit / 5;
            let _ = write!(
                out,
                "<p><label for=\"left\">Requests that would be let in at once: <b>{left}</b> of {limit}</label></p>\
                 <meter id=\"left\" min=\"0\" max=\"{limit}\" low=\"{low}\" value=\"{left}\">{left} of {limit}</meter>"
            );
            if samples.len() > 1 {
                let most = samples.iter().copied().max().unwrap_or(1).max(limit);
                let points: Vec<String> = samples
                    .iter()
                    .enumerate()
                    .map(|(index, left)| format!("{index},{}", most.saturating_sub(*left)))
                    .collect();
                let width = samples.len() - 1;
                let first = samples.front().copied().unwrap_or_default();
                let _ = write!(
                    out,
                    "<svg viewBox=\"0 0 {width} {most}\" preserveAspectRatio=\"none\" role=\"img\" \
                     aria-label=\"Quota left over the last {} requests: from {first} to {left}\"><polyline points=\"{}\"/></svg>",
                    samples.len(),
                    points.join(" ")
                );
            }
        }
    }
    out.push_str("</div>");
    button(out, "/fake/quota/spend", &[], "Spend it");
    button(out, "/fake/quota/reset", &[], "Give it back");
    out.push_str("</section>");
}

fn scenarios(out: &mut String, waiting: &[String]) {
    out.push_str(
        "<section class=\"wide\" aria-labelledby=\"scenarios-h\"><h2 id=\"scenarios-h\">Scenarios</h2>\
         <form method=\"post\" action=\"/fake/scenario\"><label for=\"operation\">Only for operation</label> \
         <input id=\"operation\" name=\"operation\" placeholder=\"any\" size=\"12\"> <label for=\"scenario-id\">and id</label> \
         <input id=\"scenario-id\" name=\"id\" placeholder=\"any\" size=\"10\"><p>",
    );
    for scenario in Scenario::ALL {
        let (name, description) = (scenario.name(), scenario.description());
        let _ = write!(out, "<button name=\"name\" value=\"{name}\" title=\"{description}\">{name}</button> ");
    }
    out.push_str("</p></form><div id=\"waiting\" data-live>");
    if waiting.is_empty() {
        out.push_str("<p class=\"soft\">No fault waits for a request.</p>");
    } else {
        out.push_str("<p>Waiting for a request:</p><ol>");
        for line in waiting {
            let _ = write!(out, "<li><code>{}</code></li>", escape(line));
        }
        out.push_str("</ol>");
    }
    out.push_str("</div>");
    button(out, "/fake/clear", &[], "Clear");
    out.push_str("</section>");
}

fn webhooks(out: &mut String, receivers: &[(String, RegisteredWebhook)], events: &[(String, String)]) {
    out.push_str(
        "<section class=\"wide\" aria-labelledby=\"webhooks-h\"><h2 id=\"webhooks-h\">Webhooks</h2>\
         <form method=\"post\" action=\"/fake/receiver\"><label for=\"url\">Receiver</label> \
         <input id=\"url\" name=\"url\" type=\"url\" required placeholder=\"http://127.0.0.1:3000/webhook\" size=\"28\"> \
         <label for=\"key\">Key</label> <input id=\"key\" name=\"key\" type=\"password\" autocomplete=\"off\" size=\"10\"> \
         <button>Register</button></form>\
         <form method=\"post\" action=\"/fake/trigger\"><label for=\"type\">Event</label> <select id=\"type\" name=\"type\">",
    );
    for event_type in EVENT_TYPES {
        let _ = write!(out, "<option>{event_type}</option>");
    }
    out.push_str("</select> <button>Send</button></form><div id=\"deliveries\" data-live>");
    let deliveries: Vec<(&str, DeliveryLine)> = receivers
        .iter()
        .flat_map(|(url, registered)| registered.log().into_iter().map(move |line| (url.as_str(), line)))
        .collect();
    let to: Vec<String> = receivers.iter().map(|(url, _)| format!("<code>{}</code>", escape(url))).collect();
    let _ = write!(
        out,
        "<p class=\"soft\">Receivers: {}</p>",
        if to.is_empty() { "none".to_owned() } else { to.join(", ") }
    );
    out.push_str("<div class=\"scroll\" role=\"region\" aria-label=\"Table of deliveries\" tabindex=\"0\"><table><caption>The last deliveries, newest first</caption><tr><th scope=\"col\">Event</th><th scope=\"col\">Type</th><th scope=\"col\">Attempt</th><th scope=\"col\">Response</th><th scope=\"col\">Headers sent</th><th scope=\"col\">Next</th></tr>");
    for (_, line) in deliveries.iter().rev().take(ROWS) {
        let next = line.next.map_or_else(|| "none".to_owned(), |wait| format!("again in {} s", wait.as_secs()));
        let class = if line.is_taken { "good" } else { "bad" };
        let _ = write!(
            out,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td>{next}</td></tr>",
            escape(&line.event_id),
            escape(&line.event_type),
            line.number,
            escape(&line.outcome),
            escape(&line.headers.join(", ")),
        );
    }
    out.push_str("</table></div><div class=\"scroll\" role=\"region\" aria-label=\"Table of events\" tabindex=\"0\"><table><caption>The last events, newest first</caption><tr><th scope=\"col\">Event</th><th scope=\"col\">Type</th><th scope=\"col\">Action</th></tr>");
    for (id, event_type) in events {
        let _ = write!(out, "<tr><td><code>{}</code></td><td>{}</td><td>", escape(id), escape(event_type));
        button(out, "/fake/resend", &[("id", id)], "Resend");
        out.push_str("</td></tr>");
    }
    out.push_str("</table></div></div></section>");
}

fn request_table(out: &mut String, requests: &[RecordedRequest]) {
    out.push_str("<section class=\"wide\" aria-labelledby=\"requests-h\"><h2 id=\"requests-h\">Requests</h2><div id=\"requests\" class=\"scroll\" role=\"region\" aria-label=\"Table of requests\" tabindex=\"0\" data-live><table><caption>The last requests, newest first</caption><tr><th scope=\"col\">After start</th><th scope=\"col\">Request</th><th scope=\"col\">Operation</th><th scope=\"col\">By</th><th scope=\"col\">Status</th><th scope=\"col\">Verdict</th><th scope=\"col\">Not documented</th></tr>");
    for request in requests {
        let status = request.status().map_or_else(|| "no response".to_owned(), |status| status.to_string());
        let verdict: Vec<String> = request.violations().iter().map(|one| escape(&one.to_string())).collect();
        let (class, verdict) = if verdict.is_empty() {
            ("good", "as the contract says".to_owned())
        } else {
            ("bad", verdict.join("<br>"))
        };
        let _ = write!(
            out,
            "<tr><td>{:.3} s</td><td><code>{} {}</code></td><td>{}</td><td>{}</td><td>{status}</td><td class=\"{class}\">{verdict}</td><td>{}</td></tr>",
            request.at.as_secs_f64(),
            escape(request.method().as_str()),
            escape(request.path()),
            escape(request.operation().unwrap_or("none")),
            escape(request.principal().unwrap_or("nobody")),
            escape(&request.undocumented().join(", ")),
        );
    }
    out.push_str("</table></div></section>");
}

fn task_table(out: &mut String, tasks: &[Record]) {
    out.push_str("<section class=\"wide\" aria-labelledby=\"tasks-h\"><h2 id=\"tasks-h\">Tasks</h2><div id=\"tasks\" class=\"scroll\" role=\"region\" aria-label=\"Table of tasks\" tabindex=\"0\" data-live><table><caption>The first tasks; a change sends task.updated</caption><tr><th scope=\"col\">Id</th><th scope=\"col\">Title</th><th scope=\"col\">Status</th><th scope=\"col\">Change</th></tr>");
    for task in tasks {
        let field = |name: &str| escape(&task.text(name).unwrap_or_default());
        let (id, title, status) = (field("taskId"), field("title"), field("status"));
        let _ = write!(
            out,
            "<tr><td><code>{id}</code></td><td>{title}</td><td>{status}</td><td><form method=\"post\" action=\"/fake/task\">\
             <input type=\"hidden\" name=\"id\" value=\"{id}\"><select name=\"status\" aria-label=\"New status of {id}\">"
        );
        for known in TaskStatus::KNOWN {
            let known = known.as_str();
            let selected = if status == known { " selected" } else { "" };
            let _ = write!(out, "<option{selected}>{known}</option>");
        }
        let _ =
            write!(out, "</select> <button aria-label=\"Change the status of {id}\">Change</button></form></td></tr>");
    }
    out.push_str("</table></div></section>");
}

fn button(out: &mut String, action: &str, fields: &[(&str, &str)], label: &str) {
    let _ = write!(out, "<form method=\"post\" action=\"{action}\">");
    for (name, value) in fields {
        let _ = write!(out, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    }
    let name: String = fields.iter().map(|(_, value)| format!(" aria-label=\"{label} {}\"", escape(value))).collect();
    let _ = write!(out, "<button{name}>{label}</button></form>");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

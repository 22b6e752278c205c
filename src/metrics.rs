//! Calls and deliveries as metrics, by the facade `metrics` (feature `metrics`).
//!
//! [`Metrics`] is a set of hooks. Whatever recorder the program installs gets them, for instance `metrics-exporter-prometheus`,
//! which turns the dots of the names into underscores. Install the recorder first, then make the hooks: units and
//! descriptions are given to the recorder that is there.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `http.client.request.duration` | histogram, seconds | `http.request.method`, `server.address`, `server.port`, `url.template`, `http.response.status_code`, `error.type` |
//! | `onehorizon.call.duration` | histogram, seconds | `onehorizon.operation`, `error.type` |
//! | `onehorizon.retries` | counter | `onehorizon.operation`, `error.type` |
//! | `onehorizon.waits` | counter | `reason` |
//! | `onehorizon.quota.wait` | histogram, seconds | `onehorizon.operation` |
//! | `onehorizon.quota.remaining` | gauge | `window` |
//! | `onehorizon.quota.limit` | gauge | `window` |
//! | `onehorizon.drift` | counter | `onehorizon.operation`, `kind` |
//! | `onehorizon.deliveries` | counter | `event_type`, `outcome`, `key_label` |
//! | `onehorizon.deliveries.drift` | counter | `event_type`, `kind` |
//! | `onehorizon.deliveries.refused` | counter | `reason` |
//! | `onehorizon.delivery.duration` | histogram, seconds | `outcome` |
//!
//! `window` is the length in seconds of a window under pacing, or `service` for what the service reports in headers.
//!
//! The first is the metric of OpenTelemetry's semantic conventions for HTTP clients: one value for each attempt. No label
//! has an id, a workspace, or anything else that grows with use: raw requests have no `url.template`, since a program may
//! put ids into their paths, and what is not one of a known set is `_OTHER`.
//!
//! ```
//! use onehorizon::metrics::Metrics;
//! # fn main() -> Result<(), onehorizon::Error> {
//! let metrics = Metrics::new();
//! let configuration = onehorizon::Configuration::builder().api_key("the-key").hooks(metrics).build()?;
//! # Ok(()) }
//! ```

use ::metrics::{Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

/// What is not one of a known set, as the semantic conventions write it.
const OTHER: &str = "_OTHER";

/// Hooks that record metrics, for [`ConfigurationBuilder::hooks`](crate::ConfigurationBuilder::hooks) and
/// [`ReceiverBuilder::hooks`](crate::webhook::ReceiverBuilder::hooks); see the [module](self).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metrics;

impl Metrics {
    /// Describes the metrics to the recorder that the program has installed.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it has an effect")]
    pub fn new() -> Self {
        if cfg!(feature = "client") {
            describe_histogram!("http.client.request.duration", Unit::Seconds, "Duration of HTTP client requests.");
            describe_histogram!(
                "onehorizon.call.duration",
                Unit::Seconds,
                "Duration of calls, with all attempts and waits."
            );
            describe_counter!("onehorizon.retries", "Attempts after the first of a call.");
            describe_counter!("onehorizon.waits", "Waits within calls that have begun.");
            describe_histogram!(
                "onehorizon.quota.wait",
                Unit::Seconds,
                "How long a call that waited for the quota did so."
            );
            describe_gauge!("onehorizon.quota.remaining", "Requests left in the quota's window.");
            describe_gauge!("onehorizon.quota.limit", "Requests in the quota's window.");
            describe_counter!(
                "onehorizon.drift",
                "What responses held for the first time that this version does not know."
            );
        }
        if cfg!(feature = "webhook") {
            describe_counter!(
                "onehorizon.deliveries",
                "Webhook deliveries whose event was verified, by how they ended."
            );
            describe_counter!(
                "onehorizon.deliveries.drift",
                "What events held for the first time that this version does not know."
            );
            describe_counter!("onehorizon.deliveries.refused", "Webhook requests that were refused.");
            describe_histogram!(
                "onehorizon.delivery.duration",
                Unit::Seconds,
                "Time from the verified event to the reply."
            );
        }
        Self
    }
}

fn label(name: &'static str, value: impl Into<SharedString>) -> Label {
    Label::new(name, value)
}

#[cfg(feature = "client")]
mod calls {
    use ::metrics::gauge;

    use super::{Label, Metrics, OTHER, counter, histogram, label};
    use crate::error::ErrorKind;
    use crate::hooks::{AttemptEnd, AttemptInfo, CallEnd, CallHooks, CallInfo, Drift, WaitInfo};

    const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

    /// As in spans: the status, else the kind of the error.
    fn error_type(status: Option<u16>, error: Option<ErrorKind>, cancelled: bool) -> Option<Label> {
        let value = match (status, error) {
            _ if cancelled => "cancelled".to_owned(),
            (_, None) => return None,
            (Some(status), Some(_)) => status.to_string(),
            (None, Some(kind)) => format!("{kind:?}"),
        };
        Some(label("error.type", value))
    }

    fn operation(call: &CallInfo<'_>) -> Label {
        label("onehorizon.operation", call.operation)
    }

    #[allow(clippy::cast_precision_loss, reason = "quotas are small numbers")]
    fn set_quota(window: &str, remaining: Option<u64>, limit: Option<u64>) {
        for (name, value) in [("onehorizon.quota.remaining", remaining), ("onehorizon.quota.limit", limit)] {
            if let Some(value) = value {
                gauge!(name, vec![label("window", window.to_owned())]).set(value as f64);
            }
        }
    }

    impl CallHooks for Metrics {
        fn attempt_started(&self, attempt: &AttemptInfo<'_>) {
            if let Some(reason) = attempt.retry_reason {
                let labels = vec![operation(&attempt.call), label("error.type", format!("{reason:?}"))];
                counter!("onehorizon.retries", labels).increment(1);
            }
        }

        fn attempt_ended(&self, attempt: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
            let call = &attempt.call;
            let method = METHODS.into_iter().find(|known| *known == call.method).unwrap_or(OTHER);
            let mut labels = vec![
                label("http.request.method", method),
                label("server.address", call.server_address.to_owned()),
                label("server.port", call.server_port.to_string()),
            ];
            if !call.is_raw() {
                labels.push(label("url.template", call.route.to_owned()));
            }
            labels.extend(end.status.map(|status| label("http.response.status_code", status.to_string())));
            labels.extend(error_type(end.status, end.error, end.cancelled));
            histogram!("http.client.request.duration", labels).record(end.elapsed);
            for usage in end.windows {
                let window = usage.window.length().as_secs().to_string();
                set_quota(&window, Some(usage.remaining().into()), Some(usage.window.requests().into()));
            }
            if let Some(limit) = end.rate_limit {
                set_quota("service", limit.remaining, limit.limit);
            }
        }

        fn wait_started(&self, _: &CallInfo<'_>, wait: &WaitInfo) {
            counter!("onehorizon.waits", vec![label("reason", wait.reason.as_str())]).increment(1);
        }

        fn drift_found(&self, call: &CallInfo<'_>, drift: &Drift<'_>) {
            counter!("onehorizon.drift", vec![operation(call), label("kind", drift.kind.as_str())]).increment(1);
        }

        fn call_ended(&self, call: &CallInfo<'_>, end: &CallEnd) {
            let mut labels = vec![operation(call)];
            // A call that failed after a success could not read the response, and has no status that says so.
            let status = end.status.filter(|status| *status >= 400);
            labels.extend(error_type(status, end.error, end.cancelled));
            histogram!("onehorizon.call.duration", labels).record(end.elapsed);
            if !end.time_spent.quota.is_zero() {
                histogram!("onehorizon.quota.wait", vec![operation(call)]).record(end.time_spent.quota);
            }
        }
    }
}

#[cfg(feature = "webhook")]
mod deliveries {
    use super::{Label, Metrics, OTHER, counter, histogram, label};
    use crate::models::EventType;
    use crate::webhook::{DeliveryEnd, DeliveryHooks, DeliveryInfo, Drift, WebhookError};

    fn event_type(delivery: &DeliveryInfo<'_>) -> Label {
        let known = match EventType::other(delivery.event_type) {
            EventType::Unknown(_) => OTHER.to_owned(),
            known => known.as_str().to_owned(),
        };
        label("event_type", known)
    }

    impl DeliveryHooks for Metrics {
        fn drift_found(&self, delivery: &DeliveryInfo<'_>, drift: &Drift<'_>) {
            let labels = vec![event_type(delivery), label("kind", drift.kind.as_str())];
            counter!("onehorizon.deliveries.drift", labels).increment(1);
        }

        fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
            let mut labels = vec![event_type(delivery), label("outcome", end.outcome)];
            labels.extend(delivery.label.map(|key| label("key_label", key.to_owned())));
            counter!("onehorizon.deliveries", labels).increment(1);
            histogram!("onehorizon.delivery.duration", vec![label("outcome", end.outcome)]).record(end.elapsed);
        }

        fn refused(&self, error: &WebhookError) {
            counter!("onehorizon.deliveries.refused", vec![label("reason", error.code())]).increment(1);
        }
    }
}

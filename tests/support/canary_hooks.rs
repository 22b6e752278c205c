//! Everything that hooks are called with, as text.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use onehorizon::hooks::{AttemptEnd, AttemptInfo, CallEnd, CallHooks, CallInfo, Drift, WaitInfo};
use onehorizon::webhook::{DeliveryEnd, DeliveryHooks, DeliveryInfo, WebhookError};

#[derive(Clone, Default)]
pub struct Hooked(Arc<Mutex<Vec<String>>>);

impl Hooked {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, context: impl Debug) {
        self.0.lock().unwrap().push(format!("{context:?}"));
    }
}

impl CallHooks for Hooked {
    fn call_started(&self, call: &CallInfo<'_>) {
        self.add(call);
    }

    fn attempt_started(&self, attempt: &AttemptInfo<'_>) {
        self.add(attempt);
    }

    fn attempt_ended(&self, attempt: &AttemptInfo<'_>, end: &AttemptEnd<'_>) {
        self.add((attempt, end));
    }

    fn wait_started(&self, call: &CallInfo<'_>, wait: &WaitInfo) {
        self.add((call, wait));
    }

    fn drift_found(&self, call: &CallInfo<'_>, drift: &Drift<'_>) {
        self.add((call, drift));
    }

    fn call_ended(&self, call: &CallInfo<'_>, end: &CallEnd) {
        self.add((call, end));
    }
}

impl DeliveryHooks for Hooked {
    fn received(&self, delivery: &DeliveryInfo<'_>) {
        self.add(delivery);
    }

    fn drift_found(&self, delivery: &DeliveryInfo<'_>, drift: &Drift<'_>) {
        self.add((delivery, drift));
    }

    fn ended(&self, delivery: &DeliveryInfo<'_>, end: &DeliveryEnd) {
        self.add((delivery, end));
    }

    fn refused(&self, error: &WebhookError) {
        self.add(error);
    }
}

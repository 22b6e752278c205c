//! Reports to the hooks what a response holds that this version of the crate does not know, each thing once.

use super::call::Call;
use super::observer;
use super::reported::MOST;
use crate::hooks::{Drift, DriftKind};
use crate::models::Json;
use crate::models::runtime::{Findings, Path, Value};
use crate::redact::Redactor;

/// Names and values that are longer are cut.
const LONGEST: usize = 128;

pub(super) fn report<T: Value>(call: &Call, value: &T, redactor: &Redactor) {
    let mut found = Found(Vec::new());
    value.report(&Path::Root, &[], &mut found);
    for (kind, path, value) in found.0 {
        let path = cut(redactor.line(&path));
        let value = value.map(|value| cut(redactor.line(&value)));
        let key = format!("{} {} {path} {}", call.operation.id, kind.as_str(), value.as_deref().unwrap_or_default());
        if call.settings.reported.is_new(key) {
            let (info, drift) = (observer::info(call), Drift { kind, path: &path, value: value.as_deref() });
            call.settings.hooks.each(|hooks| hooks.drift_found(&info, &drift));
        }
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

struct Found(Vec<(DriftKind, String, Option<String>)>);

impl Found {
    /// A list often has the same thing in each of its items.
    fn add(&mut self, kind: DriftKind, path: String, value: Option<&str>) {
        let is_known = |(k, p, v): &(DriftKind, String, Option<String>)| (*k, p, v.as_deref()) == (kind, &path, value);
        if self.0.len() < MOST && !self.0.iter().any(is_known) {
            self.0.push((kind, path, value.map(str::to_owned)));
        }
    }
}

impl Findings for Found {
    fn unreadable(&mut self, at: &Path<'_>, _: &Json, _: &str) {
        self.add(DriftKind::Unreadable, at.shape(), None);
    }

    fn unknown_field(&mut self, at: &Path<'_>) {
        self.add(DriftKind::UnknownField, at.shape(), None);
    }

    fn unknown_value(&mut self, at: &Path<'_>, value: &str) {
        self.add(DriftKind::UnknownValue, at.shape(), Some(value));
    }
}

//! What in an event this version of the crate does not know.

use super::Event;
use crate::drift::{DriftKind, Found};
use crate::models::runtime::{Path, Value};

/// Attributes that the contract does not name, and that this crate or the program's tracing reads.
const EXTENSIONS: [&str; 4] = ["dataschema", "reconciled", "traceparent", "tracestate"];

pub(super) fn of(event: &Event) -> Found {
    let mut found = Found::default();
    let data = Path::Field(&Path::Root, "data");
    let payload = event.payload.field().map(|field| Path::Field(&data, field));
    if let Ok(model) = event.to_model() {
        model.report(&Path::Root, &[], &mut found);
    } else {
        // The type of the resource is all that the model requires and that was not checked before.
        found.add_unreadable(&Path::Field(&data, "resource"));
        if let Some(at) = &payload {
            found.add_unreadable(at);
        }
    }
    for extension in EXTENSIONS {
        found.remove(DriftKind::UnknownField, extension);
    }
    // The payload has been read by itself, also where it is wrapped once more.
    if let Some(at) = payload
        && found.remove(DriftKind::Unreadable, &at.shape())
    {
        event.payload.report(&at, &mut found);
    }
    found
}

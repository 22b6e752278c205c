//! Models, timestamps, and the generator.

use onehorizon::Timestamp;
use onehorizon::models::{CreatedApiKey, DocumentList, ErrorBody, NewTask, Task, TaskList, WebhookEvent};
use onehorizon_generate::{Input, Methods, Mode, generate};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::gauge::bounded;

/// Writing and reading again yields the same value and the same text.
fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) {
    bounded(data.len(), 96, || {
        let Ok(value) = serde_json::from_slice::<T>(data) else { return };
        let text = serde_json::to_string(&value).unwrap();
        let again: T = serde_json::from_str(&text).unwrap();
        assert!(value == again, "changed by writing and reading: {text}");
        assert_eq!(text, serde_json::to_string(&again).unwrap());
    });
}

/// JSON of a model.
pub fn model(data: &[u8]) {
    round_trip::<Task>(data);
    round_trip::<TaskList>(data);
    round_trip::<NewTask>(data);
    round_trip::<DocumentList>(data);
    round_trip::<CreatedApiKey>(data);
    round_trip::<ErrorBody>(data);
    round_trip::<WebhookEvent>(data);
    let Ok(mut task) = serde_json::from_slice::<Task>(data) else { return };
    let names: Vec<String> = task.extra.names().map(str::to_owned).collect();
    for name in names.iter().take(3) {
        let raw = task.extra.raw(name).unwrap().to_owned();
        let before = task.extra.len();
        assert!(task.extra.remove(name));
        assert!(task.extra.raw(name).is_none() && task.extra.len() < before);
        task.extra.insert(name, &1).unwrap();
        assert!(!raw.is_empty());
    }
}

/// A timestamp's text.
pub fn timestamp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    bounded(data.len(), 32, || {
        let time = Timestamp::from(text);
        assert_eq!(time.as_str(), text);
        let (jiff, chrono, other) = (time.to_jiff(), time.to_chrono(), time.to_time());
        if let (Ok(chrono), Ok(other)) = (&chrono, &other) {
            assert_eq!(chrono.timestamp(), other.unix_timestamp(), "{text:?}");
        }
        if let (Ok(jiff), Ok(other)) = (&jiff, &other) {
            assert!((jiff.as_second() - other.unix_timestamp()).abs() <= 1, "{text:?}");
        }
    });
}

/// An OpenAPI document, and its curation after a NUL byte.
pub fn generator(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (document, curation) = text.split_once('\0').unwrap_or((text, ""));
    bounded(data.len() + 256, 64 * 1024, || {
        for mode in [Mode::Lenient, Mode::Strict] {
            let input = Input { document, curation, source: "a document", mode, written: &Methods::default() };
            if let Err(error) = generate(&input) {
                assert!(!error.to_string().is_empty());
            }
        }
    });
}

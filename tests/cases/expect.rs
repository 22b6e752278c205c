//! What a case expects, compared with what was seen.

use std::error::Error as StdError;
use std::time::Duration;

use onehorizon::oauth::OauthError;
use onehorizon::{Error, Sent};
use onehorizon_testing::SentRequest;
use serde_json::{Value, json};
use url::form_urlencoded;

/// An error in the words of the cases.
pub struct Failure {
    kind: String,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    line: String,
    /// All that is printed of it.
    shown: String,
    /// All that is kept in it.
    kept: String,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    sent: Sent,
    needs_login: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut shown = format!("{error} {error:?} {} {:?}", error.message(), error.field_errors());
        shown += &format!(" {:?} {:?}", error.hint(), error.code());
        let mut cause = error.source();
        while let Some(source) = cause {
            shown += &format!(" {source} {source:?}");
            cause = source.source();
        }
        Self {
            kind: snake_case(&format!("{:?}", error.kind())),
            status: error.status(),
            code: error.code().map(str::to_owned),
            message: error.to_string(),
            line: error.to_string(),
            kept: format!("{shown} {}", String::from_utf8_lossy(error.body())),
            shown,
            request_id: error.request_id().map(str::to_owned),
            retry_after: error.retry_after(),
            retryable: error.is_retryable(),
            sent: error.was_sent(),
            needs_login: error.is_unauthorized(),
        }
    }
}

impl From<OauthError> for Failure {
    fn from(error: OauthError) -> Self {
        let shown = format!("{error} {error:?} {} {:?} {:?}", error.message(), error.hint(), error.source());
        Self {
            kind: snake_case(&format!("{:?}", error.kind())),
            status: error.status(),
            code: error.code().map(|code| code.as_str().to_owned()),
            message: error.to_string(),
            line: error.to_string(),
            kept: shown.clone(),
            shown,
            request_id: None,
            retry_after: None,
            retryable: false,
            sent: error.was_sent(),
            needs_login: error.needs_login(),
        }
    }
}

/// What a call returned: JSON, and how many entries it lists; or an error.
pub type Outcome = Result<(String, Option<usize>), Box<Failure>>;

/// Compares a call with the expectation and returns what is otherwise.
pub fn compare(expect: &Value, requests: &[SentRequest], outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    check(counts(&expect["requests"], requests.len()), format!("{} requests were sent", requests.len()));
    for (index, range) in items(&expect["waits"]).enumerate() {
        let waited = requests.get(index + 1).map(|next| next.at.saturating_sub(requests[index].at).as_secs_f64());
        let fits = waited.is_some_and(|waited| waited >= number(&range[0]) && waited <= number(&range[1]));
        check(fits, format!("wait {} was {waited:?}, not within {range} s", index + 1));
    }
    for (index, sent) in items(&expect["sent"]).enumerate() {
        match requests.get(index) {
            Some(request) => {
                for problem in compare_request(sent, request) {
                    check(false, format!("request {}: {problem}", index + 1));
                }
            }
            None => check(false, format!("request {} was not sent", index + 1)),
        }
    }
    let strangers = requests.iter().filter(|request| request.url.host_str() == Some("stranger.example")).count();
    check(expect["strangers"].is_null() || expect["strangers"] == json!(strangers), format!("{strangers} went astray"));
    match (outcome, &expect["error"]) {
        (Ok((text, entries)), Value::Null) => {
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            check(contains(&value, &expect["value"]), format!("the value is {text}"));
            check(strings(&expect["text"]).all(|part| text.contains(part)), format!("the result is {text}"));
            check(expect["entries"].is_null() || expect["entries"] == json!(entries), format!("{entries:?} entries"));
        }
        (Err(failure), Value::Null) => check(false, format!("it failed: {}", failure.line)),
        (Ok((text, _)), _) => check(false, format!("it did not fail: {text}")),
        (Err(failure), error) => {
            for problem in compare_error(error, failure) {
                check(false, problem);
            }
        }
    }
    problems
}

fn compare_request(expect: &Value, request: &SentRequest) -> Vec<String> {
    let mut problems = Vec::new();
    let body = String::from_utf8_lossy(&request.body).into_owned();
    for (name, wanted) in expect.as_object().into_iter().flatten() {
        let (seen, holds) = match name.as_str() {
            "method" => (request.method.to_string(), wanted == request.method.as_str()),
            "path" => {
                let path = request.url.path();
                (path.to_owned(), segments(path) == segments(wanted.as_str().unwrap()))
            }
            "query" => {
                let query = request.url.query().unwrap_or_default();
                (query.to_owned(), wanted == query)
            }
            "parameters" => {
                let mut pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
                let mut expected: Vec<(String, String)> = serde_json::from_value(wanted.clone()).unwrap();
                pairs.sort();
                expected.sort();
                (format!("{pairs:?}"), pairs == expected)
            }
            "headers" => {
                let found = wanted.as_object().into_iter().flatten().find(|(name, value)| {
                    let header = request.header(name);
                    // A media type may have parameters.
                    let essence = header.map(|header| header.split(';').next().unwrap_or_default().trim());
                    value.as_str() != header && value.as_str() != essence
                });
                (format!("{:?}", request.headers), found.is_none())
            }
            "body" => (body.clone(), *wanted == body.as_str()),
            "json" => (body.clone(), *wanted == request.json()),
            "form" => {
                let form: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
                let has = |(name, value): (&String, &Value)| {
                    form.iter().any(|(key, one)| key == name && value.as_str() == Some(one))
                };
                (body.clone(), wanted.as_object().into_iter().flatten().all(has))
            }
            "text" => (body.clone(), strings(wanted).all(|part| body.contains(part))),
            "lacks" => (body.clone(), strings(wanted).all(|part| !body.contains(part))),
            other => (other.to_owned(), false),
        };
        if !holds {
            problems.push(format!("{name} is {seen}, not {wanted}"));
        }
    }
    problems
}

/// The segments of a path, decoded, since some characters may be encoded or not.
fn segments(path: &str) -> Vec<String> {
    let decoded = |segment: &str| {
        // Signs that a form treats in another way than a path does.
        let form = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        form_urlencoded::parse(form.as_bytes()).next().map(|(name, _)| name.into_owned())
    };
    path.split('/').map(|segment| decoded(segment).unwrap_or_default()).collect()
}

fn compare_error(expect: &Value, failure: &Failure) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, wanted) in expect.as_object().into_iter().flatten() {
        let sent = match failure.sent {
            Sent::No => "no",
            Sent::Maybe => "maybe",
            _ => "yes",
        };
        let holds = match name.as_str() {
            "kind" => *wanted == json!(failure.kind) || items(wanted).any(|one| *one == json!(failure.kind)),
            "status" => *wanted == json!(failure.status),
            "code" => *wanted == json!(failure.code),
            "message" => strings(wanted).all(|part| failure.message.contains(part)),
            "hides" => strings(wanted).all(|part| !failure.shown.contains(part)),
            "nowhere" => strings(wanted).all(|part| !failure.kept.contains(part)),
            "request_id" => *wanted == json!(failure.request_id),
            "retry_after" => {
                failure.retry_after.is_some_and(|after| (after.as_secs_f64() - number(wanted)).abs() < 0.01)
            }
            "retryable" => *wanted == json!(failure.retryable),
            "sent" => wanted == sent,
            "needs_login" => *wanted == json!(failure.needs_login),
            "longest" => failure.line.chars().count() <= whole(wanted),
            "one_line" => !failure.line.contains('\n'),
            _ => false,
        };
        if !holds {
            problems.push(format!(
                "{name} is not {wanted}: {} ({}, {:?}, {sent})",
                failure.line, failure.kind, failure.code
            ));
        }
    }
    problems
}

/// Whether `part` is in `whole`: objects may have more fields, lists have as many entries.
pub fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (_, Value::Null) => true,
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}

fn counts(wanted: &Value, count: usize) -> bool {
    match wanted {
        Value::Null => true,
        Value::Array(range) => (whole(&range[0])..=whole(&range[1])).contains(&count),
        wanted => *wanted == json!(count),
    }
}

pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

pub fn whole(value: &Value) -> usize {
    value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or_else(|| panic!("{value} is not a count"))
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// The case with one expectation after the other turned into one that cannot hold.
pub fn spoilt(case: &Value) -> Vec<(String, Value)> {
    let mut wrong = Vec::new();
    let mut spoil = |pointer: String| {
        let mut copy = case.clone();
        let found = copy.pointer_mut(&pointer).unwrap();
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let Some(other) = otherwise(name, found) else { return };
        *found = other;
        wrong.push((pointer, copy));
    };
    let below = |at: &str| -> Vec<String> {
        let names = case.pointer(at).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name);
        names.map(|name| format!("{at}/{name}")).collect()
    };
    for pointer in below("/expect").into_iter().chain(below("/expect/error")).chain(below("/expect/tokens")) {
        spoil(pointer);
    }
    for index in 0..items(&case["expect"]["sent"]).count() {
        below(&format!("/expect/sent/{index}")).into_iter().for_each(&mut spoil);
    }
    for index in 0..items(&case["deliveries"]).count() {
        below(&format!("/deliveries/{index}/expect")).into_iter().for_each(&mut spoil);
    }
    wrong
}

/// Another value for an expectation; `None` for one that consists of others, or that no value contradicts.
fn otherwise(name: &str, value: &Value) -> Option<Value> {
    Some(match (name, value) {
        ("error" | "tokens" | "id" | "one_line", _) | ("sent", Value::Array(_)) => return None,
        // What is printed has these.
        ("hides" | "nowhere", _) => json!([" "]),
        ("lacks", _) => json!(["\""]),
        ("waits", _) => json!([[9_999, 10_000]]),
        ("longest", _) => json!(1),
        ("headers" | "value" | "json" | "form", _) => json!({ "x-not-there": "1" }),
        ("message" | "text", _) => json!(["not in it"]),
        ("parameters", _) => json!([["not", "there"]]),
        ("kind", _) => json!("tls"),
        (_, Value::Bool(value)) => json!(!value),
        (_, Value::String(_)) => json!("other"),
        (_, _) => json!(999),
    })
}

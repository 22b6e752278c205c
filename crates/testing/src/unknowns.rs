//! Behaviours that the service does not document.

mod names;

pub use self::names::ParseUnknownsError;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::record::Record;
use crate::service::reply;

/// The header that names what a response takes from [`Unknowns`] rather than from the documentation.
pub(crate) const HEADER: &str = "x-fake-undocumented";

/// How the fake behaves where the service's documentation is silent. A client should get along with each behaviour.
///
/// Responses that depend on one of them name it in the header `x-fake-undocumented` and in
/// [`RecordedRequest::undocumented`](crate::RecordedRequest::undocumented).
///
/// ```
/// use onehorizon_testing::{ErrorShape, FakeOneHorizon, Unknowns};
///
/// for unknowns in Unknowns::all() {
///     let fake = FakeOneHorizon::builder().unknowns(unknowns).in_process();
///     // … run the test …
/// }
/// let nested = Unknowns::default().errors(ErrorShape::Nested);
/// # let _ = nested;
/// ```
///
/// Each has a name: `ONEHORIZON_FAKE_UNKNOWNS=errors=nested cargo test` runs a suite under it, see [`Unknowns::from_env`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Unknowns {
    /// The method of `updateTask`.
    pub update_method: UpdateMethod,
    /// The status of a response to a creation.
    pub created: CreatedStatus,
    /// The response to an update.
    pub updated: UpdateReply,
    /// What lists hold.
    pub lists: ListContent,
    /// How a spent quota states its wait.
    pub wait: WaitForm,
    /// The body of an error.
    pub errors: ErrorShape,
    /// How a list without items is written.
    pub empty_lists: EmptyList,
}

/// The method of `updateTask`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateMethod {
    /// That of the contract: PUT replaces the task, PATCH changes the fields that are sent.
    #[default]
    Put,
    /// PATCH changes the fields that are sent; PUT is refused with 405.
    Patch,
    /// Both.
    Either,
}

/// The status of a response to a creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CreatedStatus {
    /// 201.
    #[default]
    Created,
    /// 200.
    Ok,
}

/// The response to an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateReply {
    /// 200 with the task.
    #[default]
    Task,
    /// 204 without a body.
    NoContent,
}

/// What lists of tasks hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListContent {
    /// Long descriptions are cut.
    #[default]
    Shortened,
    /// Whole tasks.
    Whole,
}

/// How a spent quota states its wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitForm {
    /// In the message, as documented.
    #[default]
    Message,
    /// In a `Retry-After` header; the message says nothing.
    RetryAfter,
    /// In both.
    Both,
}

/// The body of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorShape {
    /// `{"code": 404, "message": "…"}`, as in the documented example.
    #[default]
    NumberCode,
    /// `{"code": "NOT_FOUND", "message": "…"}`.
    TextCode,
    /// `{"error": {"code": 404, "message": "…"}}`.
    Nested,
    /// Problem details (RFC 9457).
    Problem,
    /// Plain text.
    Text,
}

/// How a list without items is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmptyList {
    /// As `[]`.
    #[default]
    Empty,
    /// As `null`.
    Null,
    /// Not at all.
    Absent,
}

impl Unknowns {
    /// The default, then each other behaviour alone: 14 in all.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = Self::default();
        [
            plain,
            Self { update_method: UpdateMethod::Patch, ..plain },
            Self { update_method: UpdateMethod::Either, ..plain },
            Self { created: CreatedStatus::Ok, ..plain },
            Self { updated: UpdateReply::NoContent, ..plain },
            Self { lists: ListContent::Whole, ..plain },
            Self { wait: WaitForm::RetryAfter, ..plain },
            Self { wait: WaitForm::Both, ..plain },
            Self { errors: ErrorShape::TextCode, ..plain },
            Self { errors: ErrorShape::Nested, ..plain },
            Self { errors: ErrorShape::Problem, ..plain },
            Self { errors: ErrorShape::Text, ..plain },
            Self { empty_lists: EmptyList::Null, ..plain },
            Self { empty_lists: EmptyList::Absent, ..plain },
        ]
        .into_iter()
    }

    /// The method of `updateTask`.
    #[must_use]
    pub fn update_method(self, update_method: UpdateMethod) -> Self {
        Self { update_method, ..self }
    }

    /// The status of a response to a creation.
    #[must_use]
    pub fn created(self, created: CreatedStatus) -> Self {
        Self { created, ..self }
    }

    /// The response to an update.
    #[must_use]
    pub fn updated(self, updated: UpdateReply) -> Self {
        Self { updated, ..self }
    }

    /// What lists hold.
    #[must_use]
    pub fn lists(self, lists: ListContent) -> Self {
        Self { lists, ..self }
    }

    /// How a spent quota states its wait.
    #[must_use]
    pub fn wait(self, wait: WaitForm) -> Self {
        Self { wait, ..self }
    }

    /// The body of an error.
    #[must_use]
    pub fn errors(self, errors: ErrorShape) -> Self {
        Self { errors, ..self }
    }

    /// How a list without items is written.
    #[must_use]
    pub fn empty_lists(self, empty_lists: EmptyList) -> Self {
        Self { empty_lists, ..self }
    }

    /// The contract's method for a request's, on routes that updates use; `None` where this service takes it by no name.
    /// `update` is the method of updates in the contract.
    pub(crate) fn contract_method(self, method: &Method, update: &Method) -> Option<Method> {
        let of_updates = matches!(*method, Method::PUT | Method::PATCH);
        match self.update_method {
            UpdateMethod::Either if of_updates => Some(update.clone()),
            UpdateMethod::Patch if *method == Method::PATCH => Some(update.clone()),
            UpdateMethod::Patch if of_updates => None,
            _ => Some(method.clone()),
        }
    }

    /// A successful response as this service would send it.
    pub(crate) fn shape_success(self, operation: &str, response: Response<Bytes>) -> Response<Bytes> {
        let mut response = response;
        match operation {
            "createTask" | "createApiKey" | "createTaskComment" if self.created == CreatedStatus::Ok => {
                *response.status_mut() = StatusCode::OK;
            }
            "updateTask" if self.updated == UpdateReply::NoContent => return reply::empty(StatusCode::NO_CONTENT),
            _ => {}
        }
        if self.empty_lists != EmptyList::Empty
            && let Ok(record) = serde_json::from_slice::<Record>(response.body())
        {
            *response.body_mut() = self.without_empty_lists(&record).to_json().into();
        }
        response
    }

    fn without_empty_lists(self, record: &Record) -> Record {
        let mut kept = Record::new();
        for (name, value) in record.values() {
            if value.get() == "[]" {
                if self.empty_lists == EmptyList::Null {
                    kept.set(name, &());
                }
            } else if let Ok(items) = serde_json::from_str::<Vec<Record>>(value.get()) {
                let items: Vec<Record> = items.iter().map(|item| self.without_empty_lists(item)).collect();
                kept.set(name, &items);
            } else {
                kept.set(name, value);
            }
        }
        kept
    }

    /// An error of the documented shape as this service would send it.
    pub(crate) fn shape_error(self, response: Response<Bytes>) -> Response<Bytes> {
        let mut response = response;
        let status = response.status();
        if self.errors == ErrorShape::NumberCode || !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        let Ok(record) = serde_json::from_slice::<Record>(response.body()) else { return response };
        let message = record.text("message").unwrap_or_default();
        let word = || status.canonical_reason().unwrap_or("error").to_uppercase().replace([' ', '-'], "_");
        let (media_type, body) = match self.errors {
            ErrorShape::NumberCode => return response,
            ErrorShape::TextCode => ("application/json", record.with("code", &word()).to_json()),
            ErrorShape::Nested => ("application/json", Record::new().with("error", &record).to_json()),
            ErrorShape::Problem => {
                let title = status.canonical_reason().unwrap_or("error");
                let problem =
                    json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": message });
                ("application/problem+json", problem.to_string())
            }
            ErrorShape::Text => ("text/plain; charset=utf-8", message),
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        *response.body_mut() = body.into();
        response
    }
}

/// What of a response no documentation says.
pub(crate) fn undocumented(
    operation: &str,
    is_route_documented: bool,
    query: &str,
    status: StatusCode,
) -> Vec<&'static str> {
    let mut found = Vec::new();
    if !is_route_documented {
        found.push("route");
    }
    if status.is_success() {
        match operation {
            "createTask" | "createApiKey" | "createTaskComment" => found.push("created-status"),
            "updateTask" => found.extend(["update-method", "update-replaces", "update-reply"]),
            "listTasks" => {
                found.push("list-content");
                if !query.split('&').any(|pair| pair == "all=true") {
                    found.push("default-filter");
                }
            }
            _ => {}
        }
    } else if status != StatusCode::TOO_MANY_REQUESTS {
        found.push("error-status");
    }
    found
}

//! Request bodies and responses.

use crate::curation::Operation as Rules;
use crate::ir::{RequestBody, Response, StatusVariant, Type, Writing};
use crate::lower::Lowering;
use crate::lower::docs::node_docs;
use crate::naming::{pascal, snake};
use crate::pointer::Located;

impl<'d> Lowering<'d> {
    /// The JSON body of the request, if it has one.
    pub(crate) fn request_body(
        &mut self,
        operation: &Located<'d>,
        rules: &Rules,
        fits: &mut bool,
    ) -> Option<RequestBody> {
        let here = operation.get("requestBody")?;
        let body = match self.document.resolve(&here) {
            Ok(body) => body,
            Err(finding) => {
                self.findings.add(finding);
                *fits = false;
                return None;
            }
        };
        // Some generators never write `required`: a curated name makes the body an argument.
        let required = body.flag("required") || rules.body.is_some();
        let Some((writing, media)) = body_media(&body) else {
            let offered: Vec<&str> =
                body.get("content").iter().flat_map(Located::fields).map(|(name, _)| name).collect();
            let what = format!(
                "a body of {} cannot be expressed",
                if offered.is_empty() { "no type".to_owned() } else { offered.join(", ") }
            );
            self.findings.say(&body.at, format!("{what}; the operation is left out"));
            *fits = false;
            return None;
        };
        if let Writing::Bytes(_) = &writing {
            let name = rules.body.clone().unwrap_or_else(|| "body".to_owned());
            return Some(RequestBody {
                writing,
                name,
                ty: Type::Json,
                required,
                into: true,
                read_whole: false,
                docs: node_docs(&body),
            });
        }
        let schema = media.get("schema");
        let referred = schema.as_ref().is_some_and(|schema| schema.value.get("$ref").is_some());
        self.sending = true;
        let ty = schema.as_ref().map_or(Type::Json, |schema| self.schema(schema)).unwrap_null().0;
        self.sending = false;
        let mut docs = node_docs(&body);
        if docs.text.is_none() {
            docs.text = schema.and_then(|schema| self.schema_docs(&schema).text);
        }
        let name = rules.body.clone().unwrap_or_else(|| match &ty {
            Type::Named(name) if required && referred => snake(self.names.without_input(name)),
            _ => "body".to_owned(),
        });
        Some(RequestBody {
            writing,
            name,
            ty,
            required,
            into: rules.body_into,
            read_whole: rules.body_read_whole,
            docs,
        })
    }

    /// The type of the successful response, if it can be expressed.
    pub(crate) fn response(&mut self, operation: &Located<'d>, fits: &mut bool) -> Option<Response> {
        let Some(responses) = operation.get("responses") else {
            self.findings.say(&operation.at, "no `responses`; left out");
            *fits = false;
            return None;
        };
        let successes = self.successes(&responses);
        if successes.is_empty() {
            self.findings.say(&responses.at, "no successful response is described; left out");
            *fits = false;
            return None;
        }
        let mut json: Vec<(Located<'d>, Type)> = Vec::new();
        let mut empty: Vec<Located<'d>> = Vec::new();
        let mut other: Vec<(Located<'d>, String)> = Vec::new();
        for success in successes {
            let content = success.get("content");
            let first = content.as_ref().and_then(|content| content.fields().next()).map(|(name, _)| name.to_owned());
            match (json_media(&success), first) {
                (Some(media), _) => {
                    let ty = media.get("schema").map_or(Type::Json, |schema| self.schema(&schema));
                    json.push((success, ty));
                }
                (None, Some(media)) => other.push((success, media)),
                (None, None) => empty.push(success),
            }
        }
        let stream = other.iter().find(|(_, media)| media.starts_with("text/event-stream"));
        if let Some((place, _)) = stream {
            self.findings.say(&place.at, "a stream of events, which does not end; the operation is left out");
            *fits = false;
            return None;
        }
        let same = json.iter().all(|(_, ty)| json.first().is_some_and(|(_, first)| first == ty));
        match (json.first(), other.first()) {
            (Some((_, ty)), None) if same && empty.is_empty() => Some(Response::Json(ty.clone())),
            (Some((_, ty)), None) if same => Some(Response::Optional(ty.clone())),
            (None, None) => Some(Response::Empty),
            (None, Some((_, media))) if empty.is_empty() => Some(Response::Bytes { media: media.clone() }),
            _ => Some(self.by_status(operation, &json, &empty, &other)),
        }
    }

    /// A variant for each status; bodies that are not JSON are left to the one for all others.
    fn by_status(
        &mut self,
        operation: &Located<'d>,
        json: &[(Located<'d>, Type)],
        empty: &[Located<'d>],
        other: &[(Located<'d>, String)],
    ) -> Response {
        let status_of = |responses: &Located<'d>, place: &Located<'d>| {
            // A response by reference stands elsewhere: ask the operation which status refers to it.
            responses.fields().find_map(|(status, response)| {
                let reached = self.document.resolve(&response).ok()?;
                (reached.at == place.at).then(|| status.parse::<u16>().ok()).flatten()
            })
        };
        let mut variants = Vec::new();
        if let Some(responses) = operation.get("responses") {
            let places = json.iter().map(|(place, ty)| (place, Some(ty.clone())));
            for (place, ty) in places.chain(empty.iter().map(|place| (place, None))) {
                if let Some(status) = status_of(&responses, place) {
                    variants.push(StatusVariant { status, name: status_name(status), ty, docs: node_docs(place) });
                }
            }
        }
        for (place, _) in other {
            self.findings.say(&place.at, "not JSON, beside a response that is; it is read as another status");
        }
        variants.sort_by_key(|variant| variant.status);
        variants.dedup_by_key(|variant| variant.status);
        let name = self.names.of_operation(&operation.at).map(pascal).unwrap_or_default();
        let name = self.names.claim_type(&format!("{name}Response"), "ByStatus");
        Response::ByStatus { name, variants }
    }

    /// The responses of 2xx. `default` counts only where it stands alone; beside other statuses it is the errors' schema.
    fn successes(&mut self, responses: &Located<'d>) -> Vec<Located<'d>> {
        let mut found = Vec::new();
        let mut default = None;
        for (status, response) in responses.fields() {
            let success = status.starts_with('2');
            if !success && status != "default" {
                continue;
            }
            match self.document.resolve(&response) {
                Ok(response) if success => found.push(response),
                Ok(response) => default = Some(response),
                Err(finding) => self.findings.add(finding),
            }
        }
        let alone = responses.fields().filter(|(status, _)| !status.starts_with("x-")).count() == 1;
        if found.is_empty() && alone { default.into_iter().collect() } else { found }
    }
}

/// How a body is written and the entry of its `content`: JSON first, then a form, then bytes.
fn body_media<'d>(body: &Located<'d>) -> Option<(Writing, Located<'d>)> {
    if let Some((name, media)) = json_entry(body) {
        let essence = essence(name);
        let plain = matches!(essence.as_str(), "application/json" | "*/*");
        return Some((if plain { Writing::Json } else { Writing::JsonAs(essence) }, media));
    }
    let content = body.get("content")?;
    let entry = |test: &dyn Fn(&str) -> bool| content.fields().find(|(name, _)| test(&essence(name)));
    if let Some((_, media)) = entry(&|name| name == "application/x-www-form-urlencoded") {
        return Some((Writing::Form, media));
    }
    // Parts with names and files of their own, and bodies that do not end, need more than bytes.
    let raw = |name: &str| !name.starts_with("multipart/") && name != "text/event-stream" && !name.contains('*');
    let (name, media) = entry(&raw)?;
    Some((Writing::Bytes(essence(name)), media))
}

/// A media type without its parameters.
fn essence(name: &str) -> String {
    name.split(';').next().unwrap_or(name).trim().to_ascii_lowercase()
}

/// The name of a status as a variant.
fn status_name(status: u16) -> String {
    match status {
        200 => "Ok".to_owned(),
        201 => "Created".to_owned(),
        202 => "Accepted".to_owned(),
        204 => "NoContent".to_owned(),
        205 => "ResetContent".to_owned(),
        206 => "PartialContent".to_owned(),
        207 => "MultiStatus".to_owned(),
        other => format!("Status{other}"),
    }
}

/// The JSON entry of a `content`: `application/json` first, else the first `+json`.
fn json_media<'d>(here: &Located<'d>) -> Option<Located<'d>> {
    json_entry(here).map(|(_, media)| media)
}

fn json_entry<'d>(here: &Located<'d>) -> Option<(&'d str, Located<'d>)> {
    let content = here.get("content")?;
    let plain = content.fields().find(|(name, _)| essence(name) == "application/json");
    plain.or_else(|| content.fields().find(|(name, _)| essence(name).ends_with("+json") || essence(name) == "*/*"))
}

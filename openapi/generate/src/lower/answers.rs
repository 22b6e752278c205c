//! Request bodies and answers.

use crate::curation::Operation as Rules;
use crate::ir::{Answer, RequestBody, Type};
use crate::lower::Lowering;
use crate::lower::docs::node_docs;
use crate::naming::snake;
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
        let required = body.flag("required");
        let Some(media) = json_media(&body) else {
            let offered: Vec<&str> =
                body.get("content").iter().flat_map(Located::members).map(|(name, _)| name).collect();
            let what = format!(
                "a body of {} cannot be expressed",
                if offered.is_empty() { "no type".to_owned() } else { offered.join(", ") }
            );
            self.findings.say(&body.at, format!("{what}; the operation is left out"));
            *fits = false;
            return None;
        };
        let schema = media.get("schema");
        let referred = schema.as_ref().is_some_and(|schema| schema.value.get("$ref").is_some());
        let ty = schema.as_ref().map_or(Type::Json, |schema| self.schema(schema)).unwrap_null().0;
        let mut docs = node_docs(&body);
        if docs.text.is_none() {
            docs.text = schema.and_then(|schema| self.schema_docs(&schema).text);
        }
        let name = rules.body.clone().unwrap_or_else(|| match &ty {
            Type::Named(name) if required && referred => snake(name),
            _ => "body".to_owned(),
        });
        Some(RequestBody { name, ty, required, into: rules.body_into, docs })
    }

    /// The type of the successful answer, if it can be expressed.
    pub(crate) fn answer(&mut self, operation: &Located<'d>, fits: &mut bool) -> Option<Answer> {
        let Some(responses) = operation.get("responses") else {
            self.findings.say(&operation.at, "no `responses`; left out");
            *fits = false;
            return None;
        };
        let successes = self.successes(&responses);
        if successes.is_empty() {
            self.findings.say(&responses.at, "no successful answer is described; left out");
            *fits = false;
            return None;
        }
        let mut found: Option<(Located<'d>, Type)> = None;
        let mut empty = false;
        let mut foreign: Option<Located<'d>> = None;
        for success in successes {
            let content = success.get("content");
            if let Some(media) = json_media(&success) {
                let ty = media.get("schema").map_or(Type::Json, |schema| self.schema(&schema));
                match &found {
                    None => found = Some((success, ty)),
                    Some((_, known)) if *known == ty => {}
                    Some((first, _)) => {
                        let first = first.at.clone();
                        self.findings
                            .say(&success.at, format!("another type than {first}, which is the one that is read"));
                    }
                }
            } else if content.is_some_and(|content| content.members().next().is_some()) {
                foreign = Some(success);
            } else {
                empty = true;
            }
        }
        match (found, foreign) {
            (Some((first, ty)), _) => {
                if empty {
                    self.findings
                        .say(&first.at, "beside it stands a successful answer without a body, which will not decode");
                }
                Some(Answer::Json(ty))
            }
            (None, Some(foreign)) => {
                self.findings.say(&foreign.at, "a successful answer that is not JSON; the operation is left out");
                *fits = false;
                None
            }
            (None, None) => Some(Answer::Empty),
        }
    }

    /// The answers of 2xx. `default` counts only where it stands alone; beside other statuses it is the errors' schema.
    fn successes(&mut self, responses: &Located<'d>) -> Vec<Located<'d>> {
        let mut found = Vec::new();
        let mut default = None;
        for (status, response) in responses.members() {
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
        let alone = responses.members().filter(|(status, _)| !status.starts_with("x-")).count() == 1;
        if found.is_empty() && alone { default.into_iter().collect() } else { found }
    }
}

/// The JSON entry of a `content`: `application/json` first, else the first `+json`.
fn json_media<'d>(here: &Located<'d>) -> Option<Located<'d>> {
    let content = here.get("content")?;
    let essence = |name: &str| name.split(';').next().unwrap_or(name).trim().to_ascii_lowercase();
    let plain = content.members().find(|(name, _)| essence(name) == "application/json");
    plain
        .or_else(|| content.members().find(|(name, _)| essence(name).ends_with("+json") || essence(name) == "*/*"))
        .map(|(_, media)| media)
}

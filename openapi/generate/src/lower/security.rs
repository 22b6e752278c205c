//! Who may call an operation, from `security`: the client sends an API key or an OAuth access token as
//! `Authorization: Bearer`, and nothing else.

use std::collections::BTreeMap;

use crate::curation::{Access, Credential};
use crate::lower::Lowering;
use crate::pointer::Located;

/// What satisfies each scheme; `None` for a scheme that the client cannot satisfy.
pub(crate) type Schemes = BTreeMap<String, Option<Credential>>;

impl<'d> Lowering<'d> {
    /// Reads the schemes; one that the client cannot satisfy is a finding where it stands.
    pub(crate) fn schemes(&mut self) -> Schemes {
        let section = self.document.section(&["components", "securitySchemes"]);
        let schemes: Vec<(&'d str, Located<'d>)> = section.iter().flat_map(Located::fields).collect();
        let mut found = Schemes::new();
        for (name, scheme) in schemes {
            let scheme = match self.document.resolve(&scheme) {
                Ok(scheme) => scheme,
                Err(finding) => {
                    self.findings.add(finding);
                    continue;
                }
            };
            let curated = self.curation.security.get(name).map(|entry| entry.credential);
            if curated.is_some() {
                self.mark("security", name);
            }
            found.insert(name.to_owned(), curated.or_else(|| credential(name, &scheme)));
        }
        found
    }

    /// Who may call the operation, as far as `security` says it.
    pub(crate) fn access(&mut self, operation: &Located<'d>, schemes: &Schemes) -> Access {
        let security = operation.get("security").or_else(|| self.document.section(&["security"]));
        let Some(security) = security else { return Access::Any };
        let alternatives: Vec<Located<'d>> = security.elements().collect();
        let mut usable = Vec::new();
        let mut foreign = None;
        for alternative in &alternatives {
            // All schemes of one alternative are wanted together; an empty one wants nothing.
            let mut all = Some(Credential::Any);
            for (name, entry) in alternative.fields() {
                match schemes.get(name) {
                    Some(Some(Credential::Oauth)) if all.is_some() => all = Some(Credential::Oauth),
                    Some(Some(_)) => {}
                    Some(None) => {
                        all = None;
                        foreign = Some(name);
                    }
                    None => self.findings.say(&entry.at, format!("there is no security scheme `{name}`")),
                }
            }
            usable.extend(all);
        }
        if usable.is_empty() {
            if let Some(name) = foreign {
                self.foreign_scheme(name);
            }
            return Access::Any;
        }
        // A document that knows OAuth alone does not distinguish the two credentials.
        let distinguishes = schemes.values().any(|credential| *credential != Some(Credential::Oauth));
        if distinguishes && usable.iter().all(|credential| *credential == Credential::Oauth) {
            Access::Oauth
        } else {
            Access::Any
        }
    }

    fn foreign_scheme(&mut self, name: &str) {
        let Some(scheme) = self.document.section(&["components", "securitySchemes", name]) else { return };
        let resolved = self.document.resolve(&scheme).unwrap_or_else(|_| scheme.clone());
        let kind = resolved.text("type").unwrap_or("unknown");
        let wanted = match (kind, resolved.text("in"), resolved.text("name")) {
            ("apiKey", Some(place), Some(name)) => format!("the credential in the {place} `{name}`"),
            ("http", _, _) => format!("HTTP authentication `{}`", resolved.text("scheme").unwrap_or("unknown")),
            _ => format!("credentials of type `{kind}`"),
        };
        self.findings.say(
            &scheme.at,
            format!(
                "the document wants {wanted}, the client sends `Authorization: Bearer`; \
                 if the service takes that too, say so by `security.{name}.credential` in the curation"
            ),
        );
    }
}

/// Which credential satisfies a scheme, by its type and what its name and description say.
fn credential(name: &str, scheme: &Located<'_>) -> Option<Credential> {
    let kind = scheme.text("type").unwrap_or_default();
    let bearer = kind == "http" && scheme.text("scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    let authorization = kind == "apiKey"
        && scheme.text("in") == Some("header")
        && scheme.text("name").is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
    match kind {
        "oauth2" | "openIdConnect" => Some(Credential::Oauth),
        _ if bearer || authorization => {
            let words = format!("{name} {}", scheme.text("description").unwrap_or_default()).to_ascii_lowercase();
            let key = ["api key", "api-key", "api_key", "apikey"].iter().any(|word| words.contains(word));
            let oauth = words.contains("oauth") || words.contains("access token");
            Some(if oauth && !key { Credential::Oauth } else { Credential::Any })
        }
        _ => None,
    }
}

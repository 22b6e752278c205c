//! Who may call an operation, from `security`: the client sends an API key or an OAuth access token as
//! `Authorization: Bearer`, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::curation::{Access, Credential};
use crate::lower::{Lowering, METHODS};
use crate::pointer::Located;

/// What satisfies each scheme; `None` for a scheme that the client cannot satisfy.
pub(crate) type Schemes = BTreeMap<String, Option<Credential>>;

impl<'d> Lowering<'d> {
    /// Reads the schemes; one that the client cannot satisfy is a finding where it stands.
    pub(crate) fn schemes(&mut self) -> Schemes {
        let section = self.document.section(&["components", "securitySchemes"]);
        let schemes: Vec<(&'d str, Located<'d>)> = section.iter().flat_map(Located::fields).collect();
        let mut found = Schemes::new();
        let mut meant: Vec<(&'d str, Located<'d>, Meaning)> = Vec::new();
        for (name, scheme) in schemes {
            let scheme = match self.document.resolve(&scheme) {
                Ok(scheme) => scheme,
                Err(finding) => {
                    self.findings.add(finding);
                    continue;
                }
            };
            let meaning = match self.curation.security.get(name).map(|entry| entry.credential) {
                Some(Credential::Any) => Meaning::Key,
                Some(Credential::Oauth) => Meaning::Oauth,
                None => meaning(name, &scheme),
            };
            if self.curation.security.contains_key(name) {
                self.mark("security", name);
            }
            meant.push((name, scheme, meaning));
        }
        // Where API keys have a scheme of their own, another bearer token is that of a user.
        let has_keys = meant.iter().any(|(.., meaning)| matches!(meaning, Meaning::Key | Meaning::ForeignKey));
        for (name, _, meaning) in &meant {
            let credential = match meaning {
                Meaning::Key => Some(Credential::Any),
                Meaning::Bearer if !has_keys => Some(Credential::Any),
                Meaning::Bearer | Meaning::Oauth => Some(Credential::Oauth),
                Meaning::ForeignKey | Meaning::Foreign => None,
            };
            found.insert((*name).to_owned(), credential);
        }
        if !has_keys {
            let bearers = meant.iter().filter(|(.., meaning)| *meaning == Meaning::Bearer);
            self.distinguished(&bearers.map(|(name, scheme, _)| (*name, scheme.clone())).collect::<Vec<_>>());
        }
        found
    }

    /// Several bearer schemes of which nothing says what they are, while operations differ by them: perhaps some refuse
    /// API keys.
    fn distinguished(&mut self, bearers: &[(&'d str, Located<'d>)]) {
        if bearers.len() < 2 {
            return;
        }
        let mut wanted: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        let default = self.document.section(&["security"]);
        let paths = self.document.section(&["paths"]);
        for (_, item) in paths.iter().flat_map(Located::fields) {
            let Ok(item) = self.document.resolve(&item) else { continue };
            for operation in METHODS.iter().filter_map(|method| item.get(method)) {
                let Some(security) = operation.get("security").or_else(|| default.clone()) else { continue };
                let schemes_of =
                    |alternative: Located<'d>| alternative.fields().map(|(name, _)| name).collect::<Vec<_>>();
                let names: BTreeSet<&str> = security.elements().flat_map(schemes_of).collect();
                wanted
                    .insert(names.into_iter().filter(|name| bearers.iter().any(|(known, _)| known == name)).collect());
            }
        }
        wanted.retain(|names| !names.is_empty());
        if wanted.len() < 2 {
            return;
        }
        for (name, scheme) in bearers {
            let what = format!(
                "operations differ by `{name}` and other bearer schemes, and nothing says which credential is meant; \
                 say by `security.{name}.credential` in the curation whether it is `any` or `oauth`"
            );
            self.findings.say(&scheme.at, what);
        }
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
            // API keys would be refused for the way in which the client sends them.
            if let Some(name) = foreign {
                self.foreign_scheme(name);
            }
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

/// What a scheme is, by its type and what its name and description say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// API keys, sent as the client sends them.
    Key,
    /// Tokens of users alone.
    Oauth,
    /// A bearer token of which nothing says whose it is.
    Bearer,
    /// API keys, sent in another way.
    ForeignKey,
    /// Something that the client does not have.
    Foreign,
}

fn meaning(name: &str, scheme: &Located<'_>) -> Meaning {
    let kind = scheme.text("type").unwrap_or_default();
    let bearer = kind == "http" && scheme.text("scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    let authorization = kind == "apiKey"
        && scheme.text("in") == Some("header")
        && scheme.text("name").is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
    let text = |field: &str| scheme.text(field).unwrap_or_default();
    let words = format!("{name} {} {}", text("description"), text("bearerFormat")).to_ascii_lowercase();
    let key = ["api key", "api-key", "api_key", "apikey"].iter().any(|word| words.contains(word));
    let oauth = words.contains("oauth") || words.contains("access token");
    match kind {
        "oauth2" | "openIdConnect" => Meaning::Oauth,
        _ if (bearer || authorization) && key => Meaning::Key,
        _ if (bearer || authorization) && oauth => Meaning::Oauth,
        _ if authorization => Meaning::Key,
        _ if bearer => Meaning::Bearer,
        "apiKey" if scheme.text("in") == Some("cookie") => Meaning::Foreign,
        "apiKey" => Meaning::ForeignKey,
        _ => Meaning::Foreign,
    }
}

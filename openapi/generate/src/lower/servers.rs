//! The document's servers against the client's base URL: both together with a path must give the same address.

use crate::curation::Curation;
use crate::document::Document;
use crate::lower::Lowering;
use crate::pointer::{Located, Pointer};

/// The base URL of the published client (`Configuration`); the curation's `base-url` replaces it.
pub(crate) const BASE_URL: &str = "https://onehorizon.ai/api/v1";

/// What stands before the document's paths, seen from the client's base URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Paths are below the base URL as they stand.
    #[default]
    None,
    /// Paths repeat this part of the base URL.
    Repeated(String),
}

impl Prefix {
    /// The path below the client's base URL; `None` if this one is not below it.
    pub(crate) fn route<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self {
            Self::None => Some(path),
            Self::Repeated(prefix) => {
                path.strip_prefix(prefix.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl<'d> Lowering<'d> {
    /// Compares the servers with the base URL. None that fits means another service: a finding.
    pub(crate) fn prefix(&mut self) -> Prefix {
        let base = self.base_url();
        let Some(path) = path_of(&base) else {
            self.curation_says(format!("policy.base-url: `{base}` is not an absolute URL"));
            return Prefix::None;
        };
        let path = path.to_owned();
        let section = self.document.section(&["servers"]);
        let servers: Vec<(Located<'d>, String)> = section
            .iter()
            .flat_map(Located::elements)
            .filter_map(|server| server_url(&server).map(|url| (server, absolute(&base, &url))))
            .collect();
        let Some((server, whole)) = servers.first().cloned() else { return self.without_server(&path) };
        if let Some((server, _)) = servers.iter().find(|(_, url)| same(url, &base)) {
            self.not_twice(server, &path);
            return Prefix::None;
        }
        // A server is a part of the base URL, and the paths bring the rest.
        for (_, whole) in &servers {
            let rest = base.get(whole.len()..);
            let begins = base.get(..whole.len()).is_some_and(|start| same(start, whole));
            if let Some(rest) = rest.filter(|rest| begins && rest.starts_with('/')) {
                let prefix = Prefix::Repeated(rest.to_owned());
                if self.paths().iter().any(|path| prefix.route(path).is_some()) {
                    self.not_below(&prefix, &base);
                    return prefix;
                }
            }
        }
        self.findings.say(
            &server.at,
            format!(
                "the document's server is `{whole}`, the client's base URL is `{base}`: calls would go to another address; \
                 set `policy.base-url` in the curation and the client's default, or accept this"
            ),
        );
        Prefix::None
    }

    fn base_url(&self) -> String {
        self.curation.policy.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/').to_owned()
    }

    /// Is the client's base URL among the servers of a path or an operation? If not, what is left out is a finding.
    pub(crate) fn same_server(&mut self, servers: &Located<'d>, what: &str) -> bool {
        let base = self.base_url();
        let urls: Vec<String> =
            servers.elements().filter_map(|server| server_url(&server)).map(|url| absolute(&base, &url)).collect();
        let fits = urls.is_empty() || urls.iter().any(|url| same(url, &base));
        if !fits {
            self.findings.say(&servers.at, format!("{what}, `{}`; left out", urls.join("`, `")));
        }
        fits
    }

    /// Paths that all repeat what the server has already: literally read, calls go to `/api/v1/api/v1/…`.
    fn not_twice(&mut self, server: &Located<'d>, path: &str) {
        let paths = self.paths();
        let prefix = Prefix::Repeated(path.to_owned());
        if !path.is_empty() && !paths.is_empty() && paths.iter().all(|path| prefix.route(path).is_some()) {
            let what = format!(
                "every path begins with `{path}`, as the server does: calls would go to `{path}{path}/…`; \
                 remove it from the one or the other, or accept this if the service is so"
            );
            self.findings.say(&server.at, what);
        }
    }

    /// No server means the host that the document came from; what the paths repeat of the base URL is seen from them.
    fn without_server(&self, base: &str) -> Prefix {
        let prefix = Prefix::Repeated(base.to_owned());
        let paths = self.paths();
        if base.is_empty() || paths.is_empty() || !paths.iter().all(|path| prefix.route(path).is_some()) {
            return Prefix::None;
        }
        prefix
    }

    /// Paths beside those that repeat the base URL belong to something else.
    fn not_below(&mut self, prefix: &Prefix, base: &str) {
        for path in self.paths() {
            if prefix.route(path).is_none() {
                let at = Pointer::root().field("paths").field(path);
                self.findings.say(&at, format!("the path is not below the client's base URL `{base}`; left out"));
            }
        }
    }

    fn paths(&self) -> Vec<&'d str> {
        let section = self.document.section(&["paths"]);
        let names = section.iter().flat_map(Located::fields).map(|(path, _)| path);
        names.filter(|path| !path.starts_with("x-")).collect()
    }
}

/// A server's URL seen from the client's base URL, without a slash at its end. The document is taken to lie at the root of
/// the host, since nothing says where it came from.
fn absolute(base: &str, url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.contains("://") {
        return url.to_owned();
    }
    let scheme = base.split_once("://").map_or("https", |(scheme, _)| scheme);
    if let Some(rest) = url.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let origin = path_of(base).and_then(|path| base.strip_suffix(path)).unwrap_or(base);
    let mut steps: Vec<&str> = Vec::new();
    for step in url.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    std::iter::once(origin).chain(steps).collect::<Vec<_>>().join("/")
}

/// The server that the document means, seen from the host of the client's base URL: the first one.
pub(crate) fn first_server(document: &serde_json::Value) -> Option<String> {
    let value = document.pointer("/servers/0")?;
    let url = server_url(&Located { at: Pointer::root().field("servers").element(0), value })?;
    Some(absolute(BASE_URL, &url))
}

/// Do a server of the document and its paths give the client's base URL? `None` where the document names no server.
pub(crate) fn serves_base_url(document: &Document, curation: &Curation) -> Option<bool> {
    document.section(&["servers"])?.elements().next()?;
    let none = crate::hand_written::Methods::new();
    let mut lowering = Lowering::new(document, curation, &none);
    lowering.findings = crate::findings::Findings::default();
    lowering.prefix();
    Some(lowering.findings.len() == 0)
}

/// The server's URL with its variables at their defaults.
pub(crate) fn server_url(server: &Located<'_>) -> Option<String> {
    let mut url = server.text("url")?.to_owned();
    for (name, variable) in server.get("variables").iter().flat_map(Located::fields) {
        if let Some(value) = variable.text("default") {
            url = url.replace(&format!("{{{name}}}"), value);
        }
    }
    Some(url)
}

/// The path of an absolute URL, without a slash at its end.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""))
}

/// Scheme and host are compared without regard to case; a default port says nothing.
fn same(left: &str, right: &str) -> bool {
    let normal = |url: &str| {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").map_or(host.clone(), str::to_owned);
        (scheme.to_ascii_lowercase(), host, path.trim_end_matches('/').to_owned())
    };
    normal(left) == normal(right)
}

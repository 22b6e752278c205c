//! Which operation of the official document plays the role of which operation of the contract.

use std::collections::{BTreeMap, BTreeSet};

use crate::curation::{Access, Curation};
use crate::document::Document;
use crate::hand_written::Methods;
use crate::intake::flat::Flat;
use crate::lower::{Lowering, METHODS, bare_id};
use crate::naming::snake;
use crate::pointer::Located;

/// An operation of either document.
#[derive(Clone, Debug)]
pub(crate) struct Operation<'d> {
    /// As its document spells it; without one, method and path.
    pub(crate) id: String,
    pub(crate) method: &'static str,
    /// Below the client's base URL.
    pub(crate) route: &'d str,
    pub(crate) access: Access,
    pub(crate) parameters: Vec<Located<'d>>,
    pub(crate) node: Located<'d>,
}

/// Why two operations are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The curation gives it the name of ours.
    Curation,
    /// They have the same id.
    Id,
    /// They have the same method and path.
    Route,
    /// They have the same path, and methods that both replace or change.
    Path,
    /// They have paths of the same form, and fields in common; to be confirmed by a person.
    Form,
}

/// Every operation of a document.
pub(crate) fn operations<'d>(
    document: &'d Document,
    curation: &'d Curation,
    written: &'d Methods,
) -> Vec<Operation<'d>> {
    let mut lowering = Lowering::new(document, curation, written);
    let prefix = lowering.prefix();
    let schemes = lowering.schemes();
    let mut found = Vec::new();
    let paths = document.section(&["paths"]);
    for (path, item) in paths.iter().flat_map(Located::fields).filter(|(path, _)| !path.starts_with("x-")) {
        let (Some(route), Ok(item)) = (prefix.route(path), document.resolve(&item)) else { continue };
        for method in METHODS {
            let Some(node) = item.get(method) else { continue };
            let declared = if node.text("x-access") == Some("oauth") { Access::Oauth } else { Access::Any };
            let access = lowering.access(&node, &schemes);
            let lists = [item.get("parameters"), node.get("parameters")];
            let parameters = lists.iter().flatten().flat_map(Located::elements);
            found.push(Operation {
                id: node.text("operationId").map_or_else(|| format!("{method} {route}"), str::to_owned),
                method,
                route: route.split('?').next().unwrap_or(route),
                access: if declared == Access::Oauth { declared } else { access },
                parameters: parameters.filter_map(|place| document.resolve(&place).ok()).collect(),
                node,
            });
        }
    }
    found
}

/// For each operation of ours the one of theirs, the surest reasons first; each of theirs is taken once.
pub(crate) fn pair(
    (our_document, ours): (&Document, &[Operation<'_>]),
    (their_document, theirs): (&Document, &[Operation<'_>]),
    curation: &Curation,
) -> Vec<Option<(usize, Reason)>> {
    let mut pairs = vec![None; ours.len()];
    let mut taken = BTreeSet::new();
    let name = |operation: &Operation<'_>| snake(bare_id(&operation.id, curation));
    let role = |operation: &Operation<'_>| {
        let entry = curation.operations.get(&operation.id);
        entry.and_then(|entry| entry.name.clone())
    };
    let changes = |method: &str| matches!(method, "put" | "patch" | "post");
    for reason in [Reason::Curation, Reason::Id, Reason::Route, Reason::Path] {
        for (mine, our) in ours.iter().enumerate() {
            if pairs.get(mine).is_some_and(Option::is_some) {
                continue;
            }
            let fits = |their: &Operation<'_>| match reason {
                Reason::Curation => role(their).is_some_and(|role| role == name(our)),
                Reason::Id => name(their) == name(our),
                Reason::Route => their.method == our.method && form(their.route) == form(our.route),
                Reason::Path => {
                    form(their.route) == form(our.route)
                        && changes(our.method)
                        && matches!(their.method, "put" | "patch")
                        && our.method != "post"
                }
                Reason::Form => false,
            };
            let found = theirs.iter().enumerate().find(|(index, their)| !taken.contains(index) && fits(their));
            if let (Some((index, _)), Some(slot)) = (found, pairs.get_mut(mine)) {
                taken.insert(index);
                *slot = Some((index, reason));
            }
        }
    }
    by_form((our_document, ours), (their_document, theirs), &mut pairs, &mut taken);
    pairs
}

/// A collection of ours and one of theirs.
type Collections<'r> = (&'r str, &'r str);

/// How much speaks for two collections being one, and the operations that would be pairs.
type Candidate<'r> = (usize, Collections<'r>, Vec<(usize, usize)>);

/// Pairs what is left, collection by collection: `tasks` and `work-items` are one if most operations on the one have
/// their like on the other.
fn by_form(
    (our_document, ours): (&Document, &[Operation<'_>]),
    (their_document, theirs): (&Document, &[Operation<'_>]),
    pairs: &mut [Option<(usize, Reason)>],
    taken: &mut BTreeSet<usize>,
) {
    /// What an operation that has its like counts beside how alike the two are.
    const COVERED: usize = 6;
    // By the collections of both sides: how alike, which of ours, which of theirs.
    let mut scores: BTreeMap<Collections<'_>, Vec<(usize, usize, usize)>> = BTreeMap::new();
    for (mine, our) in ours.iter().enumerate().filter(|(mine, _)| pairs.get(*mine).is_some_and(Option::is_none)) {
        for (index, their) in theirs.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
            let score = likeness((our_document, our), (their_document, their));
            if score > 0 {
                let key = (collection(our.route), collection(their.route));
                scores.entry(key).or_default().push((score, mine, index));
            }
        }
    }
    let mut chosen: Vec<Candidate<'_>> = Vec::new();
    for (key, mut all) in scores {
        all.sort_by_key(|&(score, mine, index)| (std::cmp::Reverse(score), mine, index));
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let mut sum = 0;
        for (score, mine, index) in all {
            if pairs.iter().all(|(known, other)| *known != mine && *other != index) {
                pairs.push((mine, index));
                sum += score + COVERED;
            }
        }
        chosen.push((sum, key, pairs));
    }
    chosen.sort_by_key(|(sum, key, _)| (std::cmp::Reverse(*sum), *key));
    let (mut ours_done, mut theirs_done) = (BTreeSet::new(), BTreeSet::new());
    for (sum, (our, their), found) in chosen {
        if sum >= 2 * COVERED && !ours_done.contains(our) && !theirs_done.contains(their) {
            ours_done.insert(our);
            theirs_done.insert(their);
            for (mine, index) in found {
                if let Some(slot) = pairs.get_mut(mine) {
                    *slot = Some((index, Reason::Form));
                    taken.insert(index);
                }
            }
        }
    }
}

/// The last segment of a path that is not a parameter: what the operation works on.
fn collection(route: &str) -> &str {
    route.split('/').rfind(|segment| !segment.is_empty() && !segment.starts_with('{')).unwrap_or_default()
}

/// A path without the names of its parameters, in one spelling: `/workspaces/{}/apikeys`.
fn form(route: &str) -> String {
    let segments = route.split('/').map(|segment| {
        if segment.starts_with('{') && segment.ends_with('}') { "{}".to_owned() } else { plain(segment) }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The name of the method that an operation becomes.
pub(crate) fn bare_name(id: &str) -> String {
    snake(bare_id(id, &Curation::default()))
}

/// The first tag of an operation.
pub(crate) fn tag<'d>(operation: &Operation<'d>) -> &'d str {
    crate::lower::tag_of(&operation.node)
}

/// A name without case and separators.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How much two operations of other names look alike: nothing if method or form differ, else the words and fields in common.
fn likeness((ours_in, ours): (&Document, &Operation<'_>), (theirs_in, theirs): (&Document, &Operation<'_>)) -> usize {
    let parameters = |route: &str| route.split('/').map(|segment| segment.starts_with('{')).collect::<Vec<_>>();
    if ours.method != theirs.method || parameters(ours.route) != parameters(theirs.route) {
        return 0;
    }
    // `docs` is short for `documents`.
    let alike = |left: &String, right: &String| {
        left == right
            || (left.len() > 2
                && right.len() > 2
                && (left.starts_with(right.trim_end_matches('s')) || right.starts_with(left.trim_end_matches('s'))))
    };
    let words = |text: &str| snake(text).split('_').map(str::to_owned).collect::<BTreeSet<_>>();
    let common = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
        left.iter().filter(|one| right.iter().any(|other| alike(one, other))).count()
    };
    let in_id = common(&words(&ours.id), &words(&theirs.id));
    let in_collection = common(&words(collection(ours.route)), &words(collection(theirs.route)));
    let (mine, other) = (field_names(ours_in, ours), field_names(theirs_in, theirs));
    let shared = mine.intersection(&other).count();
    // Of the fields that the smaller response has: a large one shares some with every other.
    let share = (10 * shared).checked_div(mine.len().min(other.len())).unwrap_or(0);
    2 * in_id + 4 * in_collection + share
}

/// The names of the fields of the response, two levels deep.
fn field_names(document: &Document, operation: &Operation<'_>) -> BTreeSet<String> {
    let Some(schema) = success(document, &operation.node).and_then(|(_, response)| json_schema(&response)) else {
        return BTreeSet::new();
    };
    let mut names = BTreeSet::new();
    let mut level = vec![schema];
    for _ in 0..3 {
        let mut next = Vec::new();
        for schema in &level {
            let flat = Flat::of(document, schema);
            next.extend(flat.items.clone());
            for field in &flat.fields {
                names.insert(plain(field.name));
                next.push(field.schema.clone());
            }
        }
        level = next;
    }
    names
}

/// The first successful response and its status.
pub(crate) fn success<'d>(document: &'d Document, operation: &Located<'d>) -> Option<(&'d str, Located<'d>)> {
    let responses = operation.get("responses")?;
    let found = responses.fields().find(|(status, _)| status.starts_with('2'))?;
    Some((found.0, document.resolve(&found.1).ok()?))
}

/// The schema of the JSON entry of a `content`.
pub(crate) fn json_schema<'d>(holder: &Located<'d>) -> Option<Located<'d>> {
    let content = holder.get("content")?;
    let found = content.fields().find(|(name, _)| name.contains("json")).or_else(|| content.fields().next())?;
    found.1.get("schema")
}

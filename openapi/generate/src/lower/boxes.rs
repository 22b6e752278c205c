//! Types that contain themselves: a `Box` where the circle closes.

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::Findings;
use crate::ir::{Body, Item, Type};
use crate::pointer::Pointer;

/// Boxes every field through which a struct would contain itself; breaks aliases of themselves.
pub(crate) fn insert(items: &mut [Item], findings: &mut Findings) {
    break_aliases(items, findings);
    let contained = contained(items);
    for item in items {
        let Body::Struct(body) = &mut item.body else { continue };
        for field in &mut body.fields {
            let Some(inner) = field.ty.direct() else { continue };
            if inner == item.name || reaches(&contained, inner, &item.name) {
                field.ty = boxed(field.ty.clone());
            }
        }
    }
}

fn boxed(ty: Type) -> Type {
    match ty {
        Type::Nullable(inner) => Type::Nullable(Box::new(boxed(*inner))),
        other => Type::Boxed(Box::new(other)),
    }
}

/// What a value of each type contains without indirection. Unions keep their variants behind boxes or as text.
fn contained(items: &[Item]) -> BTreeMap<String, BTreeSet<String>> {
    items
        .iter()
        .map(|item| {
            let names = match &item.body {
                Body::Struct(body) => {
                    body.fields.iter().filter_map(|field| field.ty.direct().map(str::to_owned)).collect()
                }
                Body::Alias(ty) => ty.direct().map(str::to_owned).into_iter().collect(),
                _ => BTreeSet::new(),
            };
            (item.name.clone(), names)
        })
        .collect()
}

fn reaches(contained: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(name) = waiting.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            waiting.extend(contained.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

/// Rust has no recursive aliases: one that leads back to itself becomes free-form JSON.
fn break_aliases(items: &mut [Item], findings: &mut Findings) {
    loop {
        let mentions: BTreeMap<String, BTreeSet<String>> = items
            .iter()
            .filter_map(|item| match &item.body {
                Body::Alias(ty) => {
                    let mut names = BTreeSet::new();
                    ty.mentions(&mut names);
                    Some((item.name.clone(), names))
                }
                _ => None,
            })
            .collect();
        let circular = |name: &str| {
            mentions.get(name).is_some_and(|names| names.iter().any(|inner| reaches(&mentions, inner, name)))
        };
        let Some(item) = items.iter_mut().find(|item| matches!(item.body, Body::Alias(_)) && circular(&item.name))
        else {
            return;
        };
        let at = Pointer::root().field("components").field("schemas").field(&item.name);
        findings.say(&at, "an array or map whose elements are itself again");
        item.body = Body::Alias(Type::Json);
    }
}

//! The modules of the models.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use quote::quote;

use crate::emit::{Files, Printed, doc_attributes, enums, header, print, structs, types, unions, use_models};
use crate::error::Error;
use crate::ir::{Body, Item, Program};

pub(crate) fn emit(program: &Program, source: &str, files: &mut Files) -> Result<(), Error> {
    let homes = program.homes();
    let names = |of: fn(&Body) -> bool| {
        program.items.iter().filter(|item| of(&item.body)).map(|item| item.name.as_str()).collect()
    };
    let known = structs::Known {
        strings: names(|body| matches!(body, Body::Enum(_) | Body::Id)),
        enums: names(|body| matches!(body, Body::Enum(_))),
    };
    let mut modules: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in &program.items {
        modules.entry(&item.home).or_default().push(item);
    }
    for (home, items) in &modules {
        let elsewhere: BTreeSet<String> = items
            .iter()
            .flat_map(|item| mentions(item))
            .filter(|name| homes.get(name.as_str()) != Some(home))
            .collect();
        let mut printed = Vec::new();
        let glob = items.iter().any(|item| needs_runtime(item)).then(|| quote! { use crate::models::runtime::*; });
        let uses = use_models(&quote! { super }, &elsewhere);
        let mut text = header(source);
        for tokens in [glob.unwrap_or_default(), uses].into_iter().filter(|tokens| !tokens.is_empty()) {
            text.push_str(&print([Printed::Tokens(tokens)])?);
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
        for item in items {
            printed.extend(item_tokens(item, &known));
        }
        text.push_str(&print(printed)?);
        files.insert(format!("models/{home}.rs"), text);
    }
    let mut root = header(source);
    for home in modules.keys() {
        let _ = writeln!(root, "mod {home};");
    }
    root.push('\n');
    for home in modules.keys() {
        let _ = writeln!(root, "pub use self::{home}::*;");
    }
    files.insert("models/mod.rs".to_owned(), root);
    Ok(())
}

fn item_tokens(item: &Item, known: &structs::Known<'_>) -> Vec<Printed> {
    match &item.body {
        Body::Struct(body) => structs::emit(item, body, known),
        Body::Enum(variants) => vec![Printed::Text(enums::open_enum(&item.name, &item.docs, variants))],
        Body::Id => vec![Printed::Text(enums::string_id(&item.name, &item.docs))],
        Body::Tagged(tagged) => unions::tagged(item, tagged).into_iter().map(Printed::Tokens).collect(),
        Body::Union(readings) => unions::untagged(item, readings).into_iter().map(Printed::Tokens).collect(),
        Body::Alias(ty) => {
            let docs = doc_attributes(&item.docs, &format!("The contract's name for `{}`.", spoken(ty)), false);
            let name = types::ident(&item.name);
            let ty = types::tokens(ty);
            vec![Printed::Tokens(quote! { #docs pub type #name = #ty; })]
        }
    }
}

fn mentions(item: &Item) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match &item.body {
        Body::Struct(body) => {
            body.fields.iter().for_each(|field| field.ty.mentions(&mut names));
            body.additional.iter().for_each(|ty| ty.mentions(&mut names));
        }
        Body::Tagged(tagged) => tagged.variants.iter().for_each(|variant| variant.ty.mentions(&mut names)),
        Body::Union(readings) => readings.iter().for_each(|reading| reading.ty.mentions(&mut names)),
        Body::Alias(ty) => ty.mentions(&mut names),
        Body::Enum(_) | Body::Id => {}
    }
    names
}

/// Does the item use a name of the runtime?
fn needs_runtime(item: &Item) -> bool {
    match &item.body {
        Body::Alias(ty) => alias_needs_runtime(ty),
        _ => true,
    }
}

fn alias_needs_runtime(ty: &crate::ir::Type) -> bool {
    use crate::ir::Type;
    match ty {
        Type::Secret | Type::Timestamp | Type::Json => true,
        Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) | Type::Boxed(inner) => alias_needs_runtime(inner),
        _ => false,
    }
}

/// The type as it is spoken of in a comment.
fn spoken(ty: &crate::ir::Type) -> String {
    types::spelt(ty).replace("std::collections::", "")
}

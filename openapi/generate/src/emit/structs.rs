//! Objects: the call of the runtime's macro that defines them, and the setters of those that users build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::types::{ident, is_text_like, spelt, tokens};
use crate::emit::{Printed, doc_attributes, doc_text};
use crate::ir::{Docs, Field, Item, Struct, Type};
use crate::naming::Names;

/// Names of types that decide how a field is declared.
pub(crate) struct Known<'p> {
    /// Enums and ids: types that are made from strings.
    pub(crate) strings: BTreeSet<&'p str>,
    /// Open enums, which have a value of their own for "none".
    pub(crate) enums: BTreeSet<&'p str>,
}

/// Methods that every object has; a setter of one of these names is called `set_` and the name.
const TAKEN: &[&str] =
    &["new", "presence", "clear", "omit", "send_empty", "unreadable", "is_whole", "set_whole", "put", "additional"];

/// Methods of those that `for` goes through.
const OF_LISTS: &[&str] = &["len", "is_empty", "iter"];

pub(crate) fn emit(item: &Item, body: &Struct, known: &Known<'_>) -> Vec<Printed> {
    let mut parts = vec![Printed::Text(declaration(item, body, known))];
    parts.extend(methods(item, body, known).map(Printed::Tokens));
    parts.extend(from_text(item, body).map(Printed::Tokens));
    parts.extend(iteration(item, body).map(Printed::Tokens));
    parts
}

/// How a field that may be missing is declared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `Option<T>`.
    Option,
    /// An open enum.
    Enum,
    /// A string or a list, which is empty when it is missing.
    Empty,
}

fn shape(field: &Field, known: &Known<'_>) -> Shape {
    match (&field.ty.clone().unwrap_null().0, field.plain) {
        (_, Some(false)) => Shape::Option,
        (Type::List(_), _) | (Type::Text, Some(true)) => Shape::Empty,
        (Type::Named(name), _) if known.enums.contains(name.as_str()) => Shape::Enum,
        _ => Shape::Option,
    }
}

fn declared(field: &Field, known: &Known<'_>) -> String {
    if field.required {
        return spelt(&field.ty);
    }
    let inner = spelt(&field.ty.clone().unwrap_null().0);
    match shape(field, known) {
        Shape::Option => format!("Option<{inner}>"),
        Shape::Enum | Shape::Empty => inner,
    }
}

fn declaration(item: &Item, body: &Struct, known: &Known<'_>) -> String {
    let docs = doc_text(&item.docs, &format!("The contract's `{}`.", item.name), false, "    ");
    let mut text = format!("open_object! {{\n{docs}    pub struct {} {{\n", item.name);
    let constants = constants(body);
    let (required, optional): (Vec<&Field>, Vec<&Field>) = body.fields.iter().partition(|field| field.required);
    for (index, field) in required.iter().chain(&optional).enumerate() {
        if index == required.len() {
            text.push_str("        optional:\n");
        }
        let fallback = format!("The field `{}`.", field.wire.replace('`', "'"));
        text.push_str(&doc_text(&field.docs, &fallback, true, "        "));
        let constant = constants.get(field.name.as_str()).map(|name| format!("{name} ")).unwrap_or_default();
        let _ = writeln!(text, "        pub {}: {} = {constant}{:?},", field.name, declared(field, known), field.wire);
    }
    if optional.is_empty() {
        text.push_str("        optional:\n");
    }
    text.push_str("    }\n}\n");
    text
}

/// The names of the constants that name fields which may be missing, by the fields' own.
fn constants(body: &Struct) -> BTreeMap<&str, String> {
    // Some letters have no upper case, and others have one of several letters.
    let setters: Vec<&str> = body.fields.iter().map(|field| field.name.as_str()).collect();
    let mut names = Names::without(&setters);
    let optional = body.fields.iter().filter(|field| !field.required);
    optional.map(|field| (field.name.as_str(), names.claim(&field.name.to_uppercase()))).collect()
}

/// The names of the setters by those of the fields: a method that every object has is not replaced.
fn setters(body: &Struct) -> BTreeMap<&str, String> {
    let (taken, free): (Vec<&Field>, Vec<&Field>) = body.fields.iter().partition(|field| {
        TAKEN.contains(&field.name.as_str()) || body.items.is_some() && OF_LISTS.contains(&field.name.as_str())
    });
    let mut names = Names::without(TAKEN).and(if body.items.is_some() { OF_LISTS } else { &[] });
    let free: BTreeMap<&str, String> = free.iter().map(|field| (field.name.as_str(), field.name.clone())).collect();
    for name in free.values() {
        names.claim(name);
    }
    let taken = taken.iter().map(|field| (field.name.as_str(), names.claim(&format!("set_{}", field.name))));
    taken.collect::<Vec<_>>().into_iter().chain(free.clone()).collect()
}

fn methods(item: &Item, body: &Struct, known: &Known<'_>) -> Option<TokenStream> {
    let name = ident(&item.name);
    let (constants, names) = (constants(body), setters(body));
    let set = body.fields.iter().filter(|field| body.setters && !field.required);
    let setters = set.filter_map(|field| {
        let name = field.name.as_str();
        Some(setter(field, known, names.get(name)?, constants.get(name)?))
    });
    let additional = body.additional.as_ref().map(|ty| {
        let ty = tokens(ty);
        quote! {
            #[doc = " The fields beside the named ones, each read as the type that the contract gives them."]
            pub fn additional(&self) -> impl Iterator<Item = (&str, Result<#ty, serde_json::Error>)> {
                self.extra.names().filter_map(|name| Some((name, self.extra.get(name)?)))
            }
        }
    });
    let inside = quote! { #(#setters)* #additional };
    (!inside.is_empty()).then(|| quote! { impl #name { #inside } })
}

/// How a value of this type is given to a setter, and how it becomes the field's.
fn argument(name: &Ident, ty: &Type, strings: &BTreeSet<&str>) -> (TokenStream, TokenStream) {
    match ty {
        Type::Boxed(inner) => {
            let inner = tokens(inner);
            (inner, quote! { Box::new(#name) })
        }
        Type::List(element) if is_text_like(element, strings) => {
            let element = tokens(element);
            (
                quote! { impl IntoIterator<Item = impl Into<#element>> },
                quote! { #name.into_iter().map(Into::into).collect() },
            )
        }
        Type::List(element) => {
            let element = tokens(element);
            (quote! { impl IntoIterator<Item = #element> }, quote! { #name.into_iter().collect() })
        }
        ty if is_text_like(ty, strings) => {
            let ty = tokens(ty);
            (quote! { impl Into<#ty> }, quote! { #name.into() })
        }
        ty => (tokens(ty), quote! { #name }),
    }
}

fn setter(field: &Field, known: &Known<'_>, method: &str, constant: &str) -> TokenStream {
    let name = ident(&field.name);
    let (ty, value) = argument(&name, &field.ty.clone().unwrap_null().0, &known.strings);
    let (method, constant) = (ident(method), ident(constant));
    let docs = Docs { evidence: None, ..field.docs.clone() };
    let docs = doc_attributes(&docs, &format!("Sets the field `{}`.", field.wire.replace('`', "'")), true);
    let assignment = match shape(field, known) {
        Shape::Option => quote! { self.#name = Some(#value); },
        Shape::Enum => quote! { self.#name = #value; },
        // An empty one that was asked for is sent.
        Shape::Empty => quote! { self.#name = #value; self.send_empty(Self::#constant); },
    };
    quote! {
        #docs
        #[must_use]
        pub fn #method(mut self, #name: #ty) -> Self {
            #assignment
            self
        }
    }
}

/// `for item in list`, by value and by reference.
fn iteration(item: &Item, body: &Struct) -> Option<TokenStream> {
    let (field, element) = body.items.as_ref()?;
    let (name, field, element) = (ident(&item.name), ident(field), tokens(element));
    Some(quote! {
        impl #name {
            #[doc = " How many entries it has."]
            #[must_use]
            pub fn len(&self) -> usize {
                self.#field.len()
            }
            #[doc = " Whether it has none."]
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.#field.is_empty()
            }
            #[doc = " The entries, in the order received."]
            pub fn iter(&self) -> std::slice::Iter<'_, #element> {
                self.#field.iter()
            }
        }
        impl std::ops::Index<usize> for #name {
            type Output = #element;
            #[doc = " The entry at this position. Panics beyond the last one, as a list does."]
            #[track_caller]
            fn index(&self, position: usize) -> &#element {
                std::ops::Index::index(&self.#field, position)
            }
        }
        impl IntoIterator for #name {
            type Item = #element;
            type IntoIter = std::vec::IntoIter<#element>;
            fn into_iter(self) -> Self::IntoIter {
                self.#field.into_iter()
            }
        }
        impl<'a> IntoIterator for &'a #name {
            type Item = &'a #element;
            type IntoIter = std::slice::Iter<'a, #element>;
            fn into_iter(self) -> Self::IntoIter {
                self.#field.iter()
            }
        }
    })
}

fn from_text(item: &Item, body: &Struct) -> Option<TokenStream> {
    body.from.as_ref()?;
    let name = ident(&item.name);
    Some(quote! {
        impl From<String> for #name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
        impl From<&str> for #name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
        impl From<&Self> for #name {
            fn from(value: &Self) -> Self {
                value.clone()
            }
        }
    })
}

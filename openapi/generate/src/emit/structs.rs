//! Objects with members: the struct, its constructor and setters, its reader and its writer.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::emit::doc_attributes;
use crate::emit::types::{ident, is_text_like, tokens};
use crate::ir::{Docs, Field, Item, Struct, Type};
use crate::naming::Names;

/// A field beside the name of the local variable that is filled while reading.
struct Member<'p> {
    field: &'p Field,
    name: Ident,
    local: Ident,
}

pub(crate) fn emit(item: &Item, body: &Struct, texts: &BTreeSet<&str>) -> Vec<TokenStream> {
    // Names that the reader's own code uses.
    let mut locals = Names::without(&["map", "key", "extra", "f", "deserializer"]);
    let members: Vec<Member<'_>> = body
        .fields
        .iter()
        .map(|field| Member { field, name: ident(&field.name), local: ident(&locals.claim(&field.name)) })
        .collect();
    let mut parts = vec![declaration(item, &members)];
    parts.extend(methods(item, body, &members, texts));
    parts.extend(from_text(item, body, &members));
    parts.push(reader(item, &members));
    parts.push(writer(item, &members));
    parts
}

/// The field's type inside `Field`, or as it stands if required.
fn inner(field: &Field) -> TokenStream {
    tokens(&field.ty.clone().unwrap_null().0)
}

fn declaration(item: &Item, members: &[Member<'_>]) -> TokenStream {
    let docs = doc_attributes(&item.docs, &format!("The contract's `{}`.", item.name), false);
    let name = ident(&item.name);
    let fields = members.iter().map(|member| {
        let docs =
            doc_attributes(&member.field.docs, &format!("The member `{}`.", member.field.wire.replace('`', "'")), true);
        let name = &member.name;
        let ty = if member.field.required { tokens(&member.field.ty) } else { inner(member.field) };
        let ty = if member.field.required {
            ty
        } else {
            quote! { Field<#ty> }
        };
        quote! { #docs pub #name: #ty, }
    });
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#fields)*
            #[doc = " Members this version does not know, kept and written back."]
            pub extra: Extra,
        }
    }
}

fn methods(item: &Item, body: &Struct, members: &[Member<'_>], texts: &BTreeSet<&str>) -> Option<TokenStream> {
    let name = ident(&item.name);
    let constructor = body.constructor.then(|| constructor(members, texts));
    let setters =
        members.iter().filter(|member| body.setters && !member.field.required).map(|member| setter(member, texts));
    let additional = body.additional.as_ref().map(|ty| {
        let ty = tokens(ty);
        quote! {
            #[doc = " The members beside the named ones, each read as the type that the contract gives them."]
            pub fn additional(&self) -> impl Iterator<Item = (&str, Result<#ty, serde_json::Error>)> {
                self.extra.names().filter_map(|name| Some((name, self.extra.get(name)?)))
            }
        }
    });
    let inside = quote! { #constructor #(#setters)* #additional };
    (!inside.is_empty()).then(|| quote! { impl #name { #inside } })
}

/// How a value of this type is given to a constructor or setter, and how it becomes the field's.
fn argument(name: &Ident, ty: &Type, texts: &BTreeSet<&str>) -> (TokenStream, TokenStream) {
    match ty {
        Type::Boxed(inner) => {
            let inner = tokens(inner);
            (inner, quote! { Box::new(#name) })
        }
        Type::List(element) if is_text_like(element, texts) => {
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
        ty if is_text_like(ty, texts) => {
            let ty = tokens(ty);
            (quote! { impl Into<#ty> }, quote! { #name.into() })
        }
        ty => (tokens(ty), quote! { #name }),
    }
}

fn constructor(members: &[Member<'_>], texts: &BTreeSet<&str>) -> TokenStream {
    let mut arguments = Vec::new();
    let mut values = Vec::new();
    for Member { field, name, .. } in members {
        if field.required {
            let (ty, value) = argument(name, &field.ty, texts);
            arguments.push(quote! { #name: #ty });
            values.push(if *name == value.to_string() {
                quote! { #name }
            } else {
                quote! { #name: #value }
            });
        } else {
            values.push(quote! { #name: Field::Absent });
        }
    }
    let docs =
        if arguments.is_empty() { " One without any member." } else { " One with the members it cannot do without." };
    quote! {
        #[doc = #docs]
        #[must_use]
        pub fn new(#(#arguments),*) -> Self {
            Self { #(#values,)* extra: Extra::new() }
        }
    }
}

fn setter(member: &Member<'_>, texts: &BTreeSet<&str>) -> TokenStream {
    let Member { field, name, .. } = member;
    let ty = field.ty.clone().unwrap_null().0;
    let (ty, value) = argument(name, &ty, texts);
    let method = if field.name == "new" { ident("set_new") } else { name.clone() };
    let docs = Docs { evidence: None, ..field.docs.clone() };
    let docs = doc_attributes(&docs, &format!("Sets the member `{}`.", field.wire.replace('`', "'")), true);
    quote! {
        #docs
        #[must_use]
        pub fn #method(mut self, #name: #ty) -> Self {
            self.#name = Field::Value(#value);
            self
        }
    }
}

fn from_text(item: &Item, body: &Struct, members: &[Member<'_>]) -> Option<TokenStream> {
    let target = body.from.as_ref()?;
    let name = ident(&item.name);
    let values = members.iter().map(|member| {
        let name = &member.name;
        if member.field.name == *target {
            quote! { #name: text }
        } else {
            quote! { #name: Field::Absent }
        }
    });
    Some(quote! {
        impl From<String> for #name {
            fn from(text: String) -> Self {
                Self { #(#values,)* extra: Extra::new() }
            }
        }
        impl From<&str> for #name {
            fn from(text: &str) -> Self {
                Self::from(text.to_owned())
            }
        }
        impl From<&Self> for #name {
            fn from(value: &Self) -> Self {
                value.clone()
            }
        }
    })
}

fn reader(item: &Item, members: &[Member<'_>]) -> TokenStream {
    let name = ident(&item.name);
    let expecting = format!("{} {} object", article(&item.name), item.name);
    let locals = members.iter().map(|Member { field, local, .. }| {
        if field.required {
            quote! { let mut #local = None; }
        } else {
            quote! { let mut #local = Field::Absent; }
        }
    });
    let arms = members.iter().map(|Member { field, local, .. }| {
        let wire = &field.wire;
        if field.required {
            quote! { #wire => required::read(&mut #local, #wire, &mut map)?, }
        } else {
            quote! { #wire => #local.read(#wire, &mut map)?, }
        }
    });
    let values = members.iter().map(|Member { field, name, local }| {
        let wire = &field.wire;
        if field.required {
            quote! { #name: required::take(#local, #wire)? }
        } else if name == local {
            quote! { #name }
        } else {
            quote! { #name: #local }
        }
    });
    quote! {
        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct V;
                impl<'de> Visitor<'de> for V {
                    type Value = #name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(#expecting)
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<#name, A::Error> {
                        #(#locals)*
                        let mut extra = Extra::new();
                        while let Some(key) = map.next_key::<Key<'de>>()? {
                            match key.as_str() {
                                #(#arms)*
                                _ => extra.read(&key, &mut map)?,
                            }
                        }
                        Ok(#name { #(#values,)* extra })
                    }
                }
                deserializer.deserialize_map(V)
            }
        }
    }
}

fn writer(item: &Item, members: &[Member<'_>]) -> TokenStream {
    let type_name = ident(&item.name);
    let entries = members.iter().map(|Member { field, name, .. }| {
        let wire = &field.wire;
        if field.required {
            quote! { map.serialize_entry(#wire, &self.#name)?; }
        } else {
            quote! { self.#name.write(#wire, &mut map)?; }
        }
    });
    quote! {
        impl Serialize for #type_name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                #(#entries)*
                self.extra.write(&mut map)?;
                map.end()
            }
        }
    }
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" }
}

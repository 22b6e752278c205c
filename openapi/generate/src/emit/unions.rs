//! Unions: distinguished by a field, or left as JSON with one reading per type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::emit::types::{ident, tokens};
use crate::emit::{doc_attributes, doc_lines};
use crate::ir::{Alternative, Item, Tagged, Type};

/// An enum with a variant per known tag, and one that keeps everything else.
pub(crate) fn tagged(item: &Item, body: &Tagged) -> Vec<TokenStream> {
    let name = ident(&item.name);
    let property = &body.property;
    let docs = doc_attributes(&item.docs, &format!("One of several, distinguished by `{property}`."), false);
    let variants = body.variants.iter().map(|variant| {
        let tags: Vec<String> = variant.tags.iter().map(|tag| format!("`{tag}`")).collect();
        let docs = doc_lines(&[format!("`{property}` is {}.", tags.join(" or "))]);
        let (name, ty) = (ident(&variant.name), tokens(&variant.ty));
        quote! { #docs #name(Box<#ty>), }
    });
    let arms = body.variants.iter().map(|variant| {
        let (tags, name) = (&variant.tags, ident(&variant.name));
        quote! { Some(#(#tags)|*) => json.decode().map(Self::#name), }
    });
    let writers = body.variants.iter().map(|variant| {
        let name = ident(&variant.name);
        quote! { Self::#name(value) => value.serialize(serializer), }
    });
    vec![
        quote! { plain_values!(#name); },
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants)*
                #[doc = " Another than this version knows, kept as it came."]
                Unknown(Json),
            }
        },
        quote! {
            impl<'de> Deserialize<'de> for #name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let json = Json::deserialize(deserializer)?;
                    let tag = json
                        .decode::<std::collections::BTreeMap<String, Json>>()
                        .ok()
                        .and_then(|fields| fields.get(#property)?.decode::<String>().ok());
                    let read = match tag.as_deref() {
                        #(#arms)*
                        _ => return Ok(Self::Unknown(json)),
                    };
                    read.map_err(serde::de::Error::custom)
                }
            }
        },
        quote! {
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    match self {
                        #(#writers)*
                        Self::Unknown(json) => json.serialize(serializer),
                    }
                }
            }
        },
    ]
}

/// A JSON value with one reading per type.
pub(crate) fn untagged(item: &Item, readings: &[Alternative]) -> Vec<TokenStream> {
    let name = ident(&item.name);
    let docs = doc_attributes(
        &item.docs,
        "One of several types that nothing in the value distinguishes: kept as JSON, read as asked.",
        false,
    );
    let methods = readings.iter().map(|reading| {
        let (read, make) = (format_ident!("as_{}", reading.name), format_ident!("from_{}", reading.name));
        let ty = tokens(&reading.ty);
        let given = given(&reading.ty);
        let maker = match reading.ty {
            Type::Text | Type::Bool | Type::Signed | Type::Unsigned => quote! {
                #[doc = " One made of a value of this type."]
                #[must_use]
                pub fn #make(value: #given) -> Self {
                    Self(Json::of_plain(value))
                }
            },
            Type::Float => quote! {
                #[doc = " One made of a value of this type; an error if it is not finite."]
                pub fn #make(value: #given) -> Result<Self, serde_json::Error> {
                    Json::of_float(value).map(Self)
                }
            },
            _ => quote! {
                #[doc = " One made of a value of this type; an error if it cannot be written as JSON."]
                pub fn #make(value: #given) -> Result<Self, serde_json::Error> {
                    Json::from_value(value).map(Self)
                }
            },
        };
        quote! {
            #[doc = " The value read as this type; an error if it has another shape."]
            pub fn #read(&self) -> Result<#ty, serde_json::Error> {
                self.0.decode()
            }
            #maker
        }
    });
    vec![
        quote! { plain_values!(#name); },
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq)]
            pub struct #name(Json);
        },
        quote! {
            impl #name {
                #(#methods)*
                #[doc = " The value as it came."]
                #[must_use]
                pub fn json(&self) -> &Json {
                    &self.0
                }
            }
        },
        quote! {
            impl From<Json> for #name {
                fn from(json: Json) -> Self {
                    Self(json)
                }
            }
        },
        quote! {
            impl<'de> Deserialize<'de> for #name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    Json::deserialize(deserializer).map(Self)
                }
            }
        },
        quote! {
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    self.0.serialize(serializer)
                }
            }
        },
    ]
}

/// How a value of this type is handed to the function that makes a union of it.
fn given(ty: &Type) -> TokenStream {
    match ty {
        Type::Text => quote! { &str },
        Type::Bool | Type::Signed | Type::Unsigned | Type::Float => tokens(ty),
        Type::List(inner) => {
            let inner = tokens(inner);
            quote! { &[#inner] }
        }
        ty => {
            let ty = tokens(ty);
            quote! { &#ty }
        }
    }
}

//! Types as tokens.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::ir::Type;

/// An identifier. Names come from `naming`, which gives none that is not one.
pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// The type as it stands in a declaration.
pub(crate) fn tokens(ty: &Type) -> TokenStream {
    match ty {
        Type::Text => quote! { String },
        Type::Secret => quote! { Secret },
        Type::Timestamp => quote! { Timestamp },
        Type::Bool => quote! { bool },
        Type::Signed => quote! { i64 },
        Type::Unsigned => quote! { u64 },
        Type::Float => quote! { f64 },
        Type::Json => quote! { Json },
        Type::List(inner) => {
            let inner = tokens(inner);
            quote! { Vec<#inner> }
        }
        Type::Map(inner) => {
            let inner = tokens(inner);
            quote! { std::collections::BTreeMap<String, #inner> }
        }
        Type::Nullable(inner) => {
            let inner = tokens(inner);
            quote! { Option<#inner> }
        }
        Type::Boxed(inner) => {
            let inner = tokens(inner);
            quote! { Box<#inner> }
        }
        Type::Named(name) => {
            let name = ident(name);
            quote! { #name }
        }
    }
}

/// The type as text.
pub(crate) fn spelt(ty: &Type) -> String {
    match ty {
        Type::List(inner) => format!("Vec<{}>", spelt(inner)),
        Type::Map(inner) => format!("std::collections::BTreeMap<String, {}>", spelt(inner)),
        Type::Nullable(inner) => format!("Option<{}>", spelt(inner)),
        Type::Boxed(inner) => format!("Box<{}>", spelt(inner)),
        other => tokens(other).to_string(),
    }
}

/// Is the type written as one that a user makes from something simpler (`impl Into<T>`)?
pub(crate) fn is_text_like(ty: &Type, strings: &BTreeSet<&str>) -> bool {
    match ty {
        Type::Text | Type::Secret | Type::Timestamp => true,
        Type::Named(name) => strings.contains(name.as_str()),
        _ => false,
    }
}
